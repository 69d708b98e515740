"""NAT-D: who finds out that addresses are translated, and what is answered (RFC 3947 3.2)."""

from talpa.crypto.prf import Prf
from talpa.ike.natt import nat_d, nat_d_for_udp, nat_d_to_microsoft, nat_found_v1
from talpa.ike.v1.messages import Chain, of
from talpa.ike.v1.numbers import PayloadType
from talpa.ike.v1.rules import Payloads
from talpa.ike.v1.sa import IkeSa, NatVersion
from talpa.sansio import Address, Path, Rng

_IKE_PORT = 500


def payload_type(sa: IkeSa) -> int:
    """Of NAT-D, by the version agreed."""
    return PayloadType.NAT_D_DRAFT if sa.nat.draft else PayloadType.NAT_D


def original_address_type(sa: IkeSa) -> int:
    """Likewise of NAT-OA."""
    return PayloadType.NAT_OA_DRAFT if sa.nat.draft else PayloadType.NAT_OA


def own_payloads(sa: IkeSa, prf: Prf, parrot: bytes, rng: Rng, *, force_udp: bool = False) -> Chain:
    """Ours, where NAT-T was agreed. `parrot`: the first hash that a Microsoft client sent."""
    if sa.nat is NatVersion.NONE:
        return []
    spi_i, spi_r = sa.cookies[:8], sa.cookies[8:]
    connection = sa.connection
    said = nat_d_to_microsoft([parrot], rng) if sa.microsoft and parrot else None
    if said is None:
        path = seen_by_us(sa, sa.path)
        forced = force_udp or (connection is not None and connection.force_udp)
        said = (
            nat_d_for_udp(prf, spi_i, spi_r, path, rng)
            if forced
            else nat_d(prf, spi_i, spi_r, path)
        )
    return of(payload_type(sa), said)


def detect(sa: IkeSa, prf: Prf, found: Payloads, path: Path) -> bytes:
    """Note on the SA who is behind NAT, from the peer's hashes. Gives the first of them."""
    received = found.get(payload_type(sa), []) if sa.nat is not NatVersion.NONE else []
    nat = nat_found_v1(prf, sa.cookies[:8], sa.cookies[8:], seen_by_us(sa, path), received)
    if nat is None:
        sa.nat = NatVersion.NONE
        return b""
    sa.local_nat, sa.remote_nat = nat
    return received[0]


def detect_before_floating(sa: IkeSa, prf: Prf, found: Payloads, path: Path) -> None:
    """In Aggressive Mode the ports change with the very message that has the hashes: some peers
    make them of the ports before. Who is not behind NAT by one of both is not."""
    local, remote = sa.local_nat, sa.remote_nat
    plain = path._replace(
        local=Address(path.local.host, _IKE_PORT), remote=Address(path.remote.host, _IKE_PORT)
    )
    detect(sa, prf, found, plain)
    sa.local_nat, sa.remote_nat = sa.local_nat and local, sa.remote_nat and remote


def seen_by_us(sa: IkeSa, path: Path) -> Path:
    """The path with the address that we have, or, when we play a client behind NAT, pretend to."""
    private = sa.connection.habits.local_address if sa.connection else None
    if private is None:
        return path
    return path._replace(local=Address(private, path.local.port))
