"""L2TPv2: header, messages, state machines, endpoint."""

from talpa.l2tp.v2.call_description import CallParameters
from talpa.l2tp.v2.endpoint import Endpoint, TunnelDescription

__all__ = ["CallParameters", "Endpoint", "TunnelDescription"]
