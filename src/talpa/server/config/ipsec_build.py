"""From `[ipsec]` to what IKE is started with."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from talpa.crypto.algorithms import GroupId
from talpa.esp.sa import Mode, Selector
from talpa.ike.config import Config, Connection, Lifetimes, Policy, Psk, Weakness
from talpa.ike.identities import Identity, from_text
from talpa.ike.policies import COMPATIBLE, LEGACY, MODERN
from talpa.server.config.certificates import credential_of, trust_of
from talpa.server.config.ipsec_schema import Ipsec, IpsecConnection
from talpa.server.config.schema import Settings
from talpa.wire import Secret

Network = IPv4Network | IPv6Network

POLICIES = {policy.name: policy for policy in (MODERN, COMPATIBLE, LEGACY)}

_KIBIBYTE = 1024
"""What the protocols call a kilobyte (RFC 2407 4.5)."""


def ike_config(settings: Settings, wall: Callable[[], datetime]) -> Config | None:
    """How IKE is answered; None: not at all."""
    ipsec = settings.ipsec
    if not ipsec.active():
        return None
    certificate = ipsec.certificate
    credential = credential_of(certificate) if certificate else None
    trust = trust_of(certificate) if certificate else None
    ppks = {ppk.id: key for ppk in ipsec.ppks if (key := ppk.key())}
    return Config(
        policy=policy_of(ipsec, ipsec.policy),
        wall=wall,
        psks=psks(ipsec),
        identity=_identity(ipsec.identity),
        credential=credential,
        trust=trust,
        eap_methods=_eap_methods(ipsec, own=credential is not None, ca=trust is not None),
        v1=ipsec.ikev1,
        v2=ipsec.ikev2,
        remote_access=ipsec.remote_access,
        connections=tuple(_connection(ipsec, link, ppks) for link in ipsec.connections),
        aggressive=ipsec.aggressive_mode,
        ah=ipsec.ah,
        post_quantum_keys=tuple((name.encode(), key) for name, key in ppks.items()),
        require_post_quantum_key=ipsec.require_ppk,
        redirect=ipsec.redirect or "",
        lifetimes=Lifetimes(
            ipsec.ike_lifetime, ipsec.child_lifetime, _octets(ipsec.child_kilobytes)
        ),
        window=ipsec.replay_window,
        dpd=ipsec.dpd,
        half_open=ipsec.limits.half_open,
        half_open_per_place=ipsec.limits.half_open_per_address,
        rate_per_place=ipsec.limits.rate_per_address,
        cookies_from=ipsec.limits.cookies_from,
        key_log=ipsec.key_log is not None,
    )


def calls(settings: Settings) -> tuple[tuple[str, Connection], ...]:
    """Links that this end sets up: the name or address to call, and what to say there."""
    ipsec = settings.ipsec
    if not ipsec.active():
        return ()
    ppks = {ppk.id: key for ppk in ipsec.ppks if (key := ppk.key())}
    return tuple(
        (link.peer, _connection(ipsec, link, ppks))
        for link in ipsec.connections
        if link.initiate and link.peer is not None
    )


def link_networks(settings: Settings) -> tuple[Network, ...]:
    """Networks behind the other ends of links, which are reached through the TUN device too."""
    ipsec = settings.ipsec
    links = ipsec.connections if ipsec.active() else ()
    return tuple(network for link in links for network in link.remote)


def policy_of(ipsec: Ipsec, name: str) -> Policy:
    """A named policy with what the configuration changes in it."""
    base = POLICIES[name]
    return replace(
        base,
        additional=() if ipsec.mlkem == "off" else base.additional,
        require_additional=ipsec.mlkem == "require",
        esn=ipsec.esn,
        weak=(
            *base.weak,
            *(Weakness(weak.what, weak.device, weak.until) for weak in ipsec.allow_weak),
        ),
    )


def psks(ipsec: Ipsec) -> Callable[[str], Sequence[Psk]]:
    """Which keys a peer at an address may have, most specific first: of an identity before of any,
    of a small network before of a large one."""
    known = [
        # Only a key of one identity proves who has it: no other has a name to log in by.
        Psk(key, (psk.name or psk.identity) if psk.identity else "", psk.peer, identity)
        for psk in ipsec.psks
        if (key := psk.key())
        for identity in (_identity(psk.identity),)
    ]
    for link in ipsec.connections:
        psk = _psk(link)
        # A key for anybody anywhere would be none of this link any more.
        if psk is not None and (psk.peer is not None or psk.identity is not None):
            known.append(psk if psk.identity is not None else replace(psk, name=""))
    known.sort(key=lambda psk: (psk.identity is None, -(psk.peer.prefixlen if psk.peer else -1)))

    def of(remote: str) -> Sequence[Psk]:
        address = ip_address(remote.partition("%")[0])
        return [psk for psk in known if psk.peer is None or address in psk.peer]

    return of


def selector(network: Network) -> Selector:
    """All traffic of a network."""
    return Selector(network.network_address, network.broadcast_address)


def _connection(ipsec: Ipsec, link: IpsecConnection, ppks: dict[str, Secret]) -> Connection:
    way = "certificate" if link.by_certificate() else "psk"
    own_lifetimes = link.ike_lifetime or link.child_lifetime or link.child_kilobytes
    return Connection(
        name=link.name,
        version=link.version,
        local_identity=_identity(link.identity or ipsec.identity),
        remote_identity=_identity(link.peer_identity),
        remote_host=link.peer or "",
        authentication=way,
        remote_authentication=way,
        psk=None if link.by_certificate() else _psk(link),
        mode=Mode(link.mode),
        local=tuple(selector(network) for network in link.local),
        remote=tuple(selector(network) for network in link.remote),
        pfs=GroupId[link.pfs.upper()] if link.pfs else None,
        force_udp=link.force_udp,
        lifetimes=Lifetimes(
            link.ike_lifetime or ipsec.ike_lifetime,
            link.child_lifetime or ipsec.child_lifetime,
            _octets(link.child_kilobytes or ipsec.child_kilobytes),
        )
        if own_lifetimes
        else None,
        policy=policy_of(ipsec, link.policy) if link.policy else None,
        post_quantum_key=ppks[link.ppk] if link.ppk else None,
        post_quantum_id=(link.ppk or "").encode(),
    )


def _psk(link: IpsecConnection) -> Psk | None:
    key = link.key()
    if key is None:
        return None
    return Psk(key, link.name, _only(link.peer), _identity(link.peer_identity))


def _only(peer: str | None) -> Network | None:
    """The network of one address; None: it is a name, or nothing."""
    try:
        return ip_network(peer or "")
    except ValueError:
        return None


def _identity(text: str | None) -> Identity | None:
    return from_text(text) if text else None


def _eap_methods(ipsec: Ipsec, *, own: bool, ca: bool) -> tuple[str, ...]:
    """The server must have proved itself before (RFC 7296 2.16), and EAP-TLS needs a CA."""
    if not own:
        return ()
    return tuple(method for method in ipsec.eap if ca or method != "tls")


def _octets(kilobytes: int | None) -> int | None:
    return None if kilobytes is None else kilobytes * _KIBIBYTE
