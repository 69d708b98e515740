"""strongSwan in a guest: charon over the kernel's XFRM, configured through swanctl."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from interop.lab.guest import Guest
from interop.pki import Issued, authority

LOG = "/var/log/charon.log"
VICI = "/run/charon.vici"
MODULES = (
    "esp4 ah4 xfrm4_tunnel xfrm_user authenc authencesn cbc gcm ctr hmac echainiv seqiv"
    " chacha20poly1305 des_generic"
)
_PLUGINS = (
    "random nonce aes sha1 sha2 md5 hmac kdf gmp curve25519 openssl pem x509 pubkey pkcs1 pkcs8"
    " pkcs12 gcm chapoly constraints revocation"
)
_DAEMON_PLUGINS = (
    "kernel-netlink socket-default vici updown resolve attr eap-identity eap-md5 eap-mschapv2"
    " eap-tls"
)
_CHARON = f"""
charon {{
    load_modular = no
    load = {_PLUGINS} {_DAEMON_PLUGINS}
%s
    filelog {{
        log {{
            path = {LOG}
            default = 1
            ike = 2
            enc = 1
            cfg = 2
            flush_line = yes
        }}
    }}
}}
swanctl {{
    load = {_PLUGINS}
}}
"""

IKE = "aes256-sha256-ecp256"
ESP = "aes256-sha256"

Tree = Mapping[str, "str | Tree"]


def rendered(tree: Tree, depth: int = 0) -> str:
    """A tree of sections and values, as strongSwan's files have it."""
    lines = []
    for name, value in tree.items():
        if isinstance(value, str):
            lines.append(f"{'  ' * depth}{name} = {value}")
        else:
            lines += [
                f"{'  ' * depth}{name} {{",
                rendered(value, depth + 1),
                f"{'  ' * depth}}}",
            ]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Setting:
    """How the two ends are to agree. Names of algorithms are strongSwan's."""

    version: int = 2
    auth: str = "psk"
    """"psk"; "rsa", "ecdsa", "ed25519" (certificates at both ends); "eap-mschapv2", "eap-md5",
    "eap-tls" (the client so, the server by a certificate)."""
    mode: str = "transport"
    """"transport": for L2TP; "tunnel": a client that asks for an address; "site": two networks."""
    ike: str = IKE
    esp: str = ESP
    ah: bool = False
    """AH instead of ESP; `esp` names its algorithm then."""
    rekey: int = 0
    """Seconds after which strongSwan re-keys IKE and child; 0: not within a test."""
    rekey_ike: bool = True
    """False: the child alone."""
    encap: bool = False
    """Encapsulate in UDP though there is no NAT."""
    psk: str = "key of the lab"
    ppk: str = ""
    """RFC 8784: the post-quantum key; its name is "lab-ppk"."""
    fragmentation: bool = True
    mobike: bool = True
    aggressive: bool = False
    user: str = "alice"
    password: str = "s3cret"
    named: bool = False
    """With keys: the client knows the server's name. strongSwan says INITIAL-CONTACT only then."""
    server_name: str = "gate.lab.example"
    """What the server's certificate is for, and its identity with one."""
    client_name: str = "alice@lab.example"

    @property
    def eap(self) -> bool:
        """The client uses EAP."""
        return self.auth.startswith("eap-")

    @property
    def certificates(self) -> str:
        """The kind of the authority that vouches; empty: none does."""
        if self.auth == "psk":
            return ""
        return "rsa" if self.eap else self.auth

    def __str__(self) -> str:
        words = [f"ikev{self.version}", self.auth, self.mode]
        words += [] if self.ike == IKE else [self.ike]
        words += ["ah"] if self.ah else []
        words += [] if self.esp == ESP else [self.esp]
        words += ["ppk"] if self.ppk else []
        return "-".join(words)


