"""Messages of IKE, taken apart by the declarations of the `ike` room."""

import zlib
from typing import Final

from talpa.explain.dissection import Dissection, Field, Layer, malformed
from talpa.explain.ike_keys import SecurityKeys
from talpa.explain.ike_v1 import dissect_v1
from talpa.explain.ike_v2 import dissect_v2
from talpa.ike.header import Header, parse_header
from talpa.wire import Malformed

_RFC: Final = {1: "RFC 2408 3.1", 2: "RFC 7296 3.1"}


def dissect_ike(message: bytes, keys: SecurityKeys | None = None) -> Dissection:
    """An IKE message, the non-ESP marker taken off. Never raises; no key, no proof of one and no
    password is in the result, only its length.

    `keys` open what is encrypted, and remember conversations: bring every message once it is seen.
    """
    try:
        header = parse_header(message)
    except Malformed as wrong:
        return malformed("IKE", wrong)
    known = keys if keys is not None else SecurityKeys()
    protocol = f"IKEv{header.major}"
    try:
        if header.major == 1:
            found = dissect_v1(header, message, known)
        elif header.major == 2:
            found = dissect_v2(header, message, known)
        else:
            return malformed(protocol, f"version {header.major} of IKE")
    except Malformed as wrong:
        found = malformed(protocol, wrong)
    found.layers.insert(0, _head(protocol, header))
    spi = int.from_bytes(header.initiator_spi, "big")
    found.identity = (spi, header.message_id, zlib.crc32(message))
    return found


def _head(protocol: str, header: Header) -> Layer:
    rfc = _RFC[header.major]
    return Layer(
        protocol,
        (
            Field("Initiator SPI", header.initiator_spi.hex(), rfc),
            Field("Responder SPI", header.responder_spi.hex(), rfc),
            Field("Exchange Type", str(header.exchange), rfc),
            Field("Flags", f"{header.flags:#04x}", rfc),
            Field("Message ID", str(header.message_id), rfc),
        ),
    )
