"""Whatever arrives is taken apart, in one sentence and in fields, and gives no secret away."""

import struct
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explain.conversation import (
    AUTHENTICATOR,
    CHAP,
    LCP,
    NT_RESPONSE,
    OFFER,
    PROOF,
    SCCRQ,
    control,
    conversation,
    data,
    options,
)
from talpa.explain import Dissection, dissect_frame, dissect_l2tp
from talpa.hostconfig.dhcp_client import inform_request
from talpa.hostconfig.dhcpv6_client import information_request
from talpa.hostconfig.ra import router_advertisement
from talpa.l2tp.v2.header import pack_control
from talpa.l2tp.v2.messages import Cdn, Hello, Iccn, ResultCode, StopCcn, encode, message_types
from talpa.ppp.auth.formats import emit_pap_request, emit_value_name
from talpa.ppp.frames import Code, Protocol, emit_packet
from talpa.wire import Secret

PASSWORD = b"correct horse"


def everything(seen: Dissection) -> str:
    fields = [f"{f.name} {f.value}" for layer in seen.layers for f in layer.fields]
    return "\n".join((seen.protocol, seen.message, seen.sentence, *seen.problems, *fields))


def value(seen: Dissection, name: str) -> str:
    return next(f.value for layer in seen.layers for f in layer.fields if f.name == name)


# --- any octets ----------------------------------------------------------------------------------

