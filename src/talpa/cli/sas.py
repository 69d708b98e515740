"""`talpa sas`: the IPsec associations."""

from typing import Annotated

import typer

from talpa.api.client import ApiClient
from talpa.api.models import Association
from talpa.cli.errors import say
from talpa.cli.options import DEFAULT_SOCKET, JsonOption, SocketOption
from talpa.cli.quantities import duration, octets
from talpa.cli.tables import Column, print_json, print_table

_SHORT = (
    Column("SA", right=True),
    Column("WHO", elastic=True),
    Column("FROM", elastic=True),
    Column("IKE"),
    Column("ESP", elastic=True),
    Column("UP", right=True),
    Column("IN", right=True),
    Column("OUT", right=True),
    Column("WEAK"),
)
_MORE = (
    Column("DEVICE"),
    Column("IDENTITY"),
    Column("METHOD"),
    Column("KEY"),
    Column("IKE SUITE"),
    Column("MODE"),
    Column("NAT"),
    Column("REKEYS", right=True),
    Column("IDLE", right=True),
    Column("REPLAYED", right=True),
    Column("FORGED", right=True),
)


def sas(
    socket: SocketOption = DEFAULT_SOCKET,
    as_json: JsonOption = False,
    wide: Annotated[
        bool,
        typer.Option("--wide", "-w", help="Show device, identity, method, IKE suite and more too."),
    ] = False,
) -> None:
    """Show the IPsec associations.

    IN is what came from the peer, OUT what went to it. WEAK names what is only taken because the
    configuration allows it.
    """
    found = ApiClient(socket).associations()
    if as_json:
        print_json(found)
    elif not found:
        say("there is no IPsec association")
    elif wide:
        print_table((*_SHORT, *_MORE), ((*_short(a), *_more(a)) for a in found), cut=False)
    else:
        print_table(_SHORT, map(_short, found))


def _short(association: Association) -> tuple[str, ...]:
    who = ",".join(association.users) or association.connection or association.identity
    return (
        str(association.id),
        who or "-",
        association.peer,
        f"v{association.version}",
        association.esp_suite or "-",
        duration(association.age_seconds),
        octets(association.received_octets),
        octets(association.sent_octets),
        ",".join(association.weak) or "-",
    )


def _more(association: Association) -> tuple[str, ...]:
    return (
        association.device or "-",
        association.identity or "-",
        association.method,
        association.credential or "-",
        association.ike_suite,
        f"{association.mode}/{association.encapsulation}",
        association.nat or "-",
        str(association.rekeys),
        duration(association.idle_seconds),
        str(association.replayed),
        str(association.forged),
    )
