"""Why things end: from what we mean to what stands in StopCCN and CDN, and back."""

from talpa.l2tp.config import Habits
from talpa.l2tp.events import Result
from talpa.l2tp.v2.messages import Cdn, Fault, ResultCode, StopCcn
from talpa.l2tp.values import DisconnectCode, GeneralError, PppDisconnectCause, StopCcnResult

STATE_MACHINE_ERROR = Result(7, 0, "message out of sequence")
TIE_LOST = Result(3, 0, "the peer opens the control connection: its tie breaker is lower")
GOING_DOWN = Result(6, 0, "this end is going down")
SILENT = Result(2, 0, "the peer does not answer")
NO_TUNNEL = Result(2, 1, "the control connection is gone")
TOO_MANY_CALLS = Result(4, 0, "too many sessions in this tunnel")
TOO_MANY_UNANSWERED = Result(4, 0, "too many messages wait for an acknowledgement")
CALL_TOO_SLOW = Result(10, 0, "the call was not established in time")
CALL_OUT_OF_SEQUENCE = Result(2, 5, "message out of sequence")
HIGHEST_VERSION = 0x0100
"""Protocol Version 1.0, as the Error Code of result 5 has it."""

_TEXT_OCTETS = 200
"""Longest Error Message that we send."""


def not_authorized(text: str) -> Result:
    """StopCCN: tunnel authentication failed."""
    return Result(int(StopCcnResult.NOT_AUTHORIZED), 0, text)


def wrong_version(version: int) -> Result:
    """StopCCN: the peer speaks another protocol version (not that of the header)."""
    text = f"version {version} is not supported, 1 is"
    return Result(int(StopCcnResult.VERSION_NOT_SUPPORTED), HIGHEST_VERSION, text)


def general(error: GeneralError, text: str) -> Result:
    """A general error, of a control connection or a call."""
    return Result(2, int(error), text)


def of_call(result: Result) -> Result:
    """Why a call ends whose control connection ended for `result`."""
    return Result(NO_TUNNEL.code, NO_TUNNEL.error, result.message or NO_TUNNEL.message)


def of_fault(fault: Fault) -> Result:
    """What a peer is told whose message had this fault."""
    return general(fault.error, fault.text)


def result_code(result: Result, habits: Habits, octets: int = _TEXT_OCTETS) -> ResultCode:
    """The Result Code AVP of a result, with no more than `octets` of text."""
    text = result.message.encode()[:octets].decode(errors="ignore") if octets > 0 else ""
    if habits.short_result:
        return ResultCode(result.code, None, "", habits.swapped_result)
    return ResultCode(result.code, result.error, text, habits.swapped_result)


def of_stopccn(message: StopCcn) -> Result:
    """What the peer says of the end of a control connection."""
    code = message.result_code
    return Result(int(code.code), int(code.error or 0), code.message)


def of_cdn(message: Cdn) -> Result:
    """What the peer says of the end of a call."""
    code = message.result_code
    cause = message.ppp_disconnect_cause
    text = code.message
    if not text and message.q931_cause is not None:
        text = message.q931_cause.advisory or f"Q.931 cause {message.q931_cause.cause}"
    return Result(
        int(code.code), int(code.error or 0), text, str(cause) if cause is not None else ""
    )


def disconnect_cause(cause: PppDisconnectCause | int | None) -> PppDisconnectCause | None:
    """The PPP Disconnect Cause Code AVP; a bare Disconnect Code gets the protocol it implies."""
    if cause is None or isinstance(cause, PppDisconnectCause):
        return cause
    code = DisconnectCode(cause)
    # RFC 3145 3.2: codes 5 to 12 are LCP's.
    protocol = (
        0xC021 if DisconnectCode.LCP_TIMEOUT <= code <= DisconnectCode.CALLBACK_REFUSED else 0
    )
    return PppDisconnectCause(code, protocol, direction=0)
