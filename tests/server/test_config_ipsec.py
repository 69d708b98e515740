"""`[ipsec]`: what is refused, what is warned of, and files that are read with the configuration."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from server.certificate_files import NOW, Authority
from talpa.server.config.loader import Report, examine, read
from talpa.wire import Secret

KEY = "t0YBtyG2bvbBUFHrGMwsMZ2hBp8zN3oI"
REST = """
[[pool]]
name = "staff"
ipv4 = "10.77.0.0/24"
[[user]]
name = "alice"
password = "correct horse"
"""
PSK = f'[[ipsec.psk]]\nsecret = "{KEY}"\n'
LINK = f"""
[[ipsec.connection]]
name = "branch"
peer = "branch.example.com"
secret = "{KEY}"
local = ["10.20.0.0/16"]
remote = ["10.30.0.0/16"]
"""
CERTIFICATE = """
[ipsec.certificate]
chain = ["server.pem"]
key = "server-key.pem"
ca = ["clients-ca.pem"]
"""


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read(text + REST, "talpa.toml").problems]


def warnings(text: str) -> list[str]:
    report = read(text + REST, "talpa.toml")
    assert report.problems == ()
    return [str(warning) for warning in report.warnings]


def in_folder(folder: Path, text: str) -> Report:
    path = folder / "talpa.toml"
    path.write_text(text + REST)
    path.chmod(0o600)
    return examine(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a certificate of the server, and the CA of its clients."""
    authority = Authority(tmp_path)
    authority.write()
    authority.issue()
    return tmp_path


