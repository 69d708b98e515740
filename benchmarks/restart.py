"""How long until all clients are back after a server restart.

    python benchmarks/restart.py --clients 10000

The server is told to stop (it says goodbye to everyone), started again, and the time is taken from
its end until as many sessions as before are up.
"""

import argparse
import json
import signal
import time

from bench import Server, in_namespace, storm


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=400)
    parser.add_argument("--family", default="chromeos")
    options = parser.parse_args()
    in_namespace()
    server = Server()
    clients = storm(
        server,
        "--clients",
        str(options.clients),
        "--rate",
        str(options.rate),
        "--family",
        options.family,
        "--redial",
        "--hold",
        "600",
    )
    _until_up(server, options.clients, 300)
    began = time.monotonic()
    server.stop()
    goodbye = time.monotonic() - began
    stopped = time.monotonic()
    server.start()
    back = _until_up(server, options.clients, 300)
    seconds = time.monotonic() - stopped
    clients.send_signal(signal.SIGTERM)
    clients.communicate(timeout=60)
    server.stop()
    print(
        json.dumps(
            {
                "clients": options.clients,
                "goodbye_seconds": round(goodbye, 2),
                "back": back,
                "back_after_seconds": round(seconds, 2),
            },
            indent=2,
        )
    )


def _until_up(server: Server, count: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    up = 0
    while time.monotonic() < deadline:
        up = sum(pool["ipv4_used"] for pool in server.status()["pools"])
        if up >= count:
            break
        time.sleep(0.1)
    return up


if __name__ == "__main__":
    main()
