"""Associations on real sockets: UDP of each kind and raw ones, in namespaces of their own."""

import errno
import socket
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from dataplane.namespace import Namespace
from dataplane.protected import AH, CBC, GCM, sa, selector
from dataplane.test_netns_plane import events_of, pump, started
from talpa.dataplane.interface import (
    Config,
    Degraded,
    PeerMoved,
    PuntIke,
    PuntL2tp,
    SaFirstInbound,
)
from talpa.dataplane.reference.plane import ReferencePlane
from talpa.esp.sa import AssociationSpec, Encapsulation, Mode, Selector, Suite
from talpa.sansio import Address, Path

pytestmark = pytest.mark.netns

HOSTS = {4: ("198.18.0.1", "198.18.0.2"), 6: ("fd00::1", "fd00::2")}
HELLO = b"\xc8\x02hello"
SIZES = (HELLO, b"\xc8\x02" + bytes(1001))


@pytest.fixture
def here() -> Iterator[Namespace]:
    namespace = Namespace("one")
    yield namespace
    namespace.close()


@pytest.fixture
def there(here: Namespace) -> Iterator[Namespace]:
    """A second host, on one wire with the first."""
    namespace = Namespace("two")
    here.ip("link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", namespace.name)
    for index, each in enumerate((here, namespace)):
        each.ip("address", "add", f"{HOSTS[4][index]}/24", "dev", "wire")
        each.ip("-6", "address", "add", f"{HOSTS[6][index]}/64", "dev", "wire", "nodad")
        each.ip("link", "set", "wire", "up")
    yield namespace
    namespace.close()


def config(host: str, *, tun: str | None = None, clear: bool = False) -> Config:
    return Config(
        listens=(Address(host, 1701),),
        tun=tun,
        receive_buffer=1 << 16,
        accept_clear=clear,
        ike=(Address(host, 500),),
        natt=(Address(host, 4500),),
        raw_esp=(host,),
    )


def planes(
    here: Namespace, there: Namespace, version: int, *, wildcard: bool, tun: str | None = None
) -> tuple[ReferencePlane, ReferencePlane]:
    one, two = HOSTS[version]
    if wildcard:
        two = "::" if version == 6 else "0.0.0.0"
    return started(here, config(one, tun=tun)), started(there, config(two, tun=tun))


def associate(
    one: ReferencePlane,
    two: ReferencePlane,
    version: int,
    encapsulation: Encapsulation,
    suite: Suite,
    mode: Mode = Mode.TRANSPORT,
) -> tuple[int, int]:
    """An association between the two planes; its ids."""
    port = 4500 if encapsulation is Encapsulation.UDP else 0
    ends = [Address(host, port) for host in HOSTS[version]]
    there_and_back = sa(7001, suite), sa(7002, suite)
    ids = []
    for index, plane in enumerate((one, two)):
        path = Path(ends[index], ends[1 - index])
        selectors: tuple[Selector, ...] = (selector(), selector("::/0"))
        made = plane.association_add(
            AssociationSpec(path, mode, encapsulation, selectors, selectors)
        )
        plane.sa_add(made, there_and_back[index], there_and_back[1 - index], use=True)
        ids.append(made)
    return ids[0], ids[1]


def l2tp_path(version: int, index: int, association: int) -> Path:
    host, other = HOSTS[version][index], HOSTS[version][1 - index]
    return Path(Address(host, 1701), Address(other, 1701), association)


CASES = [
    (version, encapsulation, suite, wildcard)
    for version in (4, 6)
    for encapsulation, suite in (
        (Encapsulation.UDP, GCM),
        (Encapsulation.RAW, GCM),
        (Encapsulation.RAW, AH),
    )
    for wildcard in (False, True)
]


@pytest.mark.parametrize(("version", "encapsulation", "suite", "wildcard"), CASES)
def test_l2tp_goes_through(
    here: Namespace,
    there: Namespace,
    version: int,
    encapsulation: Encapsulation,
    suite: Suite,
    *,
    wildcard: bool,
) -> None:
    one, two = planes(here, there, version, wildcard=wildcard)
    mine, far = associate(one, two, version, encapsulation, suite)
    try:
        for data in SIZES:
            one.send_l2tp(l2tp_path(version, 0, mine), data)
        assert events_of(two, count=3) == [
            SaFirstInbound(far, 7002),
            *(PuntL2tp(l2tp_path(version, 1, far), data) for data in SIZES),
        ]
        two.send_l2tp(l2tp_path(version, 1, far), HELLO)
        assert events_of(one, count=2) == [
            SaFirstInbound(mine, 7001),
            PuntL2tp(l2tp_path(version, 0, mine), HELLO),
        ]
        assert one.drops.total() == two.drops.total() == 0
    finally:
        one.stop()
        two.stop()


