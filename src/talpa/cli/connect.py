"""`talpa connect`: the client."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from talpa.cli.errors import USAGE, CliError
from talpa.cli.ipsec import IpsecOptions, ipsec_of
from talpa.cli.target import password_for, secret_in, server_url

if TYPE_CHECKING:
    from talpa.server.config.client import ClientSettings

_LEVELS = ("debug", "info", "warning", "error")
_URL_HELP = (
    "Server: l2tp+ipsec://USER@HOST, ikev2://USER@HOST, or l2tp://USER@HOST where cleartext is "
    "meant."
)


def connect(
    server: Annotated[str, typer.Argument(metavar="URL", help=_URL_HELP)],
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
        typer.Option(metavar="FILE", help="Take the pre-shared key of IPsec from a file."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prove who you are by this certificate chain (PEM)."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Private key of --certificate, if it is not in it."),
    ] = None,
    pkcs12: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate and key in one PKCS#12 file.")
    ] = None,
    key_password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the password of --key or --pkcs12 from a file."),
    ] = None,
    ca: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="CA of the server's certificate; may be repeated. Otherwise the system's.",
        ),
    ] = None,
    eap: Annotated[
        bool, typer.Option("--eap", help="IKEv2: use --certificate with EAP-TLS.")
    ] = False,
    ike: Annotated[
        int | None,
        typer.Option(metavar="1|2", min=1, max=2, help="Version of IKE for l2tp+ipsec."),
    ] = None,
    identity: Annotated[
        str, typer.Option(metavar="TEXT", help="What to call yourself in IKE.")
    ] = "",
    server_identity: Annotated[
        str, typer.Option(metavar="TEXT", help="What the server must call itself in IKE.")
    ] = "",
    policy: Annotated[
        str, typer.Option(metavar="NAME", help="modern, compatible or legacy algorithms.")
    ] = "compatible",
    aggressive_mode: Annotated[
        bool, typer.Option("--aggressive-mode", help="IKEv1: where a server wants nothing else.")
    ] = False,
    key_log: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write every key into tables for Wireshark."),
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option(metavar="NETWORK", help="Reach this network through it; may be repeated."),
    ] = None,
    default_route: Annotated[
        bool, typer.Option("--default-route", help="Send everything through it.")
    ] = False,
    no_routes: Annotated[
        bool,
        typer.Option("--no-routes", help="Take no routes from the server, only those of --route."),
    ] = False,
    no_dns: Annotated[
        bool, typer.Option("--no-dns", help="Leave the name servers of this machine alone.")
    ] = False,
    no_ipv6: Annotated[bool, typer.Option("--no-ipv6", help="Do without IPv6 inside.")] = False,
    no_reconnect: Annotated[
        bool, typer.Option("--no-reconnect", help="End when the connection ends.")
    ] = False,
    auth: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD",
            help="Log in only so: mschapv2, chap, mschap or pap; may be repeated. Otherwise "
            "mschapv2 and chap.",
        ),
    ] = None,
    mru: Annotated[
        int, typer.Option(metavar="OCTETS", min=576, max=1500, help="Largest packet inside.")
    ] = 1400,
    echo_interval: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="Silence after which the server is probed; 0: never."
        ),
    ] = 30.0,
    tun: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the network device to make.")
    ] = "talpa-vpn",
    local_port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="UDP port to send from; 0: any."),
    ] = 0,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Host name to send; otherwise this machine's.")
    ] = "",
    state_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Directory for what is cleaned up after a crash.")
    ] = Path("/var/lib/talpa"),
    log_level: Annotated[
        str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = "info",
) -> None:
    """Connect to a server and stay connected until Ctrl-C.

    l2tp+ipsec:// needs --psk-file or --certificate. ikev2:// logs in with the password
    (EAP-MSCHAPv2) unless one of these is given; the server then proves itself by a certificate of
    --ca, or else of the CAs of this system, for the name that is called.

    The password is asked for, or taken from --password-file or the variable TALPA_PASSWORD; no
    secret is ever an argument, which every process on this machine could read.

    The server may send networks to reach through it. Those that would take everything, this
    machine's own traffic or the way to the server itself are not used; --no-routes takes none.

    Exit status: 0 when it was connected and you ended it (Ctrl-C, SIGTERM); 1 when the server
    refused the user, this machine refused something, the connection never came up, or it ended
    and --no-reconnect is given; 2 for wrong arguments.
    """
    from talpa.ppp.auth import METHODS
    from talpa.ppp.config import DEFAULT_METHODS
    from talpa.server.config.client import SCHEMES, ClientSettings
    from talpa.wire import Secret

    url = server_url(server, tuple(SCHEMES))
    if url.scheme != "l2tp" and local_port:
        raise CliError(
            "--local-port: with IPsec the server sees other ports", "leave it out", USAGE
        )
    for option, given in (
        ("--name", name),
        ("--auth", auth),
        ("--tunnel-secret-file", tunnel_secret_file),
    ):
        if url.scheme == "ikev2" and given:
            raise CliError(f"{option}: there is no L2TP in ikev2://", "leave it out", USAGE)
    for method in auth or ():
        _demand("--auth", method, tuple(METHODS))
    _demand("--log-level", log_level, _LEVELS)
    routes = tuple(_network(text) for text in route or ())
    secret = secret_in(tunnel_secret_file) if tunnel_secret_file else None
    ipsec = ipsec_of(
        url,
        IpsecOptions(
            version=ike,
            psk_file=psk_file,
            certificate=certificate,
            key=key,
            pkcs12=pkcs12,
            key_password_file=key_password_file,
            ca=tuple(ca or ()),
            eap=eap,
            identity=identity,
            server_identity=server_identity,
            policy=policy,
            aggressive=aggressive_mode,
            key_log=key_log,
        ),
    )
    logs_in = ipsec is None or ipsec.wants_password
    settings = ClientSettings(
        server=url.host,
        port=url.port,
        user=url.user,
        password=password_for(url, password_file) if logs_in else Secret(""),
        ipsec=ipsec,
        tunnel_secret=secret,
        routes=routes,
        server_routes=not no_routes,
        default_route=default_route,
        use_dns=not no_dns,
        tun=tun,
        mru=mru,
        methods=tuple(auth or DEFAULT_METHODS),
        ipv6=not no_ipv6,
        echo_interval=echo_interval,
        reconnect=not no_reconnect,
        state_dir=state_dir,
        local_port=local_port,
        name=name,
        log_level=log_level,
    )
    raise typer.Exit(_connect(settings))


def _connect(settings: "ClientSettings") -> int:
    from talpa.server.client_process import connect as run
    from talpa.server.failures import sentence
    from talpa.server.host import HostError

    try:
        return run(settings)
    except PermissionError as error:
        raise CliError(f"the client cannot start: {sentence(error)}", "run it as root") from None
    except OSError as error:
        raise CliError(f"the client cannot start: {sentence(error)}") from None
    except HostError as error:
        hint = "run it as root" if isinstance(error.__cause__, PermissionError) else ""
        raise CliError(f"the client cannot start: {error}", hint) from None


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise CliError(f"--route {text}: {error}", "write it as 10.0.0.0/8", USAGE) from None


def _demand(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CliError(
            f"{option} {value}: there is no such choice",
            f"choose from {', '.join(choices)}",
            USAGE,
        )
