"""Identities, vendor ids and addresses for NAT detection, as a peer has them."""

from collections.abc import Iterator
from contextlib import suppress

from fuzz.octets import Octets
from talpa.ike.devices import answer_v1, device_of, is_microsoft, name_of, natt_of
from talpa.ike.identities import Identity, IdentityKind, from_text, parse_identity
from talpa.ike.names import general_name, name_from_text, parse_name
from talpa.wire import Malformed

_DN = "CN=gw.example.com,OU=Net,O=Example,C=DE"


def check(data: bytes) -> None:
    """An identity is shown in one line, is the same as itself, and is read or malformed. Vendor ids
    are named, and never answered with more than three."""
    octets = Octets(data)
    kind, value = octets.number(), octets.chunk()
    shown = Identity(IdentityKind(kind), value)
    assert shown.show().isprintable()
    assert len(shown.show()) < 400
    assert shown.same(shown)
    with suppress(Malformed):
        parse_identity(kind, value)
    parse_name(value)
    general_name(value)
    try:
        made = from_text(value.decode("utf-8", "replace"))
    except ValueError:
        pass
    else:
        assert made.same(made)
    vendor_ids: list[bytes] = []
    while octets and len(vendor_ids) < 64:
        vendor_ids.append(octets.chunk())
    for one in vendor_ids:
        assert name_of(one).isprintable()
    assert (device_of(vendor_ids, 1) == "windows") is is_microsoft(vendor_ids)
    assert len(answer_v1(vendor_ids)) <= 3
    natt_of(vendor_ids)


def seeds() -> Iterator[bytes]:
    """One of each kind."""
    name = name_from_text(_DN)
    values = (
        (1, bytes((198, 18, 0, 1))),
        (2, b"gw.example.com"),
        (3, b"alice@example.com"),
        (4, bytes((10, 0, 0, 0, 255, 0, 0, 0))),
        (5, bytes(15) + b"\1"),
        (9, name),
        (10, b"\xa4" + bytes((len(name),)) + name),
        (11, b"office"),
    )
    vendor_ids = (b"OE-Libreswan-5", bytes.fromhex("4a131c81070358455c5728f20e95452f"))
    for kind, value in values:
        yield (
            bytes((kind, len(value)))
            + value
            + b"".join(bytes((len(one),)) + one for one in vendor_ids)
        )
    for text in (_DN.encode(), b"keyid:0x1234", b"@gw"):
        yield bytes((2, len(text))) + text
