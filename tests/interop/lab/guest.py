"""A guest: a Linux kernel with real peers, and commands run in it."""

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from interop.lab.image import SUITES, Image
from interop.lab.net import Net
from interop.lab.processes import CommandFailed, stop

BOOT_SECONDS = 30
INIT = Path(__file__).with_name("init.sh")


class Job:
    """A command in a guest."""

    def __init__(self, guest: "Guest", number: int, command: str, limit: float) -> None:
        self.guest = guest
        self.number = number
        self.command = command
        self.limit = limit
        self.status: int | None = None
        """Its exit status; None while it runs, and if the guest ended under it."""
        self.over = threading.Event()

    def wait(self) -> str:
        """Wait for its end; returns its output. Raises `CommandFailed` if its status is not 0."""
        output = self.finish()
        if self.status:
            raise CommandFailed(
                f"[{self.guest.name}] {self.command}: exit {self.status}\n{output[-3000:]}"
            )
        return output

    def finish(self) -> str:
        """Wait for its end, whatever its status; returns its output."""
        if not self.over.wait(self.limit + 15) or self.status is None:
            raise CommandFailed(
                f"[{self.guest.name}] no answer to: {self.command}\n{self.guest.console()[-2000:]}"
            )
        return (self.guest.share / f"{self.number}.out").read_text(errors="replace")


class Guest:
    """Boots on entry, powers off on exit.

    Its root is a tmpfs over the modules and the base: it may write anywhere, nothing lasts, and
    guests share one image.
    """

    def __init__(
        self,
        image: Image,
        net: Net,
        name: str,
        address: str,
        *,
        gateway: str = "",
        suite: str = SUITES[0],
    ) -> None:
        """`address` with its prefix length, on the bridge of `net`. `suite`: the Debian release
        that it is, one of `SUITES`."""
        self.image = image
        self.net = net
        self.name = name
        self.address = address
        self.gateway = gateway
        self.suite = suite
        self.tap = f"tp-{name}"[:15]
        self._jobs: dict[int, Job] = {}
        self._up = threading.Event()
        self._over = False
        self._staged = 0

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix=f"talpa-{self.name}-"))
        self.share = self.folder / "share"
        self.share.mkdir()
        shutil.copy(INIT, self.share / "init")
        (self.share / "init").chmod(0o755)
        (self.share / "config").write_text(
            f"NAME={self.name}\nADDRESS={self.address}\nGATEWAY={self.gateway}\n"
        )
        self.net.tap(self.tap)
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.net.name),
                    *("unshare", "--mount", "--propagation", "private", "bash", "-c"),
                    self._boot_script(commands, answers),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(commands, answers),
                start_new_session=True,
                env={"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        os.close(commands)
        os.close(answers)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if not self._up.wait(BOOT_SECONDS) or self._over:
            console_text = self.console()
            self.close()
            raise CommandFailed(f"guest {self.name} did not boot:\n{console_text[-3000:]}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Power the guest off and remove what it left on this machine."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            os.write(self._commands, b"off 0\n")
            self._process.wait(10)
        stop(self._process)
        self._listener.join(5)
        os.close(self._commands)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _boot_script(self, commands: int, answers: int) -> str:
        """What starts the kernel, in a mount namespace of its own: all that it may see is bound
        into its root there, so that nothing stays mounted when it ends."""
        root = self.image.uml
        arguments = (
            *("mem=256M", f"umid={self.name}", "uml_dir=/tmp/", "root=/dev/root"),
            *("rootfstype=hostfs", "rootflags=/guest/base", "ro", "init=/lab/init"),
            f"vec0:transport=tap,ifname={self.tap},depth=64",
            f"ssl0=fd:{commands},fd:{answers}",
            *("con=null", "con0=null,fd:1", "quiet", "seccomp=auto"),
        )
        return "\n".join(
            (
                "set -e",
                f"cd {shlex.quote(str(root))}",
                "mount --rbind /dev dev",
                "mount -t proc proc proc",
                "mount -t tmpfs tmpfs tmp",
                "mount -t tmpfs tmpfs guest",
                "mkdir guest/base guest/share guest/modules",
                f"mount --bind {shlex.quote(str(self.image.bases[self.suite]))} guest/base",
                "mount -o remount,bind,ro guest/base",
                f"mount --bind {shlex.quote(str(self.share))} guest/base/lab",
                f"mount --bind {shlex.quote(str(self.share))} guest/share",
                f"mount --bind {shlex.quote(str(self.image.modules))} guest/modules",
                f"exec chroot . /usr/bin/linux.uml {' '.join(arguments)}",
            )
        )

    def _listen(self) -> None:
        """Take the guest's answers until it ends."""
        with os.fdopen(self._answers, "rb", buffering=0) as answers:
            rest = b""
            while chunk := answers.read(4096):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._answered(line.decode(errors="replace").split())
        self._over = True
        for job in list(self._jobs.values()):
            job.over.set()
        self._up.set()

    def _answered(self, words: list[str]) -> None:
        if len(words) != 2:
            return
        if words[0] == "up":
            self._up.set()
        elif words[0].isdigit() and (job := self._jobs.get(int(words[0]))):
            job.status = int(words[1])
            job.over.set()

    def console(self) -> str:
        """What the guest's kernel has printed."""
        return (self.folder / "console").read_text(errors="replace")

    def start(self, command: str, timeout: int = 60) -> Job:
        """Start a shell command in the guest."""
        job = Job(self, len(self._jobs) + 1, command, timeout)
        (self.share / f"{job.number}.sh").write_text(command + "\n")
        self._jobs[job.number] = job
        os.write(self._commands, f"{job.number} {timeout}\n".encode())
        return job

    def run(self, command: str, timeout: int = 60) -> str:
        """Run a shell command in the guest; returns its output. Raises `CommandFailed`."""
        return self.start(command, timeout).wait()

    def succeeds(self, command: str, timeout: int = 60) -> bool:
        """Run a shell command in the guest; whether its status was 0."""
        job = self.start(command, timeout)
        job.finish()
        return job.status == 0

    def until(self, command: str, timeout: int = 20) -> str:
        """Repeat a shell command until it succeeds; returns its output. Raises `CommandFailed`."""
        job = self.start(
            f"t=$((SECONDS+{timeout})); until ( {command} ) >/tmp/.until$$ 2>&1; do"
            f" if [ $SECONDS -ge $t ]; then cat /tmp/.until$$; exit 1; fi; sleep 0.1; done;"
            " cat /tmp/.until$$",
            timeout + 5,
        )
        output = job.finish()
        if job.status:
            raise CommandFailed(
                f"[{self.name}] not within {timeout} s: {command}\n{output[-2000:]}"
            )
        return output

    def installing(self, files: dict[str, str]) -> str:
        """The shell command that puts text files into the guest, by absolute path, readable for
        root alone, as programs want their secrets."""
        commands = []
        for path, text in files.items():
            staged = self.share / f"{self._staged}.file"
            self._staged += 1
            staged.write_text(text)
            commands.append(f"install -D -m 600 /lab/{staged.name} {shlex.quote(path)}")
        return " && ".join(commands)