def test_without_a_key_it_is_said_what_to_write() -> None:
    expected = (
        "talpa.toml: ipsec: IPsec is required, and there is no pre-shared key and no certificate: "
        "add [[ipsec.psk]] or [ipsec.certificate]; where cleartext is meant, [ipsec] with "
        "require = false"
    )
    assert problems("") == [expected]
    assert problems("[ipsec]\nenabled = false\n") == [
        "talpa.toml:2: ipsec.enabled: IPsec is required and not enabled, so nobody could connect: "
        "write require = false too, where cleartext is meant"
    ]
    assert problems("[ipsec]\nrequire = false\n") == []
    assert problems("[ipsec]\nrequire = false\nenabled = false\n") == []
    assert problems(PSK) == []
    assert problems(LINK) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[ipsec.psk]]\n", ":1: ipsec.psk[1]: there is no secret: add secret_file = "),
        (PSK + 'secret_file = "/dev/null"\n', ":3: ipsec.psk[1].secret_file: /dev/null is not a "),
        ('[[ipsec.psk]]\nsecret = ""\n', ":2: ipsec.psk[1].secret: is empty: "),
        (
            PSK + 'name = "a"\n' + PSK + 'name = "a"\n',
            ':6: ipsec.psk[2].name: "a" is there twice: ',
        ),
        (PSK + 'peer = "198.18.0.1/16"\n', ':3: ipsec.psk[1].peer: "198.18.0.1/16" has bits set'),
        (
            '[ipsec]\nlisten = ["0.0.0.0:500", "198.18.0.1:500"]\n'
            'listen_nat = ["0.0.0.0:4500", "198.18.0.1:4500"]\n' + PSK,
            ":2: ipsec.listen[2]: 198.18.0.1:500 is part of 0.0.0.0:500: ",
        ),
        (
            '[ipsec]\nlisten = ["198.18.0.1:500"]\n' + PSK,
            ":1: ipsec.listen_nat: there is no address 198.18.0.1, as there is in listen: "
            'add "198.18.0.1:4500"',
        ),
        (
            '[ipsec]\nlisten = ["0.0.0.0:4500"]\n' + PSK,
            ":2: ipsec.listen[1]: 0.0.0.0:4500 is in listen_nat too: give each its own port",
        ),
        ("[ipsec]\npolicy = 'fast'\n" + PSK, ':2: ipsec.policy: "fast" is not possible here: '),
        ("[ipsec]\nreplay_window = 5000\n" + PSK, ":2: ipsec.replay_window: 5000 is too large: "),
        (
            "[ipsec]\nikev1 = false\nikev2 = false\n" + PSK,
            ":3: ipsec.ikev2: both versions of IKE are off: ",
        ),
        (
            '[ipsec]\nmlkem = "require"\n' + PSK,
            ":2: ipsec.mlkem: IKEv1 can do without it, for it knows no such thing: write ikev1",
        ),
        (
            "[ipsec]\nikev1 = false\nrequire_ppk = true\n" + PSK,
            ":3: ipsec.require_ppk: there is no such key: add an [[ipsec.ppk]]",
        ),
        (
            PSK + '[[ipsec.allow_weak]]\nwhat = "md5"\n',
            ':4: ipsec.allow_weak[1].what: "md5" is not possible here: choose from modp1024, 3des,',
        ),
        (
            PSK + '[[ipsec.allow_weak]]\nwhat = "3des"\nuntil = "2027-12-31"\n',
            ":5: ipsec.allow_weak[1].until: must be a date: write it as 2027-12-31, without quotes",
        ),
        (
            PSK + '[ipsec.psk2]\nwhat = "3des"\n',
            ':3: ipsec.psk2: there is no such option: did you mean "psk"?',
        ),
        (
            f'[ipsec.psk]\nsecret = "{KEY}"\n',
            ":1: ipsec.psk: must be tables: begin each with a line [[ipsec.psk]]",
        ),
        ("[ipsec]\ncertificate = 7\n", ":2: ipsec.certificate: must be a table: begin it with a "),
        (
            PSK + "[ipsec.certificate]\n",
            ":3: ipsec.certificate: there is no certificate in it: add chain and key, or pkcs12",
        ),
        (
            LINK.replace('peer = "branch.example.com"\n', ""),
            ":2: ipsec.connection[1]: it is not said whom to call: add peer = ",
        ),
        (
            LINK.replace('peer = "branch.example.com"', "initiate = false"),
            ":2: ipsec.connection[1]: the other end could not be told from others: add peer or ",
        ),
        (
            LINK.replace("branch.example.com", "198.18.0.256"),
            ':4: ipsec.connection[1].peer: "198.18.0.256" is not an IP address',
        ),
        (
            LINK.replace(f'secret = "{KEY}"\n', "") + PSK,
            ":2: ipsec.connection[1]: there is neither a key in it nor a certificate of this ",
        ),
        (
            LINK.replace('local = ["10.20.0.0/16"]\n', ""),
            ':2: ipsec.connection[1]: there are no local networks: add local = ["10.20.0.0/16"]',
        ),
        (
            LINK.replace("10.30.0.0/16", "10.0.0.0/8"),
            ":7: ipsec.connection[1].remote[1]: 10.0.0.0/8 overlaps the pool's 10.77.0.0/24: ",
        ),
        (
            LINK + LINK.replace('"branch"', '"other"'),
            ":14: ipsec.connection[2].remote[1]: 10.30.0.0/16 is reached through branch already: ",
        ),
        (
            LINK.replace('"]', '", "10.40.0.0/16"]') + "version = 1\n",
            ":2: ipsec.connection[1]: IKEv1 joins one network with one other: write version = 2",
        ),
        (
            LINK + 'mode = "transport"\n',
            ":6: ipsec.connection[1].local: transport mode carries L2TP between the two ends",
        ),
        (
            LINK + 'version = 1\npfs = "x25519"\n',
            ":9: ipsec.connection[1].pfs: IKEv1 knows no group x25519: write version = 2, or a ",
        ),
        (LINK + 'ppk = "x"\n', ':8: ipsec.connection[1].ppk: there is no ppk "x": add an '),
        (
            "[ipsec]\nikev2 = false\n" + LINK,
            ":4: ipsec.connection[1].version: IKEv2 is switched off: write ikev2 = true under ",
        ),
    ],
)
def test_what_is_refused(text: str, expected: str) -> None:
    found = problems(text)
    assert any(problem.startswith("talpa.toml" + expected) for problem in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[[ipsec.psk]]\nsecret = "hunter2"\n',
            ":2: ipsec.psk[1].secret: a key of fewer than 20 octets can be guessed by whoever "
            "takes part in one exchange (CVE-2018-5389): make a random one: "
            "openssl rand -base64 24",
        ),
        (
            "[ipsec]\naggressive_mode = true\n" + PSK,
            ":2: ipsec.aggressive_mode: anybody who asks gets a hash from which a pre-shared key "
            "can be guessed offline: use Main Mode or IKEv2, or at least long random keys",
        ),
        (
            '[ipsec]\nkey_log = "/root/keys"\n' + PSK,
            ":2: ipsec.key_log: EVERY KEY IS WRITTEN TO /root/keys: whoever reads it can read "
            "everything: remove the line as soon as the fault is found",
        ),
        (
            '[ipsec]\npolicy = "legacy"\n' + PSK,
            ":2: ipsec.policy: legacy takes algorithms that are broken or about to be: "
            'write policy = "compatible", and [[ipsec.allow_weak]] for what really needs it',
        ),
        (
            "[ipsec]\nreplay_window = 0\n" + PSK,
            ":2: ipsec.replay_window: without a window whoever recorded packets can send them "
            "again: leave the line out",
        ),
        (
            PSK + '[[ipsec.allow_weak]]\nwhat = "3des"\ndevice = "routeros"\n',
            ":3: ipsec.allow_weak[1]: 3des is weak, and taken from routeros devices for ever: "
            "give it an until",
        ),
        (
            PSK + '[[ipsec.allow_weak]]\nwhat = "modp1024"\nuntil = 2020-01-31\n',
            ":5: ipsec.allow_weak[1].until: modp1024 was taken from every device until 2020-01-31, "
            "and is not any more: remove the table",
        ),
    ],
)
def test_what_is_warned_of(text: str, expected: str) -> None:
    assert warnings(text) == ["talpa.toml" + expected]


