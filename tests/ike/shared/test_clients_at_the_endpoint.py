"""The built-in clients of IKEv1, with their own proposals and vendor ids, behind a NAT."""

from dataclasses import replace

import pytest

from ike.endpoints import PSK, Pair
from ike.recorded import (
    ANDROID,
    APPLE,
    CHROMEOS,
    CLIENTS,
    NETWORKMANAGER,
    ROUTEROS,
    ROUTEROS_WITHOUT_PFS,
    WINDOWS,
    WINDOWS_XP,
    Client,
)
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.esp.sa import Encapsulation
from talpa.ike.config import Call, Connection, Habits, Policy, Weakness
from talpa.ike.events import AssociationUp, IkeFailed, IkeUp, SasAdded
from talpa.ike.policies import COMPATIBLE, LEGACY
from talpa.sansio import Address, Path

_MD5, _DES = PrfId(1), EncryptionId(2)
PRIVATE, PUBLIC = "10.0.0.2", "198.18.5.5"
SERVER_OUTSIDE, SERVER_INSIDE = "198.18.6.6", "172.16.0.9"


def habits(client: Client) -> Habits:
    """The client's own; without MD5 and DES, which we cannot even offer."""
    return Habits(
        vendor_ids=client.vendor_ids,
        message_id=1 if client.device == "windows" else None,
        ike_transforms=tuple(
            (*offer.encryption[0], offer.prf[0], offer.groups[0])
            for offer in client.ike
            if offer.prf[0] != _MD5 and offer.encryption[0][0] != _DES
        ),
        esp_transforms=tuple(
            (*offer.encryption[0], offer.integrity[0] if offer.integrity else IntegrityId.NONE)
            for offer in client.esp
            if offer.integrity != (IntegrityId(1),) and offer.encryption[0][0] != _DES
        ),
        kilobytes=client.esp_kilobytes,
        local_address=PRIVATE,
    )


def meeting(client: Client, policy: Policy) -> Pair:
    """The client calls; both are behind NAT."""
    pair = Pair(policy=policy)
    groups = client.esp[0].groups
    connection = Connection(
        "test", 1, psk=PSK, habits=habits(client), pfs=groups[0] if groups else None
    )
    ends = [Path(Address(PRIVATE, port), Address(SERVER_OUTSIDE, port)) for port in (500, 4500)]
    pair.client.open(Call(connection, *ends), 0.0)
    for _ in range(16):
        sent = pair.drain(by_client=True)
        for said in sent:
            path = Path(
                Address(SERVER_INSIDE, said.path.remote.port),
                Address(PUBLIC, 60_000 + said.path.local.port),
            )
            pair.server.receive(path, said.data, 0.0, natt=said.natt)
        back = pair.drain(by_client=False)
        for said in back:
            path = Path(
                Address(PRIVATE, said.path.remote.port - 60_000),
                Address(SERVER_OUTSIDE, said.path.local.port),
            )
            pair.client.receive(path, said.data, 0.0, natt=said.natt)
        if not sent and not back:
            break
    return pair


def server_event(pair: Pair, kind: type) -> object:
    return next((event for mine, event in pair.events if not mine and type(event) is kind), None)


@pytest.mark.parametrize(
    ("client", "policy", "suite", "esp", "weak"),
    [
        (WINDOWS, COMPATIBLE, "AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96", ()),
        (
            APPLE,
            COMPATIBLE,
            "AES-CBC-256/SHA-256/MODP-2048",
            "AES-CBC-256/HMAC-SHA2-256-128",
            (),
        ),
        (
            ANDROID,
            replace(COMPATIBLE, weak=(Weakness("modp1024", "android"),)),
            "AES-CBC-256/SHA-256/MODP-1024",
            "AES-CBC-256/HMAC-SHA1-96",
            ("modp1024",),
        ),
        (CHROMEOS, COMPATIBLE, "AES-CBC-128/SHA-256/MODP-3072", "AES-GCM-16-128", ()),
        (
            ROUTEROS,
            replace(COMPATIBLE, weak=(Weakness("pfs-modp1024", "routeros"),)),
            "AES-CBC-128/SHA-1/MODP-2048",
            "AES-CBC-256/HMAC-SHA1-96",
            (),
        ),
        (
            ROUTEROS_WITHOUT_PFS,
            COMPATIBLE,
            "AES-CBC-128/SHA-1/MODP-2048",
            "AES-CBC-256/HMAC-SHA1-96",
            (),
        ),
        (NETWORKMANAGER, COMPATIBLE, "AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96", ()),
    ],
    ids=lambda value: value.name if isinstance(value, Client) else "",
)
def test_each_client_gets_its_best_behind_two_nats(
    client: Client, policy: Policy, suite: str, esp: str, weak: tuple[str, ...]
) -> None:
    pair = meeting(client, policy)
    up, association = server_event(pair, IkeUp), server_event(pair, AssociationUp)
    sas = server_event(pair, SasAdded)
    assert isinstance(up, IkeUp)
    assert isinstance(association, AssociationUp)
    assert isinstance(sas, SasAdded)
    assert (up.peer.device, up.peer.suite, sas.inbound.suite.name) == (client.device, suite, esp)
    assert set(weak) <= set(up.peer.weak)
    assert association.spec.encapsulation is Encapsulation.UDP
    assert association.spec.path.remote == Address(PUBLIC, 64_500)
    (mine,) = [event for mine, event in pair.events if mine and isinstance(event, IkeUp)]
    # What each end believes of the NATs: a Microsoft client must not see that of the server.
    assert mine.peer.we_are_behind_nat
    assert mine.peer.peer_is_behind_nat is (client.device != "windows")


@pytest.mark.parametrize("client", [ANDROID, WINDOWS_XP], ids=lambda client: client.name)
def test_a_client_without_anything_fit_is_refused_with_both_lists(client: Client) -> None:
    pair = meeting(client, COMPATIBLE)
    failed = server_event(pair, IkeFailed)
    assert isinstance(failed, IkeFailed)
    assert "MODP-1024" in "".join(failed.offered)
    assert any("group" in line for line in failed.allowed)
    assert not pair.server.describe()
    assert pair.server.half_open == 0


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_with_legacy_each_client_comes_in(client: Client) -> None:
    pair = meeting(client, LEGACY)
    assert server_event(pair, SasAdded) is not None
    assert GroupId.MODP1024 not in LEGACY.groups
