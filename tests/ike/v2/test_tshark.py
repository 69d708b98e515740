"""A second opinion: tshark, given our key log, opens what we send and finds no fault in it."""

import shutil
import socket
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ike.v2.credentials import GATEWAY, credential, trust
from ike.v2.ends import FAST, World, config, l2tp
from ike.v2.test_weather import rekey_child, rekey_ike
from talpa.crypto.algorithms import EncryptionId
from talpa.ike.config import Connection
from talpa.ike.events import KeysMade
from talpa.wire import internet_checksum

CERTIFICATES = {
    "psk": None,
    "authentication": "certificate",
    "remote_authentication": "certificate",
    "remote_host": GATEWAY,
}


class Tap(World):
    """A world in which every datagram is written down."""

    def record(self, connection: Connection) -> list[bytes]:
        packets: list[bytes] = []
        for party in (self.left, self.right):
            receive = party.receive

            def note(packet, now, receive=receive):  # type: ignore[no-untyped-def]
                source, target, data = packet
                udp = struct.pack("!HHHH", source.port, target.port, 8 + len(data), 0) + data
                head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
                ends = socket.inet_aton(source.host) + socket.inet_aton(target.host)
                sum_ = struct.pack("!H", internet_checksum(head + ends))
                packets.append(head[:10] + sum_ + ends + udp)
                receive(packet, now)

            party.receive = note  # type: ignore[method-assign]
        self.connect(connection)
        rekey_child(self, 0)
        self.run(8.0)
        rekey_ike(self, 1)
        self.run(8.0)
        self.left.sas.close(self.left.up, "Enough.", self.now)
        self.left.settle(self.now)
        self.run(5.0)
        return packets


def seen(packets: list[bytes], keys: list[KeysMade], folder: Path) -> list[list[str]]:
    file = folder / "ike.pcap"
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for at, packet in enumerate(packets):
            out.write(struct.pack("<IIII", at, 0, len(packet), len(packet)) + packet)
    options = []
    for key in keys:
        if key.table == "ikev2_decryption_table":
            options += ["-o", f"uat:ikev2_decryption_table:{key.line}"]
    fields = ["isakmp.exchangetype", "isakmp.typepayload", "_ws.malformed", "_ws.expert.severity"]
    asked = [word for one in fields for word in ("-e", one)]
    tshark = shutil.which("tshark")
    assert tshark, "tshark is not installed: the judge of what we send is missing"
    done = subprocess.run(
        [tshark, "-r", str(file), *options, "-T", "fields", *asked],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "cipher",
    [(EncryptionId.AES_CBC, 256), (EncryptionId.AES_GCM_16, 256)],
    ids=["CBC", "GCM"],
)
@pytest.mark.parametrize("by", [{}, CERTIFICATES], ids=["key", "certificate"])
def test_tshark_opens_it_and_finds_no_fault(
    cipher: tuple[EncryptionId, int], by: dict[str, object], tmp_path: Path
) -> None:
    policy = replace(FAST, encryption=(cipher,))
    world = Tap(
        config(policy=policy, key_log=True, credential=credential("alice.example"), trust=trust()),
        config(policy=policy, credential=credential(GATEWAY, server=True), trust=trust()),
    )
    packets = world.record(l2tp(**by))
    keys = [event for event in world.left.of(KeysMade) if isinstance(event, KeysMade)]
    rows = seen(packets, keys, tmp_path)
    assert len(rows) == len(packets) >= 12
    exchanges = [row[0] for row in rows]
    assert exchanges[:4] == ["34", "34", "35", "35"]
    assert {"36", "37"} <= set(exchanges)
    for row in rows:
        assert row[2] == "", row
        assert not any(int(one) >= 0x600000 for one in row[3].split(",") if one), row
    # Opened: what is inside is seen, too.
    inside = rows[2][1].split(",")
    assert {"46", "35", "39", "33", "44", "45"} <= set(inside)
    assert "42" in rows[-1][1].split(",") or "42" in rows[-2][1].split(",")
