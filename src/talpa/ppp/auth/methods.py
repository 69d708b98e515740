"""The authentication methods, and how LCP names them."""

from dataclasses import dataclass

PAP_PROTOCOL = 0xC023
CHAP_PROTOCOL = 0xC223


@dataclass(frozen=True, slots=True)
class Method:
    """One way of authenticating."""

    name: str
    """As configured: "mschapv2"."""
    title: str
    """As a person reads it: "MS-CHAPv2"."""
    protocol: int
    """PPP protocol number of its packets."""
    option: bytes
    """Data of the LCP option Authentication-Protocol (RFC 1661 6.2)."""


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method("mschapv2", "MS-CHAPv2", CHAP_PROTOCOL, b"\xc2\x23\x81"),
        Method("mschap", "MS-CHAP", CHAP_PROTOCOL, b"\xc2\x23\x80"),
        Method("chap", "CHAP", CHAP_PROTOCOL, b"\xc2\x23\x05"),
        Method("pap", "PAP", PAP_PROTOCOL, b"\xc0\x23"),
    )
}
"""All methods by name, strongest first."""

_BY_OPTION = {m.option: m for m in METHODS.values()}


def method_of(option: bytes) -> Method | None:
    """The method that an Authentication-Protocol option (its data) names; None: none of ours."""
    return _BY_OPTION.get(option)
