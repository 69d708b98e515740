"""Which certificates are believed, and what is said of those that are not."""

from datetime import datetime
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.certificate_makers import (
    ANY,
    CA,
    CLIENT,
    DAY,
    IKE_INTERMEDIATE,
    SERVER,
    WALL,
    Made,
    dns,
    key_of,
    key_usage,
    make,
    name,
    revocation_list,
)
from talpa.crypto.certificates import (
    Certificate,
    CertificateRefused,
    Trust,
    load_cas,
    load_credential,
    load_crls,
)
from talpa.wire import Secret

ROOT = make("Root", None, CA, key_usage("key_cert_sign", "crl_sign"))
MIDDLE = make("Middle", ROOT, CA)
ALICE = make("alice", ROOT)
SERVED = make("vpn.example.com", MIDDLE, dns("vpn.example.com", "*.pool.example.com"), SERVER)


def verify(
    *chain: Made,
    trust: Trust | None = None,
    wall: datetime = WALL,
    usage: str = "client",
    called: str | None = None,
) -> Certificate:
    judge = trust or Trust([ROOT.certificate])
    return judge.verify([each.der for each in chain], wall, usage=usage, name=called)  # type: ignore[arg-type]


def refusal(*chain: Made, **how: object) -> str:
    with pytest.raises(CertificateRefused) as caught:
        verify(*chain, **how)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.endswith((".", "?"))
    return text


STRICT = Trust([ROOT.certificate], strict=True)


def test_the_plainest_certificate_is_taken() -> None:
    found = verify(ALICE)
    assert found.subject == "CN=alice"
    assert found.subject_der == name("alice").public_bytes()
    assert found.names == ()
    assert found.public_key == key_of("alice").public_key()


def test_a_chain_in_any_order_with_strangers_in_it() -> None:
    stranger = make("Stranger", None, CA)
    for others in ([MIDDLE], [stranger, MIDDLE, ROOT], [ROOT, MIDDLE, stranger]):
        found = verify(SERVED, *others, usage="server", called="vpn.example.com")
        assert found.dns == ("vpn.example.com", "*.pool.example.com")


def test_a_middle_ca_may_be_ours_and_a_certificate_trusted_by_itself() -> None:
    assert verify(SERVED, trust=Trust([MIDDLE.certificate]), usage="server")
    lone = make("router")
    assert verify(lone, trust=Trust([lone.certificate]))
    assert "expired" in refusal(lone, trust=Trust([lone.certificate]), wall=WALL + 31 * DAY)


def test_no_way_to_a_ca_of_ours() -> None:
    assert "issued by CN=Middle, which is not one of our CAs" in refusal(SERVED, usage="server")
    assert "signed by itself" in refusal(make("lone"))
    forged = make("Root", None, CA, key=key_of("forger"))
    fake = make("alice", forged)
    assert "was not signed by the key of CN=Root" in refusal(fake)
    assert "not signed by the key" in refusal(fake, forged)
    assert "no certificate" in refusal()


def test_dates() -> None:
    assert "expired on 2026-07-01" in refusal(ALICE, wall=WALL + 31 * DAY)
    assert "clocks" in refusal(ALICE, wall=WALL - 31 * DAY)
    old = make("Old", ROOT, CA, end=WALL - DAY)
    assert "CN=Old expired" in refusal(make("bob", old), old)
    # A renewed one of the same name and key takes its place.
    new = make("Old", ROOT, CA)
    assert verify(make("bob", old), old, new)


@pytest.mark.parametrize(
    ("extensions", "word"),
    [
        ((), "not a CA's"),
        ((x509.BasicConstraints(ca=False, path_length=None),), "not a CA's"),
        ((CA, key_usage("digital_signature")), "key usage"),
        ((CA, SERVER), "extended key usage"),
        ((CA, x509.InhibitAnyPolicy(0)), "critical"),
    ],
)
def test_who_may_not_issue(extensions: tuple[x509.ExtensionType, ...], word: str) -> None:
    middle = make("Odd", ROOT, *extensions, critical=(x509.BasicConstraints, x509.InhibitAnyPolicy))
    assert word in refusal(make("bob", middle), middle)


