"""`[ipsec]` becomes what IKE and the data plane are started with."""

from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from server.certificate_files import Authority, copy_example
from talpa.crypto.algorithms import GroupId
from talpa.esp.sa import Mode, Selector
from talpa.ike.config import Config, Weakness
from talpa.ike.identities import from_text
from talpa.ike.policies import COMPATIBLE, LEGACY, MODERN
from talpa.sansio import Address
from talpa.server.config import build, ipsec_build
from talpa.server.config.loader import load, read
from talpa.server.config.schema import Settings
from talpa.wire import Secret

EXAMPLES = Path(__file__).parents[2] / "examples"
REST = '[[pool]]\nname = "staff"\nipv4 = "10.77.0.0/24"\n'


def wall() -> datetime:
    return datetime.now(UTC)


def settings_of(text: str, folder: Path = Path()) -> Settings:
    report = read(text + REST, str(folder / "talpa.toml"))
    assert report.settings is not None, report.problems
    return report.settings


def config_of(settings: Settings) -> Config:
    config = ipsec_build.ike_config(settings, wall)
    assert config is not None
    return config


def psk(name: str, more: str = "") -> str:
    return f'[[ipsec.psk]]\nsecret = "key {name} that is long enough"\n{more}\n'


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return load(copy_example(EXAMPLES / "home-psk.toml", tmp_path))


@pytest.fixture
def office(tmp_path: Path) -> Settings:
    return load(copy_example(EXAMPLES / "office-certificates.toml", tmp_path))


@pytest.fixture
def router(tmp_path: Path) -> Settings:
    return load(copy_example(EXAMPLES / "router-to-router.toml", tmp_path))


def test_at_home_everybody_has_the_same_key(home: Settings) -> None:
    config = config_of(home)
    (key,) = config.psks("198.18.0.7")
    assert key.secret == Secret("t0YBtyG2bvbBUFHrGMwsMZ2hBp8zN3oI")
    assert key.name == "", "it is nobody's, so nobody can log in by it"
    assert config.policy == COMPATIBLE
    assert (config.v1, config.v2, config.l2tp, config.remote_access) == (True, True, True, True)
    assert config.eap_methods == (), "the server has nothing to prove itself with before"
    assert not config.aggressive
    assert not config.key_log


def test_the_plane_listens_for_ike_and_takes_nothing_in_the_clear(home: Settings) -> None:
    plane = build.plane_config(home)
    assert plane.ike == (Address("0.0.0.0", 500),)
    assert plane.natt == (Address("0.0.0.0", 4500),)
    assert plane.raw_esp == ("0.0.0.0",)
    assert not plane.accept_clear
    # Bound all the same: for a port that nobody has, the kernel would answer.
    assert plane.listens == (Address("0.0.0.0", 1701),)


@pytest.mark.parametrize("text", ["require = false\n", "require = false\nenabled = false\n"])
def test_without_keys_there_is_no_ike(text: str) -> None:
    settings = settings_of(f"[ipsec]\n{text}")
    assert ipsec_build.ike_config(settings, wall) is None
    assert ipsec_build.calls(settings) == ()
    plane = build.plane_config(settings)
    assert (plane.ike, plane.natt, plane.raw_esp) == ((), (), ())
    assert plane.accept_clear


def test_keys_and_clear_text_side_by_side() -> None:
    settings = settings_of("[ipsec]\nrequire = false\n" + psk("a"))
    assert config_of(settings).psks("198.18.0.1")
    assert build.plane_config(settings).accept_clear
    assert build.plane_config(settings).ike


def test_in_the_office_there_are_certificates(office: Settings) -> None:
    config = config_of(office)
    assert config.credential is not None
    assert config.credential.chain[0].dns == ("vpn.example.com",)
    assert config.trust is not None
    assert config.trust.require_crl
    assert len(config.trust.cas) == len(config.trust.crls) == 1
    assert config.identity == from_text("vpn.example.com")
    assert config.eap_methods == ("mschapv2", "tls")
    assert config.policy.weak == (Weakness("modp1024", "routeros", date(2099, 12, 31)),)
    assert config.psks("198.18.0.1") == []
    assert "PRIVATE" not in repr(config)


def test_without_a_ca_no_user_logs_in_by_a_certificate(tmp_path: Path) -> None:
    Authority(tmp_path).issue()
    text = '[ipsec.certificate]\nchain = ["server.pem"]\nkey = "server-key.pem"\n'
    assert config_of(settings_of(text, tmp_path)).eap_methods == ("mschapv2",)


