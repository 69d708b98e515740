"""Whatever comes, the endpoint raises nothing, answers little, keeps little, and lives on."""

import random
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ike.endpoints import CLIENT, SERVER, Pair, Said, call, conversation, endpoint
from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.ike.events import AssociationUp, IkeUp
from talpa.ike.header import Header, pack_header
from talpa.ike.policies import COMPATIBLE
from talpa.sansio import Address, Path

HERE = Path(Address(SERVER, 500), Address(CLIENT, 500))
EXCHANGES = (0, 1, 2, 3, 4, 5, 6, 32, 33, 34, 35, 36, 37, 43, 44, 255)


def message(version: int, exchange: int, payload: int, body: bytes, **changes: object) -> bytes:
    header = Header(
        b"initiate", bytes(8), payload, version, 0, exchange, 8 * (version == 2), 0, 28 + len(body)
    )
    return pack_header(header._replace(**changes)) + body  # type: ignore[arg-type]


@pytest.mark.parametrize("version", range(16))
def test_every_payload_type_of_every_version_in_every_exchange(version: int) -> None:
    server = endpoint(5)
    bodies = (b"", bytes(4), b"\0\0\0\x04", b"\0\0\0\x24" + bytes(32), b"\xff" * 64)
    now = 0.0
    for exchange in EXCHANGES if version in (1, 2) else (2, 34):
        for payload in range(256):
            for body in bodies:
                now += 0.001
                data = message(version, exchange, payload, body)
                server.receive(HERE, data, now, natt=False)
                out = server.transmits()
                assert len(out) <= 1
                assert sum(len(one) for _, one in out) <= len(data) + 64
    assert server.half_open == 0
    assert not server.describe()
    assert server.drops.total() > 0


def test_a_higher_version_is_told_ours_and_no_more_often_than_16_times_a_second() -> None:
    server = endpoint(5)
    told = 0
    for _ in range(100):
        server.receive(HERE, message(3, 34, 33, bytes(40)), 1.0, natt=False)
        told += len(server.transmits())
    assert told == 16
    server.receive(HERE, message(3, 34, 33, bytes(40), flags=0x20), 2.0, natt=False)
    server.receive(HERE, message(3, 34, 33, b""), 2.0, natt=False)
    server.receive(HERE, message(0, 34, 33, bytes(40)), 2.0, natt=False)
    assert not server.transmits()
    server.receive(HERE, message(15, 99, 33, bytes(8), message_id=7), 2.0, natt=False)
    ((path, data),) = server.transmits()
    assert path == HERE
    assert data.hex() == (
        b"initiate".hex() + "00" * 8 + "2920632000000007" + "00000024" + "0000000800000005"
    )


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=200), max_size=20), st.booleans())
def test_any_octets(datagrams: list[bytes], natt: bool) -> None:
    server = endpoint(6)
    for data in datagrams:
        server.receive(HERE, data, 1.0, natt=natt)
    assert not server.describe()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_conversation_comes_up_though_a_changed_copy_comes_before_each_message(
    version: int, seed: int
) -> None:
    rng = random.Random(seed)

    def with_a_copy(said: Said) -> list[Said]:
        if said.data[8:16] == bytes(8) or _phase_1_in_clear(said):
            return [said]
        data = bytearray(said.data)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(16, len(data))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.3:
            del data[rng.randrange(28, len(data)) :]
            data[24:28] = len(data).to_bytes(4, "big")
        return [said._replace(data=bytes(data)), said]

    pair = Pair()
    pair.client.open(call(version), 0.0)
    pair.run(with_a_copy)
    for _ in range(8):
        if any(isinstance(event, AssociationUp) for mine, event in pair.events if mine):
            break
        pair.timers(pair.now + 5.0)
        pair.run(with_a_copy)
    for by_client in (True, False):
        kinds = [type(event) for mine, event in pair.events if mine is by_client]
        assert IkeUp in kinds
        assert AssociationUp in kinds


def _phase_1_in_clear(said: Said) -> bool:
    """Key exchange in the clear: whoever is on the path can spoil it, in either version."""
    return said.data[18] in (2, 34) and not said.data[19] & 1


@pytest.mark.parametrize("version", [1, 2])
def test_an_sa_that_is_up_withstands_every_changed_message_of_its_own(version: int) -> None:
    pair = conversation(version)
    rng = random.Random(9)
    before = [len(one.describe()) for one in (pair.client, pair.server)]
    pair.events.clear()
    for said in pair.said[1:] * 20:
        data = bytearray(said.data)
        data[rng.randrange(16, len(data))] ^= 1 << rng.randrange(8)
        pair.deliver(said._replace(data=bytes(data)))
    pair.drain(by_client=True)
    pair.drain(by_client=False)
    assert [len(one.describe()) for one in (pair.client, pair.server)] == before
    assert not [event for _, event in pair.events if type(event).__name__.endswith("Down")]


