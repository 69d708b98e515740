"""A user's session at the server: from the call to the last packet."""

from talpa.aaa import Lease
from talpa.l2tp import events as l2tp
from talpa.ppp import events as ppp
from talpa.ppp.link import Phase, PppLink
from talpa.roles.links import Link
from talpa.sansio import Path


class Session(Link):
    """A user's session at the server."""

    __slots__ = (
        "device",
        "device_key",
        "ends_at",
        "ipv4",
        "ipv6",
        "lease",
        "method",
        "mtu",
        "next_advertisement",
        "up",
        "user",
    )

    def __init__(self, event: l2tp.CallUp, path: Path, handle: int, link: PppLink, now: float):
        super().__init__(event, path, handle, link, now)
        self.user = ""
        self.device = ""
        """What the client said of itself in LCP Identification."""
        self.device_key = 0
        """Hash of who logged in from which device, where IPsec tells it apart."""
        self.method = ""
        self.lease: Lease | None = None
        self.mtu = 0
        """Largest packet towards the client; 0 until LCP is open."""
        self.ipv4 = False
        self.ipv6: ppp.Ipv6Up | None = None
        self.up = False
        """Traffic may flow, or once did."""
        self.ends_at: float | None = None
        self.next_advertisement: float | None = None

    def state(self) -> str:
        """How far it has come: "negotiating", "authenticating", "up" or "closing"."""
        if self.closing is not None or self.ppp.phase is Phase.TERMINATE:
            return "closing"
        if self.ipv4 or self.ipv6 is not None:
            return "up"
        return "authenticating" if self.mtu and not self.user else "negotiating"

    def who(self) -> str:
        """The session in a sentence: user, address, device."""
        name = self.user or "a caller"
        device = f", {self.device}" if self.device else ""
        return f"{name} ({self.path.remote.host}{device})"
