"""Who is where: two sides of an internet of the lab's own, each in the open or behind a NAT."""

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from interop.lab import Nat, Net

IKE_PORTS = (500, 4500)


@dataclass(frozen=True, slots=True)
class Side:
    """Where machines of one side plug in."""

    wire: Net
    network: str
    """The first three octets of its addresses."""
    gateway: str
    """Empty: none is needed."""
    nat: Nat | None

    def address(self, number: int) -> str:
        """The address of one machine, with its prefix length."""
        return f"{self.network}.{number}/24"


class Topology:
    """The caller's side and the answerer's; `answerer` is the address to call, wherever the
    machine itself is."""

    CALLER = 3
    """Number of the first machine on the side that calls; the next ones follow."""
    ANSWERER = 2
    """Number of the machine that is called, on its side."""

    def __init__(self, *, caller_nat: bool = False, answerer_nat: bool = False) -> None:
        self.caller_nat = caller_nat
        self.answerer_nat = answerer_nat

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            wan = stack.enter_context(Net("wan", "198.18.0.1/24"))
            open_side = Side(wan, "198.18.0", "", None)
            self.calling = self.answering = open_side
            self.answerer = f"198.18.0.{self.ANSWERER}"
            if self.caller_nat:
                nat = stack.enter_context(Nat("natc", "198.19.1.1/24", wan, "198.18.0.10/24"))
                self.calling = Side(nat, "198.19.1", nat.gateway, nat)
            if self.answerer_nat:
                nat = stack.enter_context(Nat("nats", "198.19.2.1/24", wan, "198.18.0.20/24"))
                self.answering = Side(nat, "198.19.2", nat.gateway, nat)
                nat.forward(f"198.19.2.{self.ANSWERER}", *IKE_PORTS)
                self.answerer = "198.18.0.20"
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stack.close()
