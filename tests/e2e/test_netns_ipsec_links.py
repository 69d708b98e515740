"""A link from router to router: hosts behind each reach one another, and it comes back."""

import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.netns_ipsec import IMPATIENT, KEY
from e2e.netns_world import OFFICE, SERVER, Namespace, Server, World, running, until, wire, world

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec-links")]

BRANCH = "198.18.77.2"
LINK = """
[[ipsec.connection]]
name = "{name}"
peer = "{peer}"
initiate = {initiate}
version = {version}
secret = "{key}"
local = ["{local}"]
remote = ["{remote}"]
"""


@dataclass(frozen=True)
class Net:
    world: World
    branch: Namespace


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with world() as found:
        branch = Namespace(f"tp{secrets.token_hex(3)}-branch")
        try:
            wire(found.client, branch, "branch", "198.18.77.1/24", f"{BRANCH}/24")
            branch.run("ip route add default via 198.18.77.1")
            found.office.run("ip route add 198.18.77.0/24 via 198.18.9.1")
            yield Net(found, branch)
        finally:
            branch.close()


def router(
    namespace: Namespace, folder: Path, peer: str, version: int, *, initiate: bool
) -> Server:
    networks = ("198.18.9.0/24", "198.18.77.0/24")
    local, remote = networks[::-1] if initiate else networks
    link = LINK.format(
        name="link",
        peer=peer,
        initiate=str(initiate).lower(),
        version=version,
        key=KEY,
        local=local,
        remote=remote,
    )
    folder.mkdir()
    server = Server(namespace, folder, ipsec="dpd = 1", more=link)
    if initiate:
        server.config.write_text(server.config.read_text().replace(f"{SERVER}:", "198.18.1.2:"))
    return server


@pytest.mark.parametrize("version", [1, 2])
def test_hosts_behind_each_reach_one_another(net: Net, tmp_path: Path, version: int) -> None:
    before = net.world.server.state(), net.world.client.state()
    head = router(net.world.server, tmp_path / "head", "198.18.1.2", version, initiate=False)
    tail = router(net.world.client, tmp_path / "tail", SERVER, version, initiate=True)
    with running(tail, head):
        head.start()
        tail.launch("serve", "-c", tail.config, program=(sys.executable, "-c", IMPATIENT))
        until("the link is up", lambda: head.ask("associations"), 20)
        assert net.branch.pings(OFFICE)
        assert net.world.office.pings(BRANCH)
        (sa,) = head.ask("associations")
        assert (sa["connection"], sa["mode"], sa["version"]) == ("link", "tunnel", version)
        if version == 1:
            assert head.stop() == 0
        else:
            head.kill()
        assert not net.branch.pings(OFFICE)
        head.start()
        until("the link is back", lambda: net.branch.pings(OFFICE), 20)
        assert net.world.office.pings(BRANCH)
        assert (tail.stop(), head.stop()) == (0, 0)
    assert (net.world.server.state(), net.world.client.state()) == before
