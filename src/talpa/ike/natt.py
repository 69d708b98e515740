"""NAT traversal: what tells of address translation (RFC 3947 3.2, RFC 7296 2.23)."""

from collections.abc import Sequence
from functools import lru_cache
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from talpa.crypto.algorithms import PrfId
from talpa.crypto.prf import Prf, prf
from talpa.sansio import Address, Path, Rng

_SHA1 = prf(PrfId.HMAC_SHA1)


class NatFound(NamedTuple):
    """Who of the two is behind a NAT."""

    local: bool
    remote: bool


@lru_cache(4096)
def address_of_host(host: str) -> IPv4Address | IPv6Address:
    """Of the outside; the same value for all selectors of one host."""
    return ip_address(host.partition("%")[0])


def nat_hash_v1(hash_: Prf, spi_i: bytes, spi_r: bytes, address: Address) -> bytes:
    """HASH of both cookies, address and port, with the hash of phase 1 (RFC 3947 3.2)."""
    return hash_.digest(spi_i, spi_r, _octets(address))


def nat_hash_v2(spi_i: bytes, spi_r: bytes, address: Address) -> bytes:
    """SHA-1 of both SPIs as in the header, address and port (RFC 7296 2.23)."""
    return _SHA1.digest(spi_i, spi_r, _octets(address))


def nat_d(hash_: Prf, spi_i: bytes, spi_r: bytes, path: Path) -> tuple[bytes, bytes]:
    """Our two NAT-D payloads in their order: the peer's address, then our own."""
    return (
        nat_hash_v1(hash_, spi_i, spi_r, path.remote),
        nat_hash_v1(hash_, spi_i, spi_r, path.local),
    )


def nat_d_for_udp(
    hash_: Prf, spi_i: bytes, spi_r: bytes, path: Path, rng: Rng
) -> tuple[bytes, bytes]:
    """As `nat_d`, but of our own address it says what none has: so the peer takes us to be behind a
    NAT, and UDP encapsulation is used even where there is none."""
    return nat_hash_v1(hash_, spi_i, spi_r, path.remote), rng(hash_.octets)


def nat_d_to_microsoft(received: Sequence[bytes], rng: Rng) -> tuple[bytes, bytes] | None:
    """Our NAT-D payloads to a Microsoft client; None when it sent none itself.

    A Windows client refuses a server behind NAT unless its registry says otherwise. So its own
    first hash, which is of our address as it sees us, comes back as ours: then we are behind none.
    The hash of its own address is one that none has: so it takes itself to be behind a NAT, and UDP
    encapsulation is always used.
    """
    if not received:
        return None
    return rng(len(received[0])), received[0]


def nat_found_v1(
    hash_: Prf, spi_i: bytes, spi_r: bytes, path: Path, received: Sequence[bytes]
) -> NatFound | None:
    """What the peer's NAT-D payloads tell; None when there are fewer than two."""
    if len(received) < 2:
        return None
    own, theirs = (
        nat_hash_v1(hash_, spi_i, spi_r, path.local),
        nat_hash_v1(hash_, spi_i, spi_r, path.remote),
    )
    return NatFound(
        local=not compare_digest(received[0], own), remote=not _among(theirs, received[1:])
    )


def nat_found_v2(
    spi_i: bytes,
    spi_r: bytes,
    path: Path,
    sources: Sequence[bytes],
    destinations: Sequence[bytes],
) -> NatFound | None:
    """What the peer's NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP tell; None when one
    of them is missing."""
    if not sources or not destinations:
        return None
    return NatFound(
        local=not _among(nat_hash_v2(spi_i, spi_r, path.local), destinations),
        remote=not _among(nat_hash_v2(spi_i, spi_r, path.remote), sources),
    )


def _among(hash_: bytes, received: Sequence[bytes]) -> bool:
    return any(compare_digest(hash_, one) for one in received)


def _octets(address: Address) -> bytes:
    host = ip_address(address.host.partition("%")[0])
    mapped = getattr(host, "ipv4_mapped", None)
    return (mapped or host).packed + address.port.to_bytes(2, "big")
