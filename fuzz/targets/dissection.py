"""The dissection that people read."""

from collections.abc import Iterator

from explain.conversation import conversation
from talpa.explain.dissection import Dissection
from talpa.explain.l2tp import dissect_l2tp
from talpa.explain.ladder import Ladder
from talpa.explain.ppp import dissect_frame

_MOST_SENTENCE = 8192


def check(data: bytes) -> None:
    """Any datagram and any frame is taken apart without an exception, into printable text of
    bounded length; its line in the ladder keeps to its width."""
    for dissection in (dissect_l2tp(data), dissect_frame(data)):
        _printable(dissection, len(data))
        rung = Ladder("client", "server").rung(0.0, dissection, to_right=True)
        if rung is not None:
            line = rung.text(100)
            assert line.isprintable()
            assert len(line) <= 100, line


def _printable(dissection: Dissection, octets: int) -> None:
    said = [dissection.protocol, dissection.message, dissection.sentence, *dissection.problems]
    fields = [field for layer in dissection.layers for field in layer.fields]
    assert len(fields) <= octets + 32
    for text in (*said, *(t for f in fields for t in (f.name, f.value, f.rfc))):
        assert text.isprintable(), repr(text)
        assert len(text) <= _MOST_SENTENCE, len(text)


def seeds() -> Iterator[bytes]:
    """A whole conversation."""
    for said in conversation():
        yield said.datagram
