"""`talpa storm`: the load generator."""

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from talpa.cli.errors import USAGE, CliError
from talpa.cli.tables import Column, print_table
from talpa.cli.target import password_for, secret_in, server_url

if TYPE_CHECKING:
    from talpa.storm.process import Storm
    from talpa.storm.report import Report
    from talpa.storm.security import SecurityPlan

_DEFAULT_FAMILY = "xl2tpd"


def storm(
    server: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="Server: l2tp+ipsec://USER@HOST, or l2tp://USER@HOST[:PORT]."
        ),
    ],
    clients: Annotated[
        int, typer.Option(metavar="N", min=1, max=60_000, help="How many clients.")
    ] = 100,
    rate: Annotated[
        float, typer.Option(metavar="N", min=0.1, help="Calls begun each second.")
    ] = 50.0,
    family: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Whose habits the clients have: xl2tpd, windows, macos, android, routeros, "
            "chromeos or lac; may be repeated, and `all` stands for all of them.",
        ),
    ] = None,
    hold: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long all of them stay.")
    ] = 5.0,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long the last may take.")
    ] = 30.0,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the password from the first line of a file."),
    ] = None,
    tunnel_secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the tunnel secret from the first line of a file."),
    ] = None,
    psk_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="l2tp+ipsec: the pre-shared key, in the first line of a file."
        ),
    ] = None,
    ike: Annotated[
        int | None,
        typer.Option(
            metavar="VERSION", min=1, max=2, help="l2tp+ipsec: IKEv1 (unless given) or IKEv2."
        ),
    ] = None,
    key_life: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="l2tp+ipsec: how long keys live; 0: as long as the family has it.",
        ),
    ] = 0.0,
    echo: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="LCP echo after so much silence; 0: none."),
    ] = 0.0,
    pings: Annotated[
        float,
        typer.Option(metavar="N", min=0, help="Pings each second by each client; 0: none."),
    ] = 0.0,
    ping_size: Annotated[
        int, typer.Option(metavar="OCTETS", min=28, max=1400, help="Size of a ping.")
    ] = 64,
    redial: Annotated[
        bool, typer.Option("--redial", help="Call again when a session is lost.")
    ] = False,
    ports: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="UDP ports that each family calls from; with IPsec each client has its own.",
        ),
    ] = 1,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Address of this host to call from; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Play many L2TP clients at once, and report how the server did.

    With IPsec each client has an association and outer ports of its own, as if it were behind a
    NAT. Needs no privileges and makes no network device. `{n}` in the user's name becomes the
    number of the client. Only for servers that are yours to load. The exit status is 0 when all
    clients were up at the end, and 1 otherwise.
    """
    from talpa.storm.families import FAMILIES
    from talpa.storm.process import Storm, run
    from talpa.storm.swarm import Plan

    url = server_url(server, ("l2tp", "l2tp+ipsec"))
    security = _security(url.scheme, psk_file, ike, key_life)
    names = family or [_DEFAULT_FAMILY]
    if "all" in names:
        names = list(FAMILIES)
    for name in names:
        if name not in FAMILIES:
            raise CliError(
                f"--family {name}: there is no such family",
                f"choose from {', '.join(FAMILIES)}, all",
                USAGE,
            )
    plan = Plan(
        clients=clients,
        rate=rate,
        user=url.user,
        password=password_for(url, password_file),
        tunnel_secret=secret_in(tunnel_secret_file) if tunnel_secret_file else None,
        echo_interval=echo,
        pings=pings,
        ping_octets=ping_size,
        redial=redial,
        security=security,
    )
    order = Storm(
        server=url.host,
        port=url.port,
        families=tuple(FAMILIES[name] for name in names),
        plan=plan,
        hold=hold,
        setup_patience=patience,
        sources=tuple(source or ()),
        ports=ports,
    )
    report = _run(order, run, quiet=as_json or not sys.stderr.isatty())
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n")
    else:
        _show(report)
    raise typer.Exit(0 if report.settled >= clients else 1)


def _security(
    scheme: str, psk_file: Path | None, version: int | None, key_life: float
) -> "SecurityPlan | None":
    from talpa.ike.config import Lifetimes
    from talpa.storm.security import SecurityPlan

    if scheme == "l2tp":
        for option, given in (
            ("--psk-file", psk_file),
            ("--ike", version),
            ("--key-life", key_life),
        ):
            if given:
                raise CliError(f"{option} is for l2tp+ipsec://", "leave it out", USAGE)
        return None
    if psk_file is None:
        raise CliError("l2tp+ipsec:// needs the server's pre-shared key", "--psk-file FILE", USAGE)
    lifetimes = Lifetimes(ike=key_life, child=key_life) if key_life else None
    return SecurityPlan(secret_in(psk_file), version or 1, lifetimes)


def _run(order: "Storm", run: "Callable[..., Report]", *, quiet: bool) -> "Report":
    from talpa.storm.process import TooManySockets

    def progress(dialled: int, up: int) -> None:
        if not quiet:
            sys.stderr.write(f"\r{dialled} called, {up} up ")
            sys.stderr.flush()

    try:
        report = run(order, progress)
    except TooManySockets as error:
        raise CliError(
            f"{order.plan.clients} clients need {error.wanted} open files, and this process may "
            f"have {error.allowed}",
            "fewer clients, or a higher limit: `ulimit -Hn`",
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CliError(
                f"{order.sockets} sockets are more than this host has ports for at one address",
                "fewer clients, or more addresses to call from: --source",
            ) from None
        raise CliError(
            f"{order.server} cannot be called: {error}", "is the name right, and is there a route?"
        ) from None
    if not quiet:
        sys.stderr.write("\r" + " " * 40 + "\r")
    return report


def _show(report: "Report") -> None:
    """The report as tables."""
    from talpa.storm.report import PERCENTILES, percentile

    sys.stdout.write(
        f"{report.calls} calls, {report.up} sessions set up, {sum(report.failures.values())} "
        f"failed, {sum(report.losses.values())} lost; {report.rate():.1f} set-ups per second\n"
        + (f"keys of IPsec replaced {report.rekeys} times\n" if report.rekeys else "")
        + "\n"
    )
    titles = [f"P{p} MS" if p < 100 else "MAX MS" for p in PERCENTILES]
    print_table(
        [Column("REACHED"), *(Column(title, right=True) for title in ("CLIENTS", *titles))],
        [
            [stage, str(len(times)), *(_number(percentile(times, p)) for p in PERCENTILES)]
            for stage, times in report.times.items()
            if times or stage != "ipsec" or any(at == "ipsec" for at, _ in report.failures)
        ],
    )
    if report.failures:
        sys.stdout.write("\n")
        print_table(
            [Column("FAILED BEFORE"), Column("CLIENTS", right=True), Column("WHY", wraps=True)],
            [
                [stage, str(count), cause]
                for (stage, cause), count in report.failures.most_common(20)
            ],
        )
    if report.losses:
        sys.stdout.write("\n")
        print_table(
            [Column("LOST", right=True), Column("WHY", wraps=True)],
            [[str(count), cause] for cause, count in report.losses.most_common(20)],
        )
    if report.outages:
        seconds = ", ".join(f"{outage:.1f} s" for outage in report.outages)
        sys.stdout.write(f"\nafter losses, all were back in {seconds}\n")
    if report.sent_packets:
        sys.stdout.write(
            f"\ntraffic: {report.sent_packets} packets ({report.sent_octets} octets) sent, "
            f"{report.received_packets} ({report.received_octets}) received\n"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
