"""The locator finds the line of every value, in documents written in every style of TOML."""

import json
import tomllib
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.server.config.locator import Locator
from talpa.server.config.problems import KeyPath

DOCUMENT = """\
# a comment with [brackets] and key = "value"
top = 1
[server]
name = "x # no comment"   # a comment

[ l2tp . "quoted key" ]
dotted.key.path = true
'literal key' = 'a"b'
list = [
  "one",   # first
  [2, 3],

  { inner = 4, deep = { x = 1 } },
]
text = \"\"\"
[not.a.table]
key = "no"\\
\"\"\"\"
raw = '''
[[neither]]'''
when = 1979-05-27 07:32:00
after = 7

[[user]]
name = "a"
[user.more]
x = 1
[[user]]
name = "b"
[[user.tag]]
t = 1
[[user.tag]]
t = 2
[l2tp]
late = 1
"""


def test_lines_of_a_document_in_many_styles() -> None:
    locator = Locator(DOCUMENT)
    expected: dict[KeyPath, int] = {
        ("top",): 2,
        ("server",): 3,
        ("server", "name"): 4,
        ("l2tp",): 34,
        ("l2tp", "quoted key"): 6,
        ("l2tp", "quoted key", "dotted", "key", "path"): 7,
        ("l2tp", "quoted key", "literal key"): 8,
        ("l2tp", "quoted key", "list"): 9,
        ("l2tp", "quoted key", "list", 0): 10,
        ("l2tp", "quoted key", "list", 1): 11,
        ("l2tp", "quoted key", "list", 1, 1): 11,
        ("l2tp", "quoted key", "list", 2, "deep", "x"): 13,
        ("l2tp", "quoted key", "text"): 15,
        ("l2tp", "quoted key", "raw"): 19,
        ("l2tp", "quoted key", "when"): 21,
        ("l2tp", "quoted key", "after"): 22,
        ("user",): 24,
        ("user", 0): 24,
        ("user", 0, "name"): 25,
        ("user", 0, "more", "x"): 27,
        ("user", 1): 28,
        ("user", 1, "name"): 29,
        ("user", 1, "tag", 0, "t"): 31,
        ("user", 1, "tag", 1, "t"): 33,
        ("l2tp", "late"): 35,
    }
    assert tomllib.loads(DOCUMENT)
    assert {path: locator.line(path) for path in expected} == expected


def test_a_path_that_is_not_there_is_found_at_what_holds_it() -> None:
    locator = Locator(DOCUMENT)
    assert locator.line(("user", 1, "password")) == 28
    assert locator.line(("server", "name", "deeper")) == 4
    assert locator.line(("nothing", "of", "it")) is None
    assert locator.line(()) is None


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


class Writer:
    """Writes TOML and notes on which line each value was begun."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def table(self, header: str, path: KeyPath, table: Mapping[str, object]) -> None:
        self._filler()
        self._note(path)
        self._put(f"{header}\n")
        for name, value in table.items():
            self._filler()
            self._pair((*path, name), name, value)
            self._put(self._draw(st.sampled_from(["\n", " # = [\n", "\r\n"])))

    def key(self, name: str) -> str:
        bare = name.isascii() and name.isalnum()
        return name if bare and self._draw(st.booleans()) else _quoted(name)

    def _pair(self, path: KeyPath, name: str, value: object) -> None:
        self._note(path)
        self._put(f"{self.key(name)}{self._draw(st.sampled_from(['=', ' = ']))}")
        self._value(path, value)

    def _value(self, path: KeyPath, value: object) -> None:
        if isinstance(value, list):
            self._put("[")
            for position, item in enumerate(value):
                self._put(self._draw(st.sampled_from(["", " ", "\n", " # ]\n\t"])))
                self._note((*path, position))
                self._value((*path, position), item)
                self._put(self._draw(st.sampled_from([",", " ,", "\n,"])))
            self._put("]")
        elif isinstance(value, dict):
            self._put("{ ")
            for position, (name, item) in enumerate(value.items()):
                self._put(", " if position else "")
                self._pair((*path, name), name, item)
            self._put(" }")
        elif isinstance(value, str) and self._draw(st.booleans()):
            self._put(f'"""\n{_quoted(value)[1:-1]}\\\n\n"""')
        elif isinstance(value, str):
            self._put(_quoted(value))
        else:
            self._put(json.dumps(value))

    def _filler(self) -> None:
        self._put(self._draw(st.sampled_from(["", "\n", "# [x]\n", " \t\n", '# "\n\n'])))

    def _note(self, path: KeyPath) -> None:
        self.lines[path] = self.text.count("\n") + 1

    def _put(self, text: str) -> None:
        self.text += text


def _quoted(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f") if text.isascii() else _wide(text)


def _wide(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{escaped}"'


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    writer = Writer(draw)
    for name, content in draw(
        st.dictionaries(KEYS, TABLES | st.lists(TABLES, min_size=1, max_size=3), max_size=4)
    ).items():
        if isinstance(content, dict):
            writer.table(f"[{writer.key(name)}]", (name,), content)
            continue
        for position, table in enumerate(content):
            writer.table(f"[[ {writer.key(name)} ]]", (name, position), table)
    return writer


@given(documents())
@settings(max_examples=150, deadline=None)
def test_every_value_of_a_generated_document_is_found(writer: Writer) -> None:
    tomllib.loads(writer.text)
    locator = Locator(writer.text)
    assert {path: locator.line(path) for path in writer.lines} == writer.lines


@given(st.text(st.sampled_from("[]{}=.,#\"'\\\n\r\t ab1") | st.characters(), max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_locator_raise(text: str) -> None:
    line = Locator(text).line(("a", 0, "b"))
    assert line is None or 1 <= line <= text.count("\n") + 1


def test_deep_nesting_is_given_up_not_followed() -> None:
    locator = Locator("a = " + "[" * 5000 + "]" * 5000 + "\nb = 1\n")
    assert locator.line(("a",)) == 1
    assert locator.line(("b",)) == 2
