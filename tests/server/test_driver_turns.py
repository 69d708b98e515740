"""The driver: one timer, and it goes on after a fault."""

import asyncio
import os
import selectors
from collections.abc import Callable, Iterable
from typing import Any, cast

from talpa.dataplane.interface import DataPlane, Event, PuntL2tp
from talpa.sansio import Address, Path
from talpa.server.driver import Driver

PATH = Path(Address("198.18.0.1", 1701), Address("198.18.0.2", 1701))


class LeapingSelector(selectors.DefaultSelector):
    """Does not wait: where nothing is to be read, the clock leaps to the next deadline."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Whatever is there to be read."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now += max(0.0, timeout)
        return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, so that a busy machine makes nothing late."""

    def __init__(self) -> None:
        self._leaping = LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds."""
        return self._leaping.now


class Plane:
    """A pipe for a wire: each octet read is one event."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._events: list[Event] = []

    def readers(self) -> Iterable[tuple[int, Callable[[], None]]]:
        yield self.read_end, self._read

    def drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _read(self) -> None:
        self._events.append(PuntL2tp(PATH, os.read(self.read_end, 1)))

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self.write_end)


class Role:
    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.due: float | None = None
        self.timeouts = 0
        self.broken = False
        self.stuck = False

    def plane_event(self, event: Event, now: float) -> None:
        if self.broken:
            raise RuntimeError("a bug")
        assert isinstance(event, PuntL2tp)
        self.taken.append(event.data)

    def settle(self, now: float) -> None:
        """Nothing to send."""

    def next_timeout(self) -> float | None:
        return self.due

    def handle_timeout(self, now: float) -> None:
        self.timeouts += 1
        if self.stuck:
            raise RuntimeError("a bug")
        self.due = None


def drive(play: Callable[[Driver, Role, Plane], Any]) -> tuple[Role, list[str]]:
    """Run a scene; the role, and what was raised."""
    role, plane = Role(), Plane()
    raised: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: raised.append(repr(context["exception"])))
        driver = Driver(cast(DataPlane, plane), role, loop.time)
        driver.start()
        try:
            await play(driver, role, plane)
        finally:
            driver.stop()

    try:
        with asyncio.Runner(loop_factory=LeapingLoop) as runner:
            runner.run(main())
    finally:
        plane.close()
    return role, raised


def test_what_comes_is_taken_and_deadlines_are_met() -> None:
    async def play(driver: Driver, role: Role, plane: Plane) -> None:
        role.due = driver.now() + 0.05
        driver.turn()
        os.write(plane.write_end, b"ab")
        await asyncio.sleep(0.02)
        assert role.timeouts == 0
        await asyncio.sleep(0.06)

    role, raised = drive(play)
    assert role.taken == [b"a", b"b"]
    assert role.timeouts == 1
    assert raised == []


def test_an_earlier_deadline_is_met_and_a_later_one_waits() -> None:
    async def play(driver: Driver, role: Role, plane: Plane) -> None:
        role.due = driver.now() + 60
        driver.turn()
        role.due = driver.now() + 0.02
        driver.turn()
        await asyncio.sleep(0.05)
        assert role.timeouts == 1
        role.due = driver.now() + 0.02
        driver.turn()
        role.due = driver.now() + 60
        driver.turn()
        await asyncio.sleep(0.05)
        assert role.timeouts == 1

    drive(play)


def test_after_a_fault_it_goes_on() -> None:
    async def play(driver: Driver, role: Role, plane: Plane) -> None:
        role.broken = True
        role.due = driver.now() + 0.03
        os.write(plane.write_end, b"a")
        await asyncio.sleep(0.02)
        role.broken = False
        os.write(plane.write_end, b"b")
        await asyncio.sleep(0.04)

    role, raised = drive(play)
    assert raised == ["RuntimeError('a bug')"]
    assert role.taken == [b"b"]
    assert role.timeouts == 1


def test_a_deadline_that_stays_due_does_not_take_the_processor() -> None:
    async def play(driver: Driver, role: Role, plane: Plane) -> None:
        role.stuck = True
        role.due = driver.now()
        driver.turn()
        await asyncio.sleep(0.35)
        assert role.timeouts == 4
        os.write(plane.write_end, b"a")
        await asyncio.sleep(0.01)

    role, raised = drive(play)
    assert len(raised) == role.timeouts
    assert role.taken == [b"a"]
