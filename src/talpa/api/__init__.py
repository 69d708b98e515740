"""The management language: its models, and the client that speaks it."""

from talpa.api.models import PoolUsage, ServerStatus, SessionInfo, TunnelInfo

__all__ = ["PoolUsage", "ServerStatus", "SessionInfo", "TunnelInfo"]
