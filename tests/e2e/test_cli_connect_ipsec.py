"""`talpa connect` with IPsec: keys, certificates, identities in; settings or errors out."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import talpa.cli.connect
import talpa.cli.ipsec
from server.certificate_files import Authority
from talpa.cli.main import app
from talpa.ike.identities import from_text
from talpa.ike.policies import COMPATIBLE, MODERN
from talpa.server.config.client import ClientIpsec, ClientSettings
from talpa.wire import Secret

KEY = "t0YBtyG2bvbBUFHrGMwsMZ2hBp8zN3oI"


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[ClientSettings]:
    """The settings with which the client was started."""
    found: list[ClientSettings] = []

    def start(settings: ClientSettings) -> int:
        found.append(settings)
        return 0

    monkeypatch.setattr(talpa.cli.connect, "_connect", start)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys and certificates, in the current directory."""
    authority = Authority(tmp_path)
    authority.write("ca.pem")
    authority.issue("alice", stem="alice")
    authority.issue("alice", stem="locked", password=b"open sesame")
    for name, text in (("psk.txt", KEY), ("short.txt", "hunter2"), ("word.txt", "open sesame")):
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments: str, password: str | None = "correct horse") -> Result:
    return CliRunner().invoke(
        app, ["connect", *arguments.split()], env={"TALPA_PASSWORD": password}
    )


def ipsec_of(result: Result, connected: list[ClientSettings]) -> ClientIpsec:
    assert result.exit_code == 0, result.output
    assert connected[0].ipsec is not None
    return connected[0].ipsec


@pytest.mark.usefixtures("folder")
def test_l2tp_with_a_pre_shared_key(connected: list[ClientSettings]) -> None:
    result = run("l2tp+ipsec://alice@vpn.example.com --psk-file psk.txt")
    ipsec = ipsec_of(result, connected)
    assert result.stderr == ""
    assert (ipsec.version, ipsec.l2tp) == (1, True)
    assert (ipsec.authentication, ipsec.server_authentication) == ("psk", "psk")
    assert ipsec.psk == Secret(KEY)
    assert (ipsec.credential, ipsec.trust, ipsec.identity) == (None, None, None)
    assert ipsec.policy == COMPATIBLE
    (settings,) = connected
    assert (settings.server, settings.port, settings.user) == ("vpn.example.com", 500, "alice")
    assert settings.password == Secret("correct horse")
    assert KEY not in repr(settings)


@pytest.mark.usefixtures("folder")
def test_every_option_arrives(connected: list[ClientSettings]) -> None:
    options = (
        "--psk-file psk.txt --ike 1 --identity alice@example.com "
        "--server-identity @vpn.example.com "
        "--policy modern --aggressive-mode --key-log keys"
    )
    result = run(f"l2tp+ipsec://alice@198.18.0.1 {options}")
    ipsec = ipsec_of(result, connected)
    assert ipsec.identity == from_text("alice@example.com")
    assert ipsec.server_identity == from_text("vpn.example.com")
    assert ipsec.policy == MODERN
    assert ipsec.aggressive
    assert ipsec.key_log == Path("keys")
    assert "Aggressive Mode shows whoever listens a hash" in result.stderr
    assert "EVERY KEY IS WRITTEN TO keys" in result.stderr


@pytest.mark.usefixtures("folder")
def test_l2tp_with_a_certificate(connected: list[ClientSettings]) -> None:
    result = run(
        "l2tp+ipsec://alice@vpn.example.com --ike 2 --certificate alice.pem --key alice-key.pem "
        "--ca ca.pem"
    )
    ipsec = ipsec_of(result, connected)
    assert (ipsec.version, ipsec.authentication) == (2, "certificate")
    assert ipsec.credential is not None
    assert ipsec.credential.chain[0].common_name == "alice"
    assert ipsec.trust is not None
    assert len(ipsec.trust.cas) == 1
    assert not ipsec.trust.strict


@pytest.mark.usefixtures("folder")
def test_ikev2_with_a_password(connected: list[ClientSettings]) -> None:
    ipsec = ipsec_of(run("ikev2://alice@vpn.example.com --ca ca.pem"), connected)
    assert (ipsec.version, ipsec.l2tp) == (2, False)
    assert (ipsec.authentication, ipsec.server_authentication) == ("eap", "certificate")
    assert connected[0].password == Secret("correct horse")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "authentication"),
    [("", "certificate"), ("--eap", "eap"), ("--server-identity vpn.example.com", "certificate")],
)
def test_ikev2_with_a_certificate_asks_for_no_password(
    connected: list[ClientSettings], options: str, authentication: str
) -> None:
    result = run(
        f"ikev2://alice@vpn.example.com --pkcs12 alice.p12 --ca ca.pem {options}", password=None
    )
    assert ipsec_of(result, connected).authentication == authentication
    assert not connected[0].password