@pytest.mark.parametrize("encapsulation", list(Encapsulation))
@pytest.mark.parametrize("version", [4, 6])
def test_packets_larger_than_the_wire_are_cut_on_the_way(
    here: Namespace, there: Namespace, version: int, encapsulation: Encapsulation
) -> None:
    one, two = planes(here, there, version, wildcard=False)
    mine, far = associate(one, two, version, encapsulation, CBC)
    data = b"\xc8\x02" + bytes(4000)
    one.send_l2tp(l2tp_path(version, 0, mine), data)
    assert PuntL2tp(l2tp_path(version, 1, far), data) in events_of(two, count=2)
    one.stop()
    two.stop()


@pytest.mark.parametrize(
    ("version", "encapsulation"),
    [(4, Encapsulation.UDP), (4, Encapsulation.RAW), (6, Encapsulation.UDP)],
)
def test_packets_go_through_tunnel_mode(
    here: Namespace, there: Namespace, version: int, encapsulation: Encapsulation
) -> None:
    one, two = planes(here, there, version, wildcard=True, tun="talpa0")
    ids = associate(one, two, version, encapsulation, GCM, Mode.TUNNEL)
    for index, (plane, namespace) in enumerate(((one, here), (two, there))):
        other = 2 - index
        plane.association_routes(
            ids[index], [ip_network(f"10.77.0.{other}/32"), ip_network(f"fd77::{other}/128")]
        )
        namespace.ip("address", "add", f"10.77.0.{index + 1}/24", "dev", "talpa0")
        namespace.ip("-6", "address", "add", f"fd77::{index + 1}/64", "dev", "talpa0", "nodad")
        namespace.ip("link", "set", "talpa0", "up")
    try:
        for options in (
            ["10.77.0.2", "-s", "1372", "-M", "do"],
            ["10.77.0.2", "-s", "4000"],
            ["fd77::2"],
        ):
            line = ["ip", "netns", "exec", here.name, "ping", "-c3", "-i0.02", "-W5", *options]
            ping = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
            pump(one, two, until=lambda ping=ping: ping.poll() is not None)  # type: ignore[misc]
            output = ping.communicate()[0]
            assert ping.returncode == 0, output
        counters = one.association_counters(ids[0])
        assert counters.received_packets == counters.sent_packets == 3 + 9 + 3
    finally:
        one.stop()
        two.stop()


def test_ike_on_both_of_its_ports(here: Namespace, there: Namespace) -> None:
    one, two = planes(here, there, 4, wildcard=True)
    for port, natt in ((500, False), (4500, True)):
        path = Path(Address("198.18.0.1", port), Address("198.18.0.2", port))
        one.send_ike(path, b"request")
        [punt] = events_of(two)
        assert punt == PuntIke(Path(path.remote, path.local), b"request", natt)
        two.send_ike(punt.path, b"response")
        assert events_of(one) == [PuntIke(path, b"response", natt)]
    assert [each.port for each in (*two.ike_listens, *two.natt_listens)] == [500, 4500]
    # What comes in the clear is not answered, and not by the kernel either.
    clear = started(here, Config((Address("198.18.0.1", 1702),), None, receive_buffer=1 << 16))
    clear.send_l2tp(Path(clear.listens[0], Address("198.18.0.2", 1701)), HELLO)
    pump(two, until=lambda: two.drops["L2TP in the clear"] == 1)
    assert two.drain() == []
    for plane in (one, two, clear):
        plane.stop()


def test_a_peer_behind_another_port_is_noticed(here: Namespace, there: Namespace) -> None:
    one = started(
        here, Config((), None, natt=(Address("198.18.0.1", 4501),), receive_buffer=1 << 16)
    )
    two = started(there, config("198.18.0.2"))
    mine, far = associate(one, two, 4, Encapsulation.UDP, GCM)
    path = Path(Address("198.18.0.1", 4501), Address("198.18.0.2", 4500))
    one.association_move(mine, path)
    one.send_l2tp(l2tp_path(4, 0, mine), HELLO)
    moved = PeerMoved(far, Path(path.remote, path.local))
    assert moved in events_of(two, count=3)
    two.association_move(far, moved.path)
    two.send_l2tp(l2tp_path(4, 1, far), HELLO)
    assert PuntL2tp(l2tp_path(4, 0, mine), HELLO) in events_of(one, count=2)
    one.stop()
    two.stop()


def test_without_the_right_to_raw_sockets_the_rest_goes_on(
    here: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def unprivileged(family: int, kind: int, protocol: int) -> socket.socket:
        if protocol in (50, 51):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        return real(family, kind, protocol)

    monkeypatch.setattr(socket, "socket", unprivileged)
    plane = started(here, config("127.0.0.1"))
    [told] = [each for each in plane.drain() if isinstance(each, Degraded)]
    assert told.what == "ESP without UDP encapsulation"
    assert "CAP_NET_RAW" in told.reason
    assert len(plane.natt_listens) == 1
    plane.stop()
