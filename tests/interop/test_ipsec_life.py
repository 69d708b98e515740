"""What happens to associations in their life: a peer that is killed and comes back, one that dies,
one that moves; and our client when its server is killed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from interop import xl2tpd
from interop.ipsec import GATEWAY, LOGIN, Client, server_config
from interop.judge import Wire
from interop.program import Server, until
from interop.strongswan import Setting, StrongSwan
from interop.test_ipsec_server import connected
from interop.world import Where, World

NAT = Where(caller_nat=True)
OPEN = Where()
V1 = Setting(version=1, ike="aes256-sha1-modp2048", esp="aes256-sha1")
V2 = Setting(esp="aes256gcm16")
ACCESS = Setting(mode="tunnel", auth="eap-mschapv2")


@pytest.fixture
def server(scene: World, line: Wire, tmp_path: Path, setting: Setting) -> Iterator[Server]:
    server = Server(scene.host, tmp_path, server_config(setting, tmp_path, ipsec="dpd = 3"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def swan(scene: World, server: Server, setting: Setting) -> Iterator[StrongSwan]:
    swan = StrongSwan(scene.guest, setting, remote=scene.topology.answerer)
    swan.start()
    try:
        yield swan
    finally:
        xl2tpd.Client(scene.guest, LOGIN, scene.topology.answerer).kill()
        swan.kill()


@pytest.mark.parametrize(
    ("scene", "setting"),
    [
        pytest.param(NAT, replace(V1, named=True), id="ikev1-initial_contact"),
        pytest.param(
            NAT, replace(V2, named=True), id="ikev2-initial_contact", marks=pytest.mark.matrix
        ),
        pytest.param(OPEN, V1, id="ikev1", marks=pytest.mark.matrix),
        pytest.param(OPEN, V2, id="ikev2"),
        pytest.param(OPEN, ACCESS, id="access"),
    ],
    indirect=["scene"],
)
def test_a_peer_that_was_killed_comes_back_at_once(
    scene: World, server: Server, swan: StrongSwan
) -> None:
    connected(scene, swan)
    xl2tpd.Client(scene.guest, LOGIN, scene.topology.answerer).kill()
    swan.kill()
    swan.start()
    connected(scene, swan)
    scene.guest.run(f"ping -q -c 3 -i 0.1 -W 2 {GATEWAY}", timeout=15)
    assert len(server.until_associations(1, timeout=2)) == 1
    assert len(server.until_sessions(1, timeout=2)) == 1


@pytest.mark.parametrize(
    ("scene", "setting"),
    [
        pytest.param(NAT, V1, id="ikev1"),
        pytest.param(OPEN, V2, id="ikev2", marks=pytest.mark.matrix),
    ],
    indirect=["scene"],
)
def test_a_peer_that_died_is_found_out(scene: World, server: Server, swan: StrongSwan) -> None:
    connected(scene, swan)
    server.until_associations(1)
    xl2tpd.Client(scene.guest, LOGIN, scene.topology.answerer).kill()
    swan.kill()
    server.until_associations(0, timeout=75)
    assert server.sessions() == []


@pytest.mark.parametrize(
    ("scene", "setting"), [pytest.param(OPEN, ACCESS, id="mobike")], indirect=["scene"]
)
def test_a_client_takes_its_association_along(
    scene: World, server: Server, swan: StrongSwan
) -> None:
    inside = connected(scene, swan)
    [before] = server.until_associations(1)
    scene.guest.run("ip addr del 198.18.0.3/24 dev vec0; ip addr add 198.18.0.77/24 dev vec0")
    try:
        scene.guest.until(f"ping -q -c 1 -W 1 {GATEWAY}")
        scene.host.run(f"ping -q -c 3 -i 0.1 -W 2 {inside}", timeout=15)
        [after] = server.until_associations(1)
        assert after["id"] == before["id"]
        assert after["peer"].startswith("198.18.0.77:")
    finally:
        scene.guest.run(
            "ip addr del 198.18.0.77/24 dev vec0; ip addr add 198.18.0.3/24 dev vec0 || true"
        )


@pytest.mark.parametrize(
    ("scene", "setting"),
    [
        pytest.param(replace(OPEN, talpa_answers=False), V1, id="ikev1", marks=pytest.mark.matrix),
        pytest.param(replace(NAT, talpa_answers=False), V2, id="ikev2"),
    ],
    indirect=["scene"],
)
def test_our_client_comes_back_to_a_server_that_was_killed(
    scene: World, line: Wire, setting: Setting, tmp_path: Path
) -> None:
    swan = StrongSwan(scene.guest, setting, answers=True)
    lns = xl2tpd.Server(scene.guest, LOGIN)
    client = Client(scene.host, tmp_path, setting, scene.topology.answerer)
    try:
        swan.start()
        lns.start()
        client.start("--echo-interval", "1")
        client.address()
        lns.kill()
        swan.kill()
        swan.start()
        lns.start()
        swan.until_sas("INSTALLED", timeout=90)
        reaches = f"ping -q -c 1 -W 1 {lns.inside}"
        until("traffic again", lambda: scene.host.succeeds(reaches), 60, client.log)
    finally:
        client.close()
        lns.kill()
        swan.kill()
