"""strongSwan calls `talpa serve`: L2TP in transport mode, and remote access in tunnel mode."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from interop import xl2tpd
from interop.cases import cases
from interop.ipsec import GATEWAY, LOGIN, METHODS, server_config
from interop.judge import Wire
from interop.program import Server
from interop.strongswan import Setting, StrongSwan
from interop.traffic import TCP_LEAST, ping_both_ways, tcp_from_guest
from interop.world import Where, World

NO_NAT = Where()
CLIENT_NAT = Where(caller_nat=True)
BOTH_NAT = Where(caller_nat=True, answerer_nat=True)
SERVER_NAT = Where(answerer_nat=True)
OLD_CLIENT_NAT = replace(CLIENT_NAT, suite="bookworm")
OLD_BOTH_NAT = replace(BOTH_NAT, suite="bookworm")
NEWEST = replace(NO_NAT, suite="forky")

V1 = Setting(version=1, ike="aes256-sha1-modp2048", esp="aes256-sha1")
V1_ECDSA = replace(V1, auth="ecdsa", esp="aes128gcm16")
V2 = Setting()
GCM = Setting(ike="aes256gcm16-prfsha384-x25519", esp="aes256gcm16-x25519")
ACCESS = Setting(mode="tunnel")
POST_QUANTUM = "x25519-ke1_mlkem768"
AH = [
    replace(V1, ah=True, esp="sha256"),
    replace(V1, ah=True, esp="sha1"),
    replace(V2, ah=True, esp="sha256-esn"),
    replace(V2, ah=True, esp="sha512"),
]

QUICK: dict[Where, list[Setting]] = {
    CLIENT_NAT: [
        V1,
        replace(GCM, auth="ecdsa"),
        replace(ACCESS, auth="eap-mschapv2"),
        replace(ACCESS, auth="eap-tls"),
    ],
    OLD_BOTH_NAT: [replace(V1, auth="rsa"), replace(ACCESS, auth="ed25519")],
    NO_NAT: [
        V1_ECDSA,
        replace(V2, ppk="quantum key of the lab", esp="aes256-sha256-esn"),
        AH[0],
        AH[2],
    ],
    NEWEST: [
        replace(
            V2, ike=f"aes256gcm16-prfsha384-{POST_QUANTUM}", esp=f"aes256-sha256-{POST_QUANTUM}"
        )
    ],
}
"""What `make test` runs."""

_TRANSPORT = [
    V1,
    replace(V1, ike="aes128-sha256-ecp384", esp="aes128-sha256-ecp384"),
    replace(V1, auth="rsa"),
    V1_ECDSA,
    replace(V1, encap=True, ike="aes256-sha384-modp3072", esp="aes128gcm16"),
    V2,
    GCM,
    replace(V2, auth="rsa", esp="chacha20poly1305"),
    replace(V2, auth="ecdsa", ike="aes128-sha256-modp2048", esp="aes128-sha1"),
    replace(V2, auth="ed25519", ike="aes256-sha512-ecp521", esp="aes256-sha512"),
    replace(V2, fragmentation=False, mobike=False),
    replace(V2, ppk="quantum key of the lab"),
    replace(V2, esp="aes256gcm16-esn"),
    replace(V2, esp="aes256-sha256-esn"),
]
_TUNNEL = [
    ACCESS,
    *(
        replace(ACCESS, auth=auth)
        for auth in ("rsa", "ecdsa", "ed25519", "eap-mschapv2", "eap-md5", "eap-tls")
    ),
    replace(ACCESS, auth="eap-mschapv2", ike="aes256gcm16-prfsha256-ecp256", esp="aes128gcm16"),
    replace(ACCESS, auth="rsa", ppk="quantum key of the lab", encap=True),
]
MATRIX: dict[Where, list[Setting]] = {
    Where(caller_nat=caller, answerer_nat=answerer, suite=suite): [
        *_TRANSPORT,
        *_TUNNEL,
        *(() if caller or answerer else AH),
    ]
    for suite in ("trixie", "bookworm")
    for caller in (False, True)
    for answerer in (False, True)
}


@pytest.fixture
def server(scene: World, line: Wire, tmp_path: Path, setting: Setting) -> Iterator[Server]:
    server = Server(scene.host, tmp_path, server_config(setting, tmp_path))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def swan(scene: World, server: Server, setting: Setting) -> Iterator[StrongSwan]:
    """Ready to call; ended before the server."""
    name = setting.client_name if setting.mode == "tunnel" and setting.auth == "psk" else None
    swan = StrongSwan(scene.guest, setting, remote=scene.topology.answerer, name=name)
    swan.start()
    try:
        yield swan
    finally:
        swan.kill()


def connected(scene: World, swan: StrongSwan) -> str:
    """Bring it up; the client's address inside."""
    swan.initiate()
    if swan.setting.mode == "tunnel":
        return swan.virtual_address()
    lac = xl2tpd.Client(scene.guest, LOGIN, scene.topology.answerer)
    lac.start()
    lac.dial()
    return lac.interface_up()


def disconnected(scene: World, swan: StrongSwan) -> None:
    """Take it down, as a user would."""
    if swan.setting.mode == "transport":
        lac = xl2tpd.Client(scene.guest, LOGIN, scene.topology.answerer)
        lac.hang_up()
        lac.interface_down()
        lac.kill()
    swan.terminate()


@pytest.mark.parametrize(("scene", "setting"), cases(QUICK, MATRIX), indirect=["scene"])
def test_connects_and_carries_traffic(
    scene: World, server: Server, swan: StrongSwan, setting: Setting, tmp_path: Path
) -> None:
    inside = connected(scene, swan)
    ping_both_ways(scene.host, scene.guest, GATEWAY, inside)
    tcp_from_guest(scene.host, scene.guest, GATEWAY, tmp_path)

    [association] = server.ask("sas")
    assert association["version"] == setting.version
    assert association["method"] == METHODS[setting.auth]
    assert association["mode"] == ("transport" if setting.mode == "transport" else "tunnel")
    nat = scene.nat
    if setting.encap:  # strongSwan makes us believe that it is behind NAT
        nat = "both" if scene.where.answerer_nat else "peer"
    assert association["nat"] == nat
    in_udp = bool(scene.nat) or setting.encap
    assert association["encapsulation"] == ("udp" if in_udp else "raw")
    assert association["esp_suite"].startswith("AH/") == setting.ah
    extended = scene.guest.run("ip xfrm state | grep -c 'flag.* esn' || true")
    assert bool(int(extended)) == setting.esp.endswith("esn")
    assert association["received_octets"] > TCP_LEAST
    assert association["sent_octets"] > TCP_LEAST
    assert association["replayed"] == association["forged"] == association["dropped"] == 0
    assert association["users"]

    disconnected(scene, swan)
    server.until_associations(0)