def test_the_most_specific_key_comes_first() -> None:
    text = (
        psk("everybody")
        + psk("net", 'peer = "198.18.0.0/16"')
        + psk("branch", 'identity = "branch.example.com"')
        + psk("host", 'peer = "198.18.0.7/32"')
        + psk("alice", 'peer = "198.18.0.0/24"\nidentity = "alice@example.com"\nname = "Alice"')
        + psk("six", 'peer = "fd00::/8"')
    )
    psks = config_of(settings_of(text)).psks

    def found(remote: str) -> list[str]:
        return [key.secret.reveal().decode().split()[1] for key in psks(remote)]

    assert found("198.18.0.7") == ["alice", "branch", "host", "net", "everybody"]
    assert found("198.18.1.7") == ["branch", "net", "everybody"]
    assert found("198.19.0.1") == ["branch", "everybody"]
    assert found("fd00::1") == ["branch", "six", "everybody"]
    names = {key.name for key in psks("198.18.0.7")}
    assert names == {"Alice", "branch.example.com", ""}


def test_a_link_between_two_routers(router: Settings) -> None:
    config = config_of(router)
    (link,) = config.connections
    assert (link.name, link.version, link.mode) == ("branch", 2, Mode.TUNNEL)
    assert link.local_identity == from_text("office.example.com")
    assert link.remote_identity == from_text("branch.example.com")
    assert (link.authentication, link.remote_authentication) == ("psk", "psk")
    assert link.psk is not None
    assert link.psk.identity == link.remote_identity
    assert link.remote[0] == Selector(IPv4Address("10.30.0.0"), IPv4Address("10.30.255.255"))
    assert len(link.local) == len(link.remote) == 2
    assert link.pfs is GroupId.X25519
    assert link.post_quantum_id == b"office-branch"
    assert link.post_quantum_key == dict(config.post_quantum_keys)[b"office-branch"]
    assert link.lifetimes is None
    assert config.policy == MODERN
    assert not config.v1
    assert ipsec_build.calls(router) == (("branch.example.com", link),)
    assert ipsec_build.link_networks(router)[0] == IPv4Network("10.30.0.0/16")
    # When the branch calls, its key is found by its identity.
    assert [key.name for key in config.psks("198.18.9.9")] == ["branch"]


def test_a_link_may_differ_from_the_rest() -> None:
    text = """
[[ipsec.connection]]
name = "old"
version = 1
initiate = false
peer = "198.18.0.9"
secret = "a key that is long enough"
local = ["10.20.0.0/16"]
remote = ["10.30.0.0/16"]
policy = "legacy"
child_lifetime = 600
child_kilobytes = 250000
pfs = "modp2048"
"""
    settings = settings_of(text)
    (link,) = config_of(settings).connections
    assert link.policy == LEGACY
    assert link.lifetimes is not None
    assert (link.lifetimes.ike, link.lifetimes.child) == (28_800, 600)
    assert link.lifetimes.child_octets == 256_000_000
    assert link.psk is not None
    assert link.psk.peer == IPv4Network("198.18.0.9/32")
    assert link.pfs is GroupId.MODP2048
    assert ipsec_build.calls(settings) == ()
    assert config_of(settings).psks("198.18.0.8") == []


def test_the_key_of_a_link_by_name_is_no_key_for_others() -> None:
    text = """
[[ipsec.connection]]
name = "branch"
peer = "branch.example.com"
secret = "a key that is long enough"
local = ["10.20.0.0/16"]
remote = ["10.30.0.0/16"]
"""
    assert config_of(settings_of(text)).psks("198.18.0.1") == []


def test_what_is_set_arrives() -> None:
    text = """
[ipsec]
ikev1 = false
policy = "modern"
aggressive_mode = true
ah = true
remote_access = false
ike_lifetime = 600
child_lifetime = 300
child_kilobytes = 2048
replay_window = 64
esn = false
dpd = 0
mlkem = "require"
require_ppk = true
redirect = "vpn2.example.com"
key_log = "/root/keys"
[ipsec.limits]
half_open = 100
half_open_per_address = 10
rate_per_address = 5
cookies_from = 0
[[ipsec.ppk]]
id = "one"
secret = "a key that is long enough"
"""
    config = config_of(settings_of(text + psk("a")))
    assert not config.v1
    assert config.aggressive
    assert config.ah
    assert not config.remote_access
    assert (config.lifetimes.ike, config.lifetimes.child) == (600, 300)
    assert config.lifetimes.child_octets == 2 << 20
    assert (config.window, config.dpd) == (64, 0)
    assert not config.policy.esn
    assert config.policy.require_additional
    assert config.policy.additional == MODERN.additional
    assert config.require_post_quantum_key
    assert config.post_quantum_keys == ((b"one", Secret("a key that is long enough")),)
    assert (config.redirect, config.key_log) == ("vpn2.example.com", True)
    assert (config.half_open, config.half_open_per_place) == (100, 10)
    assert (config.rate_per_place, config.cookies_from) == (5, 0)


def test_ml_kem_can_be_switched_off() -> None:
    config = config_of(settings_of('[ipsec]\nmlkem = "off"\n' + psk("a")))
    assert config.policy.additional == ()
