"""Errors as a person at a terminal sees them: what happened and why, then what to do."""

import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from talpa.api.client import ApiError
from talpa.server.config.problems import ConfigError

FAILED = 1
USAGE = 2


class CliError(Exception):
    """A command came to nothing. `str` is one sentence "what happened: why", `hint` another."""

    def __init__(self, what: str, hint: str = "", code: int = FAILED) -> None:
        super().__init__(what)
        self.hint = hint
        self.code = code


class Commands(TyperGroup):
    """The program's commands: an error that is foreseen ends them with a sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            _fail(str(error), error.hint, error.code)
        except ApiError as error:
            _fail(str(error), error.hint)
        except ConfigError as error:
            count = len(error.problems)
            say(str(error))
            _fail(f"the configuration cannot be used: {count_of(count, 'problem')}")


def say(text: str) -> None:
    """Talk to the person, apart from the data on standard output."""
    sys.stderr.write(f"{text}\n")


def count_of(count: int, thing: str) -> str:
    """Such as "1 problem", "2 problems"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _fail(what: str, hint: str = "", code: int = FAILED) -> NoReturn:
    say(f"error: {what}")
    if hint:
        say(f"hint: {hint}")
    raise typer.Exit(code)