@pytest.mark.usefixtures("folder")
def test_ikev2_with_a_key_needs_no_user(connected: list[ClientSettings]) -> None:
    result = run("ikev2://vpn.example.com --psk-file psk.txt", password=None)
    assert ipsec_of(result, connected).authentication == "psk"
    assert (connected[0].user, connected[0].password) == ("", Secret(""))


@pytest.mark.usefixtures("folder")
def test_a_locked_key_opens_with_its_password(connected: list[ClientSettings]) -> None:
    result = run(
        "ikev2://h --certificate locked.pem --key locked-key.pem --key-password-file word.txt "
        "--ca ca.pem"
    )
    assert ipsec_of(result, connected).credential is not None


def test_without_a_ca_those_of_the_system_count_for_the_name_that_is_called(
    connected: list[ClientSettings], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    ipsec = ipsec_of(run("ikev2://alice@vpn.example.com"), connected)
    assert ipsec.trust is not None
    assert ipsec.trust.strict
    assert [ca.subject.rfc4514_string() for ca in ipsec.trust.cas] == ["CN=Example CA"]


def test_a_system_without_cas(
    connected: list[ClientSettings], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    result = run("ikev2://alice@vpn.example.com")
    assert result.stderr == (
        "error: there is no CA to check the server's certificate with\n"
        "hint: name its CA: --ca FILE\n"
    )
    assert connected == []


@pytest.mark.usefixtures("folder", "connected")
def test_a_short_key_is_warned_of_and_not_shown() -> None:
    result = run("l2tp+ipsec://alice@h --psk-file short.txt")
    assert result.exit_code == 0
    assert "the key is shorter than 20 octets" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.usefixtures("connected")
def test_a_private_key_that_everybody_can_read_is_warned_of(folder: Path) -> None:
    (folder / "alice-key.pem").chmod(0o644)
    result = run("ikev2://h --certificate alice.pem --key alice-key.pem --ca ca.pem")
    assert "warning: everybody on this machine can read alice-key.pem: chmod 600" in result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        ("l2tp+ipsec://a@h --psk-file no.txt", "error: no.txt cannot be read: No such file", 1),
        ("ikev2://a@h --ca no.pem", "error: no.pem cannot be read: No such file", 1),
        ("ikev2://a@h --ca psk.txt", "error: psk.txt: ", 1),
        (
            "ikev2://h --certificate alice.pem --ca ca.pem",
            "error: alice.pem holds no private key",
            2,
        ),
        ("ikev2://h --pkcs12 locked.p12 --ca ca.pem", "error: locked.p12: The PKCS#12 file", 1),
        (
            "ikev2://h --certificate alice.pem --key locked-key.pem --ca ca.pem",
            "error: alice.pem: The private key is encrypted: give its password.",
            1,
        ),
        ("ikev2://h --psk-file psk.txt --ca ca.pem", "error: with --psk-file both ends", 2),
        ("ikev2://h --certificate a --pkcs12 b", "error: --certificate and --pkcs12 are both", 2),
        ("ikev2://a@h --policy fast", "error: --policy fast: there is no such choice\nhint: ", 2),
        ("ikev2://a@h --aggressive-mode", "error: --aggressive-mode: IKEv2 has no such mode", 2),
        ("ikev2://a@h --ca ca.pem --identity CN=", "error: --identity CN=: ", 2),
        ("ikev2://a@h --ca ca.pem --eap", "error: --eap: EAP-TLS needs a certificate\nhint: ", 2),
        (
            "ikev2://a@h --ca ca.pem --key-password-file word.txt",
            "error: --key-password-file is given without a key\nhint: ",
            2,
        ),
        ("ikev2://a@h --local-port 7", "error: --local-port: with IPsec the server sees ", 2),
        (
            "l2tp+ipsec://a@h --psk-file psk.txt --local-port 7",
            "error: --local-port: with IPsec the server sees ",
            2,
        ),
        ("ikev2://a@h --name laptop", "error: --name: there is no L2TP in ikev2://", 2),
        ("ikev2://a@h --auth pap", "error: --auth: there is no L2TP in ikev2://", 2),
        (
            "ikev2://a@h --tunnel-secret-file psk.txt",
            "error: --tunnel-secret-file: there is no L2TP in ikev2://",
            2,
        ),
        ("l2tp+ipsec://a@h --psk-file psk.txt --ike 3", "Usage: talpa connect", 2),
    ],
)
def test_what_cannot_be_connected_with(
    connected: list[ClientSettings], arguments: str, expected: str, code: int
) -> None:
    result = run(arguments)
    assert result.stderr.startswith(expected)
    assert result.exit_code == code
    assert connected == []
