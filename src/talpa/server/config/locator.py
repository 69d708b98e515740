"""Where each value of a TOML document stands.

`tomllib` says what a document holds but not on which lines. This scanner says on which lines, and
nothing else: it is meant for documents that `tomllib` has read. On any other it goes as far as it
understands, and never raises.
"""

import re
import tomllib

from talpa.server.config.problems import KeyPath

_MAX_DEPTH = 64
"""Arrays and inline tables in each other; deeper ones are not looked into."""

_BARE = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")
"""A value without quotes or brackets; a date may have one space before its time."""
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_LINE = re.compile(r"[^\n]*\n?")
_STRING = re.compile(
    r'"{3}(?:[^\\]|\\[\s\S])*?"{3,5}(?!")'
    r"|'{3}[\s\S]*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)


class Locator:
    """The lines of a document."""

    def __init__(self, text: str) -> None:
        self._lines = _Scanner(text).run()

    def line(self, path: KeyPath) -> int | None:
        """The line, counted from 1, on which the value at `path` begins: its key for a value, its
        header for a table. For a path that is not there: of the nearest that holds it. None: of
        nothing on the way."""
        for length in range(len(path), 0, -1):
            found = self._lines.get(path[:length])
            if found is not None:
                return found
        return None


class _Stop(Exception):
    """The scanner does not understand what follows."""


class _Scanner:
    """Walks over a document once, noting where each value begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pos = 0
        self._counted = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._implied: set[KeyPath] = set()
        self._arrays: dict[KeyPath, int] = {}
        self._table: KeyPath = ()

    def run(self) -> dict[KeyPath, int]:
        """The line of each value."""
        while True:
            self._skip(_SPACE)
            if self._pos >= len(self._text):
                return self._lines
            try:
                self._statement()
            except _Stop:
                self._skip(_LINE)

    def _statement(self) -> None:
        if self._take("[["):
            key = self._keys()
            self._expect("]]")
            self._array_header(key)
        elif self._take("["):
            key = self._keys()
            self._expect("]")
            self._table_header(key)
        else:
            self._pair(self._table, 0)

    def _array_header(self, key: tuple[str, ...]) -> None:
        array = (*self._resolve(key[:-1]), key[-1])
        position = self._arrays.get(array, 0)
        self._arrays[array] = position + 1
        self._table = (*array, position)
        self._note(array, self._here())
        self._note(self._table, self._here())

    def _table_header(self, key: tuple[str, ...]) -> None:
        self._table = self._resolve(key)
        self._note(self._table, self._here())

    def _resolve(self, key: tuple[str, ...]) -> KeyPath:
        """The path that the key of a header means: arrays of tables stand for their last table."""
        path: KeyPath = ()
        for name in key:
            path = (*path, name)
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
            elif path not in self._lines:
                self._imply(path, self._here())
        return path

    def _pair(self, table: KeyPath, depth: int) -> None:
        line = self._here()
        path = table
        for name in self._keys():
            path = (*path, name)
            if path not in self._lines:
                self._imply(path, line)
        self._note(path, line)
        self._expect("=")
        self._skip(_BLANK)
        self._value(path, depth)

    def _value(self, path: KeyPath, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _Stop
        if self._take("["):
            self._array(path, depth)
        elif self._take("{"):
            self._inline_table(path, depth)
        elif not self._skip(_STRING) and not self._skip(_BARE):
            raise _Stop

    def _array(self, path: KeyPath, depth: int) -> None:
        position = 0
        while True:
            self._skip(_SPACE)
            if self._take("]"):
                return
            element = (*path, position)
            self._note(element, self._here())
            self._value(element, depth + 1)
            position += 1
            self._skip(_SPACE)
            if not self._take(","):
                self._expect("]")
                return

    def _inline_table(self, path: KeyPath, depth: int) -> None:
        while True:
            self._skip(_SPACE)
            if self._take("}"):
                return
            self._pair(path, depth + 1)
            self._skip(_SPACE)
            if not self._take(","):
                self._expect("}")
                return

    def _keys(self) -> tuple[str, ...]:
        """A key, dotted or not; stands behind it and the blanks that follow."""
        names = []
        while True:
            self._skip(_BLANK)
            token = self._skip(_KEY)
            if not token:
                raise _Stop
            names.append(_key_name(token))
            self._skip(_BLANK)
            if not self._take("."):
                return tuple(names)

    def _note(self, path: KeyPath, line: int) -> None:
        """The value at `path` begins on `line`, unless it was begun before."""
        if path not in self._lines or path in self._implied:
            self._lines[path] = line
            self._implied.discard(path)

    def _imply(self, path: KeyPath, line: int) -> None:
        """A table that exists since a longer key names it; a header of its own may follow."""
        self._lines[path] = line
        self._implied.add(path)

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._pos)
        self._counted = self._pos
        return self._line

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._pos)
        if found is None:
            return ""
        self._pos = found.end()
        return found.group()

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._pos):
            return False
        self._pos += len(token)
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise _Stop


def _key_name(token: str) -> str:
    if token[0] not in "\"'":
        return token
    try:
        name = tomllib.loads(f"key = {token}")["key"]
    except (tomllib.TOMLDecodeError, RecursionError):
        raise _Stop from None
    return str(name)
