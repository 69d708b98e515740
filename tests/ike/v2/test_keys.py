"""Key derivation, held against a computation of its own; messages as bytes; fragments."""

import hashlib
import hmac
from itertools import permutations

import pytest

from ike.v2.credentials import GATEWAY, credential, trust
from ike.v2.ends import FAST, World, config, l2tp
from simnet.link import Link
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.prf import prf
from talpa.ike.events import KeysMade
from talpa.ike.policies import IkeSuite
from talpa.ike.v2 import init_responder, keymat
from talpa.ike.v2.numbers import Exchange, Kind
from talpa.ike.v2.payloads import write_chain
from talpa.ike.v2.protection import Protection, authenticated_chunk

SUITES = [
    IkeSuite(
        EncryptionId.AES_CBC,
        256,
        IntegrityId.HMAC_SHA2_256_128,
        PrfId.HMAC_SHA2_256,
        GroupId.X25519,
    ),
    IkeSuite(EncryptionId.AES_GCM_16, 128, IntegrityId.NONE, PrfId.HMAC_SHA2_512, GroupId.ECP256),
]
HASH = {PrfId.HMAC_SHA2_256: "sha256", PrfId.HMAC_SHA2_512: "sha512"}
SIZES = {EncryptionId.AES_CBC: (32, 32), EncryptionId.AES_GCM_16: (16 + 4, 0)}


def plus(name: str, key: bytes, seed: bytes, octets: int) -> bytes:
    """prf+ of RFC 7296 2.13, written down once more."""
    out, last, count = b"", b"", 1
    while len(out) < octets:
        last = hmac.new(key, last + seed + bytes([count]), name).digest()
        out, count = out + last, count + 1
    return out[:octets]


@pytest.mark.parametrize("suite", SUITES)
def test_all_keys_of_an_ike_sa(suite: IkeSuite) -> None:
    name = HASH[suite.prf]
    ni, nr, spis, shared = b"i" * 32, b"r" * 24, b"SPI-init" + b"SPI-resp", b"g" * 32
    function = prf(suite.prf)
    skeyseed = keymat.first_skeyseed(function, ni + nr, shared)
    assert skeyseed == hmac.new(ni + nr, shared, name).digest()
    keys = keymat.ike_keys(suite, skeyseed, ni + nr, spis)
    size = hashlib.new(name).digest_size
    cipher, mac = SIZES[suite.encryption]
    stream = plus(name, skeyseed, ni + nr + spis, 3 * size + 2 * mac + 2 * cipher)
    wanted = []
    for octets in (size, mac, mac, cipher, cipher, size, size):
        wanted.append(stream[:octets])
        stream = stream[octets:]
    assert [keys.d, keys.ai, keys.ar, keys.ei, keys.er, keys.pi, keys.pr] == wanted
    # RFC 7296 2.18 and RFC 9370 2.2.2, 2.2.4
    assert (
        keymat.further_skeyseed(function, keys.d, ni + nr, b"kem")
        == hmac.new(keys.d, b"kem" + ni + nr, name).digest()
    )
    assert (
        keymat.rekeyed_skeyseed(function, keys.d, ni + nr, (b"new", b"kem"))
        == hmac.new(keys.d, b"new" + ni + nr + b"kem", name).digest()
    )
    there, back = keymat.child_keymat(function, keys.d, ni + nr, (b"new", b"kem"), 36)
    assert there + back == plus(name, keys.d, b"new" + ni + nr + b"kem", 72)
    there, back = keymat.child_keymat(function, keys.d, ni + nr, (), 64)
    assert there + back == plus(name, keys.d, ni + nr, 128)
    mixed = keymat.with_ppk(function, keys, b"ppk")
    assert (mixed.d, mixed.pi) == (
        plus(name, b"ppk", keys.d, size),
        plus(name, b"ppk", keys.pi, size),
    )
    assert mixed.ei == keys.ei
    assert "g" * 4 not in repr(keys)


def pair(suite: IkeSuite) -> tuple[Protection, Protection]:
    keys = keymat.ike_keys(suite, bytes(32), bytes(64), bytes(16))
    count = iter(range(1, 1 << 20))

    def rng(octets: int) -> bytes:
        return next(count).to_bytes(octets, "big")

    return (
        Protection(suite, keys, rng, initiator=True),
        Protection(suite, keys, rng, initiator=False),
    )


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("octets", [0, 1, 15, 16, 17, 300, 5000])
def test_what_is_sealed_opens_whole_or_in_pieces(suite: IkeSuite, octets: int) -> None:
    from talpa.ike.v2.protection import Envelope

    ours, theirs = pair(suite)
    envelope = Envelope(b"SPI-init", b"SPI-resp", Exchange.IKE_AUTH, 8, 1)
    inner = bytes(n % 251 for n in range(octets))
    (whole,) = ours.seal(envelope, Kind.ID_I, inner, None)
    opened = theirs.open(whole)
    assert opened is not None
    assert (opened.first, opened.plaintext, opened.fragment) == (Kind.ID_I, inner, False)
    assert int.from_bytes(whole[24:28], "big") == len(whole)
    assert ours.open(whole) is None
    pieces = ours.seal(envelope, Kind.ID_I, inner, 400)
    assert all(len(piece) <= 400 for piece in pieces)
    back = [theirs.open(piece) for piece in pieces]
    assert all(back)
    assert b"".join(one.plaintext for one in back if one) == inner
    if len(pieces) > 1:
        assert [(one.first, one.number, one.total) for one in back if one] == [
            (Kind.ID_I if n == 1 else 0, n, len(pieces)) for n in range(1, len(pieces) + 1)
        ]


