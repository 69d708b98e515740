"""xl2tpd with pppd in a guest, as client and as server, over the kernel's L2TP data path."""

from dataclasses import dataclass

from interop.lab.guest import Guest

METHODS = {"pap": "pap", "chap": "chap", "mschap": "mschap", "mschapv2": "mschap-v2", "eap": "eap"}
"""Talpa's name of an authentication method, and pppd's."""

PIPE = "/run/xl2tpd/l2tp-control"
LOG = "/var/log/xl2tpd.log"
PPP_LOG = "/var/log/ppp.log"
RESOLV = "/etc/ppp/resolv.conf"

_GLOBAL = "[global]\nport = 1701\naccess control = no\nmax retries = 2\n"
_PPP = f"""debug
logfile {PPP_LOG}
nodefaultroute
noccp
noproxyarp
+ipv6
mtu 1400
mru 1400
lcp-echo-interval 2
lcp-echo-failure 3
lcp-max-terminate 1
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the two ends are to agree."""

    method: str = "mschapv2"
    """Of authentication, by Talpa's name."""
    tunnel_secret: str | None = None
    challenges: bool = True
    """xl2tpd challenges its peer too, where there is a tunnel secret."""
    user: str = "alice"
    password: str = "s3cret"

    def __str__(self) -> str:
        return f"{self.method}-{'secret' if self.tunnel_secret else 'open'}"


MATRIX = tuple(
    Setting(method, secret)
    for method in ("pap", "chap", "mschapv2")
    for secret in (None, "tunnel secret of the lab")
)
"""What must work with Talpa at either end."""


class _Daemon:
    """xl2tpd in a guest."""

    def __init__(self, guest: Guest, setting: Setting) -> None:
        self.guest = guest
        self.setting = setting

    def _files(self) -> dict[str, str]:
        secrets = f'"{self.setting.user}" * "{self.setting.password}" *\n'
        return {
            "/etc/ppp/chap-secrets": secrets,
            "/etc/ppp/pap-secrets": secrets,
            "/etc/xl2tpd/l2tp-secrets": f"* * {self.setting.tunnel_secret or 'unused'}\n",
        }

    def start(self) -> None:
        """Configure and start it, and wait until it takes commands."""
        self.guest.run(
            f"{self.guest.installing(self._files())} && modprobe -a l2tp_ppp ppp_async || exit;"
            f" rm -f {LOG} {PPP_LOG} {RESOLV};"
            f" xl2tpd -D -p /run/xl2tpd.pid >{LOG} 2>&1 </dev/null &"
            f" until test -p {PIPE}; do sleep 0.05; done",
            timeout=15,
        )

    def kill(self) -> None:
        """End it and its pppd at once: no goodbye on the wire."""
        self.guest.run(
            f"pkill -KILL -x 'xl2tpd|pppd'; while pgrep -x 'xl2tpd|pppd'; do sleep 0.1; done;"
            f" rm -f {PIPE}; while ip -o link | grep -q ppp; do sleep 0.1; done"
        )

    def log(self) -> str:
        """What xl2tpd and pppd have said."""
        return self.guest.run(f"cat {LOG} {PPP_LOG} 2>/dev/null; true")

    def interface_up(self, timeout: int = 20, name: str = "ppp0") -> str:
        """Wait until a PPP interface has its IPv4 address; returns that."""
        shown = self.guest.until(f"ip -4 -o addr show dev {name} | grep inet", timeout)
        return shown.split()[3].split("/")[0]

    def interface_down(self, timeout: int = 20, name: str = "ppp0") -> None:
        """Wait until a PPP interface is gone."""
        self.guest.until(f"! ip link show dev {name}", timeout)


class Client(_Daemon):
    """The LAC end, with which a Linux user calls a server."""

    def __init__(
        self,
        guest: Guest,
        setting: Setting,
        server: str,
        calls: tuple[str, ...] = ("lab",),
        redial: bool = False,
    ) -> None:
        """`calls`: names of as many calls that can be dialled."""
        super().__init__(guest, setting)
        self.server = server
        self.calls = calls
        self.redial = redial

    def _files(self) -> dict[str, str]:
        call = (
            f"lns = {self.server}\nname = {self.setting.user}\nrequire authentication = no\n"
            "pppoptfile = /etc/ppp/options.xl2tpd\nlength bit = yes\nppp debug = yes\n"
        )
        if self.setting.tunnel_secret is not None and self.setting.challenges:
            call += "challenge = yes\n"
        if self.redial:
            call += "redial = yes\nredial timeout = 1\nmax redials = 60\n"
        options = f"noauth\nuser {self.setting.user}\nusepeerdns\n{_PPP}"
        options += "".join(
            f"refuse-{theirs}\n" for ours, theirs in METHODS.items() if ours != self.setting.method
        )
        return super()._files() | {
            "/etc/xl2tpd/xl2tpd.conf": _GLOBAL
            + "".join(f"\n[lac {name}]\n{call}" for name in self.calls),
            "/etc/ppp/options.xl2tpd": options,
        }

    def dial(self, call: str = "lab") -> None:
        """Ask for a call; returns at once."""
        self.guest.run(f"echo 'c {call}' > {PIPE}")

    def hang_up(self, call: str = "lab") -> None:
        """End a call with its control connection, saying goodbye; returns at once."""
        self.guest.run(f"echo 'd {call}' > {PIPE}")


class Server(_Daemon):
    """The LNS end. It hands out 10.99.0.10 and up, and is itself 10.99.0.1."""

    inside = "10.99.0.1"

    def _files(self) -> dict[str, str]:
        lns = (
            f"\n[lns default]\nip range = 10.99.0.10-10.99.0.250\nlocal ip = {self.inside}\n"
            "require authentication = yes\nname = labserver\n"
            "pppoptfile = /etc/ppp/options.xl2tpd\nlength bit = yes\nppp debug = yes\n"
        )
        if self.setting.tunnel_secret is not None and self.setting.challenges:
            lns += "challenge = yes\n"
        options = f"require-{METHODS[self.setting.method]}\nms-dns 10.99.0.53\n{_PPP}"
        return super()._files() | {
            "/etc/xl2tpd/xl2tpd.conf": _GLOBAL + lns,
            "/etc/ppp/options.xl2tpd": options,
        }
