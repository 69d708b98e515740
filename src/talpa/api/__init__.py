"""The management language: its models, and the client that speaks it."""

from talpa.api.models import (
    Association,
    IpsecStatus,
    PoolUsage,
    ServerStatus,
    SessionInfo,
    TunnelInfo,
)

__all__ = [
    "Association",
    "IpsecStatus",
    "PoolUsage",
    "ServerStatus",
    "SessionInfo",
    "TunnelInfo",
]
