from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from eap.eap_certificates import Authority, alice, authority, server, stranger, upn
from eap.eap_pair import PASSWORD, USERS, WALL, Pair, drops_of, kinds
from ppp.auth_pair import counting_rng
from talpa.crypto.certificates import Credential, Trust
from talpa.crypto.credentials import Refused
from talpa.eap.authenticator import Authenticator
from talpa.eap.outcomes import Failure, Success
from talpa.eap.packets import Type, parse
from talpa.eap.peer import Peer
from talpa.eap.tls_fragments import ACKNOWLEDGEMENT, MORE
from talpa.eap.tls_settings import TlsSettings

VERSIONS = pytest.mark.parametrize("tls13", [True, False], ids=["1.3", "1.2"])


def tls_pair(
    *,
    tls13: bool = True,
    fragment: int = 1024,
    credential: Credential | None = None,
    user: str = "alice@example.com",
    trusts: tuple[Trust | None, Trust | None] = (None, None),
    server_name: str | None = "vpn.example.com",
    methods: tuple[str, ...] = ("tls",),
    ours: Credential | None = None,
) -> Pair:
    trust, theirs = (t or authority().trust() for t in trusts)
    settings = TlsSettings(ours or server(), trust, lambda: WALL, fragment=fragment, tls13=tls13)
    peer = Peer(
        user,
        PASSWORD,
        credential or alice(),
        theirs,
        server_name,
        wall=lambda: WALL,
        rng=counting_rng(2),
        fragment=fragment,
    )
    return Pair(Authenticator(methods, counting_rng(1), "vpn", settings), peer)


@VERSIONS
@pytest.mark.parametrize("fragment", [150, 1024, 16_384])
def test_a_certificate_lets_in_and_both_have_the_key(tls13: bool, fragment: int) -> None:
    pair = tls_pair(tls13=tls13, fragment=fragment)
    ours, theirs = pair.run()
    assert isinstance(ours, Success)
    assert isinstance(theirs, Success)
    assert (ours.name, ours.method) == ("alice@example.com", "EAP-TLS")
    assert ours.msk is not None
    assert len(ours.msk.reveal()) == 64
    assert ours.msk == theirs.msk
    assert [a.method for a in pair.attempts] == ["EAP-TLS"]
    assert not drops_of(pair.authenticator)
    assert not drops_of(pair.peer)
    longest = max(len(p) for p in (*pair.requests, *pair.responses))
    assert longest <= fragment + 10
    # Four octets of EAP, type, flags, length of the message.
    assert fragment == 16_384 or longest == fragment + 10


@VERSIONS
def test_each_conversation_has_a_key_of_its_own(tls13: bool) -> None:
    keys = {repr(tls_pair(tls13=tls13).run()[0].msk.reveal()) for _ in range(3)}  # type: ignore[union-attr]
    assert len(keys) == 3


@VERSIONS
def test_a_chain_with_a_ca_between_holds(tls13: bool) -> None:
    above = Authority("Root CA", below=True)
    name = x509.RFC822Name("alice@example.com")
    credential, _ = above.issue("Alice", name)
    vpn, _ = above.issue("vpn", x509.DNSName("vpn.example.com"), server=True)
    trusts = (above.trust(), above.trust())
    pair = tls_pair(tls13=tls13, credential=credential, trusts=trusts, ours=vpn)
    ours, theirs = pair.run()
    assert isinstance(ours, Success), ours
    assert isinstance(theirs, Success), theirs


@VERSIONS
@pytest.mark.parametrize("kind", ["RSA", "Ed25519"])
def test_other_kinds_of_keys_will_do(tls13: bool, kind: str) -> None:
    rsa_key, edwards = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
    names = x509.RFC822Name("alice@example.com"), x509.DNSName("vpn.example.com")
    key = rsa_key if kind == "RSA" else edwards
    credential, _ = authority().issue("Alice", names[0], key=key)
    vpn, _ = authority().issue("vpn", names[1], server=True, key=key)
    ours, theirs = tls_pair(tls13=tls13, credential=credential, ours=vpn).run()
    assert isinstance(ours, Success), ours
    assert isinstance(theirs, Success), theirs


@pytest.mark.parametrize("at", ["server", "client"])
def test_a_certificate_of_ours_that_openssl_does_not_take_is_said(at: str) -> None:
    credential = replace(alice(), key=server().key)
    pair = tls_pair(ours=credential) if at == "server" else tls_pair(credential=credential)
    outcome = pair.run()[0 if at == "server" else 1]
    assert isinstance(outcome, Failure)
    assert outcome.reason == "OpenSSL does not take our own certificate: key values mismatch"


@VERSIONS
def test_a_client_of_another_ca_is_refused_and_told(tls13: bool) -> None:
    pair = tls_pair(tls13=tls13, credential=stranger())
    ours, theirs = pair.run()
    assert isinstance(ours, Failure)
    assert not ours.by_peer
    assert theirs == Failure("TLS: the peer says: tlsv1 alert unknown ca", by_peer=True)
    assert not pair.attempts


@VERSIONS
def test_a_server_of_another_ca_is_refused_and_told(tls13: bool) -> None:
    pair = tls_pair(tls13=tls13, trusts=(None, Authority("Other CA").trust()))
    ours, theirs = pair.run()
    assert ours == Failure("TLS: the peer says: tlsv1 alert unknown ca", by_peer=True)
    assert isinstance(theirs, Failure)
    assert not theirs.by_peer
    assert pair.peer.refusal == theirs.reason


@VERSIONS
def test_a_server_of_another_name_is_refused(tls13: bool) -> None:
    ours, theirs = tls_pair(tls13=tls13, server_name="other.example.com").run()
    assert isinstance(ours, Failure)
    assert isinstance(theirs, Failure)
    assert "other.example.com" in theirs.reason


