"""A link from router to router between Talpa and strongSwan, called by either."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from interop.cases import cases
from interop.ipsec import server_config
from interop.judge import Wire
from interop.program import Server, until
from interop.strongswan import Setting, StrongSwan
from interop.world import Where, World

OURS, THEIRS = "10.97.0.0/24", "10.98.0.0/24"
OUR_ROUTER = "10.97.0.1"

WE_CALL = Where(talpa_answers=False)
THEY_CALL = Where()
V1 = Setting(version=1, mode="site", ike="aes256-sha256-modp2048", esp="aes256-sha256-modp2048")
V2 = Setting(mode="site", esp="aes256gcm16-ecp256")
PPK = replace(V2, ppk="quantum key of the lab")

QUICK = {
    WE_CALL: [PPK],
    THEY_CALL: [replace(V2, auth="ecdsa")],
    replace(THEY_CALL, caller_nat=True): [V1],
}
MATRIX = {
    replace(where, caller_nat=nat, suite=suite): [
        *(replace(setting, auth=auth) for setting in (V1, V2) for auth in ("psk", "rsa", "ecdsa")),
        PPK,
        replace(PPK, auth="ecdsa"),
    ]
    for where in (WE_CALL, THEY_CALL)
    for nat in (False, True)
    for suite in ("trixie", "bookworm")
}


def link(scene: World, setting: Setting) -> str:
    """The section of the link."""
    calls = not scene.where.talpa_answers
    text = (
        f'\n[[ipsec.connection]]\nname = "branch"\nversion = {setting.version}\n'
        f'local = ["{OURS}"]\nremote = ["{THEIRS}"]\ninitiate = {str(calls).lower()}\n'
    )
    if setting.ppk:
        text += 'ppk = "lab-ppk"\n'
    calling = scene.topology.calling
    caller = calling.nat.outer if calling.nat else calling.address(scene.topology.CALLER)
    peer = scene.topology.answerer if calls else caller.split("/")[0]
    if calls or not setting.certificates:
        text += f'peer = "{peer}"\n'
    if setting.certificates:
        theirs, own = setting.client_name, setting.server_name
        if calls:
            theirs, own = own, theirs
        text += f'identity = "{own}"\npeer_identity = "{theirs}"\n'
        return f'{text}authentication = "certificate"\n'
    return f'{text}secret = "{setting.psk}"\n'


@pytest.fixture
def server(scene: World, line: Wire, tmp_path: Path, setting: Setting) -> Iterator[Server]:
    scene.host.run(f"ip addr replace {OUR_ROUTER}/32 dev lo")
    own = replace(setting, server_name=setting.client_name, client_name=setting.server_name)
    config = server_config(setting if scene.where.talpa_answers else own, tmp_path)
    server = Server(scene.host, tmp_path, config + link(scene, setting))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def swan(scene: World, server: Server, setting: Setting) -> Iterator[StrongSwan]:
    answers = not scene.where.talpa_answers
    swan = StrongSwan(
        scene.guest,
        setting,
        answers=answers,
        remote="%any" if answers else scene.topology.answerer,
        networks=(THEIRS, OURS),
    )
    swan.start()
    try:
        yield swan
    finally:
        swan.kill()


@pytest.mark.parametrize(("scene", "setting"), cases(QUICK, MATRIX), indirect=["scene"])
def test_networks_reach_each_other(scene: World, server: Server, swan: StrongSwan) -> None:
    server.start()
    if scene.where.talpa_answers:
        swan.initiate()
    swan.until_sas("INSTALLED, TUNNEL", timeout=30)
    scene.guest.run(f"ping -q -c 3 -i 0.1 -W 2 -I {swan.INSIDE} {OUR_ROUTER}", timeout=15)
    scene.host.run(f"ping -q -c 3 -i 0.1 -W 2 -I {OUR_ROUTER} {swan.INSIDE}", timeout=15)
    [association] = server.until_associations(1)
    assert association["connection"] == "branch"
    assert association["mode"] == "tunnel"
    assert server.terminate() == 0
    until("strongSwan has no SA", lambda: "lab: #" not in swan.sas(), 10, swan.log)
