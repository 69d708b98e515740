"""The stage of every scenario: one guest on a wire, kept for a module; one capture for each test,
judged at its end."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.judge import Wire, captured
from interop.lab import Guest, Image, Net
from interop.lab.net import sweep
from interop.program import HERE, PEER
from interop.stage import Stage
from interop.world import World, world

HERE_DIR = Path(__file__).parent
PROGRAMS = ("ip", "iperf3", "nft", "ping", "setpriv", "tcpdump", "tshark", "unshare")


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder are `interop`; a module's tests stay together, for they share a guest."""
    for item in items:
        if item.path.is_relative_to(HERE_DIR):
            item.add_marker(pytest.mark.interop)
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def image() -> Image:
    """The guest image. Whatever is missing fails the tests: they are never skipped."""
    image = Image()
    if os.geteuid() != 0:
        pytest.fail("Tests with real peers make namespaces and boot guests: run them as root.")
    if not Path("/dev/net/tun").exists():
        pytest.fail("There is no /dev/net/tun: load the module tun, or let the container have it.")
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        pytest.fail(f"Not installed: {', '.join(missing)}. Run: make setup")
    if not image.complete:
        pytest.fail(f"There is no guest image in {image.folder}. Run: make setup")
    sweep()
    return image


@pytest.fixture(scope="module")
def stage(image: Image) -> Iterator[Stage]:
    """Booted once for a module; Talpa is at `HERE`, the peer at `PEER`."""
    with (
        Net("lab", f"{HERE}/24") as net,
        Guest(image, net, "peer", f"{PEER}/24") as guest,
    ):
        yield Stage(net, guest)


@pytest.fixture
def wire(stage: Stage, tmp_path: Path) -> Iterator[Wire]:
    """The capture of one test. At its end, what Talpa sent must be faultless in tshark's eyes."""
    with captured(stage.net, stage.guest.tap, tmp_path) as wire:
        yield wire
    assert wire.sent(), "Talpa sent nothing: there is nothing to judge"
    faults = wire.faults()
    assert not faults, "\n".join(["Talpa sent what tshark finds fault with:", *faults])


@pytest.fixture(scope="module")
def scene(image: Image, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world of scenarios with IPsec, of an indirect parameter `Where`; kept as long as
    consecutive tests want the same."""
    with world(image, request.param) as scene:
        yield scene


@pytest.fixture
def line(scene: World, tmp_path: Path) -> Iterator[Wire]:
    """What Talpa's network card saw in one test, to be opened with the key log in `keys`. At its
    end, what Talpa sent must be faultless in tshark's eyes, down to what was encrypted."""
    with captured(scene.host, "eth0", tmp_path) as wire:
        wire.keys = tmp_path / "keys"
        yield wire
    assert wire.sent("isakmp", scene.talpa), "Talpa sent nothing: there is nothing to judge"
    faults = wire.faults(scene.talpa)
    assert not faults, "\n".join(["Talpa sent what tshark finds fault with:", *faults])