def test_no_key_is_shown_by_settings_or_problems(tmp_path: Path) -> None:
    (tmp_path / "psk.txt").write_text(f"{KEY}\n")
    text = '[[ipsec.psk]]\nsecret_file = "psk.txt"\n' + LINK
    settings = in_folder(tmp_path, text).settings
    assert settings is not None
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    shown += "".join(problems(text + 'pfs = "x"\n') + warnings(LINK.replace(KEY, "short")))
    assert KEY not in shown
    assert "short" not in shown


def test_a_key_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "psk.txt").write_bytes(f"{KEY} \r\nsecond line\n".encode())
    report = in_folder(tmp_path, '[[ipsec.psk]]\nsecret_file = "psk.txt"\n')
    assert report.settings is not None
    assert report.settings.ipsec.psks[0].key() == Secret(f"{KEY} ")


def test_a_key_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "psk.txt"
    file.write_text(KEY)
    file.chmod(0o644)
    report = in_folder(tmp_path, '[[ipsec.psk]]\nsecret_file = "psk.txt"\n')
    assert [warning.what for warning in report.warnings] == [
        f"everybody on this machine can read {file}"
    ]
    assert report.warnings[0].hint == f"chmod 600 {file}"


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    text = "".join(
        f'[[ipsec.psk]]\nsecret_file = "{name}"\n'
        for name in ("missing", "empty", "pipe", ".", "/dev/zero", "a\\u0000b", "")
    )
    found = [str(problem) for problem in in_folder(tmp_path, text).problems]
    config = tmp_path / "talpa.toml"
    assert [problem.removeprefix(f"{config}:") for problem in found] == [
        f"2: ipsec.psk[1].secret_file: there is no file {tmp_path / 'missing'}: "
        "a relative path counts from this file",
        f"4: ipsec.psk[2].secret_file: the first line of {tmp_path / 'empty'} is empty: "
        "the secret stands there",
        f"6: ipsec.psk[3].secret_file: {tmp_path / 'pipe'} is not a regular file",
        f"8: ipsec.psk[4].secret_file: {tmp_path} is not a regular file",
        "10: ipsec.psk[5].secret_file: /dev/zero is not a regular file",
        "12: ipsec.psk[6].secret_file: must be a file's path in quotes: "
        "a relative one counts from this file",
        "14: ipsec.psk[7].secret_file: must be a file's path in quotes: "
        "a relative one counts from this file",
    ]


