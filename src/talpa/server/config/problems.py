"""What is wrong with a configuration file, said so that a person can put it right."""

from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""The way to a value: names of tables and keys, and positions in arrays counted from 0."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place in the document, before the place has a file and a line."""

    path: KeyPath
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file. `str` is one line for a person."""

    file: str
    line: int | None
    """Counted from 1; None: the file as a whole."""
    key: str
    """As `key_text` writes it; empty: no key in particular."""
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = (place, self.key, self.what, self.hint)
        return ": ".join(part for part in parts if part)


class ConfigError(Exception):
    """A configuration cannot be used. Holds everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def key_text(path: KeyPath) -> str:
    """A key path for a person, who counts from 1: ("user", 0, "address") is "user[1].address"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text
