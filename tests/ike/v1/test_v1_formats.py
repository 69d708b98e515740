"""Payloads, attributes, keys: what is written is read back, and nothing raises but `Malformed`."""

import contextlib
from hashlib import sha1
from hmac import digest
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.crypto.algorithms import EncryptionId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.prf import prf
from talpa.esp.sa import Selector
from talpa.ike.v1 import attributes, keymat, messages, offers, selectors
from talpa.ike.v1.numbers import (
    AuthMethod,
    ChildAttribute,
    Encapsulation,
    IkeAttribute,
    Notify,
)
from talpa.ike.v1.payloads import (
    DECLARATIONS,
    DELETE,
    NOTIFY,
    SA,
    Deletion,
    Notification,
    Proposal,
    SecurityAssociation,
    Transform,
)
from talpa.wire import Malformed

_VALUES = st.one_of(st.integers(0, 0xFFFF), st.binary(max_size=12))
_ATTRIBUTES = st.lists(st.tuples(st.integers(0, 0x7FFF), _VALUES), max_size=8).map(tuple)
_TRANSFORMS = st.builds(Transform, st.integers(0, 255), st.integers(0, 255), _ATTRIBUTES)
_PROPOSALS = st.builds(
    Proposal,
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=16),
    st.lists(_TRANSFORMS, min_size=1, max_size=5).map(tuple),
)


@given(st.lists(_PROPOSALS, min_size=1, max_size=4).map(tuple))
def test_sa_payloads(proposals: tuple[Proposal, ...]) -> None:
    sa = SecurityAssociation(proposals)
    assert SA.decode(SA.encode(sa)) == sa
    ike = offers.ike_offers(sa, list(AuthMethod))
    child = offers.child_offers(sa, list(Encapsulation), ah=True)
    assert len(ike) + len(child) <= sum(len(each.transforms) for each in proposals)
    assert len(offers.describe_ike(sa)) == len(offers.describe_child(sa))


@given(st.sampled_from(sorted(DECLARATIONS)), st.binary(max_size=120))
def test_every_payload_takes_any_octets(kind: int, data: bytes) -> None:
    codec = DECLARATIONS[kind].codec
    with contextlib.suppress(Malformed):
        value = codec.decode(data)
        if codec.parts is not None:
            assert isinstance(codec.parts(data), list)
        assert codec.decode(codec.encode(value)) == value


@given(st.integers(0, 255), st.binary(max_size=120), st.booleans())
def test_chains_take_any_octets(first: int, data: bytes, padded: bool) -> None:
    with contextlib.suppress(Malformed):
        chain, end = messages.split(first, data, 0, padded=padded)
        if chain and all(data[at] == 0 for at in _reserved(data, chain)):
            assert messages.join(chain) == data[:end]


def _reserved(data: bytes, chain: messages.Chain) -> list[int]:
    out, at = [], 0
    for _, body in chain:
        out.append(at + 1)
        at += 4 + len(body)
    return out


def test_notifies_and_deletes() -> None:
    said = Notification(3, Notify.RESPONDER_LIFETIME, b"\x01\x02\x03\x04", b"data")
    assert NOTIFY.decode(NOTIFY.encode(said)) == said
    gone = Deletion(1, (bytes(16), bytes(range(16))))
    assert DELETE.decode(DELETE.encode(gone)) == gone
    with pytest.raises(Malformed):
        DELETE.decode(b"\x00\x00\x00\x01\x03\x04\xff\xff")


def test_lives_as_tv_and_tlv() -> None:
    for seconds in (3_600, 86_400, 28_800):
        packed = attributes.pack_attributes(
            (*attributes.life(1, 1, seconds), *attributes.life(1, 2, 250_000))  # type: ignore[arg-type]
        )
        found = attributes.parse_attributes(packed, 0, len(packed))
        assert attributes.lives(found, ChildAttribute.LIFE_TYPE) == (seconds, 250_000)
    long = ((1, 1), (2, b"\x00\x00\x0e\x10"))
    assert attributes.lives(long, 1) == (3_600, None)
    with pytest.raises(Malformed):
        attributes.lives(((2, 5),), 1)


def test_no_algorithm_that_is_not_implemented_can_be_agreed() -> None:
    """A number that can be agreed on, and that nothing is behind."""
    wanted = {
        IkeAttribute.ENCRYPTION: {5, 7},
        IkeAttribute.HASH: {2, 4, 5, 6},
        IkeAttribute.GROUP: {2, 5, 14, 15, 16, 19, 20, 21},
        IkeAttribute.AUTH_METHOD: {1, 3, 9, 10, 11},
    }
    good = {1: 7, 2: 2, 3: 1, 4: 14, 14: 128}
    for kind, taken in wanted.items():
        for value in (*range(2_048), *range(2_048, 0x10000, 97), 65_001, 0xFFFF):
            transform = Transform(1, 1, tuple({**good, int(kind): value}.items()))
            sa = SecurityAssociation((Proposal(1, 1, b"", (transform,)),))
            found = offers.ike_offers(sa, list(AuthMethod)[:5])
            assert bool(found) == (value in taken), (kind, value)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 255), st.integers(0, 65_535))
def test_selectors(base: int, bits: int, protocol: int, port: int) -> None:
    mask = (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
    first, last = base & mask, base | ~mask & 0xFFFFFFFF
    ports = (port, port) if port else (0, 65_535)
    one = Selector(IPv4Address(first), IPv4Address(last), protocol, *ports)
    assert selectors.read(selectors.pack(one)) == one


def test_keys_by_the_letter_of_rfc_2409() -> None:
    """Section 5, 5.5 and appendix B, written out."""
    function, cipher = prf(PrfId.HMAC_SHA1), encryption(EncryptionId.AES_CBC, 256)
    skeyid = keymat.skeyid_of_psk(function, b"secret", b"Ni" + b"Nr")
    cookies, shared, iv = bytes(range(16)), b"g^xy", bytes(16)
    keys = keymat.Keys(function, cipher, skeyid, shared, cookies, iv)

    def hmac(key: bytes, data: bytes) -> bytes:
        return digest(key, data, "sha1")

    assert skeyid == hmac(b"secret", b"NiNr")
    d = hmac(skeyid, shared + cookies + b"\x00")
    a = hmac(skeyid, d + shared + cookies + b"\x01")
    e = hmac(skeyid, a + shared + cookies + b"\x02")
    assert (keys.skeyid_d, keys.skeyid_a) == (d, a)
    k1 = hmac(e, b"\x00")
    assert keys.key == (k1 + hmac(e, k1))[:32]
    assert keys.phase_2_iv(b"\x00\x00\x00\x01") == sha1(iv + b"\x00\x00\x00\x01").digest()[:16]
    spi, nonces = b"\x11\x22\x33\x44", b"NiNr"
    first = hmac(d, b"qm" + b"\x03" + spi + nonces)
    second = hmac(d, first + b"qm" + b"\x03" + spi + nonces)
    assert keys.keymat(36, 3, spi, nonces, b"qm") == (first + second)[:36]
    assert "secret" not in repr(keys)
    assert keys.key.hex() not in repr(keys)
