"""A configuration file becomes settings, or a list of everything that is wrong with it."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.certificate_files import copy_example
from talpa.sansio import Address
from talpa.server.config.loader import ConfigError, Problem, examine, load, read
from talpa.server.config.schema import Settings
from talpa.wire import Secret

EXAMPLES = Path(__file__).parents[2] / "examples"

GOOD = """\
[ipsec]
require = false
[[pool]]
name = "staff"
ipv4 = "10.77.0.0/24"
ipv6 = "fd77::/56"
[[user]]
name = "alice"
password = "correct horse"
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "talpa.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read(text, "talpa.toml").problems]


def settings_of(text: str) -> Settings:
    report = read(text, "talpa.toml")
    assert report.settings is not None, report.problems
    return report.settings


def test_the_documented_example_loads() -> None:
    config = load(EXAMPLES / "talpa.toml")
    assert config.server.name == "vpn.example.com"
    assert config.l2tp.listen == (Address("198.18.0.1", 1701),)
    (pool,) = config.pools
    assert (pool.name, pool.ipv4, pool.ipv6) == (
        "staff",
        IPv4Network("10.77.0.0/24"),
        IPv6Network("fd77::/56"),
    )
    assert pool.dns == ()
    (user,) = config.users
    assert user.name == "alice"
    assert user.password == Secret("correct horse")
    assert user.address == IPv4Address("10.77.0.50")
    assert user.sessions == 2


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_loads(path: Path, tmp_path: Path) -> None:
    report = examine(copy_example(path, tmp_path))
    assert report.problems == ()
    assert report.warnings == ()


def test_everything_wrong_is_said_at_once_with_line_key_and_hint() -> None:
    text = """\
[server]
name = "vpn"
log_levl = "info"
log_level = "loud"
socket = "talpa.sock"

[l2tp]
listen = ["198.18.0.1", "[::]:1701", "[::1]:1701"]
hello_interval = "60"
tunnels_per_address = 0

[[pool]]
name = "staff"
ipv4 = "10.77.0.0/24"
gateway = "10.78.0.1"

[[pool]]
name = "guests"
ipv4 = "10.77.0.7/25"
ipv6 = "10.0.0.0/8"
dns = "10.77.0.1"

[[user]]
name = "alice"
password = "x"
address = "10.78.0.5"

[[user]]
pool = "staf"
sessions = 0

[[user]]
name = "alice"
password = "hunter2"
pool = "staf"
adress = "10.77.0.9"

[[user]]
name = 'CORP\\bob'
password = "hunter2"
pool = "staf"
password_expired = true

[[user]]
name = "carol"
password = 7
pool = "guests"

[ppp]
mru = 100
authentication = ["mschapv2", "eap"]

[ipsec]
require = false
"""
    assert problems(text) == [
        'talpa.toml:3: server.log_levl: there is no such option: did you mean "log_level"?',
        'talpa.toml:4: server.log_level: "loud" is not possible here: '
        "choose from debug, info, warning, error",
        'talpa.toml:5: server.socket: "talpa.sock" is not an absolute path: start it with "/"',
        'talpa.toml:8: l2tp.listen[1]: "198.18.0.1" is not a numeric address with a port: '
        'write it as "0.0.0.0:1701"',
        "talpa.toml:9: l2tp.hello_interval: must be a number",
        "talpa.toml:10: l2tp.tunnels_per_address: 0 is too small: the least is 1 tunnel",
        "talpa.toml:15: pool[1].gateway: 10.78.0.1 is not in pool staff (10.77.0.0/24): "
        "choose one inside, or leave it out",
        'talpa.toml:19: pool[2].ipv4: "10.77.0.7/25" has bits set behind its prefix length: '
        'write "10.77.0.0/25"',
        'talpa.toml:20: pool[2].ipv6: "10.0.0.0/8" is an IPv4 network, not an IPv6 one: '
        "put it under ipv4",
        'talpa.toml:21: pool[2].dns: must be a list: write it as ["...", "..."], '
        "with one entry too",
        "talpa.toml:26: user[1].address: 10.78.0.5 is not in pool staff (10.77.0.0/24): "
        "choose one inside, or leave it out",
        'talpa.toml:28: user[2].name: is missing: add a line such as name = "alice"',
        "talpa.toml:28: user[2].password: is missing: "
        'add a line such as password = "correct horse"',
        "talpa.toml:30: user[2].sessions: 0 is too small: the least is 1 session",
        'talpa.toml:36: user[3].adress: there is no such option: did you mean "address"?',
        'talpa.toml:39: user[4].name: "CORP\\bob" has a domain in front, which is cut off before '
        'names are compared: write "bob"',
        'talpa.toml:41: user[4].pool: there is no pool "staf": did you mean "staff"?',
        "talpa.toml:42: user[4].password_expired: the password can never be changed: "
        "set change_password = true too",
        "talpa.toml:46: user[5].password: must be text in quotes: numbers need them too",
        "talpa.toml:50: ppp.mru: 100 is too small: the least is 576 octets",
        'talpa.toml:51: ppp.authentication[2]: "eap" is not possible here: '
        "choose from mschapv2, mschap, chap, pap",
    ]


