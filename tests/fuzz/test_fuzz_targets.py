"""Every target on its corpus, and on a few inputs made of it; the same inputs in every run."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.catalogue import NAMES, ROOT, load
from fuzz.mutation import MOST_OCTETS, mutated

INPUTS = 1000
INPUTS_OF_SLOW = 150
"""Of the targets that set up whole connections."""


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_keeps_its_promises(name: str) -> None:
    target = load(name)
    corpus = target.corpus()
    assert corpus, "write it with: .venv/bin/python fuzz/run.py --seeds"
    for data in corpus:
        target.check(data)


@pytest.mark.parametrize("name", NAMES)
def test_changed_inputs_keep_their_promises(name: str) -> None:
    target = load(name)
    corpus = target.corpus()
    chance = random.Random(name)
    for _ in range(INPUTS_OF_SLOW if name.startswith("stack_") else INPUTS):
        data = mutated(chance, corpus)
        try:
            target.check(data)
        except Exception as error:
            error.add_note(f"the input was {data.hex()}")
            raise


def test_the_corpus_is_small() -> None:
    sizes = [file.stat().st_size for file in (ROOT / "corpus").rglob("*") if file.is_file()]
    assert sum(sizes) < 300_000
    assert max(sizes) <= 2 * MOST_OCTETS


def test_the_fuzzer_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "--target", "server_url"]
    command += ["--seconds", "1", "--seed", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" inputs, 0 found")


def test_an_input_is_replayed(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(b"l2tp://alice@vpn.example.com")
    command = [sys.executable, str(ROOT / "run.py"), "--target", "server_url", "--replay"]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("no fault")
