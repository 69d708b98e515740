"""The key log, and re-keying under traffic."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.netns_ipsec import INSIDE, ONE_KEY, l2tp
from e2e.netns_world import GATEWAY, Client, Server, World, run, running, world

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec-keys")]

PINGS = 600
INTERMEDIATE = "43"
FIELDS = ("frame.protocols", "isakmp.exchangetype", "_ws.expert.group", "_ws.expert.message")


@pytest.fixture(scope="module")
def net() -> Iterator[World]:
    with world() as found:
        yield found


@pytest.mark.parametrize("ike", [1, 2])
def test_wireshark_reads_everything_with_the_key_log(net: World, tmp_path: Path, ike: int) -> None:
    keys, capture = tmp_path / "keys", tmp_path / "all.pcap"
    server = Server(net.server, tmp_path, ipsec=f'key_log = "{keys}"', more=ONE_KEY)
    client = Client(net.client, tmp_path)
    listening = subprocess.Popen(
        net.client.inside("tcpdump", "-i", "wire1", "-U", "--immediate-mode", "-w", capture),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert listening.stderr is not None
    try:
        assert "listening on" in listening.stderr.readline()
        with running(client, server):
            server.start()
            l2tp(client, *INSIDE, ike=ike)
            client.connected()
            assert net.client.pings(GATEWAY)
            assert (client.stop(), server.stop()) == (0, 0)
    finally:
        listening.terminate()
        listening.communicate()
    assert keys.stat().st_mode & 0o777 == 0o700
    files = {file.name: file for file in keys.iterdir()}
    assert set(files) == {f"ikev{ike}_decryption_table", "esp_sa"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files.values())
    assert str(keys) in server.says("warning", "[key-log]")
    written = re.findall(r"[0-9a-f]{32,}", "".join(f.read_text() for f in files.values()))
    assert written
    assert not any(key in server.log() + client.log() for key in written)
    frames = [
        dict(zip(FIELDS, line.split("\t"), strict=True))
        for line in run(
            *("env", f"WIRESHARK_CONFIG_DIR={keys}", "tshark", "-Q", "-r", capture),
            *("-o", "esp.enable_encryption_decode:TRUE", "-T", "fields"),
            *(word for name in FIELDS for word in ("-e", name)),
        ).splitlines()
        if "\t" in line
    ]
    # Wireshark knows one pair of keys of an IKE SA, and these messages are under an earlier one.
    frames = [frame for frame in frames if frame["isakmp.exchangetype"] != INTERMEDIATE]
    assert not [frame for frame in frames if "Malformed" in frame["_ws.expert.group"]]
    assert not [frame for frame in frames if "incorrect" in frame["_ws.expert.message"]]
    exchanges = {frame["isakmp.exchangetype"] for frame in frames}
    assert exchanges >= ({"2", "5", "32"} if ike == 1 else {"34", "35", "37"})
    inside = " ".join(
        frame["frame.protocols"] for frame in frames if "esp" in frame["frame.protocols"]
    )
    for protocol in ("l2tp:ppp:lcp", "l2tp:ppp:chap", "l2tp:ppp:ipcp", "l2tp:ppp:ip:icmp"):
        assert protocol in inside
    opaque = [f for f in frames if f["frame.protocols"].endswith(("esp", "esp:data"))]
    assert opaque == []


@pytest.mark.parametrize("ike", [1, 2])
def test_new_keys_cost_no_packet(net: World, tmp_path: Path, ike: int) -> None:
    server = Server(
        net.server, tmp_path, ipsec="ike_lifetime = 10\nchild_lifetime = 10", more=ONE_KEY
    )
    client = Client(net.client, tmp_path)
    with running(client, server):
        server.start()
        l2tp(client, *INSIDE, ike=ike)
        client.connected()
        said = net.client.run(
            f"ping -n -q -i 0.02 -c {PINGS} -W 2 {GATEWAY}", check=False, seconds=40
        )
        (sa,) = server.ask("associations")
        assert f"{PINGS} received, 0% packet loss" in said
        assert sa["rekeys"] >= 1
        assert client.stop() == 0
