"""EAP inside IKE_AUTH (RFC 7296 2.16, RFC 5998)."""

from dataclasses import replace

import pytest

from ike.v2.credentials import GATEWAY, credential, trust
from ike.v2.ends import World, config, l2tp
from talpa.esp.sa import Mode
from talpa.ike.config import Connection
from talpa.ike.events import AddressWanted, IkeUp, PeerAttempted, Redirected
from talpa.ike.identities import from_text
from talpa.ike.v2 import auth_responder
from talpa.ike.v2.auth import body, identification
from talpa.ike.v2.eap_tls import MOST_UNFINISHED
from talpa.ike.v2.handshake import Handshake
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import notify
from talpa.ike.v2.redirect import gateway
from talpa.ike.v2.sa import IkeSa
from talpa.wire import Secret

CLIENT = Connection(
    "work",
    2,
    authentication="eap",
    remote_authentication="certificate",
    remote_host=GATEWAY,
    user="alice",
    password=Secret("correct horse"),
    mode=Mode.TUNNEL,
    ask_address=True,
)


def world_of(server: object = None, **changes: object) -> World:
    made = World(
        config(trust=trust()),
        config(
            credential=server or credential(GATEWAY, server=True),
            trust=trust(),
            psks=lambda _: [],
            **changes,
        ),
    )
    made.right.users["alice"] = Secret("correct horse")
    return made


@pytest.mark.parametrize(("method", "name"), [("mschapv2", "EAP-MSCHAPv2"), ("md5", "EAP-MD5")])
def test_a_user_comes_in_by_password(method: str, name: str) -> None:
    world = world_of(eap_methods=(method,))
    world.connect(CLIENT)
    world.agree()
    up, wanted = world.right.of(IkeUp)[0], world.right.of(AddressWanted)[0]
    assert isinstance(up, IkeUp)
    assert isinstance(wanted, AddressWanted)
    assert (up.peer.method, up.peer.credential, wanted.user) == (name, "alice", "alice")
    assert world.left.of(IkeUp)


def test_a_wrong_password_is_refused() -> None:
    world = world_of()
    world.right.users["alice"] = Secret("another")
    world.connect(CLIENT)
    world.run(60.0)
    for party in (world.left, world.right):
        assert party.failure.stage == "IKE_AUTH, EAP"
        assert not party.carried
        assert not any(party.leftovers().values())
    assert world.right.of(PeerAttempted)


def test_a_certificate_in_eap() -> None:
    world = World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust(), eap_methods=("tls",)),
    )
    world.connect(replace(CLIENT, user="alice.example", password=None))
    world.agree()
    up = world.right.of(IkeUp)[0]
    assert isinstance(up, IkeUp)
    assert up.peer.method == "EAP-TLS"


def test_eap_alone_where_the_method_proves_both() -> None:
    world = World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust(), eap_methods=("tls",)),
    )
    alone = replace(CLIENT, user="alice.example", password=None, remote_authentication="eap")
    world.connect(alone)
    world.agree()


def test_a_password_is_never_shown_to_a_server_that_proves_itself_by_eap_alone() -> None:
    world = world_of()
    world.right.shared.config = replace(world.right.config, credential=None)
    world.connect(replace(CLIENT, remote_authentication="eap"))
    assert not world.left.carried
    assert not world.right.of(PeerAttempted)


@pytest.mark.parametrize(
    "server",
    [
        credential("other.example", server=True),
        credential(GATEWAY, server=True, issuer="Another CA"),
        credential(GATEWAY, server=False),
    ],
    ids=["another name", "another CA", "a client's"],
)
def test_nothing_of_eap_reaches_a_wrong_server(server: object) -> None:
    world = world_of(server)
    world.connect(CLIENT)
    assert not world.right.of(PeerAttempted)
    auths = [one for one in world.left.sent if one[18] == Exchange.IKE_AUTH]
    assert len(auths) == 1  # IDi, an address; no EAP
    assert "EAP" not in world.left.failure.stage


def test_a_server_without_certificate_cannot_do_eap() -> None:
    world = World(config(trust=trust()), config(psks=lambda _: []))
    world.connect(CLIENT)
    assert "certificate" in world.right.failure.reason
    assert world.left.failure.by_peer


def test_eap_that_is_off_is_refused() -> None:
    world = world_of(eap_methods=())
    world.connect(CLIENT)
    assert "EAP" in world.right.failure.reason


def test_l2tp_after_eap() -> None:
    world = world_of()
    world.connect(
        l2tp(
            psk=None,
            authentication="eap",
            remote_authentication="certificate",
            remote_host=GATEWAY,
            user="alice",
            password=Secret("correct horse"),
        )
    )
    world.agree()
    assert world.right.carried[1].spec.mode is Mode.TRANSPORT


def by_tls(seed: int = 1) -> World:
    return World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust(), eap_methods=("tls",)),
        seed=seed,
    )


def test_of_many_in_tls_some_wait_for_their_turn() -> None:
    world = by_tls()
    tls = world.right.sas._room.eap_tls
    others = [number.to_bytes(8, "big") for number in range(MOST_UNFINISHED)]
    assert all(tls.may_go_on(spi) for spi in others)
    world.call(replace(CLIENT, user="alice.example", password=None))
    world.run(3.0)
    assert not world.right.of(PeerAttempted)
    tls.over(others[0])
    world.run(20.0)
    world.agree()
    assert world.right.of(IkeUp)
    # Its place is free again.
    assert tls.may_go_on(others[0])
    assert not tls.may_go_on(b"one more")


def test_tls_is_set_up_once_for_a_configuration() -> None:
    room = by_tls().right.sas._room
    config_ = room.shared.config
    assert room.eap_tls.settings(config_) is room.eap_tls.settings(config_)
    assert room.eap_tls.settings(replace(config_)) is not room.eap_tls.settings(config_)
    assert room.eap_tls.settings(replace(config_, trust=None)) is None


def test_a_client_that_falls_silent_may_not_trust_us() -> None:
    """As some do without a word, when our certificate is not to their liking."""
    world = world_of()
    world.call(CLIENT)
    world.run(10.0, lambda: any(one[18] == Exchange.IKE_AUTH for one in world.right.received))
    world.left.sas.close(1, "Its owner does not trust the server.", world.now)
    world.run(60.0)
    assert world.right.failure.stage == "IKE_AUTH, EAP"
    assert "certificate" in world.right.failure.reason


def test_who_has_proved_nothing_yet_sends_nobody_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5685 6: in EAP alone the server proves itself only at the end."""
    world = by_tls()
    real = IkeSa.respond

    def respond(sa: IkeSa, chain: list[tuple[Kind, object]], now: float) -> None:
        if any(kind is Kind.EAP for kind, _ in chain):
            chain = [*chain, notify(NotifyKind.REDIRECT, gateway("203.0.113.9"))]
        real(sa, chain, now)

    monkeypatch.setattr(IkeSa, "respond", respond)
    monkeypatch.setattr(auth_responder, "_own_proof", _identity_alone)
    alone = replace(CLIENT, user="alice.example", password=None, remote_authentication="eap")
    world.call(alone)
    world.run(20.0)
    assert not world.left.of(Redirected)


def _identity_alone(sa: IkeSa, made: Handshake) -> list[tuple[Kind, object]]:
    payload = identification(from_text("@gateway.example"))
    sa.local_id, made.local_id_body = from_text("@gateway.example"), body(payload)
    return [(Kind.ID_R, payload)]