def test_what_int_auth_covers_does_not_depend_on_the_cipher() -> None:
    from talpa.ike.v2.protection import Envelope

    envelope = Envelope(b"SPI-init", b"SPI-resp", Exchange.IKE_INTERMEDIATE, 8, 1)
    first, inner = write_chain([(Kind.NONCE, bytes(32))])
    chunk = authenticated_chunk(envelope, first, inner)
    assert chunk[16] == Kind.SK
    assert int.from_bytes(chunk[24:28], "big") == len(chunk) == 28 + 4 + len(inner)
    assert chunk[28:32] == bytes([Kind.NONCE, 0]) + (4 + len(inner)).to_bytes(2, "big")
    assert chunk.endswith(inner)


def small() -> World:
    return World(
        config(credential=credential("alice.example"), trust=trust(), fragment_octets=300),
        config(credential=credential(GATEWAY, server=True), trust=trust(), fragment_octets=300),
    )


CERTIFICATES = l2tp(
    psk=None,
    authentication="certificate",
    remote_authentication="certificate",
    remote_host=GATEWAY,
)


def test_fragments_in_any_order_twice_and_lost() -> None:
    world = small()
    world.call(CERTIFICATES)
    for party, other in ((world.left, world.right), (world.right, world.left)):
        (packet,) = list(party.transmits())
        other.receive(packet, world.now)
    pieces = list(world.left.transmits())
    assert len(pieces) > 3
    assert all(piece[2][16] == Kind.SKF for piece in pieces)
    orders = list(permutations(range(min(len(pieces), 6))))
    for _order in orders[:: max(1, len(orders) // 40)]:
        order = list(_order) + list(range(len(_order), len(pieces)))
        fresh = small()
        fresh.call(CERTIFICATES)
        for party, other in ((fresh.left, fresh.right), (fresh.right, fresh.left)):
            (packet,) = list(party.transmits())
            other.receive(packet, fresh.now)
        again = list(fresh.left.transmits())
        for at in order[:-1]:
            fresh.right.receive(again[at], fresh.now)
            fresh.right.receive(again[at], fresh.now)
        assert not fresh.right.carried
        fresh.right.receive(again[order[-1]], fresh.now)
        assert fresh.right.carried
    link: Link[object] = Link(3, loss=0.2, duplicate=0.2, reorder=0.5)
    world = small()
    world.link.loss, world.link.reorder = link.loss, link.reorder
    world.connect(CERTIFICATES, 60.0)
    world.agree()


def test_without_fragments_where_the_peer_does_not_know_them() -> None:
    world = small()
    number = world.call(CERTIFICATES)
    (packet,) = list(world.left.transmits())
    world.right.receive(packet, world.now)
    room = world.right.sas._room
    (opening,) = room.half_open.values()
    init_responder.go_on(room, opening).fragmentation = False
    (packet,) = list(world.right.transmits())
    world.left.receive(packet, world.now)
    before = dict(world.right.shared.drops)
    for piece in world.left.transmits():
        world.right.receive(piece, world.now)
    assert not world.right.carried
    assert world.right.shared.drops["IKEv2: fragment that was not agreed on"]
    assert before is not None
    assert number == 1


def test_the_key_log_is_off_unless_asked_for() -> None:
    world = World()
    world.connect()
    assert not world.left.of(KeysMade)
    world = World(config(key_log=True), config(key_log=True))
    world.connect()
    ours = {e.line for e in world.left.of(KeysMade) if isinstance(e, KeysMade)}
    theirs = {e.line for e in world.right.of(KeysMade) if isinstance(e, KeysMade)}
    assert ours == theirs
    assert len(ours) == 3
    assert FAST.additional == ()


def test_pieces_of_unproven_peers_are_given_back() -> None:
    world = small()
    world.call(CERTIFICATES)
    for party, other in ((world.left, world.right), (world.right, world.left)):
        (packet,) = list(party.transmits())
        other.receive(packet, world.now)
    before = world.right.shared.fragment_budget.left
    pieces = list(world.left.transmits())
    for piece in pieces[:-1]:
        world.right.receive(piece, world.now)
    assert world.right.shared.fragment_budget.left < before
    while (when := world.right.next_timeout()) is not None:
        world.right.handle_timeout(when)
    assert not any(world.right.leftovers().values())
    assert world.right.shared.fragment_budget.left == before
