"""`talpa disconnect`: end sessions."""

import sys
from typing import Annotated

import typer

from talpa.api.client import ApiClient
from talpa.cli.options import DEFAULT_SOCKET, SocketOption
from talpa.wire import printable


def disconnect(
    target: Annotated[
        str,
        typer.Argument(
            metavar="USER|SESSION|TUNNEL|SA|LINK",
            help='A user name, a session such as "12/34" or "ike/7", a tunnel such as "12", an '
            'IPsec association such as "sa/5", or a link between routers by its name.',
        ),
    ],
    socket: SocketOption = DEFAULT_SOCKET,
) -> None:
    """End the sessions of a user, one session, a whole tunnel, an IPsec association or a link.

    A number is a user where one of that name is connected, and a tunnel otherwise. The client is
    told, and may connect again; a link that this server calls is called again.
    """
    for ended in ApiClient(socket).disconnect(target):
        sys.stdout.write(f"disconnected {printable(ended)}\n")