def test_path_length() -> None:
    root = make("Short", None, x509.BasicConstraints(ca=True, path_length=0))
    trust = Trust([root.certificate])
    assert verify(make("bob", root), trust=trust)
    middle = make("Below", root, CA)
    assert "path length" in refusal(make("bob", middle), middle, trust=trust)


@pytest.mark.parametrize("usage", ["server", "client"])
def test_extended_key_usage(usage: str) -> None:
    right, wrong = (SERVER, CLIENT) if usage == "server" else (CLIENT, SERVER)
    for extension in (right, IKE_INTERMEDIATE):
        assert verify(make("bob", ROOT, extension), usage=usage)
        assert verify(make("bob", ROOT, extension), usage=usage, trust=STRICT)
    assert verify(make("bob", ROOT), usage=usage)
    assert verify(make("bob", ROOT, ANY), usage=usage)
    assert "does not say" in refusal(make("bob", ROOT), usage=usage, trust=STRICT)
    for trust in (None, STRICT):
        assert f"not for a {usage}" in refusal(make("bob", ROOT, wrong), usage=usage, trust=trust)
    assert "not for a" in refusal(make("bob", ROOT, ANY), usage=usage, trust=STRICT)


def test_key_usage_of_the_peer() -> None:
    assert verify(make("bob", ROOT, key_usage("digital_signature")))
    assert verify(make("bob", ROOT, key_usage("content_commitment")))
    assert "key usage" in refusal(make("bob", ROOT, key_usage("key_encipherment")))
    assert "CA's own" in refusal(make("bob", ROOT, CA, CLIENT), trust=STRICT)


def test_unknown_critical_extensions() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
    assert verify(make("bob", ROOT, odd))
    assert "1.2.3.4" in refusal(make("bob", ROOT, odd, critical=(x509.UnrecognizedExtension,)))


def test_names_of_hosts() -> None:
    for called in ("vpn.example.com", "VPN.Example.Com.", "a.pool.example.com"):
        assert verify(SERVED, MIDDLE, usage="server", called=called)
    for called in ("example.com", "a.b.pool.example.com", "pool.example.com", "198.18.0.1", ""):
        text = refusal(SERVED, MIDDLE, usage="server", called=called)
        assert "but for vpn.example.com" in text
    numeric = make(
        "n", ROOT, x509.SubjectAlternativeName([x509.IPAddress(ip_address("198.18.0.1"))])
    )
    assert verify(numeric, called="198.18.0.1").addresses == (ip_address("198.18.0.1"),)
    assert "not for" in refusal(numeric, called="198.18.0.2")
    by_hand = make("gw.example.com", ROOT)
    assert verify(by_hand, called="gw.example.com")
    strict = make("gw.example.com", ROOT, SERVER)
    assert "not for" in refusal(strict, called="gw.example.com", trust=STRICT, usage="server")
    assert "not for" in refusal(make("vpn", ROOT, dns("other")), called="vpn")
    assert "not for" in refusal(make("w", ROOT, dns("*.com", "*")), called="example.com")


def test_name_constraints() -> None:
    inside = x509.NameConstraints([x509.DNSName("example.com")], None)
    middle = make("Bound", ROOT, CA, inside)
    assert verify(make("a", middle, dns("a.example.com")), middle)
    assert "may not vouch" in refusal(make("a", middle, dns("a.example.org")), middle)
    assert "no alternative names" in refusal(make("a.example.org", middle), middle)
    subjects = x509.NameConstraints([x509.DirectoryName(name("a"))], None)
    odd = make("Odd", ROOT, CA, subjects)
    assert "not understood" in refusal(make("a", odd, dns("a.example.com")), odd)
    without = x509.NameConstraints(None, [x509.IPAddress(ip_network("198.18.0.0/15"))])
    middle = make("Without", ROOT, CA, without)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("198.18.0.1"))])
    assert "may not vouch" in refusal(make("a", middle, address), middle)


