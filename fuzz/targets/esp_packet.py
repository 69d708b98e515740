"""ESP packets under keys that the sender has, and under those that he has not."""

from collections.abc import Iterator

from fuzz.octets import Octets
from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.crypto.encryption import encryption
from talpa.crypto.integrity import integrity
from talpa.esp.packet import Inbound, Outbound
from talpa.esp.sa import Protocol, Sa, Suite
from talpa.wire import Secret

_SUITES = (
    Suite(Protocol.ESP, EncryptionId.AES_GCM_16, 256, IntegrityId.NONE),
    Suite(Protocol.ESP, EncryptionId.AES_GCM_16, 128, IntegrityId.NONE, esn=True),
    Suite(Protocol.ESP, EncryptionId.CHACHA20_POLY1305, 0, IntegrityId.NONE),
    Suite(Protocol.ESP, EncryptionId.AES_CBC, 256, IntegrityId.HMAC_SHA2_256_128, esn=True),
    Suite(Protocol.ESP, EncryptionId.AES_CBC, 128, IntegrityId.HMAC_SHA1_96),
    Suite(Protocol.ESP, EncryptionId.DES3, 0, IntegrityId.HMAC_SHA1_96),
    Suite(Protocol.ESP, EncryptionId.NULL, 0, IntegrityId.HMAC_SHA2_512_256),
)


def _sa(suite: Suite) -> Sa:
    return Sa(0x12345678, suite, Secret(bytes(range(suite.key_octets))), window=64)


def check(data: bytes) -> None:
    """A packet is opened or dropped for a reason. None that was changed is opened, and none twice;
    what a peer with the key puts inside is read within its bounds."""
    octets = Octets(data)
    suite = octets.pick(_SUITES)
    inbound = Inbound(_sa(suite))
    outbound = Outbound(_sa(suite), bytes)
    sealed = outbound.seal(b"hello", 4)
    assert sealed is not None
    for _ in range(8):
        shape = octets.number()
        body = octets.chunk()
        if shape & 1:
            at = 4 + octets.number(2) % (len(sealed) - 4)  # by the SPI it is found
            packet = bytearray(sealed)
            packet[at] ^= 1 + octets.number() % 255
            assert isinstance(inbound.open(bytes(packet)), str)
        elif shape & 2:
            opened = inbound.open(_sealed(suite, shape, body))
            assert isinstance(opened, str) or len(opened[1]) <= len(body) + 14
        else:
            assert isinstance(inbound.open(body), str)
    first = inbound.open(sealed)
    assert isinstance(first, str) or first == (4, b"hello")
    assert isinstance(inbound.open(sealed), str)


def _sealed(suite: Suite, number: int, plaintext: bytes) -> bytes:
    """A packet with any plaintext, trailer and padding with it, that is whole blocks."""
    kind = encryption(suite.encryption, suite.key_bits)
    key = bytes(range(suite.key_octets))
    cipher = kind.keyed(key[: kind.key_octets])
    plaintext = plaintext or bytes(kind.block_octets)
    plaintext += bytes(-len(plaintext) % kind.block_octets)
    header = (0x12345678).to_bytes(4, "big") + number.to_bytes(4, "big")
    iv = bytes(kind.iv_octets)
    if kind.aead:
        covered = header[:4] + bytes(4) + header[4:] if suite.esn else header
        return header + iv + cipher.encrypt(iv, plaintext, covered)
    packet = header + iv + cipher.encrypt(iv, plaintext)
    mac = integrity(suite.integrity).keyed(key[kind.key_octets :])
    return packet + mac.icv(packet, bytes(4) if suite.esn else b"")


def seeds() -> Iterator[bytes]:
    """For each suite: rubbish, a changed packet, and odd padding under the right key."""
    for which in range(len(_SUITES)):
        head = bytes((which,))
        yield head + b"\0\x10" + bytes(16) + b"\1\0\0\x20\x07"
        yield head + b"\2\x10" + bytes(13) + b"\1\1\4" + b"\6\x10" + bytes(14) + b"\xff\4"
