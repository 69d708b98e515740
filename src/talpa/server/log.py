"""The log: one line for one notice, as text or JSON; floods summed up, control bytes escaped."""

import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from talpa.roles.notices import Notice
from talpa.wire import printable

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

FIELD_LIMIT = 256
"""Characters of one field that are kept."""
MESSAGE_LIMIT = 1024
"""The same of the sentence. What talpa says of its own errors may be longer."""

_BY_STRANGERS = frozenset({"tunnel-up", "tunnel-down", "tunnel-refused", "call-failed"})
"""What anybody can bring about, without a password."""


@dataclass(slots=True)
class _Kind:
    """Notices of one name from one source, within the present window."""

    since: float
    limit: int
    level: str
    """Of the first of them."""
    count: int = 0

    @property
    def left_out(self) -> int:
        return max(0, self.count - self.limit)


class Log:
    """Writes notices to standard error through `logging`.

    What a stranger can bring about is written a few times for each address, and a few more times
    for all addresses together, then summed up: it must not fill the disk.
    """

    BURST = 5
    """Notices of one kind from one source that are written within a window."""
    TOTAL = 100
    """Notices of one kind from all sources that are written within a window."""
    WINDOW = 10.0
    """Seconds."""
    SOURCES = 4096

    def __init__(self, level: str, form: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`form`: "text" or "json"."""
        self._json = form == "json"
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._next_look = clock() + self.WINDOW
        self._logger = logging.getLogger("talpa")
        self._logger.setLevel(_LEVELS.get(level, logging.INFO))
        self._logger.propagate = False
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        self._logger.handlers = [handler]

    def tell(self, notice: Notice) -> None:
        """Write a notice, unless its like has filled the log already."""
        self.sum_up()
        if self._logger.isEnabledFor(_level(notice)) and self._admit(notice):
            self._write(notice)

    def sum_up(self, *, everything: bool = False) -> None:
        """Say how much was left out in windows that are over, or until now. To be called now and
        then, and at the end."""
        now = self._clock()
        if now < self._next_look and not everything:
            return
        self._next_look = now + self.WINDOW
        for (name, source), kind in list(self._kinds.items()):
            if everything or now - kind.since >= self.WINDOW:
                del self._kinds[name, source]
                self._say_left_out(name, source, kind, now)

    def _say_left_out(self, name: str, source: str, kind: _Kind, now: float) -> None:
        if kind.left_out:
            text = f"{name} from {source or 'various'}: {kind.left_out} more within "
            text += f"{now - kind.since:.0f} s, not shown one by one"
            self._write(Notice("suppressed", text, kind.level, {"client": source}))

    def _admit(self, notice: Notice) -> bool:
        """Whether this is one of the first of its kind within the window."""
        source = _source(notice)
        if notice.name == "fault":
            return self._count(notice, source, self.BURST)
        stranger = _level(notice) == logging.WARNING or notice.name in _BY_STRANGERS
        stranger |= notice.name == "session-down" and not notice.fields.get("user")
        if not source:
            unbounded = notice.level in ("debug", "error")
            return unbounded or self._count(notice, "", self.TOTAL)
        if not stranger:
            return True
        first = self._count(notice, source, self.BURST)
        return first and self._count(notice, "", self.TOTAL)

    def _count(self, notice: Notice, source: str, limit: int) -> bool:
        name = notice.name
        now = self._clock()
        kind = self._kinds.get((name, source))
        if kind is None or now - kind.since >= self.WINDOW:
            if kind is not None:
                self._say_left_out(name, source, kind, now)
            elif len(self._kinds) >= self.SOURCES:
                self.sum_up(everything=True)
            kind = self._kinds[name, source] = _Kind(now, limit, notice.level)
        kind.count += 1
        return kind.count <= limit

    def _write(self, notice: Notice) -> None:
        self._logger.log(_level(notice), "%s", self._line(notice))

    def _line(self, notice: Notice) -> str:
        fields = {k: _cut(v) for k, v in notice.fields.items() if v not in ("", None)}
        message = notice.message if notice.level == "error" else notice.message[:MESSAGE_LIMIT]
        if self._json:
            record = {"time": round(time.time(), 3), "level": notice.level, "event": notice.name}
            return json.dumps({**record, "message": message, **fields}, default=str)
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        pairs = " ".join(f"{key}={_field(value)}" for key, value in fields.items())
        tail = f"  [{notice.name} {pairs}]" if pairs else f"  [{notice.name}]"
        return f"{stamp} {notice.level:<7} {printable(message)}{tail}"


def _level(notice: Notice) -> int:
    return _LEVELS.get(notice.level, logging.INFO)


def _source(notice: Notice) -> str:
    """The address that it came from, without the port, which a stranger can change at will."""
    client = notice.fields.get("client")
    return str(client) if client else str(notice.fields.get("peer", "")).rpartition(":")[0]


def _cut(value: object) -> object:
    return value[:FIELD_LIMIT] if isinstance(value, str) else value


def _field(value: object) -> str:
    text = printable(str(value), FIELD_LIMIT)
    return json.dumps(text) if " " in text or '"' in text or not text else text