def test_keys_and_hashes() -> None:
    assert verify(make("bob", ROOT, key=ed25519.Ed25519PrivateKey.generate()))
    edroot = make("Ed", None, CA, key=ed25519.Ed25519PrivateKey.generate())
    assert verify(make("bob", edroot), trust=Trust([edroot.certificate]))
    small = rsa.generate_private_key(65537, 1024)
    assert "RSA key of 1024 bits" in refusal(make("bob", ROOT, key=small))
    other = ec.generate_private_key(ec.SECP256K1())
    assert "secp256k1" in refusal(make("bob", ROOT, key=other))
    rsa_root = make("RSA", None, CA, key=rsa.generate_private_key(65537, 2048))
    trust = Trust([rsa_root.certificate])
    bob = make("bob", rsa_root)
    assert verify(bob, trust=trust)
    # The library makes none with SHA-1; the object identifier is as long as that of SHA-256.
    good, weak = (bytes.fromhex("2a864886f70d0101" + last) for last in ("0b", "05"))
    with pytest.raises(CertificateRefused, match="SHA1, which proves nothing"):
        trust.verify([bob.der.replace(good, weak)], WALL, usage="client")


def test_chains_are_bounded() -> None:
    chain = [make("CA 0", ROOT, CA)]
    for count in range(1, 7):
        chain.insert(0, make(f"CA {count}", chain[0], CA))
    assert verify(make("bob", chain[0]), *chain)
    assert "9 certificates" in refusal(*[ALICE] * 9)
    large = make("bob", ROOT, dns(*(f"{'x' * 60}{count}.example.com" for count in range(300))))
    assert "larger" in refusal(large)
    assert "64 names" in refusal(make("bob", ROOT, dns(*(f"{n}.example.com" for n in range(65)))))


def test_certificates_that_have_all_issued_each_other_take_no_time() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(7)]
    same = [make("Loop", None, CA, key=key) for key in keys]
    crossed = [
        make("Loop", same[count - 1], CA, key=key, issuer_name="Loop")
        for count, key in enumerate(keys)
    ]
    assert refusal(make("bob", same[0]), *crossed)


def test_revocation() -> None:
    def judge(*crls: x509.CertificateRevocationList, required: bool = False) -> Trust:
        return Trust([ROOT.certificate], crls, require_crl=required)

    bob = make("bob", ROOT)
    text = refusal(bob, trust=judge(revocation_list(ROOT, bob)))
    assert "CN=bob was revoked by CN=Root on 2026-05-31" in text
    for required in (False, True):
        assert verify(ALICE, trust=judge(revocation_list(ROOT, bob), required=required))
    assert verify(ALICE, trust=judge())
    assert "no revocation list of CN=Root" in refusal(ALICE, trust=judge(required=True))
    # Of another of that name, though signed by nobody that counts.
    forged = revocation_list(ROOT, ALICE, key=key_of("forger"))
    assert verify(ALICE, trust=judge(forged))
    assert "no revocation list" in refusal(ALICE, trust=judge(forged, required=True))
    stale = revocation_list(ROOT, bob, begin=WALL - 9 * DAY, end=WALL - 2 * DAY)
    assert "revoked" in refusal(bob, trust=judge(stale))
    assert verify(ALICE, trust=judge(stale))
    assert "renewed by 2026-05-30" in refusal(ALICE, trust=judge(stale, required=True))
    assert verify(ALICE, trust=judge(stale, revocation_list(ROOT), required=True))


def test_revocation_of_a_ca_in_between() -> None:
    trust = Trust([ROOT.certificate], [revocation_list(ROOT, MIDDLE)])
    assert "CN=Middle was revoked" in refusal(SERVED, MIDDLE, trust=trust, usage="server")
    trust = Trust([ROOT.certificate], [revocation_list(ROOT)], require_crl=True)
    assert "no revocation list of CN=Middle" in refusal(SERVED, MIDDLE, trust=trust, usage="server")


