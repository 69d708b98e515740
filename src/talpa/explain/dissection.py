"""A packet taken apart: layers of fields, one plain sentence, and what is wrong with it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a layer."""

    name: str
    value: str
    """As a person reads it: printable, of bounded length, never a secret."""
    rfc: str = ""
    """Where it is defined: "RFC 2661 4.4.3"."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One protocol's part of a packet."""

    name: str
    fields: tuple[Field, ...] = ()


@dataclass(slots=True)
class Dissection:
    """A whole packet."""

    protocol: str
    """The innermost protocol: "L2TP", "LCP", "CHAP", "IPv4", ..."""
    message: str
    """The message's name in its RFC: "SCCRQ", "Configure-Request"; "malformed"."""
    sentence: str
    """What its sender does by it: "asks for a tunnel"."""
    layers: list[Layer] = field(default_factory=list)
    """Outermost first."""
    problems: list[str] = field(default_factory=list)
    """What is wrong with it; empty for a sound message."""
    traffic: int = 0
    """Octets of user traffic in it; 0: it is signalling."""
    identity: tuple[int, ...] | None = None
    """What a retransmission of it has, too; None for what is not transmitted reliably."""


def malformed(protocol: str, problem: object) -> Dissection:
    """A packet that breaks its format."""
    text = str(problem)
    return Dissection(protocol, "malformed", f"is not sound: {text}", problems=[text])
