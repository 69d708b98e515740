"""Names of directories and of certificates, as DER that anybody may have sent."""

import warnings
from typing import Final

from cryptography import x509

_MOST_OCTETS: Final = 4_096
_SEQUENCE, _BIT_STRING = 0x30, 0x03
_KEY: Final = bytes.fromhex("302a300506032b6570032100") + bytes(32)
_ALGORITHM: Final = bytes.fromhex("300506032b6570")
_EMAIL: Final = {"E": x509.NameOID.EMAIL_ADDRESS, "EMAILADDRESS": x509.NameOID.EMAIL_ADDRESS}


def parse_name(der: bytes) -> x509.Name | None:
    """A distinguished name that fills all the octets; None when it is none.

    The library reads names inside certificates and requests alone. So a request is made around it,
    that nobody has signed.
    """
    if len(der) > _MOST_OCTETS or _inside(der, _SEQUENCE) is None:
        return None
    info = _tlv(_SEQUENCE, b"\x02\x01\x00" + der + _KEY + b"\xa0\x00")
    request = _tlv(_SEQUENCE, info + _ALGORITHM + _tlv(_BIT_STRING, bytes(65)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of attributes that are too long
            return x509.load_der_x509_csr(request).subject
    except (ValueError, TypeError):
        return None


def name_from_text(text: str) -> bytes:
    """DER of a distinguished name as RFC 4514 writes it, with spaces behind commas if need be.
    Raises `ValueError` with a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.Name.from_rfc4514_string(_unspaced(text), _EMAIL).public_bytes()
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no distinguished name, such as CN=gw.example.com,O=Example"
            f"{f' ({error})' if str(error) else ''}"
        ) from None


def _unspaced(text: str) -> str:
    """Without spaces behind the commas that divide."""
    out, escaped, skipping = [], False, True
    for letter in text.strip():
        if skipping and letter == " ":
            continue
        skipping = letter == "," and not escaped
        escaped = letter == "\\" and not escaped
        out.append(letter)
    return "".join(out)


def general_name(der: bytes) -> tuple[int, bytes] | None:
    """(number, value) of a GeneralName (RFC 5280 4.2.1.6) that fills all the octets: 1 e-mail
    address, 2 host name, 4 the DER of a directory name, 7 the octets of an address. None for any
    other, and for what is none."""
    if not der or len(der) > _MOST_OCTETS:
        return None
    number = {0x81: 1, 0x82: 2, 0xA4: 4, 0x87: 7}.get(der[0])
    value = _inside(der, der[0])
    if number is None or value is None:
        return None
    if number == 7 and len(value) not in (4, 16):
        return None
    return number, value


def _inside(der: bytes, tag: int) -> bytes | None:
    """The value of the one element that fills all the octets; None when there is another thing, or
    its length is not written the shortest way."""
    if len(der) < 2 or der[0] != tag:
        return None
    size, at = der[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 2 or len(der) < 2 + count:
            return None
        size, at = int.from_bytes(der[2 : 2 + count], "big"), 2 + count
        if size < (0x80 if count == 1 else 0x100):
            return None
    return der[at:] if len(der) - at == size else None


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    length = size.to_bytes(2 if size > 0xFF else 1, "big")
    return bytes((tag, 0x80 | len(length))) + length + value
