"""The AVPs of a control message."""

from collections.abc import Iterator

from explain.conversation import conversation
from talpa.l2tp.v2.header import is_control, parse_control
from talpa.l2tp.v2.messages import Message, UnknownMessage, encode, iter_avps, parse
from talpa.wire import Malformed, Secret

SECRET = Secret("tunnel secret")
VECTOR = bytes(range(16))


def check(data: bytes) -> None:
    """A body is parsed or `Malformed`, with a secret and without. What was parsed can be written,
    and that is read as the same message. The walk over the AVPs raises nothing and ends."""
    for secret in (None, SECRET):
        try:
            message = parse(data, secret)
        except Malformed:
            continue
        repr(message)
        if not isinstance(message, UnknownMessage):
            _stable(message)
        _walk(data, secret)
    _walk(data, None)


def _stable(message: Message) -> None:
    hide = SECRET if any(avp.hidden for avp in message.vendor_avps) else None
    try:
        body = encode(message, hide_with=hide, random_vector=VECTOR)
    except ValueError:
        # Octets that were no UTF-8 grew; or hiding made a long value two octets longer.
        assert "\N{REPLACEMENT CHARACTER}" in repr(message) or hide is not None, message
        return
    again = parse(body, hide)
    if message.faults:
        # What was missing is written as what stands in for it.
        body = encode(again, hide_with=hide, random_vector=VECTOR)
        assert parse(body, hide) == again
    else:
        assert again == message, (again, message)
        assert not again.faults


def _walk(data: bytes, secret: Secret | None) -> None:
    count = sum(1 for _ in iter_avps(data, secret))
    assert count <= len(data) // 6 + 1


def seeds() -> Iterator[bytes]:
    """Every message of a whole set-up."""
    for said in conversation():
        if is_control(said.datagram):
            yield parse_control(said.datagram)[1]
    yield from _hidden()


def _hidden() -> Iterator[bytes]:
    from talpa.l2tp.v2.messages import Iccn, Icrq, Ocrq

    for message in (
        Icrq(assigned_session_id=9, call_serial_number=1, calling_number="555", called_number="1"),
        Iccn(tx_connect_speed=1, framing_type=1, private_group_id="group"),
        Ocrq(
            assigned_session_id=3,
            call_serial_number=2,
            minimum_bps=1,
            maximum_bps=2,
            bearer_type=1,
            framing_type=1,
            called_number="555",
        ),
    ):
        yield encode(message, hide_with=SECRET, random_vector=VECTOR)
