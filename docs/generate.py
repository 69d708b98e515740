"""Writes the reference pages from the declarations in the code. They are not kept in git."""

from collections.abc import Callable
from pathlib import Path

from pages.drops import drops
from pages.ipsec import ike
from pages.limits import limits
from pages.machines import state_machines
from pages.markdown import section
from pages.notices import log
from pages.program import api, commands
from pages.protocols import families, l2tpv2, ppp

from talpa.server.config.reference import reference_page

FOLDER = Path(__file__).parent / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": reference_page,
    "commands.md": commands,
    "api.md": api,
    "log.md": log,
    "drops.md": drops,
    "l2tpv2.md": l2tpv2,
    "ppp.md": ppp,
    "ike.md": ike,
    "state-machines.md": state_machines,
    "families.md": lambda: (
        "# Families of the load generator\n\n"
        "What each family that `talpa storm` plays does. The first row says what it was read from, "
        "and what of it is assumed.\n\n" + section(families())
    ),
    "limits.md": lambda: "# Limits\n\n" + section(limits()),
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
