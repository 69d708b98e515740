"""The image that guests boot from, made from Debian packages alone and kept in the user's cache.

trixie/    a minimal Debian with the peers: xl2tpd, pppd 2.5, strongSwan 6.0
bookworm/  the same of the release before: pppd 2.4, strongSwan 5.9
forky/     the same of the release to come: strongSwan 6.1, the first that Debian lets speak ML-KEM
uml/       the kernel, with the libraries of its own suite that it needs
modules/   the kernel's modules, with their index
"""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from interop.lab.processes import run

SUITES = ("trixie", "bookworm", "forky")
PACKAGES = (
    *("iperf3", "iproute2", "iputils-ping", "kmod", "ppp", "procps", "xl2tpd"),
    *("libcharon-extauth-plugins", "libcharon-extra-plugins", "libstrongswan-extra-plugins"),
    *("libstrongswan-standard-plugins", "strongswan-charon", "strongswan-swanctl"),
)
"""In a guest of any suite."""
KERNEL_SUITE = "forky"
"""User-Mode Linux before 7.x dies on processors with a large XSAVE area."""
KERNEL_PACKAGES = ("user-mode-linux", "libc6", "libgcc-s1")
RECIPE = 2
"""Raised when the steps below change what comes out of them."""


def image_folder() -> Path:
    """Where the image of this recipe is, or is to be made."""
    recipe = repr((RECIPE, SUITES, PACKAGES, KERNEL_SUITE, KERNEL_PACKAGES))
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "talpa" / f"lab-{key}"


class Image:
    """The folders that a guest boots from."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or image_folder()
        self.bases = {suite: self.folder / suite for suite in SUITES}
        self.uml = self.folder / "uml"
        self.modules = self.folder / "modules"

    @property
    def complete(self) -> bool:
        """All of it is there."""
        return all(part.is_dir() for part in (*self.bases.values(), self.uml, self.modules))

    def build(self, say: Callable[[str], None]) -> None:
        """Make what is missing. Each part is made aside and renamed when whole, so that an
        interrupted build leaves nothing half done. Raises `CommandFailed`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            steps = [(self.uml, _make_uml)]
            steps += [(base, partial(_make_base, suite)) for suite, base in self.bases.items()]
            with ThreadPoolExecutor(os.cpu_count()) as workers:
                jobs = [workers.submit(self._part, part, make, say) for part, make in steps]
            for job in jobs:
                job.result()
            self._part(self.modules, lambda into: _make_modules(self.uml, into), say)

    def _part(self, part: Path, make: Callable[[Path], None], say: Callable[[str], None]) -> None:
        if part.exists():
            return
        begun = time.monotonic()
        say(f"guest image: making {part.name} ...")
        aside = part.with_suffix(".part")
        shutil.rmtree(aside, ignore_errors=True)
        make(aside)
        aside.rename(part)
        say(f"guest image: {part.name} made in {time.monotonic() - begun:.0f} s")


def _make_base(suite: str, into: Path) -> None:
    include = "--include=" + ",".join(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="talpa-debootstrap-") as made:
        own = Path(made) / "own"
        shutil.copytree("/usr/share/debootstrap", own, symlinks=True)
        script = own / "scripts" / suite
        if not script.exists():  # newer than this system: as all others are, it is made like sid
            script.symlink_to("sid")
        run(
            [
                *("env", f"DEBOOTSTRAP_DIR={own}", "debootstrap"),
                *("--variant=minbase", include, suite, into),
            ]
        )
    for unused in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(into / unused, ignore_errors=True)
    (into / "lab").mkdir()  # where a guest finds its first program and its commands


def _make_uml(into: Path) -> None:
    """A root just large enough for the kernel's own program."""
    with tempfile.TemporaryDirectory(prefix="talpa-apt-") as apt:
        for package in _download(KERNEL_PACKAGES, KERNEL_SUITE, Path(apt)):
            into.mkdir(exist_ok=True)
            run(["dpkg", "-x", package, into])
    for name in ("bin", "sbin", "lib", "lib64"):  # as Debian itself has it since /usr was merged
        old = into / name
        if old.is_dir() and not old.is_symlink():
            shutil.copytree(old, into / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(old)
        if name.startswith("lib") and not old.exists():
            old.symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "tmp", "guest"):
        (into / name).mkdir(exist_ok=True)


def _make_modules(uml: Path, into: Path) -> None:
    source = next((uml / "usr/lib/uml/modules").iterdir())
    shutil.copytree(source, into / "usr/lib/modules" / source.name)
    run(["depmod", "-b", into / "usr", source.name])


def _download(packages: Sequence[str], suite: str, folder: Path) -> list[Path]:
    """Packages of another suite, verified by apt, through the sources that this system uses."""
    for name in ("parts", "lists/partial", "cache/archives/partial", "preferences"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "parts/lab.sources").write_text(_source(suite))
    settings = (
        "Dir::Etc::sourcelist=/dev/null",
        f"Dir::Etc::sourceparts={folder}/parts",
        "Dir::Etc::preferences=/dev/null",
        f"Dir::Etc::preferencesparts={folder}/preferences",
        f"Dir::State={folder}",
        f"Dir::State::lists={folder}/lists",
        f"Dir::State::status={folder}/status",
        f"Dir::Cache={folder}/cache",
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
    )
    apt = ["apt-get", "-q", *(word for setting in settings for word in ("-o", setting))]
    run([*apt, "update"])
    archives = folder / "cache/archives"
    run([*apt, "download", *packages], cwd=archives)
    return sorted(archives.glob("*.deb"))


def _source(suite: str) -> str:
    """This system's own source for its own release, with the suite replaced."""
    release = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)
    if release is None:
        raise SystemExit("The guest image is made with Debian's tools; this is no Debian release.")
    here = release[1]
    etc = Path("/etc/apt")
    for file in sorted(etc.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text()):
            suites = re.search(r"^Suites:\s*(.*)$", stanza, re.M)
            if suites and here in suites[1].split():
                for key, value in (("Suites", suite), ("Types", "deb"), ("Components", "main")):
                    stanza = re.sub(rf"^{key}:.*$", f"{key}: {value}", stanza, flags=re.M)
                return stanza + "\n"
    for file in [etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]:
        for line in file.read_text().splitlines() if file.exists() else ():
            entry = re.match(rf"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+{here}\s", line)
            if entry:
                signed = re.search(r"signed-by=(\S+)", entry[1] or "")
                key = f"Signed-By: {signed[1]}\n" if signed else ""
                return f"Types: deb\nURIs: {entry[2]}\nSuites: {suite}\nComponents: main\n{key}"
    raise SystemExit(f"No source of {here} under {etc}: the guest image needs one.")