@pytest.mark.parametrize("version", [1, 2])
def test_messages_again_out_of_order_and_from_elsewhere_change_nothing(version: int) -> None:
    pair = conversation(version)
    rng = random.Random(3)
    pair.events.clear()
    shuffled = pair.said * 10
    rng.shuffle(shuffled)
    out = 0
    for said in shuffled:
        odd = Path(said.path.local._replace(host="198.18.9.9"), said.path.remote)
        pair.deliver(said._replace(path=odd))
        out += len(pair.drain(by_client=True)) + len(pair.drain(by_client=False))
    assert out <= 2 * len(shuffled)
    assert [one.associations for one in pair.server.describe()][:1] == [(1,)]
    assert not [event for _, event in pair.events if type(event).__name__.endswith("Down")]


SHORT = replace(
    COMPATIBLE,
    encryption=((EncryptionId.AES_GCM_16, 256), (EncryptionId.AES_CBC, 256)),
    prf=(PrfId.HMAC_SHA2_256,),
    groups=(GroupId.ECP256,),
    additional=(),
)


def first_message(version: int) -> bytes:
    """With few proposals, as somebody sends it who wants to send many."""
    client = endpoint(1, policy=SHORT)
    client.open(call(version), 0.0)
    ((_, data),) = client.transmits()
    return data


def spoofed(number: int) -> Path:
    host = f"{11 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.7"
    return Path(Address(SERVER, 500), Address(host, 500))


@pytest.mark.parametrize("version", [1, 2])
def test_a_flood_of_100000_beginnings_from_forged_addresses(version: int) -> None:
    server = endpoint(8, half_open=3_000)
    first = first_message(version)
    states = 0
    for number in range(100_000):
        data = number.to_bytes(8, "big", signed=False).replace(bytes(8), b"12345678") + first[8:]
        server.receive(spoofed(number), data, number / 50_000, natt=False)
        out = server.transmits()
        assert len(out) <= 1
        for path, answer in out:
            assert path == spoofed(number)
            assert len(answer) <= len(data)
        if number % 1000 == 0:
            server.events()
            states = max(states, server.half_open)
    assert states <= 3_000
    assert len(server.describe()) <= 3_000
    proven = Path(HERE.local, Address("198.18.77.1", 500))
    for at in range(1, 60):
        server.handle_timeout(2.0 + at)
    assert server.half_open == 0
    assert not server.describe()
    server.receive(proven, first, 90.0, natt=False)
    assert len(server.transmits()) == 1


def test_under_a_flood_whoever_answers_the_cookie_comes_in() -> None:
    server = endpoint(8, half_open=1_000)
    v1 = first_message(1)
    for number in range(2_000):
        server.receive(spoofed(number), number.to_bytes(8, "big") + v1[8:], 0.0, natt=False)
        server.transmits()
    assert 700 <= server.half_open <= 1_000
    pair = Pair()
    pair.server = server
    pair.client.open(call(2), 0.0)
    pair.run()
    assert [type(event) for mine, event in pair.events if mine].count(IkeUp) == 1


@pytest.mark.parametrize("version", [1, 2])
def test_a_half_open_sa_takes_little(version: int) -> None:
    count = 1_000
    server = endpoint(8, half_open=3_000, cookies_from=10_000)
    first = first_message(version)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, count + 1):
            data = number.to_bytes(8, "big") + first[8:]
            server.receive(spoofed(number), bytes(data), 0.0, natt=False)
            server.transmits()
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert server.half_open == count
    # What was received is kept to know it again, and to sign; and the answer, to be sent again.
    assert used / count <= 2_048


def test_with_a_version_off_nothing_of_it_is_answered() -> None:
    for version, off in ((1, {"v1": False}), (2, {"v2": False})):
        server = endpoint(8, **off)
        server.receive(HERE, first_message(version), 0.0, natt=False)
        assert not server.transmits()
        assert server.drops[f"IKEv{version} is off"] == 1


def test_commands_for_what_is_gone_are_passed_over() -> None:
    server = endpoint(8)
    server.close(77, "test", 0.0)
    server.close_association(77, "test", 0.0)
    server.expiring(77, 1234, 4321, 0.0)
    server.used_by_peer(77, 1234, 0.0)
    server.heard_from(77, HERE, 0.0)
    server.move(77, HERE, HERE, 0.0)
    server.refuse_address(77, "test", 0.0)
    server.handle_timeout(1e9)
    assert server.next_timeout() is None
    assert (server.events(), server.transmits(), server.numbers()) == ([], [], [])
