"""IPsec under the callers of a storm: each has an IKE SA, and sockets, of its own.

Each caller looks as if it were behind a NAT: its outer ports are what the system gave its two
sockets, its identity and NAT-D hashes name a private address, and inside it sends from UDP 1701, or
from a port of its own, as its family does.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

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
from talpa.wire import Secret

L2TP_PORT = 1701
_FIRST_EPHEMERAL = 49_152


@dataclass(frozen=True, slots=True)
class SecurityHabits:
    """How a family of clients goes about IPsec."""

    ike: Habits
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    ephemeral_port: bool = False
    """Inside, from a port of its own (Apple) rather than 1701."""
    pfs: GroupId | None = None


@dataclass(frozen=True, slots=True)
class SecurityPlan:
    """What all callers of a storm have in common."""

    psk: Secret = field(repr=False)
    version: int = 1
    port: int = 500
    """The server's port for IKE."""
    natt_port: int = 4500


class Secured(Protocol):
    """What is needed of a caller."""

    @property
    def number(self) -> int:
        """Which one it is: counts from 1."""


C = TypeVar("C", bound=Secured)
Told = TypeVar("Told", bound=Secured, contravariant=True)


class Happened(Protocol[Told]):
    """Who wants to know what becomes of callers."""

    def secured(self, caller: Told, path: Path, now: float) -> None:
        """L2TP may begin, on that path."""

    def security_lost(self, caller: Told, why: str, now: float) -> None:
        """Its association is gone, or never came up."""


class Security(Generic[C]):
    """The associations of the callers of one swarm."""

    def __init__(
        self,
        plan: SecurityPlan,
        habits: SecurityHabits,
        data_plane: plane.DataPlane,
        rng: Rng,
        told: Happened[C],
    ) -> None:
        self._plan = plan
        self._habits = habits
        self._plane = data_plane
        self._told = told
        config = Config(policy=LEGACY, wall=lambda: datetime.now(UTC))
        self.ipsec = Ipsec(Endpoint(config, rng, self._last_heard), data_plane, self)
        self._callers: dict[int, C] = {}
        """By number of the IKE SA."""
        self._numbers: dict[int, int] = {}
        """By number of the caller: its IKE SA."""
        self._seats: dict[int, int] = {}
        """By number of the caller: which pair of sockets it has."""
        self._free: list[int] | None = None

    def call(self, caller: C, server: str, now: float) -> None:
        """Begin IKE for a caller. Raises `IndexError` when there are more callers than sockets."""
        seat = self._seats.get(caller.number)
        if seat is None:
            if self._free is None:
                self._free = list(range(len(self._plane.natt_listens)))
            seat = self._seats[caller.number] = self._free.pop()
        plan = self._plan
        call = Call(
            self._connection(caller),
            Path(self._plane.ike_listens[seat], Address(server, plan.port)),
            Path(self._plane.natt_listens[seat], Address(server, plan.natt_port)),
        )
        number = self.ipsec.endpoint.open(call, now)
        self._callers[number] = caller
        self._numbers[caller.number] = number

    def end(self, caller: C, now: float) -> None:
        """The caller is done: delete its SAs."""
        number = self._numbers.pop(caller.number, None)
        if number is not None:
            self._callers.pop(number, None)
            self.ipsec.endpoint.close(number, "hung up", now)

    @property
    def busy(self) -> bool:
        """Somebody still has an association."""
        return bool(self._numbers)

    # Owner of Ipsec

    def association_up(self, association: Association, now: float) -> None:
        """L2TP may begin."""
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
        self._lost(association.ike, f"IPsec ended: {reason}", now)

    def ike_event(self, event: ike.Event, now: float) -> None:
        """A call that came to nothing."""
        match event:
            case ike.IkeFailed() if event.connection:
                number = self._numbers.get(int(event.connection), 0)
                self._lost(number, f"{event.stage}: {event.reason}", now)
            case ike.IkeDown():
                self._lost(event.ike, f"IKE ended: {event.reason}", now)

    def _lost(self, number: int, why: str, now: float) -> None:
        caller = self._callers.pop(number, None)
        if caller is not None and self._numbers.get(caller.number) == number:
            del self._numbers[caller.number]
            self._told.security_lost(caller, why, now)

    def _connection(self, caller: C) -> Connection:
        habits, number = self._habits, caller.number
        private = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        port = self._inner_port(caller)
        return Connection(
            str(number),
            self._plan.version,
            local_identity=of_address(private),
            psk=Psk(self._plan.psk),
            l2tp_port=port,
            pfs=habits.pfs,
            lifetimes=habits.lifetimes,
            habits=replace(habits.ike, local_address=private),
        )

    def _inner_port(self, caller: C) -> int:
        if not self._habits.ephemeral_port:
            return L2TP_PORT
        return _FIRST_EPHEMERAL + caller.number % (0x10000 - _FIRST_EPHEMERAL)

    def _last_heard(self, association: int) -> float:
        return self.ipsec.last_heard(association)
