"""XAUTH and mode configuration: read, and refused in the form that peers understand.

Neither is part of L2TP over IPsec: users prove themselves in PPP, and get their addresses there.
"""

from hmac import compare_digest

from talpa.ike.header import Header
from talpa.ike.v1 import messages, rules
from talpa.ike.v1.numbers import ConfigKind, Exchange, PayloadType
from talpa.ike.v1.payloads import ATTRIBUTES, Attributes
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import IkeSa
from talpa.sansio import Path
from talpa.wire import Malformed

_STATUS = 16527
"""XAUTH-STATUS; 0 says that it failed."""
_XAUTH = range(16520, 16530)


def receive(room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float) -> None:
    """A message of the transaction exchange. Raises `Malformed`."""
    del path
    keys = sa.keys
    assert keys is not None
    prefix = messages.mid(header.message_id)
    chain, rest = messages.unseal(keys, keys.phase_2_iv(prefix), header, data)
    found = rules.check(rules.TRANSACTION, chain)
    if not compare_digest(found[PayloadType.HASH][0], keys.hash(prefix, rest)):
        raise Malformed("HASH is wrong")
    said = ATTRIBUTES.decode(found[PayloadType.ATTRIBUTES][0])
    sa.over(header.message_id)
    room.heard(sa, now)
    reply = _refusal(said)
    if reply is None:
        return
    chain = [(PayloadType.ATTRIBUTES.value, ATTRIBUTES.encode(reply))]
    datagram = messages.seal(
        keys,
        data[-keys.block :],
        sa.cookies,
        Exchange.TRANSACTION,
        messages.hashed(keys, prefix, chain),
        header.message_id,
    )
    sa.remember(data, datagram)
    room.send(sa, datagram)
    if any(kind in _XAUTH for kind, _ in said.attributes):
        room.say_failed(
            sa,
            "XAUTH",
            "The peer asks for a user name and password in IKE (XAUTH), which is not done here:"
            " let it ask in PPP.",
        )


def _refusal(said: Attributes) -> Attributes | None:
    """Nothing of what was asked for; a failed status where XAUTH began."""
    if said.kind == ConfigKind.REQUEST:
        failed = any(kind in _XAUTH for kind, _ in said.attributes)
        return Attributes(ConfigKind.REPLY, said.identifier, ((_STATUS, 0),) if failed else ())
    if said.kind == ConfigKind.SET:
        return Attributes(ConfigKind.ACK, said.identifier, ())
    return None
