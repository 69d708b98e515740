"""Memory of the server for each established session.

    python benchmarks/session_memory.py --clients 10000

Resident memory of the server's process with all sessions up, less that before the first of them,
divided by their number.
"""

import argparse
import json
import time

from bench import Server, finish, in_namespace, storm


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=400)
    parser.add_argument("--family", default="chromeos")
    parser.add_argument("--ike", type=int, default=0, choices=(0, 1, 2))
    options = parser.parse_args()
    in_namespace()
    server = Server(ike=options.ike)
    warm = storm(server, "--clients", "50", "--rate", "100", "--hold", "0")
    finish(warm)
    time.sleep(2)
    before = server.resident()
    clients = storm(
        server,
        "--clients",
        str(options.clients),
        "--rate",
        str(options.rate),
        "--family",
        options.family,
        "--hold",
        "20",
    )
    after = sessions = steady = 0
    while clients.poll() is None and not after:
        time.sleep(0.5)
        now = int(server.status()["sessions"])
        steady = steady + 1 if now == sessions and now > options.clients * 0.9 else 0
        sessions = now
        if steady >= 10:
            after = server.resident()
    report = finish(clients)
    server.stop()
    print(
        json.dumps(
            {
                "sessions": sessions,
                "ike": options.ike,
                "failures": report["failures"],
                "resident_before": before,
                "resident_after": after,
                "octets_per_session": round((after - before) / sessions) if after else None,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
