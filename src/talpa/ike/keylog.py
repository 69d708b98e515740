"""Keys as Wireshark's tables of decryption keys take them: the lines of `KeysMade`.

Each table is a file of that name in Wireshark's configuration directory (`esp_sa`,
`ikev1_decryption_table`, `ikev2_decryption_table`). Wireshark knows no ChaCha20-Poly1305 in IKEv2:
a line of it is a comment.
"""

from typing import Final

from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.crypto.encryption import encryption
from talpa.esp.sa import Protocol, Sa
from talpa.ike.events import KeysMade

IKEV1_TABLE: Final = "ikev1_decryption_table"
IKEV2_TABLE: Final = "ikev2_decryption_table"
ESP_TABLE: Final = "esp_sa"

_IKE_ENCRYPTION: Final = {
    (EncryptionId.DES3, 0): "3DES [RFC2451]",
    (EncryptionId.NULL, 0): "NULL [RFC2410]",
    (EncryptionId.AES_CBC, 128): "AES-CBC-128 [RFC3602]",
    (EncryptionId.AES_CBC, 192): "AES-CBC-192 [RFC3602]",
    (EncryptionId.AES_CBC, 256): "AES-CBC-256 [RFC3602]",
    (EncryptionId.AES_GCM_8, 128): "AES-GCM-128 with 8 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_8, 192): "AES-GCM-192 with 8 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_8, 256): "AES-GCM-256 with 8 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_12, 128): "AES-GCM-128 with 12 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_12, 192): "AES-GCM-192 with 12 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_12, 256): "AES-GCM-256 with 12 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_16, 128): "AES-GCM-128 with 16 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_16, 192): "AES-GCM-192 with 16 octet ICV [RFC5282]",
    (EncryptionId.AES_GCM_16, 256): "AES-GCM-256 with 16 octet ICV [RFC5282]",
    (EncryptionId.CHACHA20_POLY1305, 0): "ChaCha20/Poly1305 [RFC7634]",
}
_IKE_INTEGRITY: Final = {
    IntegrityId.NONE: "NONE [RFC4306]",
    IntegrityId.HMAC_SHA1_96: "HMAC_SHA1_96 [RFC2404]",
    IntegrityId.HMAC_SHA2_256_96: "HMAC_SHA2_256_96 [draft-ietf-ipsec-ciph-sha-256-00]",
    IntegrityId.HMAC_SHA2_256_128: "HMAC_SHA2_256_128 [RFC4868]",
    IntegrityId.HMAC_SHA2_384_192: "HMAC_SHA2_384_192 [RFC4868]",
    IntegrityId.HMAC_SHA2_512_256: "HMAC_SHA2_512_256 [RFC4868]",
}
_ESP_ENCRYPTION: Final = {
    EncryptionId.DES3: "TripleDES-CBC [RFC2451]",
    EncryptionId.NULL: "NULL",
    EncryptionId.AES_CBC: "AES-CBC [RFC3602]",
    EncryptionId.AES_GCM_8: "AES-GCM with 8 octet ICV [RFC4106]",
    EncryptionId.AES_GCM_12: "AES-GCM with 12 octet ICV [RFC4106]",
    EncryptionId.AES_GCM_16: "AES-GCM with 16 octet ICV [RFC4106]",
    EncryptionId.CHACHA20_POLY1305: "ChaCha20 with Poly1305 [RFC7634]",
}
_ESP_INTEGRITY: Final = {
    IntegrityId.NONE: "NULL",
    IntegrityId.HMAC_SHA1_96: "HMAC-SHA-1-96 [RFC2404]",
    IntegrityId.HMAC_SHA2_256_96: "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]",
    IntegrityId.HMAC_SHA2_256_128: "HMAC-SHA-256-128 [RFC4868]",
    IntegrityId.HMAC_SHA2_384_192: "HMAC-SHA-384-192 [RFC4868]",
    IntegrityId.HMAC_SHA2_512_256: "HMAC-SHA-512-256 [RFC4868]",
}


def ikev1_keys(initiator_spi: bytes, key: bytes) -> KeysMade:
    """The encryption key of a phase 1, and of all that follows under it."""
    return KeysMade(IKEV1_TABLE, f"{initiator_spi.hex()},{key.hex()}")


def ikev2_keys(
    spis: tuple[bytes, bytes],
    encryption_keys: tuple[bytes, bytes],
    cipher: EncryptionId,
    key_bits: int,
    integrity_keys: tuple[bytes, bytes],
    mac: IntegrityId,
) -> KeysMade:
    """Pairs are (initiator's, responder's). Keys of AEAD ciphers stand with their salt, and those
    for integrity are empty then."""
    spi_i, spi_r = (spi.hex() for spi in spis)
    key_i, key_r = (key.hex() for key in encryption_keys)
    mac_i, mac_r = (key.hex() for key in integrity_keys)
    comment = "# " if cipher is EncryptionId.CHACHA20_POLY1305 else ""
    return KeysMade(
        IKEV2_TABLE,
        f'{comment}{spi_i},{spi_r},{key_i},{key_r},"{_IKE_ENCRYPTION[cipher, key_bits]}",'
        f'{mac_i},{mac_r},"{_IKE_INTEGRITY[mac]}"',
    )


def esp_keys(sa: Sa, source: str, destination: str) -> KeysMade | None:
    """One direction; hosts as on the outside. None for AH, which needs no decryption."""
    suite = sa.suite
    if suite.protocol is Protocol.AH:
        return None
    size = encryption(suite.encryption, suite.key_bits).key_octets
    key, mac = sa.key.reveal()[:size], sa.key.reveal()[size:]
    family = "IPv6" if ":" in source else "IPv4"
    return KeysMade(
        ESP_TABLE,
        f'"{family}","{source}","{destination}","0x{sa.spi:08x}",'
        f'"{_ESP_ENCRYPTION[suite.encryption]}","{_hex(key)}",'
        f'"{_ESP_INTEGRITY[suite.integrity]}","{_hex(mac)}"',
    )


def _hex(octets: bytes) -> str:
    return f"0x{octets.hex()}" if octets else ""


def ike_encryption(name: str) -> tuple[EncryptionId, int]:
    """What a line means by a name: of `ikev2_decryption_table`. Raises `LookupError`."""
    return {shown: cipher for cipher, shown in _IKE_ENCRYPTION.items()}[name]


def ike_integrity(name: str) -> IntegrityId:
    """Likewise. Raises `LookupError`."""
    return {shown: mac for mac, shown in _IKE_INTEGRITY.items()}[name]


def esp_algorithms(cipher: str, mac: str) -> tuple[EncryptionId, IntegrityId]:
    """Likewise, of `esp_sa`. Raises `LookupError`."""
    ciphers = {shown: known for known, shown in _ESP_ENCRYPTION.items()}
    macs = {shown: known for known, shown in _ESP_INTEGRITY.items()}
    return ciphers[cipher], macs[mac]