def test_certificates_are_read_and_go_together(folder: Path) -> None:
    report = in_folder(folder, CERTIFICATE)
    assert report.problems == ()
    assert report.warnings == ()
    both = 'chain = ["server.pem"]\nkey = "server-key.pem"'
    packed = CERTIFICATE.replace(both, 'pkcs12 = "server.p12"')
    assert in_folder(folder, packed).problems == ()


@pytest.mark.parametrize(
    ("replaced", "by", "key", "what"),
    [
        ('"server-key.pem"', '"other-key.pem"', "chain", "does not go with any of these cert"),
        ('"server-key.pem"', '"locked-key.pem"', "chain", "The private key is encrypted: give its"),
        ('"server-key.pem"', '"noise"', "chain", "The private key cannot be read"),
        ('["server.pem"]', '["noise"]', "chain", "certificate"),
        ('["server.pem"]', '["old.pem"]', "chain", "the certificate of CN=old expired on 20"),
        ('["clients-ca.pem"]', '["noise"]', "ca[1]", "certificate"),
        ('["clients-ca.pem"]', '["missing.pem"]', "ca[1]", "there is no file"),
        ("]\nkey", ']\ncrl = ["noise"]\nkey', "crl[1]", "no revocation list"),
        (
            '["server.pem"]',
            '["server.pem"]\npkcs12 = "server.p12"',
            "pkcs12",
            "chain and key are g",
        ),
        ('key = "server-key.pem"', "", "", "the private key of the certificate is missing"),
        ('chain = ["server.pem"]', "", "", "the certificate of the key is missing"),
        (
            'chain = ["server.pem"]\nkey = "server-key.pem"',
            'pkcs12 = "locked.p12"',
            "pkcs12",
            "The PKCS#12 file cannot be opened: is the password right?",
        ),
        (
            'ca = ["clients-ca.pem"]',
            'ca = ["clients-ca.pem"]\nrequire_crl = true',
            "require_crl",
            "there is no list of revoked certificates",
        ),
        ('ca = ["clients-ca.pem"]', "[ipsec]\neap = []", "", "there is no CA, so no peer could"),
    ],
)
def test_certificates_that_cannot_be_used(
    folder: Path, replaced: str, by: str, key: str, what: str
) -> None:
    authority = Authority(folder)
    authority.issue(stem="other")
    authority.issue(stem="locked", password=b"x")
    authority.issue("old", stem="old", days=-1)
    (folder / "noise").write_text("-----BEGIN NOTHING-----\n")
    if "old.pem" in by:
        by += '\nkey = "old-key.pem"'
        replaced += '\nkey = "server-key.pem"'
    (problem,) = in_folder(folder, PSK + CERTIFICATE.replace(replaced, by)).problems
    assert problem.key == f"ipsec.certificate.{key}".rstrip(".")
    assert problem.line is not None
    assert what in problem.what


def test_a_locked_key_opens_with_its_password(folder: Path) -> None:
    Authority(folder).issue(password=b"open sesame")
    (folder / "password.txt").write_text("open sesame\n")
    (folder / "password.txt").chmod(0o600)
    report = in_folder(folder, CERTIFICATE + 'password_file = "password.txt"\n')
    assert report.problems == ()


def test_certificates_that_will_not_do_for_long_are_warned_of(folder: Path) -> None:
    authority = Authority(folder, "Old CA", days=-1)
    authority.write()
    Authority(folder).issue(days=3)
    (folder / "server-key.pem").chmod(0o644)
    found = {warning.key: warning.what for warning in in_folder(folder, CERTIFICATE).warnings}
    day = f"{NOW - timedelta(days=1):%Y-%m-%d}"
    assert (
        found["ipsec.certificate.key"]
        == f"everybody on this machine can read {folder / 'server-key.pem'}"
    )
    assert found["ipsec.certificate.ca[1]"] == f"CN=Old CA expired on {day}"
    assert "the certificate of CN=vpn.example.com expires on" in found["ipsec.certificate.chain"]


@pytest.mark.parametrize("identity", ["two words", "CN=", "keyid:"])
def test_identities_that_are_none(identity: str) -> None:
    (problem,) = problems(PSK + f'identity = "{identity}"\n')
    assert problem.startswith("talpa.toml:3: ipsec.psk[1].identity: ")
