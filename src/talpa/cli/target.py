"""The server that a command calls, and the secrets for it: never an argument."""

import getpass
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from talpa.cli.errors import USAGE, CliError, say

if TYPE_CHECKING:
    from talpa.server.config.client import ServerUrl
    from talpa.wire import Secret

PASSWORD_VARIABLE = "TALPA_PASSWORD"  # noqa: S105 - the name of a variable
_MOST_SECRET = 4096
"""Octets read from a file with a secret."""


def server_url(text: str, schemes: Sequence[str] = ("l2tp",)) -> "ServerUrl":
    """The server and user that a URL names; with IKEv2 alone a user need not be."""
    from talpa.server.config.client import EXAMPLE, UrlError, parse_url

    try:
        url = parse_url(text, schemes)
    except UrlError as error:
        raise CliError(str(error), error.hint, USAGE) from None
    if not url.user and url.scheme != "ikev2":
        raise CliError("the server's URL names no user", EXAMPLE, USAGE)
    return url


def password_for(url: "ServerUrl", file: Path | None) -> "Secret":
    """The password: from a file, the environment, or whoever sits at the terminal."""
    from talpa.wire import Secret

    # Taken out, so that no process that we start inherits it.
    from_environment = os.environ.pop(PASSWORD_VARIABLE, None)
    if file is not None:
        return secret_in(file)
    if from_environment:
        return Secret(from_environment)
    if not _at_a_terminal():
        raise CliError(
            "there is no password, and no terminal to ask for it",
            f"use --password-file, or the variable {PASSWORD_VARIABLE}",
            USAGE,
        )
    password = getpass.getpass(f"Password of {url.user} at {url.host}: ")
    if not password:
        raise CliError("the password is empty")
    return Secret(password)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def secret_in(file: Path) -> "Secret":
    """The first line of a file."""
    from talpa.wire import Secret

    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IROTH:
                say(f"warning: everybody on this machine can read {file}: chmod 600 {file}")
            line = stream.readline(_MOST_SECRET).rstrip(b"\r\n")
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from None
    if not line:
        raise CliError(f"the first line of {file} is empty")
    return Secret(line)
