"""Each family says what its source and its captures have, octet by octet as far as it is words."""

import pytest

from storm.crowd import Crowd
from storm.said import FOLDER, life_of
from talpa.l2tp.v2.header import parse_control
from talpa.l2tp.v2.messages import iter_avps
from talpa.storm.families import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_every_message_of_a_life(family: str) -> None:
    assert life_of(family) == (FOLDER / f"{family}.txt").read_text()


def test_each_family_has_its_words() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(FAMILIES)


@pytest.mark.parametrize(
    ("family", "sccrq"),
    [
        # As the lab's capture of xl2tpd 1.3.18 has it, but for names and ids.
        ("xl2tpd", (0, 2, 3, 4, 6, 7, 8, 9, 10)),
        ("windows", (0, 2, 3, 4, 6, 7, 8, 9, 10)),
        ("macos", (0, 2, 3, 7, 9, 10)),
        ("android", (0, 2, 7, 3, 9, 10)),
    ],
)
def test_the_order_of_avps_in_sccrq(family: str, sccrq: tuple[int, ...]) -> None:
    assert avps(first(family)) == sccrq


def test_the_octets_of_a_windows_sccrq() -> None:
    """The size that a server logged for a Windows 10 with a name of 15 characters: 108."""
    assert len(first("windows")) - len(FAMILIES["windows"].host_name) + 15 == 108


def test_the_octets_of_an_apple_sccrq() -> None:
    assert first("macos").hex(" ").replace(" ", "") == (
        "c8020046000000000000000080080000000000018008000000020100"
        "800a0000000300000003801000000007"
        + b"storm-mac\0".hex()
        + "800800000009f4dc80080000000a0004"
    )


def first(family: str) -> bytes:
    return Crowd(family).call().run(0.01).swarm.said[0]


def avps(datagram: bytes) -> tuple[int, ...]:
    _, body = parse_control(datagram)
    return tuple(seen.raw.number for seen in iter_avps(body) if seen.raw is not None)
