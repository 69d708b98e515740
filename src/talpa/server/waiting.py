"""What of a configuration that was read again waits for the next start, and what counts now."""

from collections.abc import Iterator

from talpa.server.config import ipsec_build
from talpa.server.config.ipsec_schema import IpsecConnection
from talpa.server.config.schema import Settings

_IPSEC = ("listen", "listen_nat", "enabled", "require", "key_log")
"""Of `[ipsec]`; the rest of it counts at once."""


def in_force(settings: Settings, started_with: Settings) -> Settings:
    """The present settings, with what waits as it was at the start."""
    then = started_with.ipsec
    bound = {name: getattr(then, name) for name in _IPSEC}
    return settings.model_copy(
        update={
            "server": started_with.server,
            "l2tp": started_with.l2tp,
            "dataplane": started_with.dataplane,
            "ipsec": settings.ipsec.model_copy(update=bound),
        }
    )


def waiting(settings: Settings, started_with: Settings) -> Iterator[str]:
    """Every key that was changed and waits, such as "[ipsec] listen"."""
    for name in ("server", "l2tp", "dataplane"):
        now, then = getattr(settings, name), getattr(started_with, name)
        for key, field in type(now).model_fields.items():
            if getattr(now, key) != getattr(then, key):
                yield f"[{name}] {field.alias or key}"
    for name in _IPSEC:
        if getattr(settings.ipsec, name) != getattr(started_with.ipsec, name):
            yield f"[ipsec] {name}"
    if settings.ipsec.active() != started_with.ipsec.active():
        yield "[ipsec] as a whole"
    if ipsec_build.link_networks(settings) != ipsec_build.link_networks(started_with):
        yield "[[ipsec.connection]] remote"
    if _called(settings) != _called(started_with):
        yield "[[ipsec.connection]] of links that this end calls"


def _called(settings: Settings) -> list[IpsecConnection]:
    return [each for each in settings.ipsec.connections if each.initiate and each.peer is not None]