@VERSIONS
def test_a_certificate_that_has_expired_is_refused(tls13: bool) -> None:
    old, _ = authority().issue("Alice", x509.RFC822Name("alice@example.com"), days=-1)
    pair = tls_pair(tls13=tls13, credential=old)
    ours, theirs = pair.run()
    assert isinstance(ours, Failure)
    assert "expired" in ours.reason
    assert isinstance(theirs, Failure)
    assert theirs.by_peer
    assert not pair.attempts


def test_the_time_that_counts_is_the_one_handed_in() -> None:
    pair = tls_pair()
    settings = TlsSettings(server(), authority().trust(), lambda: WALL + timedelta(days=31))
    pair.authenticator = Authenticator(("tls",), counting_rng(), "vpn", settings)
    ours, _ = pair.run()
    assert isinstance(ours, Failure)
    assert "expired" in ours.reason


@VERSIONS
def test_a_certificate_that_was_revoked_is_refused(tls13: bool) -> None:
    credential, certificate = authority().issue("Alice", x509.RFC822Name("alice@example.com"))
    crl = authority().crl([certificate])
    ours, _ = tls_pair(
        tls13=tls13, credential=credential, trusts=(authority().trust(crl), None)
    ).run()
    assert isinstance(ours, Failure)
    assert "revoked" in ours.reason
    ours, _ = tls_pair(tls13=tls13, trusts=(authority().trust(crl), None)).run()
    assert isinstance(ours, Success)


@VERSIONS
def test_a_user_that_may_not_log_in_gets_no_key(tls13: bool) -> None:
    pair = tls_pair(tls13=tls13)
    pair.judge = lambda attempt: Refused(f"{attempt.name}: the account is disabled")
    ours, theirs = pair.run()
    assert ours == Failure("alice@example.com: the account is disabled", by_peer=False)
    assert theirs == Failure("refused by EAP-TLS", by_peer=True)


def test_a_certificate_of_somebody_else_is_refused_in_words() -> None:
    ours, _ = tls_pair(user="bob").run()
    reason = "the certificate is for alice@example.com, but the peer calls itself bob"
    assert ours == Failure(reason, by_peer=False)


@pytest.mark.parametrize("user", ["ALICE@example.com", "@example.com", "anonymous@example.com"])
def test_the_certificate_says_the_name(user: str) -> None:
    pair = tls_pair(user=user)
    ours, _ = pair.run()
    assert isinstance(ours, Success)
    assert ours.name == "alice@example.com"
    assert ours.name in USERS


def test_a_windows_user_is_known_by_the_principal_name() -> None:
    credential, _ = authority().issue("Alice", upn("alice@example.com"))
    ours, _ = tls_pair(credential=credential).run()
    assert isinstance(ours, Success)


def test_a_peer_that_asks_for_tls_gets_it() -> None:
    pair = tls_pair(methods=("md5", "tls"))
    pair.peer._methods = [m for m in pair.peer._methods if m.name == "tls"]
    ours, _ = pair.run()
    assert isinstance(ours, Success)
    assert ours.method == "EAP-TLS"
    assert kinds(pair.responses)[1] == Type.NAK


def test_success_in_place_of_the_commitment_is_not_believed() -> None:
    pair = tls_pair()
    request: bytes | None = pair.authenticator.begin()
    while request is not None and not pair.attempts:
        before, request = request, pair.turn(request)
    # The attempt was accepted, and the commitment is in `request`, which never arrives.
    assert pair.peer.receive(bytes((3, before[1], 0, 4))).outcome is None
    assert drops_of(pair.peer) == {"EAP Success before the method is through": 1}
    assert pair.peer.receive(bytes((4, before[1], 0, 4))).outcome == Failure(
        "refused by EAP-TLS", by_peer=True
    )


def test_each_fragment_waits_for_its_acknowledgement() -> None:
    pair = tls_pair(fragment=200)
    pair.run()
    for one, other in zip(pair.requests[1:-1], pair.responses[1:], strict=False):
        if parse(one).data[0] & MORE:
            assert parse(other).data == ACKNOWLEDGEMENT
    first = parse(next(r for r in pair.requests if parse(r).data[:1] == b"\xc0"))
    assert int.from_bytes(first.data[1:5], "big") > 200


def test_data_in_place_of_an_acknowledgement_is_dropped() -> None:
    pair = tls_pair(fragment=200)
    request = pair.authenticator.begin()
    while parse(request).data[:1] != b"\xc0":
        request = pair.turn(request) or b""
    bad = bytes((2, request[1], 0, 8, Type.TLS, 0)) + b"xx"
    assert pair.authenticator.receive(bad).reply is None
    assert drops_of(pair.authenticator) == {"EAP-TLS data instead of an acknowledgement": 1}


@pytest.mark.parametrize("version", [b"\x03\x01", b"\x03\x02"], ids=["1.0", "1.1"])
def test_old_versions_of_tls_are_refused(version: bytes) -> None:
    pair = tls_pair()
    request = pair.turn(pair.authenticator.begin()) or b""
    suites = b"\0\x04\xc0\x13\xc0\x0a"
    body = version + bytes(32) + b"\0" + suites + b"\x01\0"
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello
    data = bytes((Type.TLS, 0)) + record
    response = b"\x02" + request[1:2] + (len(data) + 4).to_bytes(2, "big") + data
    alert = pair.authenticator.receive(response)
    assert parse(alert.reply or b"").data[1:2] == b"\x15"
    end = bytes((2, (alert.reply or b"")[1], 0, 6, Type.TLS, 0))
    assert pair.authenticator.receive(end).outcome == Failure(
        "TLS failed: unsupported protocol", by_peer=False
    )
