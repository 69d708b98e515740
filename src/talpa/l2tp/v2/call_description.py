"""What is said of a call: between `events.Call` and the messages of RFC 2661 6.6 to 6.11."""

from dataclasses import replace
from typing import TypedDict

from talpa.l2tp.config import Habits
from talpa.l2tp.events import Call, ProxyAuthen
from talpa.l2tp.v2.messages import Iccn, Icrq, Occn, Ocrq
from talpa.l2tp.values import ProxyAuthenType

_ANY_SPEED = 0xFFFFFFFF
_ANY_BEARER = 3


class CallParameters(TypedDict, total=False):
    """What may be said of a call that we place or request: fields of `events.Call`."""

    serial: int
    """Counted up unless given."""
    calling_number: str
    called_number: str
    sub_address: str
    bearer_type: int | None
    framing_type: int | None
    physical_channel: int | None
    tx_connect_speed: int | None
    rx_connect_speed: int | None
    minimum_bps: int | None
    maximum_bps: int | None
    private_group: str
    sequencing_required: bool
    proxy_lcp: tuple[bytes, bytes, bytes]
    proxy_authen: ProxyAuthen | None


def icrq(session_id: int, call: Call) -> Icrq:
    """The request for an incoming call."""
    return Icrq(
        assigned_session_id=session_id,
        call_serial_number=call.serial,
        bearer_type=call.bearer_type,
        physical_channel_id=call.physical_channel,
        calling_number=call.calling_number or None,
        called_number=call.called_number or None,
        sub_address=call.sub_address or None,
    )


def ocrq(session_id: int, call: Call, habits: Habits) -> Ocrq:
    """The request for an outgoing call. What was not said leaves the LAC the choice."""
    return Ocrq(
        assigned_session_id=session_id,
        call_serial_number=call.serial,
        minimum_bps=call.minimum_bps or 0,
        maximum_bps=_or(call.maximum_bps, _ANY_SPEED),
        bearer_type=_or(call.bearer_type, _ANY_BEARER),
        framing_type=_or(call.framing_type, habits.framing),
        called_number=call.called_number,
        sub_address=call.sub_address or None,
    )


def iccn(call: Call, habits: Habits) -> Iccn:
    """The end of an incoming call's set-up."""
    initial, last_sent, last_received = call.proxy_lcp
    proxy = call.proxy_authen
    return Iccn(
        tx_connect_speed=_or(call.tx_connect_speed, habits.tx_connect_speed),
        framing_type=_or(call.framing_type, habits.framing),
        initial_received_lcp_confreq=initial or None,
        last_sent_lcp_confreq=last_sent or None,
        last_received_lcp_confreq=last_received or None,
        proxy_authen_type=None if proxy is None else ProxyAuthenType(proxy.kind),
        proxy_authen_name=None if proxy is None else proxy.name,
        proxy_authen_challenge=(proxy.challenge or None) if proxy is not None else None,
        proxy_authen_id=None if proxy is None else proxy.identifier,
        proxy_authen_response=None if proxy is None else proxy.response,
        private_group_id=call.private_group or None,
        rx_connect_speed=call.rx_connect_speed,
        sequencing_required=call.sequencing_required,
    )


def occn(call: Call, habits: Habits) -> Occn:
    """The end of an outgoing call's set-up."""
    return Occn(
        tx_connect_speed=_or(call.tx_connect_speed, habits.tx_connect_speed),
        framing_type=_or(call.framing_type, habits.framing),
        rx_connect_speed=call.rx_connect_speed,
        sequencing_required=call.sequencing_required,
    )


def call_of_icrq(message: Icrq) -> Call:
    """What the LAC says of an incoming call at first."""
    return Call(
        serial=message.call_serial_number,
        peer_session_id=message.assigned_session_id,
        calling_number=message.calling_number or "",
        called_number=message.called_number or "",
        sub_address=message.sub_address or "",
        bearer_type=message.bearer_type,
        physical_channel=message.physical_channel_id,
        access_line=message.access_line(),
    )


def call_of_ocrq(message: Ocrq) -> Call:
    """What the LNS says of the call it wants."""
    return Call(
        serial=message.call_serial_number,
        peer_session_id=message.assigned_session_id,
        called_number=message.called_number,
        sub_address=message.sub_address or "",
        bearer_type=message.bearer_type,
        framing_type=message.framing_type,
        minimum_bps=message.minimum_bps,
        maximum_bps=message.maximum_bps,
    )


def call_of_iccn(call: Call, message: Iccn) -> Call:
    """`call`, and what the LAC adds when the call is connected."""
    proxy = None
    if message.proxy_authen_type is not None:
        proxy = ProxyAuthen(
            int(message.proxy_authen_type),
            message.proxy_authen_name or "",
            message.proxy_authen_challenge or b"",
            (message.proxy_authen_id or 0) & 0xFF,
            message.proxy_authen_response or b"",
        )
    return Call(
        serial=call.serial,
        peer_session_id=call.peer_session_id,
        calling_number=call.calling_number,
        called_number=call.called_number,
        sub_address=call.sub_address,
        bearer_type=call.bearer_type,
        framing_type=message.framing_type,
        physical_channel=call.physical_channel,
        tx_connect_speed=message.tx_connect_speed,
        rx_connect_speed=message.rx_connect_speed,
        private_group=message.private_group_id or "",
        sequencing_required=message.sequencing_required,
        proxy_lcp=(
            message.initial_received_lcp_confreq or b"",
            message.last_sent_lcp_confreq or b"",
            message.last_received_lcp_confreq or b"",
        ),
        proxy_authen=proxy,
        access_line=call.access_line,
    )


def call_of_occn(call: Call, message: Occn) -> Call:
    """`call`, and what the LAC adds when the other end has answered."""
    return replace(
        call,
        tx_connect_speed=message.tx_connect_speed,
        rx_connect_speed=message.rx_connect_speed,
        framing_type=message.framing_type,
        sequencing_required=message.sequencing_required,
    )


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
