"""What the checks of several sections share."""

import difflib
from collections.abc import Iterator, Sequence

from talpa.sansio import Address
from talpa.server.config.problems import Finding, KeyPath


def repeated(path: KeyPath, values: Sequence[str | None], key: str = "") -> Iterator[Finding]:
    """A finding for each value that stood in the list before; None stands for any other."""
    seen = set()
    for position, value in enumerate(values):
        if value is not None and value in seen:
            place = (*path, position, key) if key else (*path, position)
            yield Finding(place, f'"{value}" is there twice', "keep one of them")
        seen.add(value)


def clashes(path: KeyPath, listens: Sequence[Address]) -> Iterator[Finding]:
    """A finding for each address that is there twice, or is part of another."""
    yield from repeated(path, [str(address) for address in listens])
    for position, address in enumerate(listens):
        for other in listens:
            everywhere = other.host in ("0.0.0.0", "::") and (":" in address.host) == (
                ":" in other.host
            )
            if everywhere and address.port == other.port and address.host != other.host:
                yield Finding(
                    (*path, position), f"{address} is part of {other}", "leave one of them out"
                )


def guess(name: str, known: Sequence[str]) -> str:
    """A hint towards the known name that was likely meant; empty: none is near."""
    near = difflib.get_close_matches(name, known, 1)
    return f'did you mean "{near[0]}"?' if near else ""
