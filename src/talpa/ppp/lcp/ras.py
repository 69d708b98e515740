"""What a Windows client puts behind its Terminate-Request: the error its user will see.

The data of the packet is the client's Magic-Number, the constant 00 3C CD 74, and the error number
of its Remote Access Service, four octets each. Read from logs of real clients; no RFC has it.
"""

import struct

from talpa.ppp.ras_errors import RAS_ERRORS

_TRAILER = struct.Struct("!4sII")
_MARK = 0x003CCD74
RAS_HUNG_UP = 0
"""What a client sends whose user hangs up: no error."""
RAS_LOGIN_REFUSED = 691
RAS_NO_AGREEMENT = 732


def ras_error(data: bytes) -> int:
    """The error number in the data of a Terminate-Request; 0 where there is none."""
    if len(data) != _TRAILER.size:
        return 0
    _, mark, code = _TRAILER.unpack(data)
    return int(code) if mark == _MARK else 0


def ras_data(magic: int, error: int) -> bytes:
    """The data of a Terminate-Request with an error number."""
    return _TRAILER.pack(magic.to_bytes(4, "big"), _MARK, error)


def ras_text(error: int) -> str:
    """An error as a person reads it."""
    return f"{RAS_ERRORS.get(error, 'an error without a name here')} (error {error})"