class StrongSwan:
    """charon in a guest. `answers`: it is the server's end."""

    INSIDE = "10.98.0.1"
    """In tunnel mode, as a server or a site: an address of its own that is reached through it."""

    def __init__(
        self,
        guest: Guest,
        setting: Setting,
        *,
        answers: bool = False,
        remote: str = "%any",
        name: str | None = None,
        networks: tuple[str, str] = ("", ""),
    ) -> None:
        """`remote`: whom to call. `name`: its own identity instead of the usual. `networks`: of a
        site to site link, its own and the other's."""
        self.guest = guest
        self.setting = setting
        self.answers = answers
        self.remote = remote
        self.name = name
        self.networks = networks

    @property
    def inner(self) -> str:
        """Name of its connection."""
        return "lab"

    def _issued(self) -> Issued | None:
        kind = self.setting.certificates
        if not kind or (self.setting.eap and not self.answers and self.setting.auth != "eap-tls"):
            return None
        name = self.setting.server_name if self.answers else self.setting.client_name
        return authority(kind).issue(self.name or name)

    def _ends(self) -> tuple[dict[str, str], dict[str, str]]:
        """How it proves itself, and how the other has to."""
        setting = self.setting
        server: dict[str, str] = {"auth": "psk"}
        client: dict[str, str] = {"auth": "psk"}
        if setting.certificates:
            server = {"auth": "pubkey", "id": setting.server_name}
            client = {"auth": "pubkey"}
            if not self.answers:
                client["id"] = self.name or setting.client_name
        elif setting.named:
            server["id"] = setting.server_name
        elif self.name:
            (server if self.answers else client)["id"] = self.name
        if setting.eap:
            client = {"auth": setting.auth}
            if self.answers:
                client["eap_id"] = "%any"
            else:
                client["id"] = setting.client_name if setting.auth == "eap-tls" else setting.user
                client["eap_id"] = client["id"]
        own, other = (server, client) if self.answers else (client, server)
        if own["auth"] != "psk" and (self.answers or setting.auth in ("eap-tls", *_KINDS)):
            own["certs"] = "own.pem"
        if other["auth"] == "pubkey":
            other["cacerts"] = "ca.pem"
        return own, other

    def _child(self) -> dict[str, str]:
        setting = self.setting
        proposals = "ah_proposals" if setting.ah else "esp_proposals"
        child = {proposals: setting.esp, "rekey_time": f"{setting.rekey}s"}
        if setting.rekey:
            child["life_time"] = f"{setting.rekey * 2}s"
            child["rand_time"] = "2s"
        if setting.mode == "transport":
            child["mode"] = "transport"
            child["local_ts"] = "dynamic[17/1701]"
            child["remote_ts"] = "dynamic[17]" if self.answers else "dynamic[17/1701]"
        elif setting.mode == "tunnel":
            child["local_ts"] = "10.98.0.0/24" if self.answers else "dynamic"
            child["remote_ts"] = "dynamic" if self.answers else "0.0.0.0/0"
        else:
            child["local_ts"], child["remote_ts"] = self.networks
        return child

    def _configuration(self) -> str:
        setting = self.setting
        own, other = self._ends()
        connection: dict[str, str | Tree] = {
            "version": str(setting.version),
            "remote_addrs": self.remote,
            "proposals": setting.ike,
            "encap": "yes" if setting.encap else "no",
            "fragmentation": "yes" if setting.fragmentation else "no",
            "mobike": "yes" if setting.mobike else "no",
            "dpd_delay": "10s",
            "rekey_time": f"{setting.rekey if setting.rekey_ike else 0}s",
            "reauth_time": "0s",
            "unique": "no" if self.answers else "replace",
            "local": own,
            "remote": other,
            "children": {"lab": self._child()},
        }
        if setting.rekey and setting.rekey_ike:
            connection["over_time"] = f"{setting.rekey}s"
            connection["rand_time"] = "2s"
        if setting.version == 1:
            connection["aggressive"] = "yes" if setting.aggressive else "no"
        if setting.ppk:
            connection["ppk_id"] = "lab-ppk"
            connection["ppk_required"] = "yes"
        secrets: dict[str, str | Tree] = {"ike-lab": {"secret": f'"{setting.psk}"'}}
        if setting.eap:
            secrets["eap-lab"] = {"id": setting.user, "secret": f'"{setting.password}"'}
        if setting.ppk:
            secrets["ppk-lab"] = {"id": "lab-ppk", "secret": f'"{setting.ppk}"'}
        tree: dict[str, str | Tree] = {"connections": {"lab": connection}, "secrets": secrets}
        if setting.mode == "tunnel":
            if self.answers:
                connection["pools"] = "lab"
                tree["pools"] = {"lab": {"addrs": "10.98.0.10-10.98.0.250", "dns": self.INSIDE}}
            else:
                connection["vips"] = "0.0.0.0"
        return rendered(tree) + "\n"

    def _files(self) -> dict[str, str]:
        files = {
            "/etc/strongswan.conf": _CHARON % self._charon(),
            "/etc/swanctl/swanctl.conf": self._configuration(),
        }
        if kind := self.setting.certificates:
            files["/etc/swanctl/x509ca/ca.pem"] = authority(kind).certificate
        if issued := self._issued():
            files["/etc/swanctl/x509/own.pem"] = issued.certificate
            files["/etc/swanctl/private/own.pem"] = issued.key
        return files

    def _charon(self) -> str:
        own = {"retransmit_tries": "3", "retransmit_timeout": "2.0", "keep_alive": "5s"}
        if self.setting.auth == "psk" and self.setting.aggressive:
            own["i_dont_care_about_security_and_use_aggressive_mode_psk"] = "yes"
        return rendered(own, 2)

    def _inside(self) -> str:
        if self.answers or self.setting.mode == "site":
            return f"ip addr replace {self.INSIDE}/32 dev lo;"
        return ""

    def start(self) -> None:
        """Configure and start it, and wait until it takes commands."""
        self.guest.run(
            f"rm -rf /etc/swanctl; {self.guest.installing(self._files())}"
            f" && modprobe -a {MODULES} || exit; rm -f {LOG} {VICI};"
            f" {self._inside()}"
            " /usr/lib/ipsec/charon >/var/log/charon.out 2>&1 </dev/null &"
            f" until test -S {VICI}; do sleep 0.05; done;"
            " swanctl --load-all --noprompt > /var/log/load.log 2>&1 ||"
            " { cat /var/log/load.log; exit 1; }",
            timeout=20,
        )

    def initiate(self, timeout: int = 20) -> str:
        """Call the other end and wait until the child is up; returns what swanctl said."""
        return self.guest.run(
            f"swanctl --initiate --child lab --timeout {timeout} 2>&1", timeout=timeout + 5
        )

    def terminate(self) -> str:
        """End the connection, telling the other end."""
        return self.guest.run("swanctl --terminate --ike lab --timeout 10 2>&1", timeout=15)

    def rekey(self, *, ike: bool) -> None:
        """Re-key now: the IKE SA, or the child."""
        self.guest.run(f"swanctl --rekey {'--ike' if ike else '--child'} lab 2>&1")

    def sas(self) -> str:
        """What `swanctl --list-sas` shows."""
        return self.guest.run("swanctl --list-sas 2>&1")

    def until_sas(self, pattern: str, timeout: int = 15) -> str:
        """Wait until `swanctl --list-sas` has a line that matches; returns all of it."""
        return self.guest.until(
            f"swanctl --list-sas > /tmp/sas 2>&1; cat /tmp/sas; grep -Eq '{pattern}' /tmp/sas",
            timeout,
        )

    def virtual_address(self) -> str:
        """The address that the server gave it."""
        shown = re.search(r"local .*\[(\d+\.\d+\.\d+\.\d+)\]\s*$", self.sas(), re.M)
        assert shown, self.sas()
        return shown[1]

    def kill(self) -> None:
        """End it at once, and what it left in the kernel: no goodbye on the wire."""
        self.guest.run(
            "pkill -KILL -x charon; while pgrep -x charon; do sleep 0.1; done;"
            f" ip xfrm state flush; ip xfrm policy flush; rm -f {VICI} /run/charon.pid"
        )

    def log(self) -> str:
        """What it has said."""
        return self.guest.run(f"cat {LOG} /var/log/charon.out 2>/dev/null; true")


_KINDS = ("rsa", "ecdsa", "ed25519")
