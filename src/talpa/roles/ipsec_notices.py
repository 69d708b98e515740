"""What is said of IKE and of associations: the sentences and fields of the log."""

from talpa.dataplane.interface import AssociationCounters
from talpa.ike import events as ike
from talpa.ike.identities import show
from talpa.roles.ipsec import Association
from talpa.roles.notices import Notice


def ike_up(event: ike.IkeUp) -> Notice:
    """A peer is authenticated."""
    peer = event.peer
    weak = f"; WEAK: {', '.join(peer.weak)}" if peer.weak else ""
    return Notice(
        "ike-up",
        f"{peer.path.remote} ({who(peer)}): IKEv{peer.version} is up with {peer.suite}, "
        f"authenticated by {peer.method}{_nat(peer)}{weak}",
        "warning" if peer.weak else "info",
        {
            "ike": event.ike,
            "client": peer.path.remote.host,
            "peer": str(peer.path.remote),
            "identity": show(peer.identity),
            "device": peer.device,
            "suite": peer.suite,
            "method": peer.method,
            "weak": ",".join(peer.weak),
        },
    )


def ike_rekeyed(event: ike.IkeRekeyed) -> Notice:
    """The keys of IKE itself are new."""
    peer = event.peer
    return Notice(
        "ike-rekeyed",
        f"{peer.path.remote} ({who(peer)}): IKE has new keys",
        "debug",
        {"ike": event.ike, "client": peer.path.remote.host},
    )


def ike_down(event: ike.IkeDown, peer: ike.Peer | None) -> Notice:
    """It is over."""
    name = f"{peer.path.remote} ({who(peer)})" if peer is not None else f"IKE {event.ike}"
    ended = "was ended by the peer" if event.by_peer else "ended"
    return Notice(
        "ike-down",
        f"{name}: IKE {ended}: {event.reason}",
        "info",
        {
            "ike": event.ike,
            "client": peer.path.remote.host if peer is not None else "",
            "reason": event.reason,
        },
    )


def ike_failed(event: ike.IkeFailed) -> Notice:
    """An IKE SA never came up. On a mismatch both lists stand below each other."""
    name = f" ({show(event.identity)})" if event.identity is not None else ""
    text = f"{event.path.remote}{name}: IPsec failed in {event.stage}: {event.reason}"
    if event.offered or event.allowed:
        text += f" | offered: {'; '.join(event.offered)} | allowed: {'; '.join(event.allowed)}"
    return Notice(
        "ike-failed",
        text,
        "warning",
        {
            "client": event.path.remote.host,
            "identity": show(event.identity) if event.identity is not None else "",
            "stage": event.stage,
            "reason": event.reason,
            "connection": event.connection,
        },
    )


def association_up(association: Association) -> Notice:
    """Packets may go."""
    peer, spec = association.peer, association.spec
    over = f"in UDP {association.path.remote.port}" if spec.encapsulation.value == "udp" else "raw"
    return Notice(
        "association-up",
        f"{peer.path.remote} ({who(peer)}): association {association.handle} is up: "
        f"{association.suite}, {spec.mode.value} mode, {over}",
        "info",
        {
            "association": association.handle,
            "ike": association.ike,
            "client": association.path.remote.host,
            "suite": association.suite,
            "mode": spec.mode.value,
        },
    )


def association_down(
    association: Association, reason: str, counters: AssociationCounters, *, by_peer: bool
) -> Notice:
    """It is gone."""
    ended = "was ended by the peer" if by_peer else "ended"
    return Notice(
        "association-down",
        f"{association.path.remote} ({who(association.peer)}): association {association.handle} "
        f"{ended}: {reason}",
        "info",
        {
            "association": association.handle,
            "client": association.path.remote.host,
            "reason": reason,
            "received_octets": counters.received_octets,
            "sent_octets": counters.sent_octets,
            "replayed": counters.replayed,
            "forged": counters.forged,
        },
    )


def who(peer: ike.Peer) -> str:
    """Identity and device in a few words."""
    return show(peer.identity) + (f", {peer.device}" if peer.device else "")


def _nat(peer: ike.Peer) -> str:
    match peer.peer_is_behind_nat, peer.we_are_behind_nat:
        case True, True:
            return "; both ends are behind NAT"
        case True, False:
            return "; the peer is behind NAT"
        case False, True:
            return "; we are behind NAT"
    return ""
