"""What both roles of IKE_SA_INIT have in common."""

from collections.abc import Sequence

from talpa.crypto.prf import prf as prf_of
from talpa.crypto.signing import HASHES
from talpa.ike.v2.keymat import first_skeyseed, ike_keys
from talpa.ike.v2.numbers import Kind, NotifyKind
from talpa.ike.v2.payloads import Contents, write_chain
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.sa import IkeSa

NO_SPI = bytes(8)
HASH_LIST = b"".join(one.to_bytes(2, "big") for one in sorted(HASHES))
"""What SIGNATURE_HASH_ALGORITHMS says of us (RFC 7427 4)."""

Parts = list[tuple[Kind, object]]


def clear(envelope: Envelope, chain: Sequence[tuple[Kind, object]]) -> bytes:
    """A message without protection."""
    first, body = write_chain(chain)
    return envelope.header(first, 28 + len(body)) + body


def derive(sa: IkeSa) -> None:
    """The keys of IKE_SA_INIT, when they are first needed."""
    made, suite = sa.handshake, sa.suite
    if sa.protection is not None or made is None or suite is None or not made.shared:
        return
    nonces = made.nonce_i + made.nonce_r
    skeyseed = first_skeyseed(prf_of(suite.prf), nonces, made.shared)
    made.shared = b""
    sa.take_keys(ike_keys(suite, skeyseed, nonces, sa.spis))


def take_hashes(sa: IkeSa, contents: Contents) -> None:
    """The hashes for signatures that the peer takes."""
    said = contents.notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS)
    if said is not None and sa.handshake is not None:
        data = said.data[:64]
        sa.handshake.hashes = tuple(
            int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)
        )
