"""The host's addresses, routes, forwarding, masquerading and name servers: added and put back."""

from talpa.server.host.errors import HostError
from talpa.server.host.host import Host

__all__ = ["Host", "HostError"]