def test_what_is_asked_of_peers() -> None:
    trust = Trust([ROOT.certificate, MIDDLE.certificate])
    assert len(trust.ca_hashes()) == 2
    assert trust.ca_subjects() == (name("Root").public_bytes(), name("Middle").public_bytes())
    info = key_of("Root").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (
        x509.SubjectKeyIdentifier.from_public_key(key_of("Root").public_key()).digest
        != (trust.ca_hashes()[0])
    )
    assert info


def key_pem(made: Made, password: bytes | None = None, encoding: Encoding = Encoding.PEM) -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return made.key.private_bytes(encoding, PrivateFormat.PKCS8, how)


def test_credentials_of_pem() -> None:
    bundle = b"some text\n" + ROOT.pem + MIDDLE.pem + SERVED.pem
    credential = load_credential(bundle, key_pem(SERVED), None, None)
    assert [each.subject for each in credential.chain] == ["CN=vpn.example.com", "CN=Middle"]
    assert credential.key.public == credential.chain[0].public_key
    assert load_credential(SERVED.der, key_pem(SERVED, encoding=Encoding.DER), None, None)
    assert load_credential(SERVED.pem + key_pem(SERVED), None, None, None)
    secret = Secret("open")
    assert load_credential(SERVED.pem, key_pem(SERVED, b"open"), None, secret)
    assert load_credential(SERVED.pem, key_pem(SERVED), None, secret)
    assert "secret" not in repr(credential).lower()


@pytest.mark.parametrize("password", [None, "open"])
def test_credentials_of_pkcs12(password: str | None) -> None:
    how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    others = [ROOT.certificate, MIDDLE.certificate]
    data = serialize_key_and_certificates(
        b"vpn",
        SERVED.key,
        SERVED.certificate,
        others,
        how,
    )
    credential = load_credential(None, None, data, Secret(password) if password else None)
    assert [each.subject for each in credential.chain] == ["CN=vpn.example.com", "CN=Middle"]
    with pytest.raises(CertificateRefused, match="password"):
        load_credential(None, None, data, Secret("wrong"))


def test_credentials_that_do_not_do() -> None:
    for pem, key, password, word in (
        (SERVED.pem, key_pem(ALICE), None, "does not go with"),
        (SERVED.pem, key_pem(SERVED, b"open"), None, "encrypted"),
        (SERVED.pem, key_pem(SERVED, b"open"), Secret("wrong"), "password"),
        (SERVED.pem, b"nonsense", None, "cannot be read"),
        (b"nonsense", key_pem(SERVED), None, "cannot be read"),
        (b"-----BEGIN nonsense", key_pem(SERVED), None, "no certificate"),
        (None, None, None, "no certificate"),
    ):
        with pytest.raises(CertificateRefused, match=word):
            load_credential(pem, key, None, password)


def test_files_of_cas_and_lists() -> None:
    assert [ca.subject for ca in load_cas(ROOT.pem + MIDDLE.pem)] == [name("Root"), name("Middle")]
    assert len(load_cas(ROOT.der)) == 1
    crls = [revocation_list(ROOT), revocation_list(MIDDLE)]
    pem = b"text\n".join(crl.public_bytes(Encoding.PEM) for crl in crls)
    assert [crl.issuer for crl in load_crls(pem)] == [name("Root"), name("Middle")]
    assert len(load_crls(crls[0].public_bytes(Encoding.DER))) == 1
    for wrong in (b"", b"nonsense", ROOT.pem, b"-----BEGIN X509 CRL-----\nAA\n-----END X509 CRL"):
        with pytest.raises(CertificateRefused):
            load_crls(wrong)
    for wrong in (b"", b"nonsense", pem):
        with pytest.raises(CertificateRefused):
            load_cas(wrong)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_certificates_are_refused_and_nothing_else_happens(data: st.DataObject) -> None:
    der = bytearray(SERVED.der)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    if bytes(der) == SERVED.der:
        return
    cut = data.draw(st.integers(0, len(der)))
    for damaged in (bytes(der), bytes(der[:cut]), bytes(der) + b"\0"):
        with pytest.raises(CertificateRefused):
            Trust([ROOT.certificate]).verify([damaged, MIDDLE.der], WALL, usage="server")
