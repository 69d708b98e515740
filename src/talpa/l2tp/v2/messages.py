"""The control messages of L2TPv2: which AVPs each must and may have (RFC 2661 6, and successors).

A class here is the RFC's own list. Fields stand in the order in which they are sent.
"""

from typing import NamedTuple

from talpa.l2tp import avps
from talpa.l2tp.avps import RawAvp
from talpa.l2tp.v2.body import SeenAvp, encode, iter_avps, parse
from talpa.l2tp.v2.declaration import (
    Fault,
    Message,
    UnknownMessage,
    may,
    message_types,
    must,
    present,
    several,
)
from talpa.l2tp.values import (
    AccessLineType,
    AccessLoopEncapsulation,
    Accm,
    CallErrors,
    ConnectSpeedUpdate,
    PppDisconnectCause,
    ProtocolVersion,
    ProxyAuthenType,
    Q931Cause,
    ResultCode,
)

__all__ = [
    "AvpReference",
    "Cdn",
    "Csun",
    "Csurq",
    "Fault",
    "Hello",
    "Iccn",
    "Icrp",
    "Icrq",
    "Message",
    "MessageReference",
    "Occn",
    "Ocrp",
    "Ocrq",
    "RawAvp",
    "ResultCode",
    "Scccn",
    "Sccrp",
    "Sccrq",
    "SeenAvp",
    "Sli",
    "StopCcn",
    "UnknownMessage",
    "Wen",
    "encode",
    "iter_avps",
    "message_types",
    "parse",
    "reference_rows",
]

_VERSION_1_0 = ProtocolVersion(1, 0)


class Sccrq(Message, number=1, rfc="RFC 2661 6.1"):
    """Start-Control-Connection-Request."""

    protocol_version: ProtocolVersion = must(
        avps.PROTOCOL_VERSION, default=_VERSION_1_0, absent=_VERSION_1_0
    )
    framing_capabilities: int = must(avps.FRAMING_CAPABILITIES)
    bearer_capabilities: int | None = may(avps.BEARER_CAPABILITIES)
    firmware_revision: int | None = may(avps.FIRMWARE_REVISION)
    host_name: str = must(avps.HOST_NAME, absent="")
    vendor_name: str | None = may(avps.VENDOR_NAME)
    assigned_tunnel_id: int = must(avps.ASSIGNED_TUNNEL_ID)
    receive_window_size: int | None = may(avps.RECEIVE_WINDOW_SIZE)
    challenge: bytes | None = may(avps.CHALLENGE)
    tie_breaker: bytes | None = may(avps.TIE_BREAKER)
    control_connection_ds: int | None = may(avps.CONTROL_CONNECTION_DS)


class Sccrp(Message, number=2, rfc="RFC 2661 6.2"):
    """Start-Control-Connection-Reply."""

    protocol_version: ProtocolVersion = must(
        avps.PROTOCOL_VERSION, default=_VERSION_1_0, absent=_VERSION_1_0
    )
    framing_capabilities: int = must(avps.FRAMING_CAPABILITIES)
    bearer_capabilities: int | None = may(avps.BEARER_CAPABILITIES)
    firmware_revision: int | None = may(avps.FIRMWARE_REVISION)
    host_name: str = must(avps.HOST_NAME, absent="")
    vendor_name: str | None = may(avps.VENDOR_NAME)
    assigned_tunnel_id: int = must(avps.ASSIGNED_TUNNEL_ID)
    receive_window_size: int | None = may(avps.RECEIVE_WINDOW_SIZE)
    challenge: bytes | None = may(avps.CHALLENGE)
    challenge_response: bytes | None = may(avps.CHALLENGE_RESPONSE)
    control_connection_ds: int | None = may(avps.CONTROL_CONNECTION_DS)


class Scccn(Message, number=3, rfc="RFC 2661 6.3"):
    """Start-Control-Connection-Connected."""

    challenge_response: bytes | None = may(avps.CHALLENGE_RESPONSE)


class StopCcn(Message, number=4, name="StopCCN", rfc="RFC 2661 6.4", last=True):
    """Stop-Control-Connection-Notification."""

    assigned_tunnel_id: int = must(avps.ASSIGNED_TUNNEL_ID)
    result_code: ResultCode = must(avps.RESULT_CODE, absent=ResultCode(0))


class Hello(Message, number=6, rfc="RFC 2661 6.5"):
    """Hello."""


class Ocrq(Message, number=7, rfc="RFC 2661 6.9", in_call=True):
    """Outgoing-Call-Request."""

    assigned_session_id: int = must(avps.ASSIGNED_SESSION_ID)
    call_serial_number: int = must(avps.CALL_SERIAL_NUMBER)
    minimum_bps: int = must(avps.MINIMUM_BPS)
    maximum_bps: int = must(avps.MAXIMUM_BPS)
    bearer_type: int = must(avps.BEARER_TYPE)
    framing_type: int = must(avps.FRAMING_TYPE)
    called_number: str = must(avps.CALLED_NUMBER, absent="")
    sub_address: str | None = may(avps.SUB_ADDRESS)
    session_ds: int | None = may(avps.SESSION_DS)


