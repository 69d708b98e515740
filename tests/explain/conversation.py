"""The messages of a whole set-up, from first SCCRQ to goodbye, with their times and directions."""

import struct
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import NamedTuple

from talpa.hostconfig import HostOffer, router_advertisement, router_solicitation
from talpa.l2tp.v2.header import pack_control, pack_data_header
from talpa.l2tp.v2.messages import (
    Cdn,
    Iccn,
    Icrp,
    Icrq,
    Message,
    ResultCode,
    Scccn,
    Sccrp,
    Sccrq,
    StopCcn,
    encode,
)
from talpa.ppp.auth.formats import emit_value_name
from talpa.ppp.frames import Code, Protocol, emit_packet
from talpa.ppp.options import emit_options

PROOF = b"\xa5" * 16
NT_RESPONSE = b"\xa7" * 49
AUTHENTICATOR = b"S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome"

CLIENT_TUNNEL, SERVER_TUNNEL, CLIENT_CALL, SERVER_CALL = 4711, 815, 23, 42


class Said(NamedTuple):
    time: float
    to_server: bool
    datagram: bytes


def control(to_server: bool, ns: int, nr: int, message: Message | None, call: int = 0) -> bytes:
    tunnel = SERVER_TUNNEL if to_server else CLIENT_TUNNEL
    if isinstance(message, Sccrq):
        tunnel = 0
    return pack_control(tunnel, call, ns, nr, encode(message) if message else b"")


def data(to_server: bool, protocol: int, payload: bytes) -> bytes:
    ids = (SERVER_TUNNEL, SERVER_CALL) if to_server else (CLIENT_TUNNEL, CLIENT_CALL)
    return pack_data_header(*ids) + b"\xff\x03" + struct.pack("!H", protocol) + payload


def options(code: int, *pairs: tuple[int, bytes]) -> bytes:
    return emit_packet(code, 1, emit_options(pairs))


def ipv4(address: str) -> bytes:
    return IPv4Address(address).packed


OFFER = HostOffer(
    ours=IPv6Address("fe80::1"),
    peer=IPv6Address("fe80::2"),
    prefix=IPv6Network("fd77:0:0:5::/64"),
    mtu=1400,
)
ECHO = bytes.fromhex("45000020000100004001") + bytes(2) + ipv4("10.77.0.50") + ipv4("10.77.0.1")
ECHO += b"\x08" + bytes(11)

REQ, ACK, NAK, REJECT = 1, 2, 3, 4
LCP, IPCP, IPV6CP, CHAP = Protocol.LCP, Protocol.IPCP, Protocol.IPV6CP, Protocol.CHAP
SCCRQ = Sccrq(
    framing_capabilities=3,
    host_name="laptop",
    assigned_tunnel_id=CLIENT_TUNNEL,
    challenge=b"c" * 16,
)
MRU = (1, b"\x05\x78")
MAGIC = (5, b"\x01\x02\x03\x04")
METHOD = (3, b"\xc2\x23\x81")
ADDRESS = (3, ipv4("10.77.0.50"))
DNS = (129, ipv4("10.77.0.1"))
IDENTIFIER = (1, bytes(7) + b"\x02")


def conversation() -> list[Said]:
    """Client left, server right."""
    c, s = True, False
    told = [
        (c, control(c, 0, 0, SCCRQ)),
        (c, control(c, 0, 0, SCCRQ)),
        (
            s,
            control(
                s,
                0,
                1,
                Sccrp(
                    framing_capabilities=3,
                    host_name="vpn.example.com",
                    assigned_tunnel_id=SERVER_TUNNEL,
                    challenge_response=PROOF,
                ),
            ),
        ),
        (c, control(c, 1, 1, Scccn())),
        (c, control(c, 2, 1, Icrq(assigned_session_id=CLIENT_CALL, call_serial_number=1))),
        (s, control(s, 1, 3, Icrp(assigned_session_id=SERVER_CALL), CLIENT_CALL)),
        (c, control(c, 3, 2, Iccn(tx_connect_speed=0, framing_type=1), SERVER_CALL)),
        (s, control(s, 2, 4, None)),
        (s, data(s, LCP, options(REQ, MRU, METHOD, MAGIC))),
        (c, data(c, LCP, options(REQ, MRU, MAGIC, (17, b"\x05\xdc"), (7, b"")))),
        (s, data(s, LCP, options(REJECT, (17, b"\x05\xdc")))),
        (c, data(c, LCP, options(ACK, MRU, METHOD, MAGIC))),
        (c, data(c, LCP, emit_packet(Code.IDENTIFICATION, 2, bytes(4) + b"MSRASV5.20"))),
        (s, data(s, CHAP, emit_packet(1, 1, emit_value_name(b"c" * 16, b"vpn.example.com")))),
        (c, data(c, CHAP, emit_packet(2, 1, emit_value_name(NT_RESPONSE, b"alice")))),
        (s, data(s, CHAP, emit_packet(3, 1, AUTHENTICATOR))),
        (c, data(c, IPCP, options(REQ, (3, bytes(4)), (129, bytes(4))))),
        (s, data(s, IPCP, options(NAK, ADDRESS, DNS))),
        (c, data(c, IPCP, options(REQ, ADDRESS, DNS))),
        (s, data(s, IPCP, options(ACK, ADDRESS, DNS))),
        (c, data(c, IPV6CP, options(REQ, IDENTIFIER))),
        (s, data(s, IPV6CP, options(ACK, IDENTIFIER))),
        (c, data(c, Protocol.CCP, options(REQ, (18, b"\x01\0\0\x40")))),
        (s, data(s, LCP, emit_packet(Code.PROTOCOL_REJECT, 3, b"\x80\xfd"))),
        (c, data(c, Protocol.IPV6, router_solicitation(IPv6Address("fe80::2")))),
        (s, data(s, Protocol.IPV6, router_advertisement(OFFER))),
        (c, data(c, Protocol.IPV4, ECHO)),
        (s, data(s, Protocol.IPV4, ECHO)),
        (c, data(c, LCP, emit_packet(Code.TERMINATE_REQUEST, 4, b"user request"))),
        (s, data(s, LCP, emit_packet(Code.TERMINATE_ACK, 4))),
        (
            c,
            control(
                c,
                4,
                2,
                Cdn(result_code=ResultCode(3), assigned_session_id=CLIENT_CALL),
                SERVER_CALL,
            ),
        ),
        (
            c,
            control(c, 5, 2, StopCcn(assigned_tunnel_id=CLIENT_TUNNEL, result_code=ResultCode(6))),
        ),
    ]
    return [Said(100 + i / 100, to_server, octets) for i, (to_server, octets) in enumerate(told)]
