import pytest
from cryptography import x509

from eap.eap_certificates import authority, upn
from talpa.eap.tls_names import named_by, user_names

EMAIL = x509.RFC822Name("alice@example.com")
HOST = x509.DNSName("pc7.example.com")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((EMAIL,), ("alice@example.com",)),
        ((upn("alice@corp.example"),), ("alice@corp.example",)),
        ((HOST,), ("pc7.example.com",)),
        (
            (HOST, upn("alice@corp.example"), EMAIL),
            ("alice@example.com", "alice@corp.example", "pc7.example.com"),
        ),
        ((), ("Alice",)),
        ((x509.UniformResourceIdentifier("urn:x"),), ("Alice",)),
        ((x509.OtherName(upn("").type_id, b"\x04\x01x"),), ()),
    ],
)
def test_users_are_named_by_the_alternative_names_else_the_common_one(
    names: tuple[x509.GeneralName, ...], expected: tuple[str, ...]
) -> None:
    credential, _ = authority().issue("Alice", *names)
    assert user_names(credential.chain[0].der) == expected


def test_what_is_no_certificate_names_nobody() -> None:
    assert user_names(b"\x30\x03abc") == ()


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (b"alice@example.com", "alice@example.com"),
        (b"Alice@Example.COM", "alice@example.com"),
        (b"BIGCO\\alice@example.com", "alice@example.com"),
        (b"host/pc7.example.com", "pc7.example.com"),
        (b"", "alice@example.com"),
        (b"@example.com", "alice@example.com"),
        (b"anonymous", "alice@example.com"),
        (b"alice", None),
        (b"bob@example.com", None),
        (b"\xff\xfe", None),
    ],
)
def test_an_identity_means_one_of_the_names_or_none(identity: bytes, name: str | None) -> None:
    assert named_by(identity, ("alice@example.com", "pc7.example.com")) == name


def test_a_certificate_without_a_name_is_for_nobody() -> None:
    assert named_by(b"", ()) is None
