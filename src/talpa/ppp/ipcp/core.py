"""IPCP: addresses and name servers, both for the side that gives them and for the one that asks."""

from ipaddress import IPv4Address
from typing import ClassVar

from talpa.ppp.config import Ipv4Offer
from talpa.ppp.events import Ipv4Down, Ipv4Up, LinkClosed
from talpa.ppp.frames import Protocol
from talpa.ppp.ipcp.options import ADDRESS, COMPRESSION, PRIMARY_DNS
from talpa.ppp.line import Line
from talpa.ppp.negotiation import ControlProtocol

_UNKNOWN = b"\0\0\0\0"
_NO_SERVERS = (_UNKNOWN,) * 4
_FIRST_SERVER = PRIMARY_DNS.type
"""129 to 132: DNS, NBNS, second DNS, second NBNS (RFC 1877)."""
_VJ = bytes.fromhex("002d0f01")
"""Van Jacobson compression, 16 slots, slot id compressed (RFC 1332 4)."""

# RFC 3145 3.
_CAUSE_TERMINATED = 3
_CAUSE_ADDRESSES = 19
_CAUSE_NO_ADDRESS = 20


class Ipcp(ControlProtocol):
    """One link's IPCP. With an offer we give addresses; without one we ask for ours."""

    __slots__ = ("_offer", "_ours", "_peer", "_prompted", "_servers", "_told")

    PROTOCOL: ClassVar[Protocol] = Protocol.IPCP
    TIMEOUT_CAUSE: ClassVar[int] = 17

    def __init__(self, line: Line, offer: Ipv4Offer | None) -> None:
        self._offer = offer
        self._told = False
        super().__init__(line)
        self.renew()
        self.unjudged()

    def renew(self) -> None:
        """See `ControlProtocol`."""
        self._ours = self._offer.ours.packed if self._offer else _UNKNOWN
        self._servers: tuple[bytes, ...] = _NO_SERVERS
        self._prompted = False

    def wanted(self) -> list[tuple[int, bytes]]:
        """See `ControlProtocol`."""
        config = self._line.config
        options = [(COMPRESSION.type, _VJ)] if config.habits.ask_vj else []
        options.append((ADDRESS.type, self._ours))
        if self._offer is None:
            for index, value in enumerate(self._servers):
                if config.ask_wins if index % 2 else config.ask_dns:
                    options.append((_FIRST_SERVER + index, value))
        if not self._dropped:
            return options
        return [option for option in options if self.wants(option[0])]

    def suggested(self, kind: int, value: bytes) -> None:
        """See `ControlProtocol`."""
        index = kind - _FIRST_SERVER
        if len(value) != 4:
            self.give_up(kind)
        elif kind == ADDRESS.type:
            # What we were told to be, we stay; a peer that disagrees for good ends IPCP.
            if self._offer is None:
                self._ours = value
        elif 0 <= index < len(self._servers) and value != _UNKNOWN:
            servers = self._servers
            self._servers = (*servers[:index], value, *servers[index + 1 :])
        else:
            self.give_up(kind)

    def refused(self, kind: int) -> None:
        """See `ControlProtocol`."""
        if kind == ADDRESS.type and self._offer is None:
            self.fail("the peer gives no IPv4 address", _CAUSE_NO_ADDRESS, 1)

    def unjudged(self) -> None:
        """See `ControlProtocol`."""
        self._peer = self._offer.peer.packed if self._offer else _UNKNOWN

    def judge(self, kind: int, value: bytes) -> bytes | None:
        """See `ControlProtocol`."""
        if kind == ADDRESS.type:
            return self._judge_address(value)
        if self._offer is None:
            return None
        rank, is_wins = divmod(kind - _FIRST_SERVER, 2)
        servers = self._offer.wins if is_wins else self._offer.dns
        return servers[rank].packed if 0 <= rank < min(len(servers), 2) else None

    def lacking(self, kinds: int) -> list[tuple[int, bytes]]:
        """See `ControlProtocol`."""
        listed = kinds >> ADDRESS.type & 1
        if listed or self._prompted or self._offer is None or self._peer == _UNKNOWN:
            return []
        self._prompted = True
        return [(ADDRESS.type, self._peer)]

    def _judge_address(self, value: bytes) -> bytes | None:
        if self._offer is not None and self._offer.peer.packed != _UNKNOWN:
            return self._offer.peer.packed
        if len(value) != 4 or value == _UNKNOWN:
            return None
        self._peer = value
        return value

    def opened(self, now: float) -> None:
        """See `ControlProtocol`."""
        super().opened(now)
        if self._ours == _UNKNOWN:
            self.fail("the peer gives no IPv4 address", _CAUSE_NO_ADDRESS, 1)
            return
        dns, wins, second_dns, second_wins = self._servers
        self._told = True
        self._line.events.append(
            Ipv4Up(
                IPv4Address(self._ours),
                IPv4Address(self._peer),
                self._known(0, dns, second_dns),
                self._known(1, wins, second_wins),
            )
        )

    def left_opened(self, now: float) -> None:
        """See `ControlProtocol`."""
        super().left_opened(now)
        if self._told:
            self._told = False
            self._line.events.append(Ipv4Down())

    def terminated(self, data: bytes) -> LinkClosed:  # noqa: ARG002
        """See `ControlProtocol`."""
        return LinkClosed("the peer ended IPv4", _CAUSE_TERMINATED, by_peer=True, direction=1)

    def _known(self, first: int, *servers: bytes) -> tuple[IPv4Address, ...]:
        """The servers that the peer gave, of those it did not reject."""
        return tuple(
            IPv4Address(server)
            for index, server in enumerate(servers)
            if server != _UNKNOWN and self.wants(_FIRST_SERVER + first + 2 * index)
        )

    def _disagreement(self) -> int:
        return _CAUSE_ADDRESSES
