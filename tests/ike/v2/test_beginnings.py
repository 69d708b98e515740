"""What an endpoint does for peers that have shown nothing yet: little, and counted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ike.v2.credentials import trust
from ike.v2.ends import LEFT, RIGHT, Party, config, l2tp, way
from talpa.crypto import exchange
from talpa.ike.config import Call
from talpa.ike.events import IkeUp
from talpa.ike.identities import from_text
from talpa.ike.v2.auth import identification
from talpa.ike.v2.child import ask_first
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind
from talpa.ike.v2.payloads import KeyExchange, notify, write_chain
from talpa.ike.v2.proposals import ike_proposal, own_ike_offers
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.sa import Stage
from talpa.sansio import Address

NOW = 1000.0


def small_request(number: int) -> bytes:
    """A short IKE_SA_INIT: without NAT detection or any notification."""
    made = config()
    offer = own_ike_offers(made.policy, made.wall().date())[0]
    group = offer.groups[0]
    public = exchange.group(group).initiate(lambda n: bytes(range(1, n + 1))).public
    one = replace(offer, encryption=offer.encryption[:1], prf=offer.prf[:1], groups=(group,))
    first, body = write_chain(
        [
            (Kind.SA, (ike_proposal(one, b""),)),
            (Kind.KE, KeyExchange(group, 0, public)),
            (Kind.NONCE, bytes(16)),
        ]
    )
    envelope = Envelope(
        number.to_bytes(8, "big"), bytes(8), Exchange.IKE_SA_INIT, Flag.INITIATOR, 0
    )
    return envelope.header(first, 28 + len(body)) + body


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each key exchange as responder."""
    done: list[int] = []
    real: Callable[..., Any] = exchange.Group.respond

    def respond(self: exchange.Group, *args: Any) -> Any:
        done.append(1)
        return real(self, *args)

    monkeypatch.setattr(exchange.Group, "respond", respond)
    return done


def test_forged_addresses_cost_no_key_exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Party(RIGHT, config(trust=trust()))
    done = counted(monkeypatch)
    for number in range(1, 501):
        source = Address(f"203.0.{number >> 8}.{number & 255}", 500)
        request = small_request(number)
        server.receive((source, Address(RIGHT, 500), request), NOW)
        (answer,) = server.transmits()
        assert len(answer[2]) < len(request)
    assert not done
    assert not any(server.leftovers().values())


def test_what_is_asked_for_a_cookie_eats_no_rate_of_who_is_really_there() -> None:
    server = Party(RIGHT, config(trust=trust(), rate_per_place=5.0))
    for number in range(1, 101):
        server.receive((Address(LEFT, 500), Address(RIGHT, 500), small_request(number)), NOW)
    assert len(list(server.transmits())) == 100
    client = Party(LEFT, config(trust=trust()))
    client.sas.open(1, Call(l2tp(), way(500), way(4500)), NOW)
    for _ in range(3):
        for packet in client.transmits():
            server.receive(packet, NOW)
        for packet in server.transmits():
            client.receive(packet, NOW)
    assert server.of(IkeUp)


def test_who_goes_on_from_elsewhere_is_half_open_still() -> None:
    server = Party(RIGHT, config(eap_methods=("md5",)))
    for seed in range(5):
        client = Party(LEFT, config(), seed=seed)
        client.sas.open(1, Call(l2tp(), way(500), way(4500)), NOW)
        for packet in client.transmits():
            server.receive(packet, NOW)
        for packet in server.transmits():
            client.receive(packet, NOW)
        list(client.transmits())
        sa = client.sas._room.current(1)
        assert sa is not None
        assert sa.protection is not None
        # EAP is begun, by identity alone.
        begun = write_chain(
            [
                (Kind.ID_I, identification(from_text("alice@example.com"))),
                notify(NotifyKind.EAP_ONLY_AUTHENTICATION),
                *ask_first(sa),
            ]
        )
        envelope = sa.envelope(Exchange.IKE_AUTH, 1, response=False)
        for data in sa.protection.seal(envelope, *begun, None):
            elsewhere = Address("198.18.0.77", 4500), Address(RIGHT, 4500)
            server.receive((*elsewhere, data), NOW)
    half_open = [sa for sa in server.sas._room.sas.values() if sa.stage is Stage.HALF_OPEN]
    assert len(half_open) == 5
    assert server.shared.admission.half_open == 5
    server.handle_timeout(NOW + 100.0)
    server.handle_timeout(NOW + 200.0)
    assert not any(server.leftovers().values())
