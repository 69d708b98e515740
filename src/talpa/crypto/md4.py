"""The MD4 message digest (RFC 1320). OpenSSL 3 no longer has it, and MS-CHAP cannot do without."""

import struct

_BLOCK = struct.Struct("<16I")
_DIGEST = struct.Struct("<4I")
_MASK = 0xFFFFFFFF
_SECOND = 0x5A827999
_THIRD = 0x6ED9EBA1


def md4(data: bytes) -> bytes:
    """The digest of `data`, 16 octets."""
    padded = b"".join(
        (data, b"\x80", bytes(-(len(data) + 9) % 64), struct.pack("<Q", 8 * len(data)))
    )
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for block in _BLOCK.iter_unpack(padded):
        state = _compress(state, block)
    return _DIGEST.pack(*state)


def _compress(state: tuple[int, int, int, int], x: tuple[int, ...]) -> tuple[int, int, int, int]:
    """RFC 1320 3.4. Written out in fours, without function calls: this is the slow part."""
    mask = _MASK
    a, b, c, d = state
    for i in (0, 4, 8, 12):
        t = (a + (d ^ (b & (c ^ d))) + x[i]) & mask
        a = (t << 3 | t >> 29) & mask
        t = (d + (c ^ (a & (b ^ c))) + x[i + 1]) & mask
        d = (t << 7 | t >> 25) & mask
        t = (c + (b ^ (d & (a ^ b))) + x[i + 2]) & mask
        c = (t << 11 | t >> 21) & mask
        t = (b + (a ^ (c & (d ^ a))) + x[i + 3]) & mask
        b = (t << 19 | t >> 13) & mask
    for i in (0, 1, 2, 3):
        t = (a + (b & c | d & (b | c)) + x[i] + _SECOND) & mask
        a = (t << 3 | t >> 29) & mask
        t = (d + (a & b | c & (a | b)) + x[i + 4] + _SECOND) & mask
        d = (t << 5 | t >> 27) & mask
        t = (c + (d & a | b & (d | a)) + x[i + 8] + _SECOND) & mask
        c = (t << 9 | t >> 23) & mask
        t = (b + (c & d | a & (c | d)) + x[i + 12] + _SECOND) & mask
        b = (t << 13 | t >> 19) & mask
    for i in (0, 2, 1, 3):
        t = (a + (b ^ c ^ d) + x[i] + _THIRD) & mask
        a = (t << 3 | t >> 29) & mask
        t = (d + (a ^ b ^ c) + x[i + 8] + _THIRD) & mask
        d = (t << 9 | t >> 23) & mask
        t = (c + (d ^ a ^ b) + x[i + 4] + _THIRD) & mask
        c = (t << 11 | t >> 21) & mask
        t = (b + (c ^ d ^ a) + x[i + 12] + _THIRD) & mask
        b = (t << 15 | t >> 17) & mask
    return (
        (state[0] + a) & mask,
        (state[1] + b) & mask,
        (state[2] + c) & mask,
        (state[3] + d) & mask,
    )