class Ocrp(Message, number=8, rfc="RFC 2661 6.10", in_call=True):
    """Outgoing-Call-Reply."""

    assigned_session_id: int = must(avps.ASSIGNED_SESSION_ID)
    physical_channel_id: int | None = may(avps.PHYSICAL_CHANNEL_ID)
    session_ds: int | None = may(avps.SESSION_DS)


class Occn(Message, number=9, rfc="RFC 2661 6.11", in_call=True):
    """Outgoing-Call-Connected."""

    tx_connect_speed: int = must(avps.TX_CONNECT_SPEED)
    framing_type: int = must(avps.FRAMING_TYPE)
    rx_connect_speed: int | None = may(avps.RX_CONNECT_SPEED)
    sequencing_required: bool = present(avps.SEQUENCING_REQUIRED)
    lcp_want_options: bytes | None = may(avps.LCP_WANT_OPTIONS)
    lcp_allow_options: bytes | None = may(avps.LCP_ALLOW_OPTIONS)


class Icrq(Message, number=10, rfc="RFC 2661 6.6", in_call=True):
    """Incoming-Call-Request."""

    assigned_session_id: int = must(avps.ASSIGNED_SESSION_ID)
    call_serial_number: int = must(avps.CALL_SERIAL_NUMBER)
    bearer_type: int | None = may(avps.BEARER_TYPE)
    physical_channel_id: int | None = may(avps.PHYSICAL_CHANNEL_ID)
    calling_number: str | None = may(avps.CALLING_NUMBER)
    called_number: str | None = may(avps.CALLED_NUMBER)
    sub_address: str | None = may(avps.SUB_ADDRESS)
    session_ds: int | None = may(avps.SESSION_DS)
    connect_speed_update_enable: bool = present(avps.CONNECT_SPEED_UPDATE_ENABLE)

    agent_circuit_id: str | None = may(avps.AGENT_CIRCUIT_ID)
    agent_remote_id: str | None = may(avps.AGENT_REMOTE_ID)
    actual_data_rate_upstream: int | None = may(avps.ACTUAL_DATA_RATE_UPSTREAM)
    actual_data_rate_downstream: int | None = may(avps.ACTUAL_DATA_RATE_DOWNSTREAM)
    minimum_data_rate_upstream: int | None = may(avps.MINIMUM_DATA_RATE_UPSTREAM)
    minimum_data_rate_downstream: int | None = may(avps.MINIMUM_DATA_RATE_DOWNSTREAM)
    attainable_data_rate_upstream: int | None = may(avps.ATTAINABLE_DATA_RATE_UPSTREAM)
    attainable_data_rate_downstream: int | None = may(avps.ATTAINABLE_DATA_RATE_DOWNSTREAM)
    maximum_data_rate_upstream: int | None = may(avps.MAXIMUM_DATA_RATE_UPSTREAM)
    maximum_data_rate_downstream: int | None = may(avps.MAXIMUM_DATA_RATE_DOWNSTREAM)
    minimum_data_rate_upstream_low_power: int | None = may(
        avps.MINIMUM_DATA_RATE_UPSTREAM_LOW_POWER
    )
    minimum_data_rate_downstream_low_power: int | None = may(
        avps.MINIMUM_DATA_RATE_DOWNSTREAM_LOW_POWER
    )
    maximum_interleaving_delay_upstream: int | None = may(avps.MAXIMUM_INTERLEAVING_DELAY_UPSTREAM)
    actual_interleaving_delay_upstream: int | None = may(avps.ACTUAL_INTERLEAVING_DELAY_UPSTREAM)
    maximum_interleaving_delay_downstream: int | None = may(
        avps.MAXIMUM_INTERLEAVING_DELAY_DOWNSTREAM
    )
    actual_interleaving_delay_downstream: int | None = may(
        avps.ACTUAL_INTERLEAVING_DELAY_DOWNSTREAM
    )
    access_loop_encapsulation: AccessLoopEncapsulation | None = may(avps.ACCESS_LOOP_ENCAPSULATION)
    access_line_type: AccessLineType | None = may(avps.ACCESS_LINE_TYPE)
    iwf_session: int | None = may(avps.IWF_SESSION)

    def access_line(self) -> tuple[tuple[str, object], ...]:
        """(name, value) of the access line AVPs that came (RFC 5515 5)."""
        found = self.__dict__
        return tuple(
            (slot.avp.name, found[slot.field])
            for slot in self.LAYOUT.slots
            if slot.avp.vendor == avps.BROADBAND_FORUM and found.get(slot.field) is not None
        )


class Icrp(Message, number=11, rfc="RFC 2661 6.7", in_call=True):
    """Incoming-Call-Reply."""

    assigned_session_id: int = must(avps.ASSIGNED_SESSION_ID)
    session_ds: int | None = may(avps.SESSION_DS)


