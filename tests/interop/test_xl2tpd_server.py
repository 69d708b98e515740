"""`talpa connect` calls xl2tpd with pppd, over the kernel's L2TP."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from interop.judge import Wire
from interop.program import Client
from interop.stage import Stage
from interop.traffic import ping_both_ways, tcp_from_here
from interop.xl2tpd import MATRIX, Server, Setting


@pytest.fixture
def server(stage: Stage, setting: Setting) -> Iterator[Server]:
    server = Server(stage.guest, setting)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def client(
    stage: Stage, server: Server, tmp_path: Path, wire: Wire, setting: Setting
) -> Iterator[Client]:
    client = Client(stage.net, tmp_path, setting)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize("setting", MATRIX, ids=str)
def test_connects_and_carries_traffic(
    stage: Stage, server: Server, client: Client, setting: Setting, wire: Wire
) -> None:
    net, guest = stage.net, stage.guest
    client.start()
    inside = client.address()
    assert ip_address(inside) in ip_network("10.99.0.0/24")
    server.interface_up()

    ping_both_ways(net, guest, inside, server.inside)
    tcp_from_here(net, guest, server.inside)

    assert client.terminate() == 0
    server.interface_down()
    assert wire.sent("l2tp.avp.message_type == 4"), "no StopCCN"
    assert not net.succeeds(f"ip link show {client.tun}"), "the TUN is still there"


@pytest.mark.parametrize("setting", [Setting()], ids=str)
def test_routes_lead_through_the_tunnel_and_are_removed(
    stage: Stage, server: Server, client: Client
) -> None:
    net, guest = stage.net, stage.guest
    guest.run("ip addr add 10.88.0.1/32 dev lo")
    try:
        client.start("--route", "10.88.0.0/16")
        client.address()
        net.run("ping -q -c 2 -i 0.1 -W 2 10.88.0.1")
        client.terminate()
        assert "10.88.0.0" not in net.run("ip route")
    finally:
        guest.run("ip addr del 10.88.0.1/32 dev lo")
