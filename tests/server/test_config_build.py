"""Settings become what the rooms are started with, and the documents made from the schema."""

import tomllib
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest

from server.certificate_files import Authority, copy_example
from talpa.aaa import Directory
from talpa.ppp.auth import METHODS
from talpa.sansio import Address
from talpa.server.config import build, reference
from talpa.server.config.client import ServerUrl, UrlError, parse_url
from talpa.server.config.loader import load, read
from talpa.server.config.schema import Settings
from talpa.wire import Secret

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def two_pools() -> Settings:
    return load(EXAMPLES / "two-pools.toml")


def test_tunnel_secrets_go_by_host_name(two_pools: Settings) -> None:
    config = build.l2tp_config(two_pools)
    assert config.host_name == "lns.example.com"
    assert config.secret_for("lac.example.net") == Secret("secret of this one")
    assert config.secret_for("anybody") == Secret("common tunnel secret")
    assert config.secret_for("") == Secret("common tunnel secret")


def test_with_secrets_for_some_peers_only_all_others_are_refused(two_pools: Settings) -> None:
    l2tp = two_pools.l2tp.model_copy(update={"secret": None})
    config = build.l2tp_config(two_pools.model_copy(update={"l2tp": l2tp}))
    assert config.secret_for("lac.example.net") == Secret("secret of this one")
    secret = config.secret_for("anybody")
    assert secret is not None
    assert len(secret.reveal()) == 32
    assert secret != build.l2tp_config(two_pools).secret_for("anybody")


def test_without_secrets_there_is_no_tunnel_authentication() -> None:
    config = build.l2tp_config(load(EXAMPLES / "talpa.toml"))
    assert config.secret_for("anybody") is None


def test_ppp_and_plane(two_pools: Settings) -> None:
    ppp = build.ppp_config(two_pools)
    assert ppp.authenticate == ("mschapv2",)
    assert ppp.accept == ()
    assert ppp.ipv6
    plane = build.plane_config(two_pools)
    assert plane.listens == (Address("198.18.0.1", 1701),)
    assert plane.tun == "talpa0"
    assert plane.tun_mtu == 1400
    assert plane.forward_between_sessions


def test_ipv6_is_not_offered_without_a_pool_of_it() -> None:
    assert not build.ppp_config(load(EXAMPLES / "split-tunnel.toml")).ipv6


def test_networks_and_gateways(two_pools: Settings) -> None:
    assert build.pool_networks(two_pools) == (
        IPv4Network("10.77.0.0/24"),
        IPv6Network("fd77::/56"),
        IPv4Network("10.78.0.0/24"),
    )
    assert build.gateways(two_pools) == (
        IPv4Address("10.77.0.1"),
        IPv6Address("fd77::1"),
        IPv4Address("10.78.0.254"),
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_what_the_loader_lets_through_the_directory_takes(path: Path, tmp_path: Path) -> None:
    settings = load(copy_example(path, tmp_path))
    Directory(build.users(settings), build.pools(settings), rng=bytes)


def test_users_carry_their_limits(two_pools: Settings) -> None:
    alice, carol = build.users(two_pools)
    assert alice.may_change_password
    assert (carol.pool, carol.sessions) == ("contractors", 1)
    assert build.pools(two_pools)[1].session_seconds == 86400


def test_the_duid_lasts(two_pools: Settings) -> None:
    assert build.duid(two_pools) == build.duid(two_pools)
    assert len(build.duid(two_pools)) == 18
    assert build.duid(two_pools)[:2] == b"\x00\x04"


def test_the_annotated_example_is_what_the_schema_says() -> None:
    assert (EXAMPLES / "annotated.toml").read_text() == reference.sample()


def test_every_commented_option_of_the_sample_is_right(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.write()
    authority.write_crl()
    authority.issue(password=b"key password")
    (tmp_path / "key-password.txt").write_text("key password\n")
    lines = []
    for line in reference.sample().splitlines():
        key, equals, _ = line.removeprefix("# ").partition(" = ")
        # There is one way too many to give these.
        commented = line.startswith("# ") and bool(equals) and key.isidentifier()
        commented = commented and key not in ("secret_file", "pkcs12")
        header = line.startswith("# [") and line.endswith("]")
        lines.append(line.removeprefix("# ") if commented or header else line)
    text = "\n".join(lines)
    assert len(tomllib.loads(text)["l2tp"]) == 11
    report = read(text, str(tmp_path / "sample"))
    assert report.problems == ()


def test_the_reference_names_every_option() -> None:
    page = reference.reference_page()
    options = [option for table in reference.tables() for option in table.options]
    assert len(options) > 50
    for option in options:
        assert f"| `{option.key}` |" in page
        assert option.doc.endswith(".")
        assert option.required or option.default or option.example


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l2tp://alice@vpn.example.com", ServerUrl("alice", "vpn.example.com", 1701)),
        ("l2tp://alice@198.18.0.1:1702", ServerUrl("alice", "198.18.0.1", 1702)),
        ("l2tp://alice@[fd00::1]", ServerUrl("alice", "fd00::1", 1701)),
        ("L2TP://alice%40corp@[fd00::1]:17/", ServerUrl("alice@corp", "fd00::1", 17)),
        ("l2tp://alice@corp@host", ServerUrl("alice@corp", "host", 1701)),
        ("l2tp://host", ServerUrl("", "host", 1701)),
        ("l2tp+ipsec://alice@host", ServerUrl("alice", "host", 500, "l2tp+ipsec")),
        ("ikev2://host", ServerUrl("", "host", 500, "ikev2")),
    ],
)
def test_server_urls(text: str, expected: ServerUrl) -> None:
    assert parse_url(text) == expected


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("alice@host", "no scheme", "l2tp+ipsec://alice@"),
        ("http://host", '"http" is not a scheme', "l2tp+ipsec://alice@"),
        ("alice:hunter2@l2tp://host", "no scheme", "l2tp+ipsec://alice@"),
        ("l2tp+ipsec://alice@host:500", "l2tp+ipsec:// has no port", "ports 500 and 4500"),
        ("l2tp://alice@", "names no host", "l2tp+ipsec://"),
        ("l2tp://alice@host:x", "malformed address or port", "brackets"),
        ("l2tp://alice@host:0", "port 0", "65535"),
        ("l2tp://alice@host:70000", "malformed address or port", "65535"),
        ("l2tp://alice@[fd00::1", "malformed address or port", "brackets"),
        ("l2tp://alice@host/path", "goes on behind the host", "l2tp+ipsec://"),
        ("l2tp://alice:hunter2@host", "password must not stand in the URL", "--password-file"),
    ],
)
def test_urls_that_name_no_server(text: str, what: str, hint: str) -> None:
    with pytest.raises(UrlError) as caught:
        parse_url(text)
    assert what in str(caught.value)
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_every_method_can_be_configured() -> None:
    for method in METHODS:
        text = (EXAMPLES / "talpa.toml").read_text() + f'[ppp]\nauthentication = ["{method}"]\n'
        assert read(text, "t").settings is not None
