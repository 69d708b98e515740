"""Session set-ups per second: L2TP + LCP + MS-CHAPv2 + IPCP, server and clients in two processes.

    python benchmarks/setup_rate.py --clients 5000 --rate 2000

The figure that counts is set-ups per second of the server's processor time: it says what one core
carries, whatever the clients' process does beside it.
"""

import argparse
import json
import time

from bench import Server, finish, in_namespace, storm


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--family", default="chromeos")
    parser.add_argument("--method", default="mschapv2")
    parser.add_argument("--ike", type=int, default=0, choices=(0, 1, 2))
    options = parser.parse_args()
    in_namespace()
    server = Server(method=options.method, ike=options.ike)
    cpu, started = server.cpu(), time.monotonic()
    clients = storm(
        server,
        "--clients",
        str(options.clients),
        "--rate",
        str(options.rate),
        "--family",
        options.family,
        "--hold",
        "3",
    )
    used = wall = 0.0
    while clients.poll() is None and not wall:
        time.sleep(0.25)
        if server.status()["counters"].get("sessions set up", 0) >= options.clients:
            used, wall = server.cpu() - cpu, time.monotonic() - started
    report = finish(clients)
    server.stop()
    print(
        json.dumps(
            {
                "clients": options.clients,
                "ike": options.ike,
                "family": options.family,
                "method": options.method,
                "established": report["established"],
                "failures": report["failures"],
                "clients_per_second": report["per_second"],
                "server_cpu_seconds": round(used, 2),
                "per_server_cpu_second": round(options.clients / used, 1) if used else None,
                "stages": report["stages"],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
