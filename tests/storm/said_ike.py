"""What a client says in IKEv1 in its whole life, in words: `python -m storm.said_ike` writes the
files anew."""

from pathlib import Path

from storm.said import paragraph_of
from storm.secure_crowd import NAT, NATT_FROM, SecureCrowd
from talpa.explain import SecurityKeys, dissect_ike
from talpa.storm.families import FAMILIES

FOLDER = Path(__file__).with_name("said_ike")
_NON_ESP = bytes(4)


def life_of(family: str) -> SecureCrowd:
    """One client calls, is up, and hangs up."""
    seed = 10 + list(FAMILIES).index(family)
    return SecureCrowd(family, 1, seed=seed, key_log=True).call().run(1).hang_up()


def ike_messages(crowd: SecureCrowd) -> list[tuple[bool, bytes]]:
    """Whether a client said it, and each IKE message, without the marker of port 4500."""
    found = []
    for path, _, data in crowd.link.taped:
        ours = path.local.host == NAT
        client = path.local if ours else path.remote
        if client.port < NATT_FROM:
            found.append((ours, data))
        elif data[:4] == _NON_ESP:
            found.append((ours, data[4:]))
    return found


def words_of(crowd: SecureCrowd) -> str:
    """A paragraph for each of its messages."""
    keys = SecurityKeys()
    for table, line in crowd.keys:
        keys.add(table, line)
    seen = [(ours, dissect_ike(message, keys)) for ours, message in ike_messages(crowd)]
    return "\n".join(paragraph_of(dissection) for ours, dissection in seen if ours)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in FAMILIES:
        (FOLDER / f"{name}.txt").write_text(words_of(life_of(name)))
