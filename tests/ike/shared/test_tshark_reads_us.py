"""tshark, given our key log, decrypts what two endpoints say and finds nothing wrong in it."""

import shutil
import struct
import subprocess
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from ike.endpoints import Pair, Said, conversation
from talpa.ike.events import KeysMade
from talpa.ike.policies import COMPATIBLE
from talpa.wire import internet_checksum


def packet(said: Said) -> bytes:
    """IPv4 and UDP around a message."""
    source, destination = said.path.local, said.path.remote
    body = bytes(4) + said.data if said.natt else said.data
    udp = struct.pack("!HHHH", source.port, destination.port, 8 + len(body), 0) + body
    ends = ip_address(source.host).packed + ip_address(destination.host).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + ends
    return head[:10] + internet_checksum(head).to_bytes(2, "big") + head[12:] + udp


def capture(said: list[Said], file: Path) -> None:
    """A pcap file with raw IP."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)]
    for number, one in enumerate(said):
        octets = packet(one)
        out += (struct.pack("<IIII", number, 0, len(octets), len(octets)), octets)
    file.write_bytes(b"".join(out))


def dissected(pair: Pair, folder: Path) -> str:
    """All that tshark has to say."""
    file = folder / "ike.pcap"
    capture(pair.said, file)
    lines = dict.fromkeys(
        f"-ouat:{event.table}:{event.line}"
        for _, event in pair.events
        if isinstance(event, KeysMade) and event.table != "esp_sa"
    )
    tshark = shutil.which("tshark")
    assert tshark, "tshark is not installed: the judge of what we send is missing"
    done = subprocess.run(
        [tshark, "-n", "-V", "-r", str(file), *lines],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("version", "inside"),
    [
        (1, ("Payload: Identification (5)", "Payload: Hash (8)", "Payload: Delete (12)")),
        (2, ("Payload: Authentication (39)", "Payload: Traffic Selector - Initiator", "Delete")),
    ],
)
def test_tshark_reads_all_that_we_say(
    version: int, inside: tuple[str, ...], tmp_path: Path
) -> None:
    # Wireshark knows one set of keys for an SA; after IKE_INTERMEDIATE there are others.
    policy = replace(COMPATIBLE, additional=())
    pair = conversation(version, key_log=True, policy=policy)
    pair.client.close(1, "bye", 1.0)
    pair.run()
    text = dissected(pair, tmp_path)
    for one in inside:
        assert one in text
    for complaint in ("Malformed", "Expert Info (Error", "Expert Info (Warning", "[BoundError"):
        assert complaint not in text
