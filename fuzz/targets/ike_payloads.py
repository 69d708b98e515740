"""The payloads of both versions of IKE, without any keys."""

from collections.abc import Iterator

from fuzz.octets import Octets
from ike.endpoints import conversation
from talpa.ike.header import HEADER_OCTETS, pack_header, parse_header
from talpa.ike.v1.messages import join, split
from talpa.ike.v1.payloads import DECLARATIONS
from talpa.ike.v1.rules import RULES
from talpa.ike.v1.rules import check as check_rule
from talpa.ike.v2.payloads import BODIES, CriticalUnknown, read_chain, write_chain
from talpa.wire import Malformed


def check(data: bytes) -> None:
    """A message of either version is read or malformed; what was read is written as octets that
    read the same."""
    octets = Octets(data)
    which = octets.number()
    message = octets.rest()
    try:
        header = parse_header(message)
        assert pack_header(header) == message[:HEADER_OCTETS]
    except Malformed:
        message = bytes(HEADER_OCTETS) + message[HEADER_OCTETS:]
    first = message[16]
    if which & 1:
        _version_1(first, message)
    else:
        _version_2(first, message)


def _version_1(first: int, message: bytes) -> None:
    try:
        chain, end = split(first, message, HEADER_OCTETS)
    except Malformed:
        return
    if chain:
        assert split(chain[0][0], join(chain), 0)[0] == chain
    assert end <= len(message)
    for rule in RULES.values():
        try:
            check_rule(rule, chain)
        except Malformed:
            continue
    for kind, body in chain:
        row = DECLARATIONS.get(kind)
        if row is None:
            continue
        try:
            value = row.codec.decode(body)
        except Malformed:
            continue
        assert row.codec.decode(row.codec.encode(value)) == value
        if row.codec.parts is not None:
            row.codec.parts(body)


def _version_2(first: int, message: bytes) -> None:
    try:
        contents = read_chain(first, message, HEADER_OCTETS)
    except (Malformed, CriticalUnknown):
        return
    for kind, values in contents.by_kind.items():
        codec = BODIES[kind]
        for value in values:
            if codec.parts is not None:
                try:
                    codec.parts(codec.encode(value))
                except Malformed:
                    # Selectors of kinds that we do not know are passed over, and may all be.
                    continue
            kind_, written = write_chain([(kind, value)])
            if codec.least <= len(written) - 4:
                assert kind_ == kind


def seeds() -> Iterator[bytes]:
    """What two endpoints say in the clear."""
    for version in (1, 2):
        pair = conversation(version)
        for said in pair.said[:4]:
            yield bytes((version & 1,)) + said.data
