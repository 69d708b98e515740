"""Several strongSwan clients with xl2tpd behind one NAT, all from inner port 1701; and a NAT that
forgets."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from interop import xl2tpd
from interop.ipsec import GATEWAY, LOGIN, POOL, server_config
from interop.judge import Wire
from interop.program import Server
from interop.strongswan import Setting, StrongSwan
from interop.traffic import ping_both_ways
from interop.world import Where, World

THREE = Where(caller_nat=True, guests=3)
THREE_OLD = replace(THREE, answerer_nat=True, suite="bookworm")
V1 = Setting(version=1, ike="aes256-sha1-modp2048", esp="aes256-sha1")
V1_RSA = replace(V1, auth="rsa")
V2 = Setting(ike="aes256-sha256-ecp256", esp="aes256gcm16")


@pytest.fixture
def server(scene: World, line: Wire, tmp_path: Path, setting: Setting) -> Iterator[Server]:
    server = Server(scene.host, tmp_path, server_config(setting, tmp_path))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def swans(scene: World, server: Server, setting: Setting) -> Iterator[list[StrongSwan]]:
    swans = [
        StrongSwan(guest, setting, remote=scene.topology.answerer, name=f"peer{number}@lab.example")
        for number, guest in enumerate(scene.guests)
    ]
    for swan in swans:
        swan.start()
    try:
        yield swans
    finally:
        for swan in swans:
            xl2tpd.Client(swan.guest, LOGIN, scene.topology.answerer).kill()
            swan.kill()


def dial(scene: World, swan: StrongSwan) -> str:
    """L2TP inside; the client's address."""
    swan.initiate()
    lac = xl2tpd.Client(swan.guest, LOGIN, scene.topology.answerer)
    lac.start()
    lac.dial()
    return lac.interface_up()


@pytest.mark.parametrize(
    ("scene", "setting"),
    [
        pytest.param(THREE, V1, id="ikev1-psk"),
        pytest.param(THREE, V2, id="ikev2-psk"),
        pytest.param(THREE_OLD, V1, id="old-ikev1-psk", marks=pytest.mark.matrix),
        pytest.param(THREE_OLD, V1_RSA, id="old-ikev1-rsa", marks=pytest.mark.matrix),
        pytest.param(THREE_OLD, V2, id="old-ikev2-psk", marks=pytest.mark.matrix),
    ],
    indirect=["scene"],
)
def test_clients_behind_one_nat_reach_each_other(
    scene: World, server: Server, swans: list[StrongSwan]
) -> None:
    inside = [dial(scene, swan) for swan in swans]
    assert len(set(inside)) == len(swans)
    for guest, own in zip(scene.guests, inside, strict=True):
        guest.run(f"ip route add {POOL} dev ppp0")
        ping_both_ways(scene.host, guest, GATEWAY, own)
    for guest, own in zip(scene.guests, inside, strict=True):
        for other in inside:
            if other != own:
                guest.run(f"ping -q -c 3 -i 0.1 -W 2 {other}", timeout=15)
    associations = server.until_associations(3)
    assert {association["nat"] for association in associations} <= {"peer", "both"}
    assert len({association["peer"] for association in associations}) == 3
    assert len(server.until_sessions(3)) == 3


@pytest.mark.parametrize(
    ("scene", "setting"),
    [
        pytest.param(Where(caller_nat=True), V1, id="ikev1"),
        pytest.param(Where(caller_nat=True), V2, id="ikev2", marks=pytest.mark.matrix),
    ],
    indirect=["scene"],
)
def test_a_nat_forgets_and_gives_other_ports_and_another_address(
    scene: World, server: Server, swans: list[StrongSwan]
) -> None:
    inside = dial(scene, swans[0])
    nat = scene.topology.calling.nat
    assert nat is not None
    [before] = server.until_associations(1)
    for ports, outer in (("20000-29999", None), ("30000-39999", "198.18.0.11/24")):
        nat.translate(ports, outer)
        # The client's next packet shows the server where it is now.
        scene.guest.run(f"ping -q -c 3 -i 0.1 -W 2 {GATEWAY}", timeout=15)
        scene.host.run(f"ping -q -c 3 -i 0.1 -W 2 {inside}", timeout=15)
    [after] = server.until_associations(1)
    assert after["id"] == before["id"]
    assert after["peer"] != before["peer"]
    assert after["peer"].startswith("198.18.0.11:3")
    assert after["forged"] == after["replayed"] == 0
    nat.translate(outer="198.18.0.10/24")
    assert ip_address(inside) in ip_network(POOL)
