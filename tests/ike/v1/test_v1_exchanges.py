"""Every exchange of IKEv1 as a ladder, in the notation of RFC 2409 and RFC 3947."""

from typing import Any

import pytest

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.esp.sa import Encapsulation, Mode, Protocol
from talpa.ike.config import Habits, Lifetimes, Psk
from talpa.ike.events import AssociationUp, IkeUp, SasAdded, SaUsed
from talpa.ike.header import HEADER_OCTETS, parse_header
from talpa.ike.identities import from_text
from talpa.ike.v1 import messages
from talpa.ike.v1.numbers import Exchange, Flag, PayloadType
from talpa.sansio import Address
from talpa.wire import Secret

from .rig import PSK, Nat, Wire, config, connection

NAMES = {
    PayloadType.SA: "SA",
    PayloadType.KE: "KE",
    PayloadType.ID: "ID",
    PayloadType.CERT: "CERT",
    PayloadType.CERT_REQ: "CERT_REQ",
    PayloadType.HASH: "HASH",
    PayloadType.SIG: "SIG",
    PayloadType.NONCE: "N",
    PayloadType.NOTIFY: "NOTIFY",
    PayloadType.DELETE: "D",
    PayloadType.VENDOR_ID: "VID",
    PayloadType.NAT_D: "NAT-D",
    PayloadType.NAT_D_DRAFT: "NAT-D(130)",
    PayloadType.NAT_OA: "NAT-OA",
    PayloadType.NAT_OA_DRAFT: "NAT-OA(131)",
}


def behind_nat(inside: Address) -> Address:
    return Address("198.18.9.9", 40_000 + inside.port % 1_000)


def behind_the_same_nat(number: int) -> Nat:
    return lambda a: Address("198.18.9.9", 40_000 + 2 * number + (a.port == 4500))


