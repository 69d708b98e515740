"""Every message we send is decoded by tshark without a mark of malformation."""

import shutil
import struct
import subprocess
from pathlib import Path

from talpa.l2tp.v2.header import pack_control, pack_data_header
from talpa.l2tp.v2.messages import (
    Cdn,
    Hello,
    Iccn,
    Icrp,
    Icrq,
    Message,
    Occn,
    Ocrp,
    Ocrq,
    ResultCode,
    Scccn,
    Sccrp,
    Sccrq,
    Sli,
    StopCcn,
    Wen,
    encode,
)
from talpa.l2tp.values import (
    AccessLineType,
    AccessLoopEncapsulation,
    Accm,
    CallErrors,
    DisconnectCode,
    PppDisconnectCause,
    ProxyAuthenType,
    Q931Cause,
)
from talpa.wire import Secret, internet_checksum

CONFREQ = bytes.fromhex("0104057805061234abcd")
MESSAGES: tuple[Message, ...] = (
    Sccrq(
        framing_capabilities=3,
        bearer_capabilities=0,
        firmware_revision=0x0100,
        host_name="lac.example.com",
        vendor_name="talpa",
        assigned_tunnel_id=0x1234,
        receive_window_size=16,
        challenge=bytes(range(16)),
        tie_breaker=bytes(range(8)),
    ),
    Sccrp(
        framing_capabilities=3,
        bearer_capabilities=3,
        firmware_revision=0x0100,
        host_name="lns.example.com",
        vendor_name="talpa",
        assigned_tunnel_id=0x4321,
        receive_window_size=16,
        challenge=bytes(range(16)),
        challenge_response=bytes(range(16)),
    ),
    Scccn(challenge_response=bytes(range(16))),
    Hello(),
    Icrq(
        assigned_session_id=9,
        call_serial_number=1,
        bearer_type=2,
        physical_channel_id=3,
        calling_number="0301234",
        called_number="0305678",
        sub_address="1",
        agent_circuit_id="an1 eth 3/0:100",
        agent_remote_id="remote",
        actual_data_rate_upstream=10_000_000,
        actual_data_rate_downstream=50_000_000,
        minimum_data_rate_upstream=1,
        minimum_data_rate_downstream=2,
        attainable_data_rate_upstream=3,
        attainable_data_rate_downstream=4,
        maximum_data_rate_upstream=5,
        maximum_data_rate_downstream=6,
        minimum_data_rate_upstream_low_power=7,
        minimum_data_rate_downstream_low_power=8,
        maximum_interleaving_delay_upstream=9,
        actual_interleaving_delay_upstream=10,
        maximum_interleaving_delay_downstream=11,
        actual_interleaving_delay_downstream=12,
        access_loop_encapsulation=AccessLoopEncapsulation(1, 1, 0),
        access_line_type=AccessLineType.VDSL2,
        iwf_session=0,
    ),
    Icrp(assigned_session_id=8),
    Iccn(
        tx_connect_speed=1_000_000_000,
        rx_connect_speed=500_000_000,
        framing_type=1,
        initial_received_lcp_confreq=CONFREQ,
        last_sent_lcp_confreq=CONFREQ,
        last_received_lcp_confreq=CONFREQ,
        proxy_authen_type=ProxyAuthenType.CHAP,
        proxy_authen_name="alice",
        proxy_authen_challenge=bytes(16),
        proxy_authen_id=1,
        proxy_authen_response=bytes(16),
        private_group_id="group",
        sequencing_required=True,
    ),
    Ocrq(
        assigned_session_id=5,
        call_serial_number=2,
        minimum_bps=1,
        maximum_bps=1_000_000,
        bearer_type=3,
        framing_type=3,
        called_number="555",
        sub_address="7",
    ),
    Ocrp(assigned_session_id=6, physical_channel_id=2),
    Occn(tx_connect_speed=64_000, framing_type=1, rx_connect_speed=64_000),
    Wen(call_errors=CallErrors(1, 2, 3, 4, 5, 6)),
    Sli(accm=Accm(0, 0xFFFFFFFF)),
    Cdn(
        result_code=ResultCode(2, 6, "because"),
        assigned_session_id=9,
        q931_cause=Q931Cause(16, 0x45, "normal"),
        ppp_disconnect_cause=PppDisconnectCause(DisconnectCode.NORMAL, 0xC021, 1, "bye"),
    ),
    StopCcn(assigned_tunnel_id=0x1234, result_code=ResultCode(6, 0, "shutting down")),
    StopCcn(assigned_tunnel_id=0x1234, result_code=ResultCode(6, None)),
)


def _ipv4(payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 1701, 1701, 8 + len(payload), 0) + payload
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(udp),
        0,
        0,
        64,
        17,
        0,
        bytes((198, 18, 0, 1)),
        bytes((198, 18, 0, 2)),
    )
    return head[:10] + struct.pack("!H", internet_checksum(head)) + head[12:] + udp


def test_tshark_finds_nothing_wrong(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    assert tshark, "tshark is not installed: the judge of what we send is missing"
    datagrams = [
        pack_control(1, 0, number & 0xFFFF, 0, encode(message))
        for number, message in enumerate(MESSAGES)
    ]
    hidden = [
        encode(message, hide_with=Secret("hush"), random_vector=bytes(16)) for message in MESSAGES
    ]
    datagrams += [pack_control(2, 0, number, 0, body) for number, body in enumerate(hidden)]
    datagrams.append(pack_control(1, 2, 3, 4, b""))
    frame = bytes.fromhex("ff03c0210101000a05061234abcd")
    datagrams += [
        pack_data_header(1, 2) + frame,
        pack_data_header(1, 2, 7, 0) + frame,
        pack_data_header(1, 2, 7, 0, offset=0, priority=True) + frame,
        pack_data_header(1, 2, offset=4) + frame,
    ]
    capture = tmp_path / "sent.pcap"
    with capture.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, 101))
        for at, datagram in enumerate(datagrams):
            packet = _ipv4(datagram)
            out.write(struct.pack("<IIII", at, 0, len(packet), len(packet)) + packet)
    seen = subprocess.run(
        [
            tshark,
            *("-n", "-r", str(capture), "-T", "fields", "-E", "separator=;"),
            *("-e", "_ws.expert.message", "-e", "_ws.malformed"),
            *("-e", "l2tp.avp.message_type", "-e", "frame.protocols"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.splitlines()
    assert len(seen) == len(datagrams)
    expected = [str(message.TYPE) for message in MESSAGES] * 2
    for at, line in enumerate(seen):
        expert, malformed, kind, protocols = line.split(";")
        assert not expert, (at, line)
        assert not malformed, (at, line)
        assert "l2tp" in protocols
        assert kind == (expected[at] if at < len(expected) else "")
    assert all("ppp:lcp" in line for line in seen[-4:])
