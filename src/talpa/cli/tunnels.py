"""`talpa tunnels`: the control connections."""

from talpa.api.client import ApiClient
from talpa.api.models import TunnelInfo
from talpa.cli.errors import say
from talpa.cli.options import DEFAULT_SOCKET, JsonOption, SocketOption
from talpa.cli.quantities import duration
from talpa.cli.tables import Column, print_json, print_table

_COLUMNS = (
    Column("TUNNEL", right=True),
    Column("PEER", right=True),
    Column("HOST NAME", elastic=True),
    Column("FROM", elastic=True),
    Column("SESSIONS", right=True),
    Column("UP", right=True),
    Column("SECRET"),
    Column("STATE"),
)


def tunnels(socket: SocketOption = DEFAULT_SOCKET, as_json: JsonOption = False) -> None:
    """Show the L2TP tunnels.

    TUNNEL is the id that this server gave out, PEER the one that the peer gave out. SECRET says
    whether the peer proved that it knows the tunnel secret.
    """
    found = ApiClient(socket).tunnels()
    if as_json:
        print_json(found)
    elif not found:
        say("there is no tunnel")
    else:
        print_table(_COLUMNS, map(_row, found))


def _row(tunnel: TunnelInfo) -> tuple[str, ...]:
    return (
        str(tunnel.id),
        str(tunnel.peer_id or "-"),
        tunnel.host_name or "-",
        tunnel.remote,
        str(tunnel.sessions),
        duration(tunnel.age_seconds),
        "proved" if tunnel.authenticated else "-",
        tunnel.state,
    )