class Ladder:
    """What both ends send, with the encrypted parts opened by watching both of them encrypt."""

    def __init__(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plain: dict[bytes, list[tuple[int, bytes]]] = {}
        seal = messages.seal

        def watched(*args: Any, **kwargs: Any) -> bytes:
            datagram = seal(*args, **kwargs)
            self.plain[datagram] = list(args[4])
            return datagram

        monkeypatch.setattr(messages, "seal", watched)
        self.wire = wire

    def rows(self) -> list[str]:
        out = []
        for to, data in self.wire.log:
            header = parse_header(data)
            encrypted = header.flags & Flag.ENCRYPTION
            if encrypted:
                chain = self.plain[data]
            else:
                chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
            names: list[str] = []
            for kind, _ in chain:
                name = NAMES[PayloadType(kind)]
                if not (names and names[-1] == name == "VID"):
                    names.append(name)
            arrow = "->" if to == "server" else "<-"
            out.append(f"{arrow} HDR{'*' if encrypted else ''} {' '.join(names)}")
        return out


MAIN = [
    "-> HDR SA VID",
    "<- HDR SA VID",
    "-> HDR KE N NAT-D NAT-D",
    "<- HDR KE N NAT-D NAT-D",
    "-> HDR* ID HASH NOTIFY",
    "<- HDR* ID HASH",
]


def test_main_mode_and_quick_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    ladder = Ladder(wire, monkeypatch)
    ike = wire.open()
    assert ladder.rows() == [
        *MAIN,
        "-> HDR* HASH SA N ID ID",
        "<- HDR* HASH SA N ID ID",
        "-> HDR* HASH",
    ]
    assert wire.agree()
    (up,) = wire.client.of(IkeUp)
    assert (up.ike, up.peer.method, up.peer.credential) == (ike, "PSK", "office")
    assert up.peer.initiated
    (up,) = wire.server.of(IkeUp)
    assert up.peer.identity == from_text("198.18.0.2")
    assert up.peer.suite == "AES-CBC-256/SHA-256/ECP-384"
    assert not up.peer.weak
    (spec,) = (e.spec for e in wire.server.of(AssociationUp))
    assert (spec.mode, spec.encapsulation) == (Mode.TRANSPORT, Encapsulation.RAW)
    assert spec.keepalive is None
    assert (spec.local[0].protocol, spec.local[0].first_port, spec.local[0].last_port) == (
        17,
        1701,
        1701,
    )
    # The responder takes packets from message 2 on, and sends only when message 3 has come.
    kinds = [type(e) for e in wire.server.seen]
    assert kinds.index(SasAdded) < kinds.index(SaUsed)
    assert not wire.server.of(SasAdded)[0].use
    assert wire.client.of(SasAdded)[0].use


def test_behind_nat_the_ports_float(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(nat=behind_nat)
    ladder = Ladder(wire, monkeypatch)
    wire.open(connection(pfs=GroupId.MODP2048))
    assert ladder.rows() == [
        *MAIN,
        "-> HDR* HASH SA N KE ID ID NAT-OA NAT-OA",
        "<- HDR* HASH SA N KE ID ID NAT-OA NAT-OA",
        "-> HDR* HASH",
    ]
    (spec,) = (e.spec for e in wire.server.of(AssociationUp))
    assert spec.encapsulation is Encapsulation.UDP
    assert spec.path.local.port == 4500
    assert spec.path.remote == Address("198.18.9.9", 40_500)
    assert spec.keepalive is None
    (spec,) = (e.spec for e in wire.client.of(AssociationUp))
    assert spec.keepalive == 20.0
    assert wire.agree()


@pytest.mark.parametrize(
    ("nat", "seen", "client_nat", "server_nat"),
    [
        (False, False, False, False),
        (True, False, True, False),
        (False, True, False, True),
        (True, True, True, True),
    ],
)
@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_both_know_who_is_behind_nat(
    nat: bool, seen: bool, client_nat: bool, server_nat: bool, mode: str
) -> None:
    wire = Wire(
        server=config(aggressive=True),
        nat=behind_nat if nat else None,
        seen="198.18.8.8" if seen else "198.18.0.1",
    )
    wire.open(connection(aggressive=mode == "aggressive"))
    client, server = wire.client.of(IkeUp)[0].peer, wire.server.of(IkeUp)[0].peer
    assert (client.we_are_behind_nat, client.peer_is_behind_nat) == (client_nat, server_nat)
    assert (server.we_are_behind_nat, server.peer_is_behind_nat) == (server_nat, client_nat)
    udp = Encapsulation.UDP if nat or seen else Encapsulation.RAW
    assert wire.server.of(AssociationUp)[0].spec.encapsulation is udp
    assert wire.agree()


def test_udp_where_it_is_forced() -> None:
    wire = Wire()
    wire.open(connection(force_udp=True))
    assert wire.client.of(AssociationUp)[0].spec.encapsulation is Encapsulation.UDP
    assert wire.server.of(AssociationUp)[0].spec.encapsulation is Encapsulation.UDP


@pytest.mark.parametrize(
    ("vendor", "single"),
    [
        ("7d9419a65310ca6f2c179d9215529d56", False),
        ("90cb80913ebb696e086381b5ec427b1f", True),
        ("cd60464335df21f87cfdb2fc68b6a448", True),
    ],
)
def test_drafts_have_numbers_of_their_own(
    vendor: str, single: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(nat=behind_nat)
    ladder = Ladder(wire, monkeypatch)
    wire.open(connection(habits=Habits(vendor_ids=(bytes.fromhex(vendor),))))
    addresses = "NAT-OA(131)" if single else "NAT-OA(131) NAT-OA(131)"
    rows = ladder.rows()
    assert rows[2] == "-> HDR KE N NAT-D(130) NAT-D(130)"
    assert rows[6] == f"-> HDR* HASH SA N ID ID {addresses}"
    assert b"\x80\x04\xf0\x04" in ladder.plain[wire.log[6][1]][1][1]
    assert wire.server.of(AssociationUp)[0].spec.encapsulation is Encapsulation.UDP
    assert wire.agree()


def test_only_the_rfc_is_answered_when_offered() -> None:
    wire = Wire()
    wire.open(connection(habits=Habits(natt_drafts=True)))
    header = parse_header(wire.log[1][1])
    chain, _ = messages.split(header.next_payload, wire.log[1][1], HEADER_OCTETS)
    vids = [body.hex() for kind, body in chain if kind == PayloadType.VENDOR_ID]
    assert "4a131c81070358455c5728f20e95452f" in vids
    assert "90cb80913ebb696e086381b5ec427b1f" not in vids


def test_aggressive_mode_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(server=config(aggressive=True), nat=behind_nat)
    ladder = Ladder(wire, monkeypatch)
    wire.open(connection(aggressive=True, local_identity=from_text("keyid:sales")))
    assert ladder.rows() == [
        "-> HDR SA KE N ID VID",
        "<- HDR SA KE N ID HASH NAT-D NAT-D VID",
        "-> HDR* HASH NAT-D NAT-D NOTIFY",
        "-> HDR* HASH SA N ID ID NAT-OA NAT-OA",
        "<- HDR* HASH SA N ID ID NAT-OA NAT-OA",
        "-> HDR* HASH",
    ]
    assert wire.agree()
    assert wire.server.of(IkeUp)[0].peer.identity == from_text("keyid:sales")


def test_aggressive_mode_is_not_answered_otherwise() -> None:
    wire = Wire()
    wire.open(connection(aggressive=True))
    assert len(wire.log) == 1
    assert wire.server.shared.drops["Aggressive Mode is not allowed"] == 1


def test_aggressive_mode_takes_the_key_of_the_identity() -> None:
    sales, other = from_text("keyid:sales"), from_text("keyid:other")
    keys = (
        Psk(Secret("for another"), "other", identity=other),
        Psk(Secret("for anybody"), "any"),
        Psk(PSK.secret, "sales", identity=sales),
    )
    wire = Wire(server=config(aggressive=True, psks=lambda _: keys))
    wire.open(connection(aggressive=True, local_identity=sales))
    assert wire.server.of(IkeUp)[0].peer.credential == "sales"


def test_main_mode_tries_every_key() -> None:
    keys = [Psk(Secret(f"wrong key number {i}"), f"wrong {i}") for i in range(40)]
    wire = Wire(server=config(psks=lambda _: [*keys, PSK]))
    wire.open()
    assert wire.server.of(IkeUp)[0].peer.credential == "office"
    assert wire.agree()


def test_a_key_for_another_identity_is_not_taken() -> None:
    keys = [Psk(PSK.secret, "not yours", identity=from_text("@else.example"))]
    wire = Wire(server=config(psks=lambda _: keys))
    wire.open()
    assert not wire.server.of(IkeUp)
    assert "pre-shared key did not match" in wire.server.failed[0].reason


@pytest.mark.parametrize(
    "group",
    [
        GroupId.MODP1536,
        GroupId.MODP2048,
        GroupId.MODP3072,
        GroupId.ECP256,
        GroupId.ECP384,
        GroupId.ECP521,
    ],
)
@pytest.mark.parametrize("prf", [PrfId.HMAC_SHA1, PrfId.HMAC_SHA2_256, PrfId.HMAC_SHA2_512])
def test_groups_and_hashes(group: GroupId, prf: PrfId) -> None:
    wire = Wire()
    habits = Habits(ike_transforms=((EncryptionId.AES_CBC, 192, prf, group),))
    wire.open(connection(habits=habits))
    assert wire.agree()
    assert len(wire.server.associations) == 1


@pytest.mark.parametrize(
    "suite",
    [
        (EncryptionId.AES_GCM_16, 128, IntegrityId.NONE),
        (EncryptionId.AES_GCM_16, 256, IntegrityId.NONE),
        (EncryptionId.AES_CBC, 128, IntegrityId.HMAC_SHA1_96),
        (EncryptionId.AES_CBC, 256, IntegrityId.HMAC_SHA2_512_256),
    ],
)
@pytest.mark.parametrize("pfs", [None, GroupId.ECP256])
def test_suites_of_phase_2(
    suite: tuple[EncryptionId, int, IntegrityId], pfs: GroupId | None
) -> None:
    wire = Wire()
    wire.open(connection(habits=Habits(esp_transforms=(suite,)), pfs=pfs))
    assert wire.agree()
    found = wire.server.of(SasAdded)[0].inbound.suite
    assert (found.encryption, found.key_bits, found.integrity) == suite


def test_ah_where_it_is_allowed() -> None:
    wire = Wire(server=config(ah=True))
    wire.open(connection(ah=True))
    assert wire.server.of(SasAdded)[0].inbound.suite.protocol is Protocol.AH
    assert wire.agree()
    wire.client.sas.close_association(wire.client.associations[0], "done", wire.now)
    wire.settle()
    assert not wire.server.associations


def test_ah_is_refused_otherwise() -> None:
    wire = Wire()
    wire.open(connection(ah=True))
    assert not wire.server.associations
    assert wire.client.failed[0].stage == "phase 2"


def test_the_shorter_life_holds_and_is_told() -> None:
    wire = Wire(
        client=config(lifetimes=Lifetimes(ike=7_200.0, child=1_800.0, child_octets=10 << 20)),
        server=config(lifetimes=Lifetimes(ike=3_600.0, child=600.0)),
    )
    wire.open()
    ours = wire.client.of(SasAdded)[0].outbound
    assert (ours.hard.seconds, ours.hard.octets) == (600.0, 10 << 20)
    assert ours.soft.seconds is not None
    assert ours.soft.seconds < 600.0
    assert 500.0 < wire.server.of(SasAdded)[0].inbound.soft.seconds <= 600.0
    (sa,) = wire.client.room().by_uid.values()
    assert sa.expires - wire.now == 3_600.0


def test_kilobytes_as_windows_says_them() -> None:
    wire = Wire()
    wire.open(connection(habits=Habits(kilobytes=250_000, message_id=1)))
    assert parse_header(wire.log[6][1]).message_id == 1
    assert parse_header(wire.log[6][1]).exchange == Exchange.QUICK
    soft = wire.server.of(SasAdded)[0].inbound.soft.octets
    assert 0.9 * 256_000_000 < soft <= 256_000_000


def test_an_ephemeral_inner_port_as_apple_has_it() -> None:
    wire = Wire(nat=behind_nat)
    wire.open(connection(l2tp_port=56_322))
    (spec,) = (e.spec for e in wire.server.of(AssociationUp))
    assert spec.remote[0].first_port == spec.remote[0].last_port == 56_322
    assert spec.local[0].first_port == 1701


def test_dozens_behind_one_nat_with_the_same_identity_and_inner_port() -> None:
    wire = Wire()
    for i in range(30):
        wire.nat = behind_the_same_nat(i)
        wire.open(connection(force_udp=True, habits=Habits(local_address="192.168.1.2")))
    assert len(wire.server.associations) == 30
    ports = {e.spec.path.remote.port for e in wire.server.of(AssociationUp)}
    assert len(ports) == 30


@pytest.mark.parametrize("aggressive", [False, True])
def test_a_server_that_takes_no_raw_esp_has_all_encapsulate(aggressive: bool) -> None:
    wire = Wire(server=config(force_udp=True, aggressive=True))
    wire.open(connection(aggressive=aggressive))
    for end in (wire.client, wire.server):
        (up,) = end.of(AssociationUp)
        assert up.spec.encapsulation is Encapsulation.UDP
        assert up.spec.path.local.port == 4500
    assert wire.agree()
