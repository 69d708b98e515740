"""The judge finds what is wrong; otherwise its silence would mean nothing."""

import struct
from pathlib import Path

from interop.judge import Wire
from interop.lab import Image
from talpa.wire import internet_checksum

GOOD = bytes.fromhex("0002 0001 0001 ff03 c021 09 01 0008 00000000")
CUT_SHORT = bytes.fromhex("0002 0001 0001 ff03 c021 01 01 0040 0104")
"""An LCP Configure-Request that says it is longer than it is."""


def capture(folder: Path, *datagrams: bytes) -> Wire:
    """L2TP datagrams from Talpa's address, in a capture of raw IP packets."""
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for payload in datagrams:
        udp = struct.pack("!HHHH", 1701, 1701, 8 + len(payload), 0) + payload
        header = bytes.fromhex(f"4500{20 + len(udp):04x}00010000401100 00c6120002c6120003")
        total = internet_checksum(header)
        packet = header[:10] + total.to_bytes(2, "big") + header[12:] + udp
        file += struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet
    path = folder / "made.pcap"
    path.write_bytes(file)
    return Wire(path)


def test_a_good_frame_has_no_fault(image: Image, tmp_path: Path) -> None:
    wire = capture(tmp_path, GOOD)
    assert wire.sent() == 1
    assert wire.faults() == []


def test_a_frame_cut_short_is_a_fault(image: Image, tmp_path: Path) -> None:
    wire = capture(tmp_path, GOOD, CUT_SHORT)
    assert len(wire.faults()) == 1


def test_frames_of_the_peer_are_not_ours_to_judge(image: Image, tmp_path: Path) -> None:
    wire = capture(tmp_path, CUT_SHORT)
    assert wire.faults("198.18.0.3") == []
