"""`talpa sessions`: who is connected."""

from typing import Annotated

import typer

from talpa.api.client import ApiClient
from talpa.api.models import SessionInfo
from talpa.cli.errors import say
from talpa.cli.options import DEFAULT_SOCKET, JsonOption, SocketOption
from talpa.cli.quantities import duration, octets
from talpa.cli.tables import Column, print_json, print_table

_SHORT = (
    Column("SESSION"),
    Column("USER", elastic=True),
    Column("FROM", elastic=True),
    Column("ADDRESS"),
    Column("UP", right=True),
    Column("IDLE", right=True),
    Column("IN", right=True),
    Column("OUT", right=True),
)
_MORE = (
    Column("DEVICE"),
    Column("IPV6"),
    Column("METHOD"),
    Column("POOL"),
    Column("MTU", right=True),
    Column("DROPPED", right=True),
    Column("STATE"),
)


def sessions(
    socket: SocketOption = DEFAULT_SOCKET,
    as_json: JsonOption = False,
    wide: Annotated[
        bool, typer.Option("--wide", "-w", help="Show device, IPv6, method, pool and more too.")
    ] = False,
) -> None:
    """Show who is connected.

    IN is what came from the client, OUT what went to it.
    """
    found = ApiClient(socket).sessions()
    if as_json:
        print_json(found)
    elif not found:
        say("nobody is connected")
    elif wide:
        print_table((*_SHORT, *_MORE), ((*_short(s), *_more(s)) for s in found), cut=False)
    else:
        print_table(_SHORT, map(_short, found))


def _short(session: SessionInfo) -> tuple[str, ...]:
    return (
        session.id,
        session.user or f"({session.state})",
        _host(session.client),
        session.ipv4 or session.ipv6 or "-",
        duration(session.age_seconds),
        duration(session.idle_seconds),
        octets(session.received_octets),
        octets(session.sent_octets),
    )


def _more(session: SessionInfo) -> tuple[str, ...]:
    return (
        session.device or "-",
        session.ipv6 or "-",
        session.method or "-",
        session.pool or "-",
        str(session.mtu) if session.mtu else "-",
        str(session.dropped),
        session.state,
    )


def _host(client: str) -> str:
    """The address without its port."""
    return client.rpartition(":")[0].strip("[]") or client
