"""The reference plane on real sockets and TUN devices, each in a network namespace of its own."""

import errno
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest

from dataplane.namespace import Namespace
from talpa.dataplane.interface import (
    Config,
    DataPlane,
    Degraded,
    Event,
    PuntL2tp,
    PuntPpp,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.plane import ReferencePlane
from talpa.sansio import Address, Path

pytestmark = pytest.mark.netns

ONE, TWO = Address("198.18.0.1", 1701), Address("198.18.0.2", 1701)
SECOND = Address("198.18.0.22", 1701)


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
    for each, hosts in ((here, [ONE]), (namespace, [TWO, SECOND])):
        for address in hosts:
            each.ip("address", "add", f"{address.host}/24", "dev", "wire")
        each.ip("link", "set", "wire", "up")
    yield namespace
    namespace.close()


def started(namespace: Namespace, config: Config) -> ReferencePlane:
    plane = ReferencePlane(time.monotonic)
    namespace.run(lambda: plane.start(config))
    return plane


def plain(*listens: Address, tun: str | None = None) -> Config:
    return Config(listens=listens, tun=tun, receive_buffer=1 << 16)


def pump(*planes: ReferencePlane, until: Callable[[], bool], seconds: float = 10.0) -> None:
    """Be the event loop."""
    poller, calls = select.poll(), {}
    for plane in planes:
        for descriptor, call in plane.readers():
            poller.register(descriptor, select.POLLIN)
            calls[descriptor] = call
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "took too long"
        for descriptor, _ in poller.poll(20):
            calls[descriptor]()


def events_of(plane: ReferencePlane, *others: ReferencePlane, count: int = 1) -> list[Event]:
    events: list[Event] = []

    def enough() -> bool:
        events.extend(plane.drain())
        return len(events) >= count

    pump(plane, *others, until=enough)
    return events


def test_it_is_a_data_plane() -> None:
    plane: DataPlane = ReferencePlane(time.monotonic)
    assert plane.name == "reference"


def test_packets_go_through_two_planes(here: Namespace, there: Namespace) -> None:
    one, two = started(here, plain(ONE, tun="talpa%d")), started(there, plain(TWO, tun="vpn"))
    assert (one.tun, two.tun) == ("talpa0", "vpn")
    sessions = []
    for plane, namespace, path, mine, other in (
        (one, here, Path(ONE, TWO), 1, 2),
        (two, there, Path(TWO, ONE), 2, 1),
    ):
        tunnel = plane.tunnel_add(TunnelSpec(path, mine, other))
        session = plane.session_add(SessionSpec(tunnel, mine, other, send_sequence=mine == 1))
        plane.session_routes(
            session, [ip_network(f"10.77.0.{other}/32"), ip_network(f"fd77::{other}/128")]
        )
        plane.session_open(session, True, True)
        sessions.append((plane, session))
        device = plane.tun
        assert device is not None
        namespace.ip("address", "add", f"10.77.0.{mine}/24", "dev", device)
        namespace.ip("-6", "address", "add", f"fd77::{mine}/64", "dev", device, "nodad")
        namespace.ip("link", "set", device, "up")
    try:
        for host, options in (
            ("10.77.0.2", ["-s", "1372", "-M", "do"]),
            ("10.77.0.2", ["-s", "4000"]),
            ("fd77::2", ["-s", "1352"]),
        ):
            line = [
                "ip",
                "netns",
                "exec",
                here.name,
                "ping",
                "-c3",
                "-i0.02",
                "-W5",
                *options,
                host,
            ]
            ping = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
            pump(one, two, until=lambda ping=ping: ping.poll() is not None)  # type: ignore[misc]
            output = ping.communicate()[0]
            assert ping.returncode == 0, output
        for plane, session in sessions:
            counters = plane.session_counters(session)
            assert counters.received_packets == counters.sent_packets == 3 + 9 + 3
            assert counters.dropped == 0
    finally:
        one.stop()
        two.stop()
    assert one.tun is None
    assert one.listens == ()


def test_a_wildcard_answers_from_the_address_that_was_asked(
    here: Namespace, there: Namespace
) -> None:
    client, server = started(here, plain(ONE)), started(there, plain(Address("0.0.0.0", 1701)))
    asked = Path(ONE, SECOND)
    client.send_l2tp(asked, b"\xc8\x02hello")
    [punt] = events_of(server)
    assert punt == PuntL2tp(Path(SECOND, ONE), b"\xc8\x02hello")
    server.send_l2tp(punt.path, b"\xc8\x02answer")
    assert events_of(client) == [PuntL2tp(asked, b"\xc8\x02answer")]
    client.stop()
    server.stop()


@pytest.mark.parametrize("listen", ["::1", "::", "127.0.0.1", "0.0.0.0"])
def test_every_kind_of_address_serves(here: Namespace, listen: str) -> None:
    server = started(here, plain(Address(listen, 0)))
    [bound] = server.listens
    assert bound.host == listen
    assert bound.port > 0
    home = Address("::1" if ":" in listen else "127.0.0.1", bound.port)
    client = started(here, plain(Address(home.host, 0)))
    [mine] = client.listens
    client.send_l2tp(Path(mine, home), b"\xc8\x02hello")
    assert events_of(server) == [PuntL2tp(Path(home, mine), b"\xc8\x02hello")]
    tunnel = server.tunnel_add(TunnelSpec(Path(home, mine), 7, 8))
    session = server.session_add(SessionSpec(tunnel, 7, 8))
    far = client.session_add(
        SessionSpec(client.tunnel_add(TunnelSpec(Path(mine, home), 8, 7)), 8, 7)
    )
    server.send_ppp(session, 0xC021, b"request")
    assert events_of(client) == [PuntPpp(far, 0xC021, b"request")]
    server.stop()
    client.stop()


def test_a_link_local_peer_is_answered_on_its_interface(here: Namespace, there: Namespace) -> None:
    for namespace, host in ((here, "fe80::11"), (there, "fe80::22")):
        namespace.ip("-6", "address", "add", f"{host}/64", "dev", "wire", "nodad")
    zone = here.run(lambda: socket.if_nametoindex("wire"))
    client = started(here, plain(Address(f"fe80::11%{zone}", 1701)))
    server = started(there, plain(Address("::", 1701)))
    client.send_l2tp(Path(client.listens[0], Address(f"fe80::22%{zone}", 1701)), b"\xc8\x02hello")
    [punt] = events_of(server)
    assert isinstance(punt, PuntL2tp)
    assert punt.path.remote.host.startswith("fe80::11%")
    server.send_l2tp(punt.path, b"\xc8\x02answer")
    [answer] = events_of(client)
    assert isinstance(answer, PuntL2tp)
    assert answer.data == b"\xc8\x02answer"
    client.stop()
    server.stop()


class TestRefusals:
    def test_an_address_in_use_is_named(self, here: Namespace) -> None:
        first = started(here, plain(Address("127.0.0.1", 1701)))
        with pytest.raises(OSError, match=r"127\.0\.0\.1:1701/udp.*another program") as caught:
            started(here, plain(Address("127.0.0.1", 1702), Address("127.0.0.1", 1701)))
        assert caught.value.errno == errno.EADDRINUSE
        started(here, plain(Address("127.0.0.1", 1702))).stop()
        first.stop()

    def test_what_is_only_dropped_need_not_be_bound(self, here: Namespace) -> None:
        taken = Address("127.0.0.1", 1701)
        first = started(here, plain(taken))
        config = Config(listens=(taken,), tun=None, receive_buffer=1 << 16, accept_clear=False)
        second = started(here, config)
        (said,) = second.drain()
        assert isinstance(said, Degraded)
        assert str(taken) in said.reason
        assert second.listens == ()
        first.stop()
        second.stop()

    def test_an_address_of_another_host_is_named(self, here: Namespace) -> None:
        with pytest.raises(OSError, match=r"203\.0\.113\.1:1701/udp.*no interface"):
            started(here, plain(Address("203.0.113.1", 1701)))
        with pytest.raises(OSError, match="no numeric address"):
            started(here, plain(Address("vpn.example.com", 1701)))

    def test_a_device_in_use_is_named_and_nothing_is_left_behind(self, here: Namespace) -> None:
        listen = Address("127.0.0.1", 1701)
        first = started(here, plain(tun="talpa0"))
        with pytest.raises(OSError, match="TUN device talpa0: another program"):
            started(here, plain(listen, tun="talpa0"))
        with pytest.raises(OSError, match="TUN device lo: an interface of that name exists"):
            started(here, plain(listen, tun="lo"))
        with pytest.raises(OSError, match="1 to 15 octets"):
            started(here, plain(listen, tun="a-name-much-too-long"))
        started(here, plain(listen)).stop()
        first.stop()

    def test_the_devices_mtu_is_the_configured_one(self, here: Namespace) -> None:
        plane = started(here, Config(listens=(), tun="talpa0", tun_mtu=1234))
        shown = subprocess.run(
            ["ip", "-n", here.name, "link", "show", "talpa0"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert "mtu 1234" in shown.stdout
        plane.stop()

    def test_what_the_kernel_does_not_send_is_counted_and_told_once(self, here: Namespace) -> None:
        plane = started(here, plain(Address("127.0.0.1", 1701)))
        for _ in range(3):
            plane.send_l2tp(Path(plane.listens[0], Address("203.0.113.1", 1701)), b"\xc8\x02")
        plane.send_l2tp(Path(Address("10.0.0.1", 9), Address("203.0.113.1", 1701)), b"\xc8\x02")
        plane.send_l2tp(Path(plane.listens[0], Address("::1", 1701)), b"\xc8\x02")
        assert plane.drops["kernel refused to send"] == 4
        assert plane.drops["no socket for the path"] == 1
        told = plane.drain()
        assert all(isinstance(event, Degraded) for event in told)
        assert len(told) == 2
        plane.stop()

    def test_a_closed_port_does_not_upset_the_socket(self, here: Namespace) -> None:
        plane = started(here, plain(Address("127.0.0.1", 1701)))
        [mine] = plane.listens
        plane.send_l2tp(Path(mine, Address("127.0.0.1", 9)), b"\xc8\x02")
        plane.send_l2tp(Path(mine, mine), b"\xc8\x02self")
        assert events_of(plane) == [PuntL2tp(Path(mine, mine), b"\xc8\x02self")]
        plane.stop()
