"""L2TP (RFC 2661): control connections, calls, and what their messages say."""

from talpa.l2tp.config import Config, Habits
from talpa.l2tp.events import Call, Event, Peer, ProxyAuthen, Result

__all__ = ["Call", "Config", "Event", "Habits", "Peer", "ProxyAuthen", "Result"]
