"""The Internet checksum (RFC 1071)."""


def internet_checksum(*parts: bytes) -> int:
    """The one's complement sum of the parts taken as one run of octets, complemented, 16 bits.

    Only the last part may have an odd length.
    """
    total = 0
    for data in parts:
        # Any base-65536 number is congruent to its digit sum modulo 65535.
        total += int.from_bytes(data if len(data) % 2 == 0 else data + b"\0", "big")
    folded = total % 0xFFFF
    if folded == 0 and total:
        folded = 0xFFFF
    return folded ^ 0xFFFF


def adjusted_checksum(checksum: int, old: int, new: int) -> int:
    """`checksum` after a covered 16-bit word changed from `old` to `new` (RFC 1624, equation 3)."""
    total = (checksum ^ 0xFFFF) + (old ^ 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    return ((total & 0xFFFF) + (total >> 16)) ^ 0xFFFF
