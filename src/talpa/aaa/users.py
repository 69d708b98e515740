"""Who may connect, and with what."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from talpa.wire import Secret


@dataclass(frozen=True, slots=True)
class User:
    """One user. Raises `ValueError` for an empty name or password."""

    name: str
    """As it is logged in with, without a Windows domain."""
    password: Secret
    pool: str | None = None
    """Name of the pool that addresses come from; None: the first one."""
    address: IPv4Address | None = None
    """Kept for this user: its first session gets it, further ones an address of the pool."""
    ipv6: bool = True
    """Whether the user gets IPv6 where the pool has it."""
    sessions: int | None = None
    """Sessions at once; None: no limit."""
    disabled: bool = False
    expired: bool = False
    """The password has to be changed before the user is let in again."""
    may_change_password: bool = False
    idle_seconds: float | None = None
    """End a session without traffic after so long; None: as the pool says."""
    session_seconds: float | None = None
    """End a session after so long; None: as the pool says."""

    def __post_init__(self) -> None:
        if not self.name or not self.password:
            raise ValueError("a user needs a name and a password")
