"""The stage of the scenarios with IPsec: Talpa on a machine of its own and strongSwan in guests, on
the two sides of a topology."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from interop.lab import Guest, Host, Image
from interop.topology import Topology


@dataclass(frozen=True, slots=True)
class Where:
    """Who is where, and on which side of NAT."""

    talpa_answers: bool = True
    caller_nat: bool = False
    answerer_nat: bool = False
    suite: str = "trixie"
    """Debian release of the guests."""
    guests: int = 1

    def __str__(self) -> str:
        behind = [
            who for who, nat in (("client", self.caller_nat), ("server", self.answerer_nat)) if nat
        ]
        return "-".join([self.suite, *(f"{who}_nat" for who in behind or ["no"])])


@dataclass(frozen=True, slots=True)
class World:
    """All of it, running."""

    where: Where
    topology: Topology
    host: Host
    """Talpa's."""
    guests: list[Guest]

    @property
    def guest(self) -> Guest:
        """The first one."""
        return self.guests[0]

    @property
    def talpa(self) -> str:
        """Talpa's own address, on its wire."""
        return self.host.address.split("/")[0]

    @property
    def nat(self) -> str:
        """Who is behind NAT, in Talpa's words."""
        ours, theirs = self.where.answerer_nat, self.where.caller_nat
        if not self.where.talpa_answers:
            ours, theirs = theirs, ours
        return "both" if ours and theirs else "us" if ours else "peer" if theirs else ""


@contextmanager
def world(image: Image, where: Where) -> Iterator[World]:
    """Everything set up; nobody has spoken yet."""
    topology = Topology(caller_nat=where.caller_nat, answerer_nat=where.answerer_nat)
    with ExitStack() as stack:
        stack.enter_context(topology)
        calling = (topology.calling, topology.CALLER)
        answering = (topology.answering, topology.ANSWERER)
        ours, theirs = (answering, calling) if where.talpa_answers else (calling, answering)
        side, number = ours
        host = stack.enter_context(
            Host("talpa", side.wire, side.address(number), side.gateway or None)
        )
        side, number = theirs
        guests = [
            stack.enter_context(
                Guest(
                    image,
                    side.wire,
                    f"peer{n}",
                    side.address(number + n),
                    gateway=side.gateway,
                    suite=where.suite,
                )
            )
            for n in range(where.guests)
        ]
        yield World(where, topology, host, guests)
