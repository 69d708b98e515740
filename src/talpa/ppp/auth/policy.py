"""Which method a link agrees on: preference, and refusal of anything weaker than allowed.

What is not in the list is never agreed to, whatever the peer asks for; where nothing of the list is
left the link has to end.
"""

from collections.abc import Collection, Sequence

from talpa.ppp.auth.methods import METHODS, method_of


def demand(allowed: Sequence[str], refused: Collection[str] = ()) -> str | None:
    """The method to demand of the peer: the best that it has not refused; None: none is left."""
    return next((name for name in allowed if name not in refused), None)


def demand_after_nak(
    allowed: Sequence[str], refused: Collection[str], suggested: bytes
) -> str | None:
    """The method to demand when the peer refused one and suggested another.

    `suggested` is the option data in its Configure-Nak. `refused` holds all that it has refused so
    far. None: no allowed method is left, and the link has to end.
    """
    method = method_of(suggested)
    if method is not None and method.name in allowed and method.name not in refused:
        return method.name
    return demand(allowed, refused)


def agree(accept: Sequence[str], asked: bytes) -> str | None:
    """The method with which we authenticate ourselves when the peer asks so (option data).

    None: we do not do that; offer `counter(accept)`.
    """
    method = method_of(asked)
    return method.name if method is not None and method.name in accept else None


def counter(accept: Sequence[str]) -> bytes | None:
    """Option data for our Configure-Nak to a method we refuse; None: reject the option."""
    return METHODS[accept[0]].option if accept else None
