"""What went wrong in other implementations of IKEv2, by class: none of it may happen here."""

from dataclasses import replace

import pytest

from ike.v2.credentials import GATEWAY, credential, trust
from ike.v2.ends import LEFT, RIGHT, World, config, l2tp
from ike.v2.test_eap import CLIENT
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.encryption import ENCRYPTIONS
from talpa.crypto.exchange import GROUPS
from talpa.crypto.integrity import INTEGRITIES
from talpa.crypto.prf import PRFS
from talpa.ike.choice import choose_esp, choose_ike
from talpa.ike.config import Policy
from talpa.ike.policies import COMPATIBLE, LEGACY, MODERN
from talpa.ike.v2.init_common import clear
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind, ProtocolId, TransformKind
from talpa.ike.v2.payloads import Delete, notify, write_chain
from talpa.ike.v2.proposals import esp_offers_of, ike_offers_of
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.sa_payload import Proposal, Transform
from talpa.sansio import Address

_FAR = (*range(300, 0x10000, 1_009), 0x7FFF, 0x8000, 0xFFFF)
_SPI = b"\1\2\3\4"
_WAY = Address(LEFT, 500), Address(RIGHT, 500)
_GOOD_IKE = {
    TransformKind.ENCR: Transform(1, EncryptionId.AES_CBC, 256),
    TransformKind.PRF: Transform(2, PrfId.HMAC_SHA2_256),
    TransformKind.INTEG: Transform(3, IntegrityId.HMAC_SHA2_256_128),
    TransformKind.KE: Transform(4, GroupId.ECP256),
}
_GOOD_ESP = {
    TransformKind.ENCR: Transform(1, EncryptionId.AES_CBC, 256),
    TransformKind.INTEG: Transform(3, IntegrityId.HMAC_SHA2_256_128),
    TransformKind.ESN: Transform(5, 0),
}
_KNOWN: dict[int, set[int]] = {
    TransformKind.ENCR: {each.id for each in ENCRYPTIONS},
    TransformKind.PRF: {each.id for each in PRFS},
    TransformKind.INTEG: {each.id for each in INTEGRITIES},
    TransformKind.KE: {each.id for each in GROUPS},
    TransformKind.ESN: {0, 1},
}


def _with(good: dict[TransformKind, Transform], odd: Transform) -> tuple[Transform, ...]:
    """A good proposal with one transform instead of that of its kind."""
    return (*(each for each in good.values() if each.kind != odd.kind), odd)


@pytest.mark.parametrize("policy", [MODERN, COMPATIBLE, LEGACY], ids=lambda each: each.name)
def test_no_number_can_be_agreed_on_that_nothing_is_behind(policy: Policy) -> None:
    """Reserved, private, internal or merely unimplemented algorithms, with every number there is
    around those that are assigned, and any length of key."""
    today = config().wall().date()
    taken = set()
    for kind, known in _KNOWN.items():
        for number in (*range(64), *range(64, 300, 7), *range(1_020, 1_040), *_FAR):
            for bits in (None, 0, 1, 56, 128, 192, 256, 512) if kind == 1 else (None,):
                odd = Transform(kind, number, bits)
                if kind in _GOOD_IKE:
                    chain = _with(_GOOD_IKE, odd)
                    offers = ike_offers_of([Proposal(1, ProtocolId.IKE, b"", chain)], 0)
                    choice = choose_ike(policy, offers, "", today)
                    assert choice is None or number in known
                    if choice is not None:
                        assert choice.suite.name
                        taken.add(("IKE", kind))
                if kind in _GOOD_ESP:
                    chain = _with(_GOOD_ESP, odd)
                    proposal = Proposal(1, ProtocolId.ESP, _SPI, chain)
                    found = choose_esp(policy, esp_offers_of([proposal], ah=False), "", today)
                    assert found is None or number in known
                    if found is not None:
                        assert found.suite.key_octets > 16
                        taken.add(("ESP", kind))
    assert len(taken) >= 6


