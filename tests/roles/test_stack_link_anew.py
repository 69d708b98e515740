"""What a link that is negotiated anew may change, and how large packets may be."""

import struct
from ipaddress import IPv4Address

from simnet.link import Link
from simnet.stack import ALICE, CLIENT, SERVER, ClientEnd, ServerEnd, connect
from talpa.aaa import User
from talpa.dataplane.reference.framing import data_header
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.ppp.link import PppLink
from talpa.roles.client import Stage
from talpa.roles.lns import LnsConfig
from talpa.sansio import Path
from talpa.wire import Secret

BOB = User("bob", Secret("staple"))
CONFIG = LnsConfig(PppConfig(), session_seconds=1000)


def anew(client: ClientEnd, name: str, password: str, now: float) -> None:
    """The client begins PPP from the start, under a name."""
    link = client.role.link
    assert link is not None
    credentials = Credentials(name, Secret(password))
    link.ppp = PppLink(PppConfig(credentials=credentials, ask_address=True, name=name), client.rng)
    link.ppp.lower_up(now)
    client.role.links.touch(link)


def test_another_user_on_the_same_link_ends_it() -> None:
    server, client = ServerEnd(1, users=(ALICE, BOB)), ClientEnd(2)
    pair = connect(Link(5), client, server)
    assert pair.run(60, until=lambda: client.role.stage is Stage.READY)
    pair.run(1)
    anew(client, "bob", "staple", pair.now)
    pair.run(20)
    assert server.role.sessions() == []
    assert server.directory.usage()[0].ipv4_used == 0
    told = {n.name: n for n in server.notices}
    assert "bob: logged in as somebody else" in told["session-refused"].message
    assert told["session-down"].fields["user"] == "alice"
    assert told["session-down"].fields["reason"] == "logged in as somebody else on the same link"


def test_the_same_user_again_keeps_the_end_of_the_session() -> None:
    server, client = ServerEnd(1, config=CONFIG), ClientEnd(2)
    pair = connect(Link(5), client, server)
    assert pair.run(60, until=lambda: client.role.stage is Stage.READY)
    pair.run(100)
    (session,) = server.role.sessions()
    ends_at = session.ends_at
    anew(client, "alice", "correct horse", pair.now)
    pair.run(20)
    assert server.role.sessions() == [session]
    assert session.state() == "up"
    assert session.ends_at == ends_at


def syn(source: IPv4Address, mss: int) -> bytes:
    """An IPv4 packet that opens a TCP connection."""
    ports = struct.pack("!HHIIBBHHH", 4000, 80, 0, 0, 6 << 4, 2, 65535, 0, 0)
    tcp = ports + struct.pack("!BBH", 2, 4, mss)
    target = IPv4Address("192.0.2.1").packed
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source.packed, target
    )
    return head + tcp


def test_segments_fit_the_device_of_the_server_whatever_the_client_takes() -> None:
    ppp = PppConfig(
        mru=1500,
        credentials=Credentials("alice", Secret("correct horse")),
        ask_address=True,
        name="alice",
    )
    server, client = ServerEnd(1), ClientEnd(2, ppp=ppp)
    pair = connect(Link(5), client, server)
    assert pair.run(60, until=lambda: client.role.stage is Stage.READY)
    pair.run(2)
    (session,) = server.role.sessions()
    assert session.lease is not None
    assert session.mtu == 1400
    frame = b"\xff\x03\x00\x21" + syn(session.lease.ipv4, 1460)
    header = data_header(session.tunnel_id, session.session_id, None)
    server.plane.pipeline.take_tun()
    server.plane.pipeline.from_network(Path(SERVER, CLIENT), header + frame, pair.now)
    (packet,) = server.plane.pipeline.take_tun()
    assert struct.unpack("!H", packet[42:44]) == (1360,)
