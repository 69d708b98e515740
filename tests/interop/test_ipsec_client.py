"""`talpa connect` calls strongSwan: L2TP in transport mode, and IKEv2 alone in tunnel mode."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from interop import xl2tpd
from interop.cases import cases
from interop.ipsec import LOGIN, Client
from interop.judge import Wire
from interop.program import until
from interop.strongswan import Setting, StrongSwan
from interop.traffic import ping_both_ways, tcp_from_here
from interop.world import Where, World

NO_NAT = Where(talpa_answers=False)
CLIENT_NAT = replace(NO_NAT, caller_nat=True)
BOTH_NAT = replace(CLIENT_NAT, answerer_nat=True)
OLD_CLIENT_NAT = replace(CLIENT_NAT, suite="bookworm")
NEWEST = replace(NO_NAT, suite="forky")

V1 = Setting(version=1, ike="aes256-sha256-modp2048", esp="aes256-sha256")
V2 = Setting()
ACCESS = Setting(mode="tunnel", ike="aes256gcm16-prfsha256-ecp256", esp="aes256gcm16")
POST_QUANTUM = "x25519-ke1_mlkem768"

QUICK: dict[Where, list[Setting]] = {
    BOTH_NAT: [V1, replace(ACCESS, auth="eap-mschapv2")],
    OLD_CLIENT_NAT: [replace(V1, auth="ecdsa"), replace(V2, auth="rsa")],
    NEWEST: [
        replace(V2, esp="aes256gcm16-ecp256"),
        replace(
            ACCESS,
            auth="eap-tls",
            ike=f"aes256gcm16-prfsha384-{POST_QUANTUM}",
            esp="aes256gcm16",
        ),
    ],
}
"""What `make test` runs."""

_ALL = [
    V1,
    replace(V1, ike="aes128-sha1-ecp256", esp="aes128gcm16"),
    replace(V1, auth="rsa"),
    replace(V1, auth="ecdsa", encap=True),
    V2,
    replace(V2, auth="rsa", esp="aes256-sha512"),
    replace(V2, auth="ecdsa", fragmentation=False),
    replace(V2, auth="ed25519", encap=True),
    ACCESS,
    *(replace(ACCESS, auth=auth) for auth in ("rsa", "ecdsa", "ed25519")),
    *(replace(ACCESS, auth=auth) for auth in ("eap-mschapv2", "eap-tls")),
]
MATRIX: dict[Where, list[Setting]] = {
    replace(NO_NAT, caller_nat=caller, answerer_nat=answerer, suite=suite): _ALL
    for suite in ("trixie", "bookworm")
    for caller in (False, True)
    for answerer in (False, True)
}


@pytest.fixture
def swan(scene: World, line: Wire, setting: Setting) -> Iterator[StrongSwan]:
    """The server's end, listening."""
    swan = StrongSwan(scene.guest, setting, answers=True)
    swan.start()
    try:
        yield swan
    finally:
        swan.kill()


@pytest.fixture
def client(scene: World, swan: StrongSwan, setting: Setting, tmp_path: Path) -> Iterator[Client]:
    client = Client(scene.host, tmp_path, setting, scene.topology.answerer)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize(("scene", "setting"), cases(QUICK, MATRIX), indirect=["scene"])
def test_connects_and_carries_traffic(
    scene: World, swan: StrongSwan, client: Client, setting: Setting
) -> None:
    theirs = StrongSwan.INSIDE
    if setting.mode == "transport":
        lns = xl2tpd.Server(scene.guest, LOGIN)
        lns.start()
        theirs = lns.inside
        client.start()
    else:
        client.start("--route", "10.98.0.0/24")
    ours = client.address()
    swan.until_sas("INSTALLED")

    ping_both_ways(scene.host, scene.guest, ours, theirs)
    tcp_from_here(scene.host, scene.guest, theirs)

    assert client.terminate() == 0
    until("strongSwan has no SA", lambda: "lab: #" not in swan.sas(), 10, swan.log)
    if setting.mode == "transport":
        lns.interface_down()
        lns.kill()
