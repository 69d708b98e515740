"""Talpa over IPsec: told to agree with a setting of strongSwan's, at either end."""

from pathlib import Path
from urllib.parse import quote

from interop import program, xl2tpd
from interop.lab import Namespace
from interop.pki import Issued, authority
from interop.program import write_secret
from interop.strongswan import Setting

GATEWAY = "10.77.0.1"
"""The server's own address inside."""
POOL = "10.77.0.0/24"
LOGIN = xl2tpd.Setting()
"""How PPP goes inside."""
METHODS = {
    "psk": "PSK",
    "rsa": "RSA",
    "ecdsa": "ECDSA",
    "ed25519": "Ed25519",
    "eap-mschapv2": "EAP-MSCHAPv2",
    "eap-md5": "EAP-MD5",
    "eap-tls": "EAP-TLS",
}
"""How `talpa sas` calls the peer's proof."""


def _certificate_files(folder: Path, kind: str, issued: Issued | None) -> dict[str, Path]:
    texts = {"ca": authority(kind).certificate}
    if issued is not None:
        texts |= {"certificate": issued.certificate, "key": issued.key}
    files = {}
    for name, text in texts.items():
        files[name] = folder / f"{name}.pem"
        write_secret(files[name], text)
    return files


def server_config(setting: Setting, folder: Path, *, ipsec: str = "", more: str = "") -> str:
    """What to give to `program.Server` so that strongSwan can call it. `ipsec`: lines of that
    section; `more`: sections of its own."""
    policy = "legacy" if "modp1024" in setting.ike or "3des" in setting.esp else "compatible"
    text = f"""
[ppp]
authentication = ["mschapv2"]

[[pool]]
name = "staff"
ipv4 = "{POOL}"
dns = ["{GATEWAY}"]

[ipsec]
policy = "{policy}"
ah = {str(setting.ah).lower()}
key_log = "{folder}/keys"
eap = ["mschapv2", "tls", "md5"]
{ipsec}
"""
    if setting.certificates or setting.named:
        text += f'identity = "{setting.server_name}"\n'
    if setting.certificates:
        issued = authority(setting.certificates).issue(setting.server_name)
        files = _certificate_files(folder, setting.certificates, issued)
        text += (
            f'\n[ipsec.certificate]\nchain = ["{files["certificate"]}"]\n'
            f'key = "{files["key"]}"\nca = ["{files["ca"]}"]\n'
        )
    else:
        text += f'\n[[ipsec.psk]]\nsecret = "{setting.psk}"\n'
        if setting.mode == "tunnel":
            text += f'identity = "{setting.client_name}"\n'
    if setting.ppk:
        text += f'\n[[ipsec.ppk]]\nid = "lab-ppk"\nsecret = "{setting.ppk}"\n'
    for user in dict.fromkeys((setting.user, setting.client_name)):
        text += f'\n[[user]]\nname = "{user}"\npassword = "{setting.password}"\n'
    return text + more


class Client(program.Client):
    """`talpa connect` over IPsec."""

    def __init__(self, net: Namespace, folder: Path, setting: Setting, server: str) -> None:
        """`server`: the address to call."""
        super().__init__(net, folder, LOGIN)
        self.setting = setting
        self.server = server
        self.keys = folder / "keys"
        self.options += ["--key-log", self.keys, *self._proof(folder)]

    def _proof(self, folder: Path) -> list[str | Path]:
        setting = self.setting
        if not setting.certificates:
            key = folder / "psk"
            write_secret(key, setting.psk)
            options: list[str | Path] = ["--psk-file", key]
            if setting.mode == "tunnel":
                options += ["--identity", setting.client_name]
        else:
            issued = None
            if not setting.eap or setting.auth == "eap-tls":
                issued = authority(setting.certificates).issue(setting.client_name)
            files = _certificate_files(folder, setting.certificates, issued)
            options = ["--ca", files["ca"], "--server-identity", setting.server_name]
            if issued is not None:
                options += ["--certificate", files["certificate"], "--key", files["key"]]
                options += ["--identity", setting.client_name]
        if setting.auth == "eap-tls":
            options.append("--eap")
        if setting.mode == "transport":
            options += ["--ike", str(setting.version)]
        return options

    def start(self, *more: str) -> None:
        """Start it; returns at once."""
        l2tp = self.setting.mode == "transport"
        scheme = "l2tp+ipsec" if l2tp else "ikev2"
        # With EAP-TLS the name that is said must stand in the certificate.
        user = self.setting.client_name if self.setting.auth == "eap-tls" else self.user
        url = f"{scheme}://{quote(user, safe='')}@{self.server}"
        self._launch("connect", url, *self.options, *(self.login if l2tp else ()), *more)
