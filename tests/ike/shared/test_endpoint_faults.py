"""A fault of our own ends the IKE SA that it was raised for, and no other."""

from datetime import UTC, datetime

import pytest

from ike.endpoints import PSK, Pair, call, conversation, endpoint
from talpa.ike.config import Config, Psk
from talpa.ike.policies import COMPATIBLE
from talpa.sansio import Address, Path

FAULTY = "198.18.66.6"


def psks(host: str) -> list[Psk]:
    if host == FAULTY:
        raise RuntimeError("the directory is broken")
    return [PSK]


def faulty_call(pair: Pair, version: int, host: str) -> None:
    """Somebody calls the server from that host."""
    pair.client = endpoint(9)
    pair.client.open(call(version), pair.now)
    for _ in range(8):
        for said in pair.drain(by_client=True):
            path = Path(said.path.remote, Address(host, said.path.local.port))
            pair.server.receive(path, said.data, pair.now, natt=said.natt)
        for said in pair.drain(by_client=False):
            back = Path(said.path.remote, said.path.local)
            back = back._replace(local=Address("198.18.0.1", back.local.port))
            pair.client.receive(back, said.data, pair.now, natt=said.natt)


@pytest.mark.parametrize("version", [1, 2])
def test_a_fault_is_told_and_the_others_live_on(version: int) -> None:
    pair = conversation(version, psks=psks)
    told: list[tuple[str, Exception]] = []
    pair.server.on_fault = lambda culprit, error: told.append((culprit, error))
    before = pair.server.numbers()
    assert len(before) == 1
    faulty_call(pair, version, FAULTY)
    assert told
    culprit, error = told[0]
    assert isinstance(error, RuntimeError)
    assert f"IKEv{version} message from {FAULTY}" in culprit
    assert pair.server.half_open <= 1
    assert before[0] in pair.server.numbers()
    pair.timers(pair.now + 100.0)
    assert pair.server.half_open == 0
    pair.server.events()
    faulty_call(pair, version, "198.18.0.9")
    assert len(pair.server.numbers()) >= 1


@pytest.mark.parametrize("version", [1, 2])
def test_a_fault_that_nobody_is_told_of_is_raised(version: int) -> None:
    pair = Pair(psks=psks)
    with pytest.raises(RuntimeError, match="directory is broken"):
        faulty_call(pair, version, FAULTY)


def test_another_configuration_holds_for_what_begins_then() -> None:
    pair = Pair()
    off = Config(COMPATIBLE, lambda: datetime(2026, 11, 21, tzinfo=UTC), v2=False)
    pair.server.configure(off)
    pair.client.open(call(2), 0.0)
    pair.run()
    assert not pair.server.describe()
    assert pair.server.drops["IKEv2 is off"] == 1
