"""An independent opinion of what went over the wire: tshark's."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interop.lab import Namespace, stop
from interop.program import HERE, until

# The checksum of UDP is left to the network card, which a tap does not have: inside a tunnel, there
# is no UDP of ours but what the peer would drop.
_CHECKS = ("ip", "tcp")
_OURS = 'frame.protocols matches "^(eth:ethertype|raw):ip:(udp|esp|ah)"'
"""Not the kernel's ICMP errors, which quote what they complain of."""
_BLIND = "isakmp.exchangetype == 43"
"""IKE_INTERMEDIATE: its keys are others than those after it (RFC 9370 2.2.2), and tshark has room
for one set for each IKE SA."""
_FAULTS = '_ws.malformed || _ws.expert.severity == "Error"'


class Wire:
    """What went over a guest's network card, as a capture."""

    def __init__(self, capture: Path) -> None:
        self.capture = capture
        self.keys: Path | None = None
        """Directory of a key log, with which IKE and ESP are decrypted."""

    def frames(self, which: str, *fields: str) -> list[tuple[str, ...]]:
        """The fields of all frames that a display filter picks. A field that occurs more than
        once in a frame has its values joined by commas."""
        command = ["tshark", "-n", "-r", str(self.capture), "-Y", which, "-T", "fields"]
        for field in fields or ("frame.number",):
            command += ["-e", field]
        command += ["-d", "tcp.port==5201,data"]  # no guesses at what iperf's random octets mean
        for protocol in _CHECKS:
            command += ["-o", f"{protocol}.check_checksum:TRUE"]
        environment = dict(os.environ)
        if self.keys is not None:
            environment["WIRESHARK_CONFIG_DIR"] = str(self.keys)
            for what in ("encryption_decode", "authentication_check"):
                command += ["-o", f"esp.enable_{what}:TRUE"]
        self.settle()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise AssertionError(f"tshark: {done.stderr}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def settle(self) -> None:
        """Wait until nothing more comes."""
        size = -1
        while size != (size := self.capture.stat().st_size):
            time.sleep(0.15)

    def faults(self, source: str = HERE) -> list[str]:
        """What is wrong with frames from an address, a line for each, as tshark tells it."""
        ours = f"ip.src == {source} && {_OURS}"
        found = self.frames(
            f"{ours} && ({_FAULTS}) && !({_BLIND})",
            *("frame.number", "frame.protocols", "_ws.expert.message"),
        )
        again = self._sent_again(f"{ours} && isakmp") if found else set()
        return [
            f"frame {number} ({protocols}): {what}"
            for number, protocols, what in found
            if number not in again
        ]

    def _sent_again(self, which: str) -> set[str]:
        """Numbers of frames that are an earlier one once more. In IKEv1 each message goes on where
        the one before it ended, and so tshark opens a message that is sent again with a wrong
        initialisation vector; it was judged when it was sent first."""
        known: set[str] = set()
        again = set()
        for number, payload in self.frames(which, "frame.number", "udp.payload"):
            if payload in known:
                again.add(number)
            known.add(payload)
        return again

    def sent(self, which: str = "l2tp", source: str = HERE) -> int:
        """How many frames of a kind an address sent."""
        return len(self.frames(f"ip.src == {source} && {_OURS} && ({which})"))


@contextmanager
def captured(net: Namespace, interface: str, folder: Path) -> Iterator[Wire]:
    """Capture an interface of the lab while the context lasts."""
    capture, log = folder / f"{interface}.pcap", folder / "tcpdump.log"
    tcpdump = net.start(
        *("tcpdump", "-i", interface, "-n", "-U", "-s", "0", "-B", "8192", "-Z", "root"),
        *("--immediate-mode", "-w", capture),  # else packets are held back for up to a second
        log=log,
    )
    until("tcpdump listens", lambda: b"listening on" in log.read_bytes(), 10)
    wire = Wire(capture)
    try:
        yield wire
        wire.settle()
    finally:
        stop(tcpdump)