@pytest.mark.parametrize(
    ("replaced", "by", "expected"),
    [
        (
            "[ipsec]",
            "[l2tp]\nrequire_ipsec = false\n[ipsec]",
            "talpa.toml:2: l2tp.require_ipsec: is now require under [ipsec]: remove the line; "
            "where cleartext is meant, add [ipsec] with require = false",
        ),
        (
            "[ipsec]",
            '[l2tp]\nlisten = ["0.0.0.0:1701", "198.18.0.1:1701"]\n[ipsec]',
            "talpa.toml:2: l2tp.listen[2]: 198.18.0.1:1701 is part of 0.0.0.0:1701: "
            "leave one of them out",
        ),
        (
            "[ipsec]",
            '[l2tp]\nlisten = ["198.18.0.1:99999"]\n[ipsec]',
            "talpa.toml:2: l2tp.listen[1]: port 99999 does not exist: ports go from 1 to 65535",
        ),
        (
            "[ipsec]",
            "[l2tp]\nlisten = []\n[ipsec]",
            "talpa.toml:2: l2tp.listen: must have 1 entry or more",
        ),
        (
            "[ipsec]",
            "ppp = 7\n[ipsec]",
            "talpa.toml:1: ppp: must be a table: begin it with a line [ppp]",
        ),
        (
            "[[user]]",
            "[user]",
            "talpa.toml:7: user: must be tables: begin each with a line [[user]]",
        ),
        (
            "[[user]]",
            "[[usr]]\nx = 1\n[[user]]",
            'talpa.toml:7: usr: there is no such section: did you mean "user"?',
        ),
        (
            "[ipsec]",
            '[dataplane]\nbackend = "native"\n[ipsec]',
            "talpa.toml:2: dataplane.backend: the native data plane is not part of this version: "
            'leave the line out, or write backend = "reference"',
        ),
        (
            "[ipsec]",
            "[ppp]\nmru = 1200\n[ipsec]",
            "talpa.toml:2: ppp.mru: 1200 octets are too few for IPv6: "
            "make it 1280 or more, or set ipv6 = false in [ppp]",
        ),
        (
            "[[user]]",
            '[[pool]]\nname = "more"\nipv4 = "10.77.0.128/25"\n[[user]]',
            "talpa.toml:9: pool[2].ipv4: 10.77.0.128/25 overlaps pool staff (10.77.0.0/24): "
            "give each pool addresses of its own",
        ),
        (
            "[[user]]",
            '[[pool]]\nname = "staff"\nipv4 = "10.78.0.0/24"\n[[user]]',
            'talpa.toml:8: pool[2].name: "staff" is there twice: keep one of them',
        ),
        (
            "fd77::/56",
            "fd77::/64",
            "talpa.toml:6: pool[1].ipv6: fd77::/64 has no room for the server's /64 and one of a "
            "session: take a /63 or larger; a /56 is enough for 255 sessions",
        ),
        (
            "10.77.0.0/24",
            "10.77.0.0/31",
            "talpa.toml:5: pool[1].ipv4: 10.77.0.0/31 has no room for the gateway and a client: "
            "take a /30 or larger",
        ),
        (
            'password = "correct horse"',
            'password = "x"\naddress = "10.77.0.1"',
            "talpa.toml:10: user[1].address: 10.77.0.1 is the gateway of pool staff: "
            "choose another, or leave it out",
        ),
        (
            "[[user]]",
            'wins = ["10.77.0.9"]\n[[user]]\naddress = "10.77.0.9"',
            "talpa.toml:9: user[1].address: 10.77.0.9 is a WINS server of pool staff: "
            "choose another, or leave it out",
        ),
        (
            'password = "correct horse"',
            'password = "x"\naddress = "10.77.0.255"',
            "talpa.toml:10: user[1].address: 10.77.0.255 is the broadcast address of "
            "10.77.0.0/24: choose one inside, or leave it out",
        ),
        (
            'password = "correct horse"',
            'password = "x"\naddress = "10.77.0.9"\n[[user]]\nname = "bob"\npassword = "y"\n'
            'address = "10.77.0.9"',
            "talpa.toml:14: user[2].address: 10.77.0.9 belongs to alice already: "
            "choose another, or leave it out",
        ),
        (
            'password = "correct horse"',
            'password = ""',
            "talpa.toml:9: user[1].password: is empty: "
            "give it a value, or leave the line out if it is optional",
        ),
        (
            "[[user]]",
            '[ppp]\nauthentication = ["chap"]\n[[user]]\nchange_password = true',
            "talpa.toml:10: user[1].change_password: no method in [ppp] authentication can change "
            "a password: add mschapv2 there",
        ),
        (
            "[[user]]",
            '[ppp]\nauthentication = ["chap", "chap"]\n[[user]]',
            'talpa.toml:8: ppp.authentication[2]: "chap" is there twice: keep one of them',
        ),
    ],
)
def test_a_single_problem(replaced: str, by: str, expected: str) -> None:
    assert settings_of(GOOD)
    assert problems(GOOD.replace(replaced, by)) == [expected]


