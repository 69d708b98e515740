"""Every frame that our links send is decoded by tshark without a mark of malformation."""

import shutil
import struct
import subprocess
from pathlib import Path

from ppp.link_peers import CLIENT, OFFER, SERVER, Peer, client, server, settle, variant
from talpa.ppp import Habits
from talpa.ppp.frames import Code, Protocol

_LINKTYPE_PPP = 9


def exchange() -> list[tuple[int, bytes]]:
    """All that both sides say, from the first request to the last Terminate-Ack."""
    habits = Habits(
        extra_lcp=((13, b"\6"), (17, b"\6\x4e")),
        ask_pfc=True,
        ask_acfc=True,
        identification=(b"MSRASV5.20",),
        ask_vj=True,
        echo_when_open=True,
    )
    left = server(variant(SERVER, authenticate=("mschapv2",)))
    right = client(variant(CLIENT, habits=habits, ask_wins=True))
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    ladder = settle(left, right, 0.0)
    for owner in (left, right):
        owner.handle_timeout(31.0)
    left.link.identify("talpa")
    ladder += settle(left, right, 31.0)
    right.link.close(32.0, "done")
    ladder += settle(left, right, 32.0)
    return [(protocol, payload) for _, protocol, payload in ladder]


def refusals() -> list[tuple[int, bytes]]:
    """Naks and rejects of all kinds."""
    peer = Peer()
    requests = peer.open_network([(1, b"\5\xdc"), (5, b"\1\2\3\4")])
    packets = [
        *requests.values(),
        *peer.raw(Protocol.CCP, b"\1\1\0\x0a\x12\6\1\0\0\x60"),
        *peer.send(Protocol.LCP, 99, 1, b"what?"),
        *peer.request(Protocol.IPCP, [(3, bytes(4)), (129, bytes(4))]),
        *peer.request(Protocol.IPCP, [(1, bytes(8)), (132, bytes(4))]),
        *peer.request(Protocol.IPCP, []),
        *peer.request(Protocol.IPV6CP, [(1, bytes(8))]),
        *peer.request(Protocol.IPV6CP, [(1, b"\0\0\0\0\0\0\0\1")]),
        *peer.request(Protocol.LCP, [(5, bytes(4)), (1, b"\0\1")]),
    ]
    peer.owner.link.close(peer.now, OFFER.ours.exploded)
    packets += [p for p in peer.drain() if p.code == Code.TERMINATE_REQUEST]
    return [
        (p.protocol, struct.pack("!BBH", p.code, p.identifier, 4 + len(p.data)) + p.data)
        for p in packets
    ]


def pcap(frames: list[tuple[int, bytes]]) -> bytes:
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINKTYPE_PPP)]
    for number, (protocol, payload) in enumerate(frames):
        frame = b"\xff\x03" + protocol.to_bytes(2, "big") + payload
        out.append(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)
    return b"".join(out)


def test_every_frame_is_decoded_without_complaint(tmp_path: Path) -> None:
    program = shutil.which("tshark")
    assert program is not None, "tshark is missing: `make setup` installs it"
    frames = exchange() + refusals()
    assert len(frames) > 40
    capture = tmp_path / "ppp.pcap"
    capture.write_bytes(pcap(frames))
    fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message"]
    result = subprocess.run(
        [program, "-r", str(capture), "-T", "fields", "-E", "separator=|"]
        + [argument for field in fields for argument in ("-e", field)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = result.stdout.splitlines()
    assert len(lines) == len(frames)
    for line, (protocol, payload) in zip(lines, frames, strict=True):
        protocols, malformed, complaint = line.split("|")
        assert not malformed, (protocol, payload.hex())
        assert not complaint, (line, payload.hex())
        assert protocols.startswith("ppp:"), (line, payload.hex())
