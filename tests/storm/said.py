"""What a client says in its whole life, in words: `python -m storm.said` writes the files anew."""

from pathlib import Path

from storm.crowd import Crowd
from talpa.explain import Dissection, dissect_l2tp
from talpa.storm.families import FAMILIES

FOLDER = Path(__file__).with_name("said")


def life_of(family: str) -> str:
    """One client calls, is up, and hangs up: a paragraph for each of its datagrams."""
    crowd = Crowd(family).call().run(1).hang_up()
    return "\n".join(paragraph(datagram) for datagram in crowd.swarm.said)


def paragraph(datagram: bytes) -> str:
    """The octets after the header's numbers, and what they mean."""
    return paragraph_of(dissect_l2tp(datagram))


def paragraph_of(seen: Dissection) -> str:
    """A packet: its name, its fields, and what is wrong with it."""
    lines = [f"{seen.protocol} {seen.message}"]
    for layer in seen.layers:
        lines += [f"  {layer.name}: {field.name} {field.value}" for field in layer.fields]
    lines += [f"  {line}" for line in seen.problems]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in FAMILIES:
        (FOLDER / f"{name}.txt").write_text(life_of(name))