def test_without_a_pool_there_is_nothing_to_give() -> None:
    assert problems("[ipsec]\nrequire = false\n") == [
        "talpa.toml: pool: there is no pool to take addresses from: add a [[pool]]"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[server]\nname = x\n", "{}:2: this is not TOML: invalid value"),
        (b'[server]\nname = "x', "{}:2: this is not TOML: "),
        (b"[server]\n[server]\n", "{}:2: this is not TOML: "),
        (b"a = " + b"[" * 9000, "{}: "),
        (b"ok = 1\nname = \xff\n", "{}:2: is not UTF-8 text: save it as UTF-8"),
    ],
)
def test_what_is_not_toml_is_said_with_its_line(tmp_path: Path, text: bytes, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(expected.format(path)[: len(str(path)) + 2])
    if len(text) < 1000:
        assert str(caught.value).startswith(expected.format(path))


@pytest.mark.parametrize(
    ("number", "expected"),
    [("9" * 5000, "too many digits"), ("0x" + "f" * 5000, "the number is too large")],
    ids=["decimal", "hexadecimal"],
)
def test_a_number_that_python_itself_will_not_write(number: str, expected: str) -> None:
    found = problems(f"[ppp]\nmru = {number}\n")
    assert any(expected in problem for problem in found)
    assert all(len(problem) < 200 for problem in found)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError, match="there is no such file"):
        load(missing)
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path)


def test_passwords_that_everybody_can_read_are_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    warnings: list[Problem] = []
    load(path, warnings.append)
    assert warnings == []
    path.chmod(0o644)
    load(path, warnings.append)
    assert [str(warning) for warning in warnings] == [
        f"{path}: everybody on this machine can read its passwords: chmod 600 {path}"
    ]


def test_name_servers_that_are_the_gateway_are_warned_of() -> None:
    dns = 'ipv6 = "fd77::/56"\ndns = ["10.20.0.53", "10.77.0.1", "fd77::1"]\n'
    report = read(GOOD.replace('ipv6 = "fd77::/56"\n', dns), "talpa.toml")
    assert [str(warning) for warning in report.warnings] == [
        f"talpa.toml:7: pool[1].dns[{place}]: {address} is this pool's own gateway, and talpa "
        "answers no DNS there: make sure that a name server does"
        for place, address in ((2, "10.77.0.1"), (3, "fd77::1"))
    ]


def test_weak_methods_and_missing_users_are_warned_of() -> None:
    text = GOOD.partition("[[user]]")[0] + '[ppp]\nauthentication = ["chap", "pap", "mschap"]\n'
    assert [str(warning) for warning in read(text, "t").warnings] == [
        "t: user: there is no user, so nobody can connect: add a [[user]]",
        "t:8: ppp.authentication[2]: pap sends the password itself, which anybody on the way can "
        "read: use it only with clients that know nothing better",
        "t:8: ppp.authentication[3]: mschap is broken: its answers give the password away: "
        "use mschapv2",
    ]


def test_no_secret_is_shown_by_settings_or_problems() -> None:
    text = GOOD + 'pool = "hunter2"\n[[user]]\npassword = "hunter3"\nsessions = "x"\n'
    shown = "\n".join(problems(text)) + repr(settings_of(GOOD)) + str(settings_of(GOOD))
    shown += settings_of(GOOD).model_dump_json()
    assert "correct horse" not in shown
    assert "hunter3" not in shown


KEYS = st.sampled_from(
    [
        "server",
        "l2tp",
        "ipsec",
        "ppp",
        "pool",
        "user",
        "peer",
        "psk",
        "certificate",
        "name",
        "ipv4",
        "listen",
        "password",
        "x",
    ]
)
VALUES = st.recursive(
    st.sampled_from(["1", "true", '"x"', '"10.0.0.0/8"', "1.5", "nan", "1979-05-27"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{k} = {v}" for k, v in table.items()) + "}"
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_document_gives_settings_or_problems(document: dict[str, str]) -> None:
    report = read("".join(f"{key} = {value}\n" for key, value in document.items()), "t")
    assert (report.settings is None) == bool(report.problems)
