"""The targets, and the inputs that each begins with."""

import hashlib
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent
CORPUS = ROOT / "corpus"
CRASHERS = ROOT / "crashers"

NAMES = tuple(sorted(file.stem for file in (ROOT / "targets").glob("*.py")))
PROCESSOR_SECONDS = 0.05
"""What one input may take, unless the target's module says otherwise."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something to be fuzzed."""

    name: str
    check: Callable[[bytes], None]
    """Raises anything for an input that breaks what its docstring promises."""
    seeds: Callable[[], Iterable[bytes]]
    processor_seconds: float

    def corpus(self) -> list[bytes]:
        """The inputs kept in the repository, in the order of their names."""
        return [file.read_bytes() for file in sorted((CORPUS / self.name).glob("*"))]

    def keep(self) -> int:
        """Add the seeds to the corpus; how many octets it has."""
        folder = CORPUS / self.name
        folder.mkdir(parents=True, exist_ok=True)
        for data in self.seeds():
            (folder / digest(data)).write_bytes(data)
        return sum(file.stat().st_size for file in folder.glob("*"))


def load(name: str) -> Target:
    """The target of that name."""
    module = importlib.import_module(f"fuzz.targets.{name}")
    limit = getattr(module, "PROCESSOR_SECONDS", PROCESSOR_SECONDS)
    return Target(name, module.check, module.seeds, limit)


def digest(data: bytes) -> str:
    """A file name for an input."""
    return hashlib.sha256(data).hexdigest()[:16]
