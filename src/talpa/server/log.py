"""The log: one line for one notice, as text or JSON; floods summed up, control bytes escaped."""

import json
import logging
import sys
import time
from collections.abc import Callable

from talpa.roles.notices import Notice

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

FIELD_LIMIT = 256
"""Characters of one field that are kept."""


class Log:
    """Writes notices to standard error through `logging`.

    A kind of event that comes in floods from one address is written a few times, then summed up:
    what an attacker sends must not fill the disk.
    """

    BURST = 5
    WINDOW = 10.0
    SOURCES = 4096

    def __init__(self, level: str, form: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`form`: "text" or "json"."""
        self._json = form == "json"
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}
        self._logger = logging.getLogger("talpa")
        self._logger.setLevel(_LEVELS.get(level, logging.INFO))
        self._logger.propagate = False
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        self._logger.handlers = [handler]

    def tell(self, notice: Notice) -> None:
        """Write a notice, unless its like has filled the log already."""
        level = _LEVELS.get(notice.level, logging.INFO)
        if not self._logger.isEnabledFor(level):
            return
        if level == logging.WARNING and not self._admit(notice):
            return
        self._logger.log(level, "%s", self._line(notice))

    def _admit(self, notice: Notice) -> bool:
        """Whether this is one of the first of its kind from its source within the window."""
        now = self._clock()
        key = (notice.name, str(notice.fields.get("client") or notice.fields.get("peer") or ""))
        since, count = self._seen.get(key, (now, 0))
        if now - since >= self.WINDOW:
            if count > self.BURST:
                self._logger.warning(
                    "%s",
                    self._line(
                        Notice(
                            "suppressed",
                            f"{notice.name} from {key[1] or 'various'}: {count - self.BURST} more "
                            f"within {now - since:.0f} s, not shown one by one",
                            "warning",
                        )
                    ),
                )
            since, count = now, 0
        if len(self._seen) >= self.SOURCES:
            self._seen.clear()
        self._seen[key] = (since, count + 1)
        return count < self.BURST

    def _line(self, notice: Notice) -> str:
        fields = {k: v for k, v in notice.fields.items() if v not in ("", None)}
        if self._json:
            record = {"time": round(time.time(), 3), "level": notice.level, "event": notice.name}
            return json.dumps({**record, "message": notice.message, **fields}, default=str)
        stamp = time.strftime("%H:%M:%S")
        pairs = " ".join(f"{key}={_field(value)}" for key, value in fields.items())
        tail = f"  [{notice.name} {pairs}]" if pairs else f"  [{notice.name}]"
        return f"{stamp} {notice.level:<7} {printable(notice.message)}{tail}"


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor or fake a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _field(value: object) -> str:
    text = printable(str(value))[:FIELD_LIMIT]
    return json.dumps(text) if " " in text or '"' in text or not text else text
