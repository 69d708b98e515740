"""Fuzz the parsers and cores: `python fuzz/run.py [--seconds N] [--target NAME]`.

Where `atheris` can be imported it leads, by coverage; elsewhere inputs are mutations of the corpus,
and what Hypothesis comes up with. An input that breaks a promise, or takes too long, is kept in
`fuzz/crashers/`, and the command that shows it again is printed.
"""

import argparse
import importlib.util
import json
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE.parent), str(_HERE.parent / "tests")]

from fuzz.catalogue import CORPUS, CRASHERS, NAMES, Target, digest, load  # noqa: E402
from fuzz.mutation import MOST_OCTETS, mutated  # noqa: E402

FOUND = _HERE.parent / ".cache" / "fuzz"
"""Inputs that reached something new in earlier runs; may be thrown away."""
_TRACED = 8
"""How much longer an input may take under coverage, before it is timed without."""
_TIMED = 3
"""Times that a slow input is timed; the quickest counts."""
_HYPOTHESIS_EXAMPLES = 200


class Slow(AssertionError):
    """An input took longer than it may."""


def main() -> int:
    """Run what the command line asks for; 1 when something was found."""
    options = _options()
    if options.seeds:
        for name in options.target or NAMES:
            print(f"{name:22}{load(name).keep():8,} octets")
        return 0
    if options.replay:
        return _replay(load(options.target[0]), options.replay)
    if options.alone:
        return _alone(options.target[0], options.seconds, options.seed)
    return _all(options.target or list(NAMES), options.seconds, options.seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together")
    parser.add_argument("--target", action="append", choices=NAMES, help="only this one")
    parser.add_argument("--seed", type=int, help="for the same inputs again, without coverage")
    parser.add_argument("--replay", type=Path, help="check and time one input of --target")
    parser.add_argument("--seeds", action="store_true", help="write the seeds into the corpus")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if (options.replay or options.alone) and len(options.target or ()) != 1:
        parser.error("--replay needs exactly one --target")
    return options


def _all(names: list[str], seconds: float, first: int | None) -> int:
    """Each target in a process of its own, one after the other: a crash ends only its own."""
    guided = first is None and importlib.util.find_spec("atheris") is not None
    print(f"{len(names)} targets, {seconds:g} s, {'by coverage' if guided else 'without coverage'}")
    before = set(CRASHERS.glob("*"))
    inputs = 0
    for name in names:
        share = max(seconds / len(names), 1.0)
        command = [sys.executable, __file__, "--alone", "--target", name, "--seconds", str(share)]
        command += [] if first is None else ["--seed", str(first)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        count = _count(name)
        inputs += count
        print(f"{name:22}{count:10,} inputs", flush=True)
        if done.returncode not in (0, _GUIDED_FOUND, 1):
            print(done.stderr[-2000:])
            return 1
    found = sorted(set(CRASHERS.glob("*")) - before)
    for file in found:
        name = file.name.partition("-")[0]
        print(f"found: .venv/bin/python fuzz/run.py --target {name} --replay {_short(file)}")
    print(f"{inputs:,} inputs, {len(found)} found")
    return 1 if found else 0


_GUIDED_FOUND = 77
"""How libFuzzer exits after a crash."""


def _alone(name: str, seconds: float, first: int | None) -> int:
    if first is None and importlib.util.find_spec("atheris") is not None:
        return _guided(name, seconds)
    return _unguided(load(name), seconds, first)


# --- by coverage -------------------------------------------------------------------------------


def _guided(name: str, seconds: float) -> int:
    import atheris

    with atheris.instrument_imports(include=["talpa"]):
        target = load(name)
    counter = _Counter(name)
    slow: set[int] = set()

    def one(data: bytes) -> None:
        begun = time.process_time()
        try:
            target.check(data)
        except BaseException:
            counter.write()
            _save(name, "crash", data)
            raise
        taken = time.process_time() - begun
        counter.add()
        # One of each size is enough to look at.
        if taken > _TRACED * target.processor_seconds and len(data) >> 8 not in slow:
            slow.add(len(data) >> 8)
            _confirm_slow(name, data)

    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [sys.argv[0], f"-max_total_time={max(1, int(seconds))}", f"-max_len={MOST_OCTETS}"]
    arguments += ["-timeout=60", "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=0"]
    arguments += [f"-artifact_prefix={folder.parent}/last-", str(folder)]
    if (CORPUS / name).is_dir():
        arguments.append(str(CORPUS / name))
    atheris.Setup(arguments, one)
    atheris.Fuzz()
    return 0


def _confirm_slow(name: str, data: bytes) -> None:
    file = _save(name, "slow", data)
    command = [sys.executable, __file__, "--target", name, "--replay", str(file)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        file.unlink()


# --- without -----------------------------------------------------------------------------------


def _unguided(target: Target, seconds: float, first: int | None) -> int:
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    counter = _Counter(target.name)
    chance = random.Random(first)
    corpus = target.corpus() or list(target.seeds())
    if first is None:
        corpus += [file.read_bytes() for file in (FOUND / target.name).glob("*")]
    end = time.monotonic() + seconds
    found: set[str] = set()

    def one(data: bytes) -> None:
        counter.add()
        kind = _tried(target, data)
        if kind and kind not in found and len(found) < 10:
            found.add(kind)
            _save(target.name, "slow" if kind == "Slow" else "crash", data)

    while time.monotonic() < end:
        for data in corpus[:1000] if not counter.count else ():
            one(data)
        stop = min(end, time.monotonic() + 10)
        while time.monotonic() < stop:
            one(mutated(chance, corpus))
        seed(chance.random())(
            settings(
                max_examples=_HYPOTHESIS_EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(st.binary(max_size=MOST_OCTETS))(one))
        )()
    counter.write()
    return 1 if found else 0


def _tried(target: Target, data: bytes) -> str:
    """What was wrong with the outcome: where it was raised; empty: nothing."""
    try:
        _timed(target, data)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "Slow" if isinstance(error, Slow) else f"{last.filename}:{last.lineno}"
    return ""


def _timed(target: Target, data: bytes) -> float:
    """Check an input; its processor time in seconds. Raises `Slow` above the target's limit."""
    quickest = float("inf")
    for _ in range(_TIMED):
        begun = time.process_time()
        target.check(data)
        quickest = min(quickest, time.process_time() - begun)
        if quickest <= target.processor_seconds:
            return quickest
    raise Slow(f"{quickest * 1000:.0f} ms, {target.processor_seconds * 1000:.0f} ms are allowed")


# --- what is kept ------------------------------------------------------------------------------


def _replay(target: Target, file: Path) -> int:
    try:
        print(f"no fault, {_timed(target, file.read_bytes()) * 1000:.1f} ms")
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _save(name: str, kind: str, data: bytes) -> Path:
    CRASHERS.mkdir(exist_ok=True)
    file = CRASHERS / f"{name}-{kind}-{digest(data)}"
    file.write_bytes(data)
    return file


def _short(file: Path) -> str:
    return str(file.relative_to(_HERE.parent))


class _Counter:
    """Inputs checked, told to the process that waits."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._file = FOUND / f"{name}.count"
        self._written = 0.0
        self.write()

    def add(self) -> None:
        self.count += 1
        if time.monotonic() - self._written > 1:
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self.count))


def _count(name: str) -> int:
    try:
        return int(json.loads((FOUND / f"{name}.count").read_text()))
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    sys.exit(main())
