"""A ladder diagram, line by line: who says what to whom, and when."""

from collections import OrderedDict
from dataclasses import dataclass

from talpa.explain.dissection import Dissection

_ARM = 29
"""Characters between the two posts: the longest label, and an arrow."""
_TIME = 7
_LEAST_TEXT = 12
_REMEMBERED = 256
"""Messages whose retransmission is recognized, latest ones."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One line of the ladder."""

    time: float
    """Seconds since the first message."""
    to_right: bool | None
    """None: in both directions."""
    label: str
    """Protocol and message."""
    sentence: str
    problem: str = ""
    again: bool = False
    """It was sent before."""
    protocol: str = ""

    @property
    def arrow(self) -> str:
        """Label and arrow between the posts."""
        label = f" {self.label[: _ARM - 4]} "
        if self.to_right is None:
            return label.center(_ARM, ".")
        line = label.center(_ARM - 1, "-")
        return f"{line}>" if self.to_right else f"<{line}"

    def told(self, width: int) -> str:
        """The sentence, and what is wrong, in `width` characters."""
        text = f"again: {self.sentence}" if self.again else self.sentence
        if self.problem:
            text += f" !! {self.problem}"
        width = max(width, _LEAST_TEXT)
        return text if len(text) <= width else f"{text[: width - 3].rstrip(' ,:;')}..."

    def text(self, width: int = 100) -> str:
        """The line as plain text of at most `width` characters."""
        return f"{self.time:{_TIME}.3f}  |{self.arrow}|  {self.told(width - INDENT)}"


INDENT = _TIME + 2 + _ARM + 2 + 2
"""Characters in front of the sentence."""


class Ladder:
    """Makes rungs of the messages between two ends; user traffic is summed up, not drawn."""

    def __init__(self, left: str, right: str) -> None:
        self.left = left
        self.right = right
        self._first: float | None = None
        self._last = 0.0
        self._seen: OrderedDict[tuple[int, ...], None] = OrderedDict()
        self._traffic = {True: [0, 0], False: [0, 0]}

    def head(self) -> str:
        """The names over the two posts."""
        left, right = self.left[: _ARM // 2], self.right[: _ARM // 2]
        return f"{'seconds':>{_TIME}}  {left}{right:>{_ARM + 2 - len(left)}}"

    def rung(self, time: float, message: Dissection, *, to_right: bool) -> Rung | None:
        """The line for a message seen at `time` (seconds, any epoch); None for user traffic."""
        if self._first is None:
            self._first = time
        self._last = time - self._first
        if message.traffic:
            self._traffic[to_right][0] += 1
            self._traffic[to_right][1] += message.traffic
            return None
        return Rung(
            self._last,
            to_right,
            f"{message.protocol} {message.message}",
            message.sentence,
            message.problems[0] if message.problems else "",
            message.identity is not None and self._repeated((to_right, *message.identity)),
            message.protocol,
        )

    def traffic(self) -> Rung | None:
        """One line for the user traffic since the last one; None where there was none."""
        right, left = self._traffic[True], self._traffic[False]
        if not right[0] + left[0]:
            return None
        packets = "packet" if right[0] == 1 else "packets"
        sentence = f"to the {self.right} {right[1]:,} octets in {right[0]:,} {packets}, "
        sentence += f"back {left[1]:,} in {left[0]:,}"
        self._traffic = {True: [0, 0], False: [0, 0]}
        return Rung(self._last, None, "user traffic", sentence)

    def _repeated(self, key: tuple[int, ...]) -> bool:
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False
