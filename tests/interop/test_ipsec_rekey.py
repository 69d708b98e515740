"""Re-keying of everything under traffic: no packet is lost by it, no key is used for long, nothing
piles up."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from interop import xl2tpd
from interop.ipsec import GATEWAY, LOGIN, Client, server_config
from interop.judge import Wire
from interop.program import Server
from interop.strongswan import Setting, StrongSwan
from interop.test_ipsec_server import connected
from interop.world import Where, World

NAT = Where(caller_nat=True)
OPEN = Where()
V1 = Setting(version=1, ike="aes256-sha1-modp2048", esp="aes256-sha1")
V1_PFS = replace(V1, esp="aes256-sha1-modp2048")
V2 = Setting(esp="aes256gcm16-ecp256")
ACCESS = Setting(mode="tunnel", auth="eap-mschapv2")

PINGS = 20
"""In a second, each way."""
SLACK = 6
"""Seconds that a key may be used beyond its life: packets under way, and what the peer still sends
with the old one until it learns of the new."""
DRAIN = 30
"""Seconds that either end may keep what was replaced, for packets that are late."""


def lost(report: str) -> int:
    """Packets that a ping's report says were not answered."""
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", report)
    assert counts, report
    return int(counts[1]) - int(counts[2])


@dataclass(frozen=True, slots=True)
class Used:
    """When an SA was used, as seen on the wire: seconds since the capture began."""

    first: float
    last: float


def used(wire: Wire) -> dict[str, Used]:
    """All SAs that carried a packet, by SPI; each direction for itself."""
    found: dict[str, Used] = {}
    for spi, at in wire.frames("esp", "esp.spi", "frame.time_relative"):
        since = found[spi].first if spi in found else float(at)
        found[spi] = Used(since, float(at))
    return found


def watched(seconds: int) -> str:
    """The command that says each second how many SAs the kernel has."""
    return (
        f"end=$((SECONDS+{seconds})); while [ $SECONDS -lt $end ]; do"
        " ip xfrm state | grep -c ^src; sleep 1; done"
    )


def judged(
    scene: World,
    line: Wire,
    swan: StrongSwan,
    addresses: tuple[str, str],
    seconds: int,
    life: int,
) -> None:
    """Ping both ways for so long, and judge what became of the packets and of the keys. `addresses`
    inside: Talpa's, the guest's. `life`: seconds after which keys are to be replaced."""
    states = scene.guest.start(watched(seconds), timeout=seconds + 30)
    ping = f"ping -q -i {1 / PINGS} -c {seconds * PINGS} -W 2"
    patience = seconds + seconds // 2 + 30  # a guest's clock ticks late on a busy machine
    ours, theirs = addresses
    from_guest = scene.guest.start(f"{ping} {ours} || true", timeout=patience)
    missing = lost(scene.host.run(f"{ping} {theirs} || true", timeout=patience))
    missing += lost(from_guest.wait())
    most = max(map(int, states.wait().split()))
    sas = used(line)
    longest = max(each.last - each.first for each in sas.values())
    assert missing == 0, "packets were lost on the way"
    assert len(sas) >= 2 * (seconds // life), "there were too few keys"
    assert longest <= life + SLACK
    assert most <= 2 * (2 + DRAIN // life), "SAs pile up"
    assert swan.sas().count("ESTABLISHED") <= 2, "IKE SAs pile up"


@pytest.fixture
def server(
    scene: World, line: Wire, tmp_path: Path, setting: Setting, lifetime: int
) -> Iterator[Server]:
    text = server_config(
        setting, tmp_path, ipsec=f"ike_lifetime = {lifetime}\nchild_lifetime = {lifetime}"
    )
    server = Server(scene.host, tmp_path, text)
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


LONG = [pytest.mark.matrix, pytest.mark.timeout(600)]
CASES = [
    pytest.param(NAT, replace(V1_PFS, rekey=12), 12, 30, id="ikev1-pfs-both-sides"),
    pytest.param(NAT, replace(V2, rekey=12), 12, 30, id="ikev2-both-sides"),
    pytest.param(NAT, replace(V1, rekey=30), 3600, 300, id="long-ikev1-theirs", marks=LONG),
    pytest.param(NAT, replace(V1_PFS, rekey=30), 30, 300, id="long-ikev1-pfs-both", marks=LONG),
    pytest.param(NAT, replace(V2, rekey=30), 30, 300, id="long-ikev2-both-sides", marks=LONG),
    pytest.param(NAT, replace(ACCESS, rekey=30), 30, 300, id="long-access-both", marks=LONG),
    pytest.param(OPEN, V1, 30, 300, id="long-ikev1-ours", marks=LONG),
    pytest.param(OPEN, V2, 30, 300, id="long-ikev2-ours", marks=LONG),
]


@pytest.mark.parametrize(("scene", "setting", "lifetime", "seconds"), CASES, indirect=["scene"])
def test_rekeying_loses_no_packet(
    scene: World,
    line: Wire,
    server: Server,
    swan: StrongSwan,
    setting: Setting,
    lifetime: int,
    seconds: int,
) -> None:
    inside = connected(scene, swan)
    life = min(setting.rekey or 3600, lifetime)
    judged(scene, line, swan, (GATEWAY, inside), seconds, life)
    [association] = server.until_associations(1)
    assert association["forged"] == association["replayed"] == association["dropped"] == 0
    server.until_sessions(1 if setting.mode == "transport" else 0)


WE_CALL = replace(NAT, talpa_answers=False)


@pytest.mark.parametrize(
    ("scene", "setting", "seconds"),
    [
        pytest.param(WE_CALL, replace(V1, rekey=12, rekey_ike=False), 30, id="ikev1-child"),
        pytest.param(WE_CALL, replace(V2, rekey=12), 30, id="ikev2", marks=pytest.mark.matrix),
        pytest.param(WE_CALL, replace(V1, rekey=30), 300, id="long-ikev1", marks=LONG),
        pytest.param(WE_CALL, replace(V2, rekey=30), 300, id="long-ikev2", marks=LONG),
    ],
    indirect=["scene"],
)
def test_our_client_keeps_its_packets_while_the_server_rekeys(
    scene: World,
    line: Wire,
    setting: Setting,
    seconds: int,
    tmp_path: Path,
) -> None:
    swan = StrongSwan(scene.guest, setting, answers=True)
    lns = xl2tpd.Server(scene.guest, LOGIN)
    client = Client(scene.host, tmp_path, setting, scene.topology.answerer)
    try:
        swan.start()
        lns.start()
        client.start()
        ours = client.address()
        addresses = ours, lns.inside
        judged(scene, line, swan, addresses, seconds, setting.rekey)
    finally:
        client.close()
        lns.kill()
        swan.kill()
