"""A second opinion: tshark opens what we send with our key log, and finds nothing wrong in it."""

import shutil
import struct
import subprocess
from ipaddress import ip_address
from pathlib import Path as File

import pytest

from talpa.crypto.algorithms import GroupId
from talpa.ike.events import KeysMade
from talpa.sansio import Address, Path

from .rig import Peer, Wire, config, connection


class Tap:
    """Writes what travels as a capture of IP packets."""

    def __init__(self, wire: Wire) -> None:
        self.packets: list[bytes] = []
        to_server, to_client = wire.to_server, wire.to_client

        def up(path: Path, data: bytes) -> None:
            self._add(path.local, path.remote, data)
            to_server(path, data)

        def down(path: Path, data: bytes) -> None:
            self._add(path.local, path.remote, data)
            to_client(path, data)

        wire.to_server, wire.to_client = up, down  # type: ignore[method-assign]

    def _add(self, source: Address, target: Address, data: bytes) -> None:
        marker = bytes(4) if 4500 in (source.port, target.port) else b""
        size = 8 + len(marker) + len(data)
        udp = struct.pack("!HHHH", source.port, target.port, size, 0) + marker + data
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0, 64, 17, 0)
        hosts = ip_address(source.host).packed + ip_address(target.host).packed
        self.packets.append(head + hosts + udp)

    def write(self, file: File) -> None:
        out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)
        for number, packet in enumerate(self.packets):
            out += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
        file.write_bytes(out)


def keys(end: Peer) -> str:
    lines = [e.line for e in end.seen if isinstance(e, KeysMade)]
    assert any("AES" in line for line in lines[1:])
    return lines[0]


@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.parametrize("udp", [False, True])
def test_tshark_reads_all_of_it(tmp_path: File, aggressive: bool, udp: bool) -> None:
    wire = Wire(config(key_log=True), config(aggressive=True))
    tap = Tap(wire)
    ike = wire.open(connection(pfs=GroupId.ECP256, force_udp=udp, aggressive=aggressive))
    wire.client.sas.close(ike, "done", wire.now)
    wire.settle()
    tap.write(tmp_path / "ike.pcap")
    fields = ("isakmp.typepayload", "_ws.expert.message", "_ws.malformed")
    tshark = shutil.which("tshark")
    assert tshark, "tshark is not installed: the judge of what we send is missing"
    run = subprocess.run(
        [
            tshark,
            "-r",
            str(tmp_path / "ike.pcap"),
            "-o",
            f"uat:ikev1_decryption_table:{keys(wire.client)}",
            "-Tfields",
            *(word for field in fields for word in ("-e", field)),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[1:] for row in rows] == [["", ""]] * len(tap.packets)
    addresses = ",21,21" if udp else ""
    seen = [",".join(_without_transforms(row[0])) for row in rows]
    assert f"8,1,2,10,4,5,5{addresses}" in seen
    assert seen[-2:] == ["8,12", "8,12"]


def _without_transforms(row: str) -> list[str]:
    return [kind for kind in row.split(",") if kind != "3"]
