"""What is wrong with a public value that a peer sent."""


class BadPublicValue(ValueError):
    """A peer's public value that must not be used (RFC 6989 2). The text says why."""


def check_length(value: bytes, octets: int) -> None:
    """Raise `BadPublicValue` unless `value` has as many octets."""
    if len(value) != octets:
        raise BadPublicValue(f"public value of {len(value)} octets instead of {octets}")
