"""Who is given an address over IKEv2 alone, and under which name."""

from dataclasses import replace

import pytest

from simnet.secure import SecureServer
from simnet.stack import ALICE
from talpa.aaa import User
from talpa.ike import events as ike
from talpa.ike.identities import from_text
from talpa.sansio import Address, Path

PATH = Path(Address("198.18.0.1", 4500), Address("198.18.0.2", 4500))
MAIL = replace(ALICE, name="bob@example.com")


def wanted(identity: str, method: str = "RSA", user: str = "") -> ike.AddressWanted:
    said = from_text(identity)
    peer = ike.Peer(
        2, PATH, said, method, "CN=the certificate", "", (), "", (), False, False, False
    )
    return ike.AddressWanted(7, peer, user or said.show(), ipv4=True, ipv6=False)


def asked(event: ike.AddressWanted, *users: User) -> tuple[list[str], list[str]]:
    """Who has an address then, and what the log says of those who have none."""
    server = SecureServer(1, users=users)
    server.role.ike_event(event, 0.0)
    refused = [notice.message for notice in server.said("session-refused")]
    return [user.user for user in server.role.remote.users()], refused


@pytest.mark.parametrize(
    ("identity", "user"),
    [
        ("CN=alice", "alice"),
        ("CN=alice,OU=Staff,O=Example", "alice"),
        ("@alice", "alice"),
        ("bob@example.com", "bob@example.com"),
        ("CN=alice,CN=bob", None),
        ("CN=Alice", None),
        ("O=alice", None),
        ("alice@example.com", None),
        ("bob@elsewhere.example", None),
        ("keyid:alice", None),
    ],
)
def test_a_certificate_is_the_users_whose_name_is_in_it(identity: str, user: str | None) -> None:
    found, refused = asked(wanted(identity), ALICE, MAIL)
    assert found == ([user] if user else [])
    assert len(refused) == (user is None)


def test_the_whole_name_goes_before_a_part_of_it() -> None:
    whole = replace(ALICE, name="CN=alice")
    assert asked(wanted("CN=alice"), ALICE, whole)[0] == ["CN=alice"]


@pytest.mark.parametrize("method", ["RSA", "PSK"])
def test_a_disabled_user_is_let_in_by_no_certificate_and_no_key(method: str) -> None:
    found, refused = asked(wanted("CN=alice", method), replace(ALICE, disabled=True))
    assert found == []
    assert "alice" in refused[0]
    assert "disabled" in refused[0]


def test_a_name_of_eap_is_taken_as_it_is() -> None:
    assert asked(wanted("CN=alice", "EAP-TLS", "bob@example.com"), ALICE, MAIL)[0] == [MAIL.name]
    assert asked(wanted("CN=alice", "EAP-TLS", "CN=alice"), ALICE)[0] == []


def test_one_who_never_was_a_user_is_told_of_in_the_log() -> None:
    _, (refused,) = asked(wanted("CN=mallory,O=Example"), ALICE)
    assert refused == (
        "no such user: CN=mallory,O=Example or mallory: add a [[user]] of that name "
        "(asked for by CN=mallory,O=Example from 198.18.0.2)"
    )
