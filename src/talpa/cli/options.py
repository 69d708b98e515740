"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from talpa.api.client import DEFAULT_SOCKET

DEFAULT_CONFIG = Path("/etc/talpa/talpa.toml")

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", metavar="FILE", envvar="TALPA_CONFIG", help="Configuration file."
    ),
]
SocketOption = Annotated[
    Path,
    typer.Option(
        "--socket",
        metavar="PATH",
        envvar="TALPA_SOCKET",
        help="Socket of the running server.",
        readable=False,  # not looked at here: whoever may not use it is told what to do instead
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

__all__ = ["DEFAULT_CONFIG", "DEFAULT_SOCKET", "ConfigOption", "JsonOption", "SocketOption"]
