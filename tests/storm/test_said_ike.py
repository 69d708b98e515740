"""Each family says in IKE what its source and the logs of servers have; tshark agrees."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from storm.said_ike import FOLDER, ike_messages, life_of, words_of
from talpa.storm.families import FAMILIES

_RAW_IP = 101
"""Link type of a capture."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_message_of_a_life(family: str) -> None:
    assert words_of(life_of(family)) == (FOLDER / f"{family}.txt").read_text()


def test_tshark_opens_every_message_and_finds_no_fault(tmp_path: Path) -> None:
    capture = tmp_path / "ike.pcap"
    packets, options, messages = [], [], 0
    for family in FAMILIES:
        crowd = life_of(family)
        for ours, message in ike_messages(crowd):
            messages += 1
            packets.append(_packet(message, ours=ours))
        options += [f"-ouat:{table}:{line}" for table, line in crowd.keys if table[:3] == "ike"]
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, _RAW_IP)
    records = (struct.pack("<IIII", 0, 0, len(each), len(each)) + each for each in packets)
    capture.write_bytes(header + b"".join(records))
    fields = ("-T", "fields", "-e", "_ws.expert.message", "-e", "isakmp.typepayload")
    tshark = shutil.which("tshark")
    assert tshark, "tshark is not installed: the judge of what we send is missing"
    done = subprocess.run(
        [tshark, "-n", "-r", str(capture), *options, "-Y", "isakmp", *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == messages > 9 * len(FAMILIES)
    assert [expert for expert, _ in lines if expert] == []
    assert all(payloads for _, payloads in lines)


def _packet(message: bytes, *, ours: bool) -> bytes:
    """An IPv4 packet to or from UDP port 500."""
    ends = (bytes((198, 18, 7, 7)), bytes((198, 18, 0, 1)))
    source, target = ends if ours else ends[::-1]
    udp = struct.pack("!HHHH", 500, 500, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    return head + source + target + udp