PROTOCOLS = st.sampled_from([int(p) for p in Protocol])
FRAMES = st.builds(
    lambda protocol, payload: b"\xff\x03" + struct.pack("!H", protocol) + payload,
    PROTOCOLS,
    st.binary(max_size=200)
    | st.builds(emit_packet, st.integers(0, 20), st.integers(0, 255), st.binary(max_size=120)),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A message of a real conversation, with an octet changed and its end cut or grown."""
    datagram = bytearray(draw(st.sampled_from(conversation())).datagram)
    datagram[draw(st.integers(0, len(datagram) - 1))] = draw(st.integers(0, 255))
    end = draw(st.integers(0, len(datagram)))
    return bytes(datagram[:end] if draw(st.booleans()) else datagram + draw(st.binary(max_size=9)))


@given(st.binary(max_size=300) | damaged())
def test_any_datagram_is_described(datagram: bytes) -> None:
    seen = dissect_l2tp(datagram)
    assert seen.protocol
    assert seen.message
    assert seen.sentence
    assert everything(seen).replace("\n", "").isprintable()
    assert (seen.message == "malformed") <= bool(seen.problems)


@given(st.binary(max_size=300) | FRAMES)
def test_any_frame_is_described(frame: bytes) -> None:
    seen = dissect_frame(frame)
    assert seen.sentence
    assert everything(seen).replace("\n", "").isprintable()


@given(st.binary(max_size=120))
def test_any_avps_are_described(body: bytes) -> None:
    kind = encode(Hello())
    assert dissect_l2tp(pack_control(1, 0, 0, 0, kind + body)).message == "HELLO"


# --- no secrets ----------------------------------------------------------------------------------


@given(st.binary(min_size=9, max_size=60).filter(lambda p: p.strip(b"\0 ") == p))
def test_a_pap_password_shows_only_its_length(password: bytes) -> None:
    seen = dissect_frame(
        data(True, Protocol.PAP, emit_packet(1, 1, emit_pap_request(b"bob", password)))[6:]
    )
    assert seen.message == "Authenticate-Request"
    assert "bob" in seen.sentence
    assert value(seen, "Password") == f"{len(password)} octets"
    told = everything(seen).replace(f"{len(password)} octets", "")
    assert password.hex() not in told
    assert password.decode("latin-1") not in told


@given(st.integers(0, 40), st.integers(0, 255))
def test_not_even_out_of_a_damaged_request(at: int, octet: int) -> None:
    frame = bytearray(
        data(True, Protocol.PAP, emit_packet(1, 1, emit_pap_request(b"bob", PASSWORD)))[6:]
    )
    # Octet 9 is the length of the name: with another one the password would be a part of it.
    if at < len(frame) and at != 8:
        frame[at] = octet
    assert "correct" not in everything(dissect_frame(bytes(frame)))


def test_a_password_that_comes_back_rejected_stays_unseen() -> None:
    request = emit_packet(1, 1, emit_pap_request(b"bob", PASSWORD))
    rejected = emit_packet(Code.PROTOCOL_REJECT, 1, b"\xc0\x23" + request)
    code_rejected = emit_packet(Code.CODE_REJECT, 1, request)
    for packet in (rejected, code_rejected):
        assert "correct" not in everything(dissect_l2tp(data(False, LCP, packet)))


@pytest.mark.parametrize("code", [1, 2])
def test_chap_values_show_only_their_length(code: int) -> None:
    packet = emit_packet(code, 1, emit_value_name(NT_RESPONSE, b"alice"))
    seen = dissect_l2tp(data(True, CHAP, packet))
    assert value(seen, "Value") == "49 octets"
    assert NT_RESPONSE.hex()[:8] not in everything(seen)
    assert "alice" in seen.sentence


def test_a_proof_that_is_taken_for_a_name_is_not_shown() -> None:
    """A Response whose Value-Size is too small: the rest of it stands where the name does."""
    damaged = b"\x08" + emit_value_name(NT_RESPONSE, b"alice")[1:]
    seen = dissect_l2tp(data(True, CHAP, emit_packet(2, 1, damaged)))
    assert value(seen, "Name") == f"{49 - 8 + 5} octets"


def test_the_proof_of_a_success_and_the_challenge_of_a_failure_are_left_out() -> None:
    success = dissect_l2tp(data(False, CHAP, emit_packet(3, 1, AUTHENTICATOR)))
    assert success.sentence == "lets the user in: Welcome"
    assert "407A" not in everything(success)
    failed = b"E=691 R=1 C=0123456789ABCDEF0123456789ABCDEF V=3 M=Try again"
    failure = dissect_l2tp(data(False, CHAP, emit_packet(4, 1, failed)))
    assert failure.sentence == "turns the user away: Try again (error 691)"
    assert "0123" not in everything(failure)
    bare = dissect_l2tp(data(False, CHAP, emit_packet(4, 1, b"E=647 R=0")))
    assert bare.sentence == "turns the user away: the account is disabled (error 647)"


def test_proofs_in_avps_show_only_their_length() -> None:
    proxy = Iccn(
        tx_connect_speed=0,
        framing_type=1,
        proxy_authen_name="alice",
        proxy_authen_response=PASSWORD,
        last_sent_lcp_confreq=b"\x01\x04\x05\x78\x03\x04\xc0\x23",
    )
    seen = dissect_l2tp(control(True, 3, 2, proxy, 42))
    assert value(seen, "Proxy Authen Response") == "13 octets"
    assert value(seen, "Last Sent LCP CONFREQ") == "MRU 1400, login by PAP"
    assert PASSWORD.hex() not in everything(seen)
    assert "correct" not in everything(seen)
    reply = next(s.datagram for s in conversation() if PROOF in s.datagram)
    assert value(dissect_l2tp(reply), "Challenge Response") == "16 octets"
    assert PROOF.hex() not in everything(dissect_l2tp(reply))


def test_a_hidden_avp_is_no_fault_of_its_sender() -> None:
    message = Iccn(tx_connect_speed=0, framing_type=1, proxy_authen_name="alice")
    body = encode(message, hide_with=Secret(b"tunnel"), random_vector=bytes(16))
    seen = dissect_l2tp(pack_control(1, 2, 3, 4, body))
    assert value(seen, "Proxy Authen Name").startswith("hidden, ")
    assert "alice" not in everything(seen)
    assert seen.problems == []


# --- what is said --------------------------------------------------------------------------------


def test_every_control_message_has_its_own_sentence() -> None:
    told = set()
    for kind in message_types():
        seen = dissect_l2tp(pack_control(1, 1, 0, 0, kind.LAYOUT.first))
        assert seen.message == kind.NAME
        told.add(seen.sentence)
    assert len(told) == len(message_types())
    assert not any("does not know" in sentence for sentence in told)


def test_fields_come_with_the_section_that_defines_them() -> None:
    seen = dissect_l2tp(control(True, 0, 0, SCCRQ))
    rfcs = {f.name: f.rfc for layer in seen.layers for f in layer.fields}
    assert rfcs["Ns"] == "RFC 2661 5.8"
    assert rfcs["Host Name"] == "RFC 2661 4.4.3"
    assert value(seen, "Message Type") == "1 SCCRQ"
    assert value(seen, "Framing Capabilities") == "synchronous, asynchronous"
    seen = dissect_l2tp(data(True, LCP, options(1, (3, b"\xc2\x23\x81"), (99, b"\x07"))))
    assert value(seen, "Authentication-Protocol") == "MS-CHAPv2"
    assert value(seen, "option 99") == "07"
    assert {f.rfc for f in seen.layers[-1].fields} == {"RFC 1661 5.1", "RFC 1661 5"} | {
        "RFC 1661 6.2",
        "RFC 1661 6",
    }


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            StopCcn(assigned_tunnel_id=1, result_code=ResultCode(4)),
            "ends the tunnel: not authorized to establish a control channel",
        ),
        (
            Cdn(assigned_session_id=1, result_code=ResultCode(2, 4)),
            "ends the call: insufficient resources now",
        ),
        (
            Cdn(assigned_session_id=1, result_code=ResultCode(2, 6, "pool \x1b[2J staff is full")),
            "ends the call: pool \\x1b[2J staff is full",
        ),
    ],
)
def test_an_end_tells_its_reason(message: StopCcn | Cdn, sentence: str) -> None:
    assert dissect_l2tp(control(True, 5, 5, message)).sentence == sentence


def test_what_windows_says_when_it_hangs_up() -> None:
    trailer = struct.pack("!4sII", b"mgic", 0x003CCD74, 691)
    seen = dissect_l2tp(data(True, LCP, emit_packet(Code.TERMINATE_REQUEST, 1, trailer)))
    assert seen.sentence.startswith("wants to end it: wrong name or password")


def test_compressed_headers_and_a_strange_protocol() -> None:
    assert dissect_frame(b"\x21" + bytes(3)).protocol == "IPv4"
    assert dissect_frame(b"\xc2\x27abcd").sentence == "sends 4 octets"
    assert dissect_frame(b"\x12\x35abcd").protocol == "protocol 0x1235"
    assert dissect_frame(b"").problems == ["frame cut short"]


def test_what_sets_a_host_up_is_signalling_and_the_rest_is_traffic() -> None:
    link_local = IPv6Address("fe80::2")
    inform = dissect_l2tp(data(True, 0x21, inform_request(7, IPv4Address("10.77.0.50"))))
    assert (inform.protocol, inform.message, inform.traffic) == ("DHCP", "INFORM", 0)
    asked = dissect_l2tp(data(True, 0x57, information_request(7, link_local)))
    assert (asked.protocol, asked.message) == ("DHCPv6", "INFORMATION REQUEST")
    told = dissect_l2tp(data(False, 0x57, router_advertisement(replace(OFFER, prefix=None))))
    assert (told.message, told.sentence) == ("router advertisement", "gives no prefix")
    echo = next(s.datagram for s in conversation() if b"\x08" + bytes(11) in s.datagram)
    seen = dissect_l2tp(echo)
    assert (seen.message, seen.traffic) == ("ICMP echo request", 32)
