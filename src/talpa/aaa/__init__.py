"""Users, pools of addresses, and limits: who is let in, and with what."""

from talpa.aaa.directory import Directory
from talpa.aaa.limits import GuessLimits
from talpa.aaa.pools import Lease, Pool, PoolUsage
from talpa.aaa.users import User

__all__ = ["Directory", "GuessLimits", "Lease", "Pool", "PoolUsage", "User"]
