"""tshark, given the keys, opens what we seal and finds the integrity check right."""

import os
import random
import shutil
import struct
import subprocess
from pathlib import Path

from dataplane import build
from esp.build import suites
from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.crypto.encryption import encryption
from talpa.esp.packet import Outbound
from talpa.esp.sa import Sa
from talpa.wire import Secret

CIPHERS = {
    EncryptionId.NULL: "NULL",
    EncryptionId.DES3: "TripleDES-CBC [RFC2451]",
    EncryptionId.AES_CBC: "AES-CBC [RFC3602]",
    EncryptionId.AES_GCM_16: "AES-GCM with 16 octet ICV [RFC4106]",
    EncryptionId.AES_GCM_12: "AES-GCM with 12 octet ICV [RFC4106]",
    EncryptionId.AES_GCM_8: "AES-GCM with 8 octet ICV [RFC4106]",
}
"""The tshark of today's distributions knows no ChaCha20-Poly1305 in ESP."""
MACS = {
    IntegrityId.NONE: "NULL",
    IntegrityId.HMAC_SHA1_96: "HMAC-SHA-1-96 [RFC2404]",
    IntegrityId.HMAC_SHA2_256_96: "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]",
    IntegrityId.HMAC_SHA2_256_128: "HMAC-SHA-256-128 [RFC4868]",
    IntegrityId.HMAC_SHA2_384_192: "HMAC-SHA-384-192 [RFC4868]",
    IntegrityId.HMAC_SHA2_512_256: "HMAC-SHA-512-256 [RFC4868]",
}
RIGHT = (("1", "0"), ("True", "False"))
"""What it says of an integrity check value, in older and newer versions."""

HOSTS = ("198.18.0.1", "198.18.0.2")
PAYLOAD = build.udp(1701, 1701, bytes.fromhex("c802000c0001000000020003"))
"""A zero-length body of L2TP."""


def row(sa: Sa) -> str:
    """A line of Wireshark's table of SAs."""
    suite, key = sa.suite, sa.key.reveal()
    split = encryption(suite.encryption, suite.key_bits).key_octets
    fields = (
        "IPv4",
        HOSTS[0],
        HOSTS[1],
        f"{sa.spi:#010x}",
        CIPHERS[suite.encryption],
        f"0x{key[:split].hex()}" if split else "",
        MACS[suite.integrity],
        f"0x{key[split:].hex()}" if key[split:] else "",
    )
    return ",".join(f'"{field}"' for field in fields)


def test_tshark_opens_every_suite(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    assert tshark, "tshark is not installed: the judge of what we send is missing"
    sas = []
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for number, suite in enumerate(each for each in suites() if each.encryption in CIPHERS):
        key = random.Random(number).randbytes(suite.key_octets)
        sa = Sa(0x1000 + number, suite, Secret(key))
        sas.append(sa)
        outbound = Outbound(sa, os.urandom)
        for _ in range(2):
            sealed = outbound.seal(PAYLOAD, 17)
            assert sealed is not None
            packet = build.ipv4(*HOSTS, 50, sealed)
            capture += struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet
    (tmp_path / "esp.pcap").write_bytes(capture)
    line = [tshark, "-r", str(tmp_path / "esp.pcap"), "-T", "fields", "-E", "separator=;"]
    for name in ("enable_encryption_decode", "enable_authentication_check"):
        line += ["-o", f"esp.{name}:TRUE"]
    (tmp_path / "esp_sa").write_text("".join(f"{row(sa)}\n" for sa in sas))
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(tmp_path)}
    for field in ("spi", "sequence", "icv_good", "icv_bad"):
        line += ["-e", f"esp.{field}"]
    line += ["-e", "udp.dstport", "-e", "l2tp.type", "-e", "_ws.malformed"]
    judged = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
    shown = judged.stdout.splitlines()
    assert len(shown) == 2 * len(sas)
    wrong = []
    for index, each in enumerate(shown):
        sa = sas[index // 2]
        spi, sequence, good, bad, port, kind, malformed = each.split(";")
        assert (int(spi, 0), int(sequence)) == (sa.spi, index % 2 + 1)
        if (port, kind, malformed) != ("1701", "1", "") or (good, bad) not in RIGHT:
            wrong.append((sa.suite.name, each))
    assert wrong == []
