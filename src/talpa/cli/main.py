"""The program `talpa`: its commands, and what they have in common."""

import errno
import os
import sys
from typing import Annotated

import typer

from talpa import __version__
from talpa.cli.check_config import check_config
from talpa.cli.connect import connect
from talpa.cli.demo.command import demo
from talpa.cli.disconnect import disconnect
from talpa.cli.errors import FAILED, Commands, say
from talpa.cli.reload import reload
from talpa.cli.sas import sas
from talpa.cli.serve import serve
from talpa.cli.sessions import sessions
from talpa.cli.status import status
from talpa.cli.storm import storm
from talpa.cli.tunnels import tunnels

app = typer.Typer(
    name="talpa",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"talpa {__version__}\n")
        raise typer.Exit


@app.callback()
def talpa(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """An L2TP, PPP and IPsec access system in one program: server and client.

    Begin with `talpa serve -c talpa.toml` on the server, and `talpa connect
    l2tp+ipsec://USER@HOST --psk-file FILE` on the client. The commands that ask a running server
    reach it through its socket.
    """


for _command in (
    serve,
    check_config,
    connect,
    sessions,
    tunnels,
    sas,
    status,
    disconnect,
    reload,
    storm,
    demo,
):
    app.command(_command.__name__.replace("_", "-"))(_command)


def main() -> None:
    """Run the program. Output that cannot be written, such as to a full disk, is said so."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EPIPE):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say(f"error: the output cannot be written: {error.strerror}")
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
