"""What built-in clients offer and do, played by our own initiator with their transforms, vendor ids
and habits, against a server with the policy that suits."""

import pytest

from ike.recorded import (
    ANDROID,
    APPLE,
    CHROMEOS,
    NETWORKMANAGER,
    ROUTEROS,
    ROUTEROS_WITHOUT_PFS,
    WINDOWS,
    Client,
)
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId
from talpa.esp.sa import Encapsulation
from talpa.ike.config import Habits
from talpa.ike.events import AssociationUp, IkeUp, SasAdded
from talpa.ike.header import HEADER_OCTETS, parse_header
from talpa.ike.policies import COMPATIBLE, LEGACY
from talpa.ike.v1 import messages
from talpa.ike.v1 import numbers as n
from talpa.ike.v1.numbers import PayloadType
from talpa.sansio import Address

from .rig import Wire, config, connection


def behind_nat(inside: Address) -> Address:
    return Address("198.18.9.9", 40_000 + inside.port % 1_000)


def habits(client: Client) -> Habits:
    """Those of its transforms that our own writer knows, in its order."""
    ike = tuple(
        (*offer.encryption[0], offer.prf[0], offer.groups[0])
        for offer in client.ike
        if offer.encryption[0][0] in n.TO_IKE_ENCRYPTION and offer.prf[0] in n.TO_IKE_HASH
    )
    esp = tuple(
        (*offer.encryption[0], offer.integrity[0] if offer.integrity else IntegrityId.NONE)
        for offer in client.esp
        if offer.encryption[0][0] in n.TO_ESP_ENCRYPTION
        and (not offer.integrity or offer.integrity[0] in n.TO_ESP_AUTHENTICATION)
    )
    return Habits(
        vendor_ids=client.vendor_ids,
        ike_transforms=ike,
        esp_transforms=esp,
        nonce_octets=16,
        kilobytes=client.esp_kilobytes,
        dpd=False,
        local_address="192.168.1.2",
    )


CASES = [
    (WINDOWS, COMPATIBLE, "AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96"),
    (APPLE, COMPATIBLE, "AES-CBC-256/SHA-256/MODP-2048", "AES-CBC-256/HMAC-SHA2-256-128"),
    (ANDROID, LEGACY, "AES-CBC-256/SHA-256/MODP-1024", "AES-CBC-256/HMAC-SHA1-96"),
    (CHROMEOS, COMPATIBLE, "AES-CBC-128/SHA-256/MODP-3072", "AES-GCM-16-128"),
    (ROUTEROS, LEGACY, "AES-CBC-128/SHA-1/MODP-2048", "AES-CBC-256/HMAC-SHA1-96"),
    (ROUTEROS_WITHOUT_PFS, COMPATIBLE, "AES-CBC-128/SHA-1/MODP-2048", None),
    (NETWORKMANAGER, COMPATIBLE, None, "AES-CBC-256/HMAC-SHA1-96"),
]


@pytest.mark.parametrize(
    ("client", "policy", "phase_1", "phase_2"), CASES, ids=[each[0].name for each in CASES]
)
@pytest.mark.parametrize("server_behind_nat", [False, True])
def test_each_client_gets_the_best_that_is_allowed(
    client: Client, policy: object, phase_1: str, phase_2: str, server_behind_nat: bool
) -> None:
    wire = Wire(
        server=config(policy=policy),
        nat=behind_nat,
        seen="198.18.8.8" if server_behind_nat else "198.18.0.1",
    )
    group = client.esp[0].groups[0] if client.esp[0].groups else None
    wire.open(connection(habits=habits(client), pfs=group))
    assert wire.agree()
    (up,) = wire.server.of(IkeUp)
    assert up.peer.device == client.device
    assert phase_1 in (None, up.peer.suite)
    assert phase_2 in (None, wire.server.of(SasAdded)[0].inbound.suite.name)
    (spec,) = (e.spec for e in wire.server.of(AssociationUp))
    assert spec.encapsulation is Encapsulation.UDP
    assert spec.keepalive == (20.0 if server_behind_nat else None)
    assert up.peer.we_are_behind_nat == server_behind_nat


def test_what_is_weak_has_a_badge() -> None:
    wire = Wire(server=config(policy=LEGACY), nat=behind_nat)
    wire.open(connection(habits=habits(ANDROID)))
    assert wire.server.of(IkeUp)[0].peer.weak == ("modp1024",)


def test_windows_sees_a_server_that_is_not_behind_nat_and_itself_behind_one() -> None:
    """So it needs no change to its registry, and UDP encapsulation is always used."""
    for seen in ("198.18.0.1", "198.18.8.8"):
        wire = Wire(seen=seen)
        wire.open(connection(habits=habits(WINDOWS)))
        (up,) = wire.client.of(IkeUp)
        assert not up.peer.peer_is_behind_nat
        assert up.peer.we_are_behind_nat
        assert wire.server.of(AssociationUp)[0].spec.encapsulation is Encapsulation.UDP


def test_windows_is_sent_the_fewest_vendor_ids() -> None:
    wire = Wire()
    wire.open(connection(habits=habits(WINDOWS)))
    header = parse_header(wire.log[1][1])
    chain, _ = messages.split(header.next_payload, wire.log[1][1], HEADER_OCTETS)
    vids = [body for kind, body in chain if kind == PayloadType.VENDOR_ID]
    assert len(vids) <= 2


def test_modp_1024_and_3des_only_by_name() -> None:
    for client in (ANDROID, ROUTEROS):
        wire = Wire(server=config(policy=COMPATIBLE))
        group = client.esp[0].groups[0] if client.esp[0].groups else None
        wire.open(connection(habits=habits(client), pfs=group))
        assert not wire.server.associations
        assert wire.server.failed[0].offered
        assert wire.server.failed[0].allowed
    wire = Wire(server=config(policy=COMPATIBLE))
    wire.open(
        connection(
            habits=Habits(
                esp_transforms=((EncryptionId.DES3, 0, IntegrityId.HMAC_SHA1_96),),
            ),
            pfs=GroupId.ECP256,
        )
    )
    assert not wire.server.associations
