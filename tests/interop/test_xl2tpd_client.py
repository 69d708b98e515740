"""xl2tpd with pppd, over the kernel's L2TP, calls `talpa serve`."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from interop.judge import Wire
from interop.program import Server, config
from interop.stage import Stage
from interop.traffic import ping_both_ways, tcp_from_guest
from interop.xl2tpd import MATRIX, RESOLV, Client, Setting

GATEWAY = "10.77.0.1"
METHOD_SHOWN = {"pap": "PAP", "chap": "CHAP", "mschapv2": "MS-CHAPv2"}


@pytest.fixture
def client(stage: Stage, setting: Setting) -> Iterator[Client]:
    client = Client(stage.guest, setting, "198.18.0.2")
    client.start()
    try:
        yield client
    finally:
        client.kill()


@pytest.fixture
def server(
    stage: Stage, tmp_path: Path, wire: Wire, client: Client, setting: Setting
) -> Iterator[Server]:
    """Ends before the client, so that its goodbye is heard and answered."""
    server = Server(stage.net, tmp_path, config(setting))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("setting", MATRIX, ids=str)
def test_connects_and_carries_traffic(
    stage: Stage, server: Server, client: Client, setting: Setting, wire: Wire, tmp_path: Path
) -> None:
    net, guest = stage.net, stage.guest
    client.dial()
    inside = client.interface_up()
    assert ip_address(inside) in ip_network("10.77.0.0/24")
    assert f"nameserver {GATEWAY}" in guest.run(f"cat {RESOLV}")

    ping_both_ways(net, guest, GATEWAY, inside)
    tcp_from_guest(net, guest, GATEWAY, tmp_path)

    [session] = server.until_sessions(1)
    assert session["user"] == "alice"
    assert session["ipv4"] == inside
    assert session["method"] == METHOD_SHOWN[setting.method]
    assert session["client"].startswith("198.18.0.3:")
    assert session["received_octets"] > 1_000_000
    assert session["sent_octets"] > 1_000_000
    [tunnel] = server.ask("tunnels")
    assert tunnel["authenticated"] is (setting.tunnel_secret is not None)

    client.hang_up()
    server.until_sessions(0)
    server.says("alice", "198.18.0.3", "ended")


@pytest.mark.parametrize("setting", [Setting()], ids=str)
def test_the_client_gets_a_global_ipv6_address(
    stage: Stage, server: Server, client: Client
) -> None:
    client.dial()
    client.interface_up()
    address = stage.guest.until(
        "ip -6 -o addr show dev ppp0 scope global | grep -v tentative | grep fd77"
    )
    inside = address.split()[3].split("/")[0]
    assert ip_address(inside) in ip_network("fd77::/56")
    stage.net.run(f"ping -6 -q -c 3 -i 0.1 -W 2 {inside}", timeout=15)


@pytest.mark.parametrize("setting", [Setting()], ids=str)
def test_an_operator_ends_a_session(server: Server, client: Client) -> None:
    client.dial()
    client.interface_up()
    [session] = server.until_sessions(1)
    server.command("disconnect", session["id"])
    client.interface_down()
    assert server.sessions() == []


@pytest.mark.parametrize("setting", [Setting()], ids=str)
def test_the_server_says_goodbye(server: Server, client: Client, wire: Wire) -> None:
    client.dial()
    client.interface_up()
    assert server.terminate() == 0
    client.interface_down()
    assert wire.sent("l2tp.avp.message_type == 14"), "no CDN"
    assert wire.sent("l2tp.avp.message_type == 4"), "no StopCCN"
    assert wire.sent("ppp.protocol == 0xc021 && ppp.code == 5"), "no LCP Terminate-Request"
