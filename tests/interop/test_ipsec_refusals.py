"""What Talpa does not take from strongSwan, and that only this is what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from interop import xl2tpd
from interop.ipsec import GATEWAY, LOGIN, server_config
from interop.judge import Wire
from interop.program import Server, until
from interop.strongswan import Setting, StrongSwan
from interop.test_ipsec_server import connected
from interop.world import Where, World

NAT = Where(caller_nat=True)
OPEN = Where()
MAIN = Setting(version=1, ike="aes256-sha1-modp2048", esp="aes256-sha1")
AGGRESSIVE = replace(MAIN, aggressive=True)
SILENCE = 5
"""Seconds in which strongSwan gives up waiting."""


@pytest.fixture
def lines() -> str:
    """More of `[ipsec]`."""
    return ""


@pytest.fixture
def server(scene: World, line: Wire, tmp_path: Path, lines: str) -> Iterator[Server]:
    server = Server(scene.host, tmp_path, server_config(MAIN, tmp_path, ipsec=lines))
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


def drops(server: Server) -> dict[str, int]:
    found: dict[str, int] = server.ask("status")["drops"]
    return found


@pytest.mark.parametrize(
    ("scene", "setting"), [pytest.param(NAT, AGGRESSIVE, id="aggressive")], indirect=["scene"]
)
def test_aggressive_mode_gets_no_answer(
    scene: World, line: Wire, server: Server, swan: StrongSwan
) -> None:
    assert not scene.guest.succeeds(
        f"swanctl --initiate --child lab --timeout {SILENCE}", timeout=SILENCE + 5
    )
    assert drops(server)["Aggressive Mode is not allowed"] >= 2
    assert server.ask("sas") == []
    assert line.sent("isakmp", scene.talpa) == 0
    # What was refused was the mode alone.
    swan.kill()
    swan.setting = MAIN
    swan.start()
    connected(scene, swan)
    scene.guest.run(f"ping -q -c 3 -i 0.1 -W 2 {GATEWAY}", timeout=15)


@pytest.mark.matrix
@pytest.mark.parametrize("lines", ["aggressive_mode = true"])
@pytest.mark.parametrize(
    ("scene", "setting"),
    [pytest.param(NAT, AGGRESSIVE, id="nat"), pytest.param(OPEN, AGGRESSIVE, id="no_nat")],
    indirect=["scene"],
)
def test_aggressive_mode_where_it_is_allowed(
    scene: World, server: Server, swan: StrongSwan
) -> None:
    connected(scene, swan)
    scene.guest.run(f"ping -q -c 3 -i 0.1 -W 2 {GATEWAY}", timeout=15)
    server.says("aggressive")


@pytest.mark.parametrize(
    ("scene", "setting"),
    [
        pytest.param(OPEN, replace(MAIN, ah=True, esp="sha256"), id="ikev1"),
        pytest.param(OPEN, Setting(ah=True, esp="sha256"), id="ikev2", marks=pytest.mark.matrix),
    ],
    indirect=["scene"],
)
def test_ah_is_refused_with_both_lists(
    scene: World, server: Server, swan: StrongSwan, setting: Setting
) -> None:
    assert not scene.guest.succeeds("swanctl --initiate --child lab --timeout 10", timeout=15)
    assert "NO_PROPOSAL_CHOSEN" in swan.log() or "NO_PROP" in swan.log()
    refusal = server.says("AH", "offer")
    assert "AES" in refusal, "what would be taken instead"
    assert server.ask("sas") == []


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("scene", "setting"), [pytest.param(OPEN, MAIN, id="ikev1")], indirect=["scene"]
)
def test_l2tp_in_the_clear_gets_no_answer(
    scene: World, line: Wire, server: Server, swan: StrongSwan
) -> None:
    swan.kill()
    lac = xl2tpd.Client(scene.guest, LOGIN, scene.topology.answerer)
    lac.start()
    lac.dial()
    until("xl2tpd gives up", lambda: "Maximum retries exceeded" in lac.log(), 20, lac.log)
    lac.kill()
    assert line.frames(f"ip.src == {scene.talpa} && (l2tp || icmp)") == []
    assert server.sessions() == []
    swan.start()
    connected(scene, swan)