class Iccn(Message, number=12, rfc="RFC 2661 6.8", in_call=True):
    """Incoming-Call-Connected."""

    tx_connect_speed: int = must(avps.TX_CONNECT_SPEED)
    framing_type: int = must(avps.FRAMING_TYPE)
    initial_received_lcp_confreq: bytes | None = may(avps.INITIAL_RECEIVED_LCP_CONFREQ)
    last_sent_lcp_confreq: bytes | None = may(avps.LAST_SENT_LCP_CONFREQ)
    last_received_lcp_confreq: bytes | None = may(avps.LAST_RECEIVED_LCP_CONFREQ)
    proxy_authen_type: ProxyAuthenType | None = may(avps.PROXY_AUTHEN_TYPE)
    proxy_authen_name: str | None = may(avps.PROXY_AUTHEN_NAME)
    proxy_authen_challenge: bytes | None = may(avps.PROXY_AUTHEN_CHALLENGE)
    proxy_authen_id: int | None = may(avps.PROXY_AUTHEN_ID)
    proxy_authen_response: bytes | None = may(avps.PROXY_AUTHEN_RESPONSE)
    private_group_id: str | None = may(avps.PRIVATE_GROUP_ID)
    rx_connect_speed: int | None = may(avps.RX_CONNECT_SPEED)
    sequencing_required: bool = present(avps.SEQUENCING_REQUIRED)
    lcp_want_options: bytes | None = may(avps.LCP_WANT_OPTIONS)
    lcp_allow_options: bytes | None = may(avps.LCP_ALLOW_OPTIONS)


class Cdn(Message, number=14, rfc="RFC 2661 6.12", in_call=True, last=True):
    """Call-Disconnect-Notify."""

    result_code: ResultCode = must(avps.RESULT_CODE, absent=ResultCode(0))
    assigned_session_id: int = must(avps.ASSIGNED_SESSION_ID)
    q931_cause: Q931Cause | None = may(avps.Q931_CAUSE)
    ppp_disconnect_cause: PppDisconnectCause | None = may(avps.PPP_DISCONNECT_CAUSE)


class Wen(Message, number=15, rfc="RFC 2661 6.13", in_call=True):
    """WAN-Error-Notify."""

    call_errors: CallErrors = must(avps.CALL_ERRORS, absent=CallErrors(0, 0, 0, 0, 0, 0))


class Sli(Message, number=16, rfc="RFC 2661 6.14", in_call=True):
    """Set-Link-Info."""

    accm: Accm = must(avps.ACCM, absent=Accm(0xFFFFFFFF, 0xFFFFFFFF))
    lns_last_sent_lcp_confreq: bytes | None = may(avps.LNS_LAST_SENT_LCP_CONFREQ)
    lns_last_received_lcp_confreq: bytes | None = may(avps.LNS_LAST_RECEIVED_LCP_CONFREQ)


class Csun(Message, number=28, rfc="RFC 5515 4.1", mandatory=False):
    """Connect-Speed-Update-Notification.

    It speaks of any sessions of the tunnel.
    """

    connect_speed_updates: tuple[ConnectSpeedUpdate, ...] = several(avps.CONNECT_SPEED_UPDATE)


class Csurq(Message, number=29, rfc="RFC 5515 4.2", mandatory=False):
    """Connect-Speed-Update-Request.

    It asks for any sessions of the tunnel; the speeds in it are 0.
    """

    connect_speed_updates: tuple[ConnectSpeedUpdate, ...] = several(avps.CONNECT_SPEED_UPDATE)


class AvpReference(NamedTuple):
    """A row of the reference table of AVPs."""

    vendor: int
    number: int
    name: str
    layout: str
    mandatory: bool
    hideable: bool
    hidden: bool
    """We hide it where there is a secret."""
    rfc: str
    note: str
    messages: tuple[str, ...]
    """Messages that it belongs in; "*" behind the name: which must have it."""


class MessageReference(NamedTuple):
    """A row of the reference table of messages."""

    number: int
    name: str
    title: str
    rfc: str
    required: tuple[str, ...]
    """Names of the AVPs that must be there."""
    optional: tuple[str, ...]


def reference_rows() -> tuple[tuple[MessageReference, ...], tuple[AvpReference, ...]]:
    """All messages and all AVPs, by number, for the reference pages."""
    messages = []
    places: dict[int, list[str]] = {}
    for cls in message_types():
        required = [avps.MESSAGE_TYPE.name]
        optional: list[str] = []
        for slot in cls.LAYOUT.slots:
            (required if slot.must else optional).append(slot.avp.name)
            places.setdefault(slot.avp.key, []).append(cls.NAME + "*" * slot.must)
        title = (cls.__doc__ or "").partition("\n")[0].rstrip(".")
        messages.append(
            MessageReference(cls.TYPE, cls.NAME, title, cls.RFC, tuple(required), tuple(optional))
        )
    attributes = [
        AvpReference(
            row.vendor,
            row.number,
            row.name,
            row.codec.name,
            row.mandatory,
            row.hideable,
            row.personal,
            row.rfc,
            row.note,
            tuple(places.get(row.key, ("all",))),
        )
        for (vendor, number), row in sorted(avps.AVPS.items())
        if (vendor, number) == (row.vendor, row.number)
    ]
    return tuple(messages), tuple(attributes)