@pytest.mark.parametrize("protocol", [ProtocolId.IKE, ProtocolId.ESP])
def test_transforms_that_are_missing_twice_or_in_another_order(protocol: ProtocolId) -> None:
    good = _GOOD_IKE if protocol == ProtocolId.IKE else _GOOD_ESP
    today, chain = config().wall().date(), list(good.values())

    def chosen(transforms: list[Transform]) -> bool:
        proposal = Proposal(1, protocol, b"" if good is _GOOD_IKE else _SPI, tuple(transforms))
        if good is _GOOD_IKE:
            return choose_ike(COMPATIBLE, ike_offers_of([proposal], 0), "", today) is not None
        return choose_esp(COMPATIBLE, esp_offers_of([proposal], ah=True), "", today) is not None

    assert chosen(chain)
    assert chosen(chain[::-1])
    for at, each in enumerate(chain):
        assert chosen([*chain, each])
        # ESN may be left out by those who know none.
        assert chosen([*chain[:at], *chain[at + 1 :]]) == (each.kind == TransformKind.ESN)


@pytest.mark.parametrize(
    "server",
    [
        credential("other.example", server=True),
        credential(GATEWAY, server=True, issuer="Another CA"),
        credential(GATEWAY, server=False),
    ],
    ids=["another name", "another CA", "a client's"],
)
def test_nothing_of_a_user_is_said_to_a_wrong_server(server: object) -> None:
    """Passwords tried, or names given, before the server has proved itself."""
    for password in (CLIENT.password, None):
        world = World(
            config(trust=trust(), credential=credential("alice.example")),
            config(trust=trust(), credential=server, psks=lambda _: []),
        )
        world.connect(replace(CLIENT, password=password))
        world.run(60.0)
        assert not world.right.verdicts
        assert not world.left.carried
        kinds = [data[18] for data in world.left.sent]
        # Who it is and that it wants EAP; then that it is over.
        assert kinds.count(Exchange.IKE_AUTH) == 1
        assert kinds[-1] == Exchange.INFORMATIONAL


def test_whatever_stands_behind_a_delete_in_the_same_message() -> None:
    """Used after it was deleted, deleted twice, or deleted under another protocol."""
    again = NotifyKind.REKEY_SA
    for after in (
        [(Kind.DELETE, Delete(ProtocolId.IKE))],
        [(Kind.DELETE, Delete(ProtocolId.AH, (b"\0\0\1\1",)))],
        [notify(NotifyKind.UPDATE_SA_ADDRESSES)],
        [notify(NotifyKind.AUTHENTICATION_FAILED)],
        [notify(again, b"", ProtocolId.ESP, b"\0\0\1\1")],
        [(Kind.NONCE, bytes(32))],
    ):
        for first in ("children", "all"):
            world = World()
            world.connect()
            (sa,) = world.left.sas._room.currents()
            spis = tuple(
                inbound.spi.to_bytes(4, "big")
                for carried in world.left.carried.values()
                for inbound, _ in carried.pairs.values()
            )
            delete = Delete(ProtocolId.ESP, (*spis, *spis)) if first == "children" else Delete(1)
            chain = [(Kind.DELETE, delete), (Kind.DELETE, delete), *after]
            assert sa.protection is not None
            envelope = sa.envelope(Exchange.INFORMATIONAL, sa.next_ask, response=False)
            (data,) = sa.protection.seal(envelope, *write_chain(chain), None)
            world.right.receive((*_WAY, data), world.now)
            assert len(list(world.right.transmits())) == 1
            # The same again, late.
            world.right.receive((*_WAY, data), world.now)
            assert not world.right.carried


def test_a_cookie_that_is_longer_than_it_may_be_is_not_carried() -> None:
    """A cookie as the place for whatever an attacker needs in a message of ours."""
    for size, carried in ((64, True), (65, False), (0, False)):
        world = World()
        world.call(l2tp())
        (packet,) = list(world.left.transmits())
        cookie = [notify(NotifyKind.COOKIE, b"c" * size)]
        bare = Envelope(packet[2][:8], bytes(8), Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
        world.left.receive((packet[1], packet[0], clear(bare, cookie)), world.now)
        sent = list(world.left.transmits())
        assert bool(sent) is carried
        if carried:
            # As the first payload, where it changes nothing of what is signed behind it.
            assert sent[0][2][16] == Kind.NOTIFY
            assert sent[0][2][36:100] == b"c" * 64
