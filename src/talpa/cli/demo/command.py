"""`talpa demo`: the main job on one machine, with nothing configured."""

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from talpa.cli.errors import CliError

_INTERRUPTED = 130


def demo(
    seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0.1, max=20, help="How long to move data in each direction."
        ),
    ] = 3.0,
    no_color: Annotated[bool, typer.Option("--no-color", help="Show it without colours.")] = False,
) -> None:
    """Show a server and a client on this machine: what they say, agree on, and how fast it is.

    It makes network namespaces of its own and changes nothing else; nothing is left behind.
    """
    from talpa.cli.demo.world import DemoError, enter, inside

    try:
        if inside():
            _play(seconds, color=not no_color)
            return
        options = ["--seconds", str(seconds), *(["--no-color"] if no_color else [])]
        code = enter([sys.executable, "-m", "talpa.cli.main", "demo", *options])
    except DemoError as error:
        raise CliError(str(error), error.hint) from None
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(code)


def _play(seconds: float, *, color: bool) -> None:
    from talpa.cli.demo.play import Play
    from talpa.cli.demo.screen import Screen
    from talpa.cli.demo.wire import Wire
    from talpa.cli.demo.world import World

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    screen = Screen(color=color)
    try:
        with tempfile.TemporaryDirectory(prefix="talpa-demo-") as place, World() as world:
            try:
                with Wire(screen.rung, Path(place) / "keys") as wire:
                    Play(world, wire, screen, Path(place)).run(seconds)
            finally:
                _take_no_more_interrupts()
    except KeyboardInterrupt:
        screen.line("\nstopped; everything is cleaned up")
        raise
    screen.line("\nDone; everything is cleaned up.")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _take_no_more_interrupts() -> None:
    """Cleaning up takes a moment, and is not to be interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
