"""What a Windows client puts behind its Terminate-Request: the error its user will see.

The data of the packet is the client's Magic-Number, the constant 00 3C CD 74, and the error number
of its Remote Access Service, four octets each. Read from logs of real clients; no RFC has it.
"""

import struct

_TRAILER = struct.Struct("!4sII")
_MARK = 0x003CCD74
RAS_HUNG_UP = 0
"""What a client sends whose user hangs up: no error."""
RAS_LOGIN_REFUSED = 691
RAS_NO_AGREEMENT = 732

RAS_ERRORS: dict[int, str] = {
    602: "the port is already open",
    619: "the connection was not made",
    628: "the connection was ended by the other side before it was complete",
    629: "the connection was closed by the other side",
    631: "the user hung up",
    633: "the device is in use or not configured",
    645: "internal authentication error",
    646: "the account may not log on at this time of day",
    647: "the account is disabled",
    648: "the password has expired",
    649: "the account has no permission to dial in",
    650: "the server does not respond",
    651: "the device reported an error",
    678: "there was no answer",
    691: "user name or password is wrong, or the authentication method is not permitted",
    692: "hardware failure",
    709: "the password could not be changed",
    711: "the Remote Access service could not be started",
    718: "the server did not answer in time",
    719: "the server ended PPP",
    720: "no network protocol could be agreed on",
    721: "the server does not respond",
    722: "the server sent an invalid packet",
    726: "IPX cannot be dialled out on more than one port",
    731: "the protocol is not configured",
    732: "the two sides could not agree on network settings, often for want of an address",
    733: "the server does not support the network protocol asked for",
    734: "LCP was ended",
    735: "the server rejected the address asked for",
    736: "the server ended the network protocol",
    737: "the line is looped back",
    738: "the server gave no address",
    739: "the server cannot use the encrypted password",
    741: "this computer does not support the encryption demanded",
    742: "the server does not support the encryption demanded",
    743: "the server demands encryption",
    756: "the connection is being dialled already",
    768: "data could not be encrypted",
    769: "the destination cannot be reached",
    778: "the server could not prove who it is",
    781: "no valid certificate was found",
    783: "sharing needs a private connection",
    787: "IPsec could not authenticate the server",
    788: "IPsec could not agree on parameters",
    789: "IPsec failed while it was negotiated",
    790: "the server's certificate is not valid",
    792: "IPsec negotiation took too long",
    800: "the tunnel could not be made",
    806: "GRE packets do not get through",
    807: "the connection to the server was interrupted",
    809: "the server did not answer: a firewall or NAT may block it",
    812: "the server's policy does not allow the authentication method",
    827: "IPsec services are not running",
    828: "the link was idle for too long",
    829: "the link was ended",
    835: "IPsec could not authenticate the server: its name does not match",
    850: "the EAP type demanded is not installed",
    868: "the server's name could not be resolved",
    919: "no authentication protocol could be agreed on",
}
"""In our words; the numbers are Microsoft's."""


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
