"""MOBIKE: a peer, or we, come from another address (RFC 4555); and NATs that change their mind
(RFC 7296 2.23)."""

from talpa.esp.sa import Encapsulation
from talpa.ike.v2.nat_detection import nat_found, nat_notifies
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import Chain, Contents, notify
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path

Parts = list[tuple[Kind, object]]
_COOKIE_OCTETS = 16
_MOST_COOKIE = 64


def _spis(sa: IkeSa) -> tuple[bytes, bytes]:
    return sa.spis[:8], sa.spis[8:]


def _moved(sa: IkeSa, path: Path) -> None:
    """The associations go the way of the IKE SA."""
    for association in sa.room.associations_of(sa):
        sa.room.shared.associations.move(association, path._replace(association=0))


def probe(sa: IkeSa) -> Parts:
    """In a sign of life, when we are behind a NAT: ask where the peer sees us (RFC 4555 3.8)."""
    if not (sa.mobike and sa.initiator and sa.we_natted):
        return []
    return nat_notifies(_spis(sa), sa.path.local, sa.path.remote)


def probed(sa: IkeSa, contents: Contents, path: Path, now: float) -> None:
    """The peer's answer. What it says of our address is right only without a NAT, so it is the
    update itself that tells: ask for it when the answer came another way."""
    said = contents.notify(NotifyKind.NAT_DETECTION_DESTINATION_IP)
    if sa.mobike and sa.initiator and sa.stage is Stage.UP and said and path != sa.path:
        sa.ask(UpdateTask(), now)


# responder


def answer(sa: IkeSa, contents: Contents, path: Path, now: float) -> Parts:
    """What an INFORMATIONAL request asks of MOBIKE."""
    chain: Parts = []
    update = contents.notify(NotifyKind.UPDATE_SA_ADDRESSES) is not None
    found = nat_found(contents, _spis(sa), path)
    if update and sa.mobike and not sa.initiator:
        refusal = _unacceptable(sa, contents, path, found)
        if refusal is not None:
            chain.append(notify(refusal))
        else:
            _update(sa, path, found, now)
    if found is not None:
        chain += nat_notifies(_spis(sa), path.local, path.remote)
    cookie = contents.notify(NotifyKind.COOKIE2)
    if cookie is not None and len(cookie.data) <= _MOST_COOKIE:
        chain.append(notify(NotifyKind.COOKIE2, cookie.data))
    return chain


def _unacceptable(
    sa: IkeSa, contents: Contents, path: Path, found: tuple[bool, bool] | None
) -> NotifyKind | None:
    """Whether the new way cannot be gone."""
    if contents.notify(NotifyKind.NO_NATS_ALLOWED) is not None and found and any(found):
        return NotifyKind.UNEXPECTED_NAT_DETECTED
    raw = any(one.spec.encapsulation is Encapsulation.RAW for one in sa.room.associations_of(sa))
    if raw and found is not None and any(found):
        # What is sent as bare ESP cannot begin to go in UDP: the peer comes anew.
        return NotifyKind.UNACCEPTABLE_ADDRESSES
    if (":" in path.remote.host) != (":" in path.local.host):
        return NotifyKind.UNACCEPTABLE_ADDRESSES
    return None


def _update(sa: IkeSa, path: Path, found: tuple[bool, bool] | None, now: float) -> None:
    if path == sa.path:
        return
    sa.path = path
    if found is not None:
        sa.we_natted, sa.peer_natted = found
    # Packets follow when the peer has shown that it is there (RFC 4555 3.7).
    sa.ask(RoutabilityTask(sa, path), now)


class RoutabilityTask:
    """Return routability: only who is at the new address can give the cookie back."""

    __slots__ = ("_cookie", "_path")
    exchange = Exchange.INFORMATIONAL

    def __init__(self, sa: IkeSa, path: Path) -> None:
        self._cookie = sa.room.shared.rng(_COOKIE_OCTETS)
        self._path = path

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """COOKIE2."""
        if sa.stage is not Stage.UP or sa.path != self._path:
            return None
        return [notify(NotifyKind.COOKIE2, self._cookie)]

    def done(self, sa: IkeSa, contents: Contents, _path: Path, _now: float) -> None:
        """Move, when it is our cookie."""
        said = contents.notify(NotifyKind.COOKIE2)
        if said is None or said.data != self._cookie:
            sa.end("The peer gave back another cookie than ours.")
        elif sa.path == self._path:
            _moved(sa, self._path)

    def failed(self, sa: IkeSa, reason: str, _now: float) -> None:
        """The response could not be read."""
        sa.end(reason)

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


def followed(sa: IkeSa, path: Path, *, natt: bool) -> None:
    """A valid request came from elsewhere. Without MOBIKE, a peer behind a NAT is followed
    (RFC 7296 2.23)."""
    if not sa.mobike and natt and _may_follow(sa) and path != sa.path:
        sa.path = path
        _moved(sa, path)


def _may_follow(sa: IkeSa) -> bool:
    """Only who is behind a NAT comes from elsewhere unasked, and a client that is behind one itself
    follows nobody (RFC 7296 2.23). A server in a cloud is behind a NAT whose ports never change,
    and its clients' NATs forget: it follows."""
    return sa.peer_natted and not (sa.we_natted and sa.initiator)


def heard_from(sa: IkeSa, path: Path) -> None:
    """A valid packet of an association came from elsewhere."""
    path = path._replace(association=0)
    if not _may_follow(sa) or (sa.initiator and sa.mobike):
        return
    if sa.natt:
        sa.path = path
    _moved(sa, path)


# initiator


class UpdateTask:
    """We are elsewhere: UPDATE_SA_ADDRESSES."""

    __slots__ = ("_path",)
    exchange = Exchange.INFORMATIONAL

    def __init__(self) -> None:
        self._path: Path | None = None

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """By the way of the IKE SA as it is now."""
        if sa.stage is not Stage.UP:
            return None
        self._path = sa.path
        hide = bool(sa.connection and sa.connection.force_udp)
        return [
            notify(NotifyKind.UPDATE_SA_ADDRESSES),
            *nat_notifies(_spis(sa), sa.path.local, sa.path.remote, hide=hide),
        ]

    def done(self, sa: IkeSa, contents: Contents, path: Path, _now: float) -> None:
        """Taken, or not."""
        if sa.path != self._path:
            return  # moved again: the next update is under way
        if contents.error is not None:
            sa.end("The peer does not take our new address: call it anew.", by_peer=True)
            return
        found = nat_found(contents, _spis(sa), path)
        if found is not None:
            sa.we_natted, sa.peer_natted = found
        raw = any(
            one.spec.encapsulation is Encapsulation.RAW for one in sa.room.associations_of(sa)
        )
        if raw and (sa.we_natted or sa.peer_natted):
            sa.end("There is a NAT on the new way: the peer is to be called anew.")
            return
        _moved(sa, sa.path)

    def failed(self, sa: IkeSa, reason: str, _now: float) -> None:
        """The response could not be read."""
        sa.end(reason)

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


def move(sa: IkeSa, path: Path, natt_path: Path, now: float) -> None:
    """Our own address changed."""
    if not sa.mobike or not sa.initiator:
        sa.end("Our address changed, and the peer does not know MOBIKE: call it anew.")
        return
    sa.path = natt_path if sa.natt else path
    if sa.asked is not None:
        sa.asked.sends = 0
        sa.transmit(now)
    sa.ask(UpdateTask(), now, soon=True)
