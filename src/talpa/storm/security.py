"""IPsec under the callers of a storm: each has an IKE SA, and sockets, of its own.

Each caller looks as if it were behind a NAT: its outer ports are what the system gave its two
sockets, its identity and NAT-D hashes name a private address, and inside it sends from UDP 1701, or
from a port of its own, as its family does.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from talpa.crypto.algorithms import GroupId
from talpa.dataplane import interface as plane
from talpa.dataplane.interface import AssociationCounters
from talpa.ike import events as ike
from talpa.ike.config import Call, Config, Connection, Habits, Lifetimes, Psk
from talpa.ike.endpoint import Endpoint
from talpa.ike.identities import of_address
from talpa.ike.policies import LEGACY
from talpa.roles.ipsec import Association, Ipsec
from talpa.sansio import Address, Path, Rng
from talpa.storm.report import Report
from talpa.wire import Secret

IKE_PORT = 500
NATT_PORT = 4500
L2TP_PORT = 1701
SOCKETS_EACH = 2
"""What a caller needs: one for IKE, one for IKE and ESP behind its NAT."""
_FIRST_EPHEMERAL = 49_152


@dataclass(frozen=True, slots=True)
class SecurityHabits:
    """How a family of clients goes about IPsec."""

    evidence: str
    """Where the habits are known from, and what of them is left out."""
    ike: Habits
    lifetimes: Lifetimes
    ephemeral_port: bool = False
    """Inside, from a port of its own (Apple) rather than 1701."""
    pfs: GroupId | None = None


@dataclass(frozen=True, slots=True)
class SecurityPlan:
    """What all callers of a storm have in common."""

    psk: Secret = field(repr=False)
    version: int = 1
    """Of IKE."""
    lifetimes: Lifetimes | None = None
    """None: those of the family."""


class Told(Protocol):
    """Who wants to know what becomes of callers; these are told by number."""

    def secured(self, caller: int, path: Path, now: float) -> None:
        """L2TP may begin, on that path."""

    def security_lost(self, caller: int, why: str, now: float) -> None:
        """Its association is gone, or never came up."""


class Security:
    """The associations of the callers of one swarm."""

    def __init__(
        self,
        plan: SecurityPlan,
        habits: SecurityHabits,
        data_plane: plane.DataPlane,
        rng: Rng,
        report: Report,
        told: Told,
    ) -> None:
        self._plan = plan
        self._habits = habits
        self._plane = data_plane
        self._report = report
        self._told = told
        config = Config(policy=LEGACY, wall=lambda: datetime.now(UTC))
        self.ipsec = Ipsec(
            Endpoint(config, rng, lambda association: self.ipsec.last_heard(association)),
            data_plane,
            self,
        )
        self._ikes: dict[int, int] = {}
        """The IKE SA of each caller,"""
        self._callers: dict[int, int] = {}
        """and the caller of each IKE SA."""
        self._secured: set[int] = set()
        """The IKE SAs whose association is up."""

    def call(self, caller: int, seat: int, server: str, now: float) -> None:
        """Begin IKE for a caller, from the pair of sockets with the number `seat`."""
        call = Call(
            self._connection(caller),
            Path(self._plane.ike_listens[seat], Address(server, IKE_PORT)),
            Path(self._plane.natt_listens[seat], Address(server, NATT_PORT)),
        )
        number = self.ipsec.endpoint.open(call, now)
        self._callers[number] = caller
        self._ikes[caller] = number

    def end(self, caller: int, now: float) -> None:
        """The caller is done: delete its SAs."""
        number = self._ikes.pop(caller, None)
        if number is not None:
            self._secured.discard(number)
            del self._callers[number]
            self.ipsec.endpoint.close(number, "hung up", now)

    # Owner of Ipsec

    def association_up(self, association: Association, now: float) -> None:
        """L2TP may begin."""
        self._secured.add(association.ike)
        caller = self._callers.get(association.ike)
        if caller is not None:
            outer = association.spec.path
            local = Address(outer.local.host, self._inner_port(caller))
            remote = Address(outer.remote.host, L2TP_PORT)
            self._told.secured(caller, Path(local, remote, association.handle), now)

    def association_down(
        self,
        association: Association,
        reason: str,
        counters: AssociationCounters,  # noqa: ARG002
        now: float,
        *,
        by_peer: bool,  # noqa: ARG002
    ) -> None:
        """What was in it is lost."""
        self._report.rekeyed(association.rekeys)
        self._lost(association.ike, f"IPsec ended: {reason}", now)

    def ike_event(self, event: ike.Event, now: float) -> None:
        """Calls that come to nothing, and IKE SAs that end."""
        match event:
            case ike.IkeFailed() if event.connection:
                number = self._ikes.get(int(event.connection), 0)
                # New keys that did not come about: the old ones are good until their end.
                if number not in self._secured:
                    self._lost(number, f"{event.stage}: {event.reason}", now)
            case ike.IkeDown():
                self._lost(event.ike, f"IKE ended: {event.reason}", now)

    def _lost(self, number: int, why: str, now: float) -> None:
        self._secured.discard(number)
        caller = self._callers.pop(number, None)
        if caller is not None:
            del self._ikes[caller]
            self._told.security_lost(caller, why, now)

    def _connection(self, caller: int) -> Connection:
        habits = self._habits
        private = f"10.{caller >> 16 & 255}.{caller >> 8 & 255}.{caller & 255}"
        return Connection(
            str(caller),
            self._plan.version,
            local_identity=of_address(private),
            psk=Psk(self._plan.psk),
            l2tp_port=self._inner_port(caller),
            pfs=habits.pfs,
            lifetimes=self._plan.lifetimes or habits.lifetimes,
            habits=replace(habits.ike, local_address=private),
        )

    def _inner_port(self, caller: int) -> int:
        if not self._habits.ephemeral_port:
            return L2TP_PORT
        return _FIRST_EPHEMERAL + caller % (0x10000 - _FIRST_EPHEMERAL)
