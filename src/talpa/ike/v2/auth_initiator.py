"""IKE_AUTH as initiator (RFC 7296 1.2, 2.15, 2.16; RFC 5998; RFC 8784).

Nothing of EAP leaves before the peer has proved that it is the one we called, by its AUTH, its
certificate and the name in it; but for methods that prove both ends at once, where the connection
demands such a one.
"""

import hmac
from abc import ABC, abstractmethod

from talpa.crypto.prf import prf as prf_of
from talpa.eap.outcomes import Failure, Success
from talpa.eap.peer import Peer as EapPeer
from talpa.ike.config import Connection
from talpa.ike.events import AddressGiven, AddressOffer, IkeFailed, IkeUp, Redirected
from talpa.ike.identities import Identity, IdentityKind, of_address
from talpa.ike.v2 import config_payload, liveness, lives, rules
from talpa.ike.v2.auth import (
    Unproven,
    body,
    by_key,
    certificates,
    check_psk,
    check_signature,
    identification,
    identity_of,
    mac,
    signature,
    signed_octets,
)
from talpa.ike.v2.child import ask_first, mismatch, take_first
from talpa.ike.v2.handshake import Handshake
from talpa.ike.v2.informational import DeleteIke
from talpa.ike.v2.keymat import Keys, with_ppk
from talpa.ike.v2.numbers import AuthMethod, Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import Authentication, Chain, Contents, notify
from talpa.ike.v2.redirect import read_gateway
from talpa.ike.v2.refusals import refusal_of
from talpa.ike.v2.room import peer_of
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path
from talpa.wire import Malformed

Parts = list[tuple[Kind, object]]
_NO_CHILD = (
    NotifyKind.NO_PROPOSAL_CHOSEN,
    NotifyKind.TS_UNACCEPTABLE,
    NotifyKind.SINGLE_PAIR_REQUIRED,
    NotifyKind.INTERNAL_ADDRESS_FAILURE,
    NotifyKind.FAILED_CP_REQUIRED,
)
"""Errors of the child alone: the IKE SA stands (RFC 7296 1.2)."""


def _parts(sa: IkeSa) -> tuple[Handshake, Connection]:
    made, connection = sa.handshake, sa.connection
    assert made is not None
    assert connection is not None
    return made, connection


class _Round(ABC):
    """What all rounds of IKE_AUTH have in common."""

    __slots__ = ()
    exchange = Exchange.IKE_AUTH

    @abstractmethod
    def build(self, sa: IkeSa, now: float) -> Chain | None:
        """The payloads."""

    def done(self, sa: IkeSa, contents: Contents, _path: Path, now: float) -> None:
        """The response: a round of its own for each stage."""
        if sa.handshake is None:
            return
        try:
            error = contents.error
            if error is not None and error.kind not in _NO_CHILD:
                sa.end(refusal_of(error), by_peer=True)
                return
            self.taken(sa, contents, now)
        except Unproven as unproven:
            _break_off(sa, str(unproven), now)
        except Malformed as bad:
            _break_off(sa, f"The peer's answer cannot be read: {bad.reason}.", now)

    @abstractmethod
    def taken(self, sa: IkeSa, contents: Contents, now: float) -> None:
        """A response that is no refusal."""

    def failed(self, sa: IkeSa, reason: str, now: float) -> None:
        """The response could not be read."""
        _break_off(sa, reason, now)

    def dropped(self, _sa: IkeSa) -> None:  # noqa: B027
        """It holds nothing."""


def _break_off(sa: IkeSa, reason: str, now: float) -> None:
    """The peer may take it for up: tell it that it is not."""
    sa.refused(reason, now)
    sa.room.stand_down(sa)
    sa.ask(DeleteIke(), now)


class AuthTask(_Round):
    """The first round."""

    __slots__ = ()

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """Who we are; without EAP the proof, too; and the child that we want."""
        if sa.handshake is None:
            return None
        made, connection = _parts(sa)
        by_certificate = connection.authentication == "certificate"
        identity = _own_identity(sa, connection, certificate=by_certificate)
        payload = identification(identity)
        sa.local_id, made.local_id_body = identity, body(payload)
        made.remote_id = connection.remote_identity
        config = sa.room.shared.config
        chain: Parts = [(Kind.ID_I, payload)]
        if by_certificate and config.credential is not None:
            chain += certificates(config.credential)
        if connection.habits.initial_contact:
            chain.append(notify(NotifyKind.INITIAL_CONTACT))
        if connection.remote_authentication == "certificate" and config.trust is not None:
            chain.append((Kind.CERTREQ, rules.certreq(b"".join(config.trust.ca_hashes()))))
        if connection.remote_identity is not None:
            chain.append((Kind.ID_R, identification(connection.remote_identity)))
        if connection.authentication == "eap":
            if connection.remote_authentication == "eap":
                chain.append(notify(NotifyKind.EAP_ONLY_AUTHENTICATION))
        else:
            chain += _proof(sa, made, connection, connection.authentication)
        if connection.ask_address:
            chain.append(config_payload.request())
        chain += ask_first(sa)
        chain.append(notify(NotifyKind.MOBIKE_SUPPORTED))
        return chain

    def taken(self, sa: IkeSa, contents: Contents, now: float) -> None:
        """Who the peer is, and its proof."""
        made, connection = _parts(sa)
        if not rules.hold(contents, rules.AUTH_FIRST_RESPONSE):
            raise Unproven("The peer's IKE_AUTH has not the payloads that it must have.")
        theirs = contents.one(Kind.ID_R)
        made.remote_id, made.remote_id_body = identity_of(theirs), body(theirs)
        wanted = connection.remote_identity
        if wanted is not None and not wanted.same(made.remote_id):
            raise Unproven(
                f"The peer calls itself {made.remote_id.show()}, and {wanted.show()} was called."
            )
        said: Authentication | None = contents.one(Kind.AUTH)
        eap = connection.authentication == "eap"
        if said is not None:
            _confirm_ppk(sa, made, contents, eap=eap)
            _check(sa, made, connection, contents, said)
        elif not (eap and connection.remote_authentication == "eap"):
            raise Unproven("The peer does not prove who it is.")
        else:
            made.eap_only = True
        if not made.eap_only and _sent_on(sa, contents, now):
            return
        if not eap:
            _up(sa, made, contents, now)
            return
        _begin_eap(sa, made, connection, contents, now)


def _own_identity(sa: IkeSa, connection: Connection, *, certificate: bool) -> Identity:
    if connection.local_identity is not None:
        return connection.local_identity
    credential = sa.room.shared.config.credential
    if certificate and credential is not None:
        return Identity(IdentityKind.DER_DN, credential.chain[0].subject_der)
    return of_address(connection.habits.local_address or sa.path.local.host)


def _proof(sa: IkeSa, made: Handshake, connection: Connection, way: str) -> Parts:
    """AUTH, with the post-quantum key where both have one."""
    assert sa.keys is not None
    assert sa.suite is not None
    if not made.ppk or connection.post_quantum_key is None:
        return [_signed(sa, made, connection, way, sa.keys)]
    mixed = with_ppk(prf_of(sa.suite.prf), sa.keys, connection.post_quantum_key.reveal())
    ident = b"\x02" + connection.post_quantum_id
    chain: Parts = [
        _signed(sa, made, connection, way, mixed),
        notify(NotifyKind.PPK_IDENTITY, ident),
    ]
    if not sa.room.shared.config.require_post_quantum_key:
        plain = _signed(sa, made, connection, way, sa.keys)[1]
        chain.append(notify(NotifyKind.NO_PPK_AUTH, plain.data))
    return chain


def _signed(
    sa: IkeSa, made: Handshake, connection: Connection, way: str, keys: Keys
) -> tuple[Kind, Authentication]:
    octets = signed_octets(sa, keys, made.local_id_body, of_initiator=True)
    if way == "eap":
        return by_key(mac(sa, made.msk or keys.pi, octets))
    if way == "psk":
        psk = connection.psk
        if psk is None:
            found = sa.room.shared.config.psks(sa.path.remote.host)
            psk = found[0] if found else None
        if psk is None:
            raise Unproven("There is no pre-shared key for this peer: set one.")
        made.psk = psk
        return by_key(mac(sa, psk.secret.reveal(), octets))
    credential = sa.room.shared.config.credential
    signed = signature(sa, credential, octets) if credential is not None else None
    if signed is None:
        raise Unproven("We have no certificate whose key can sign what the peer takes.")
    return signed


def _confirm_ppk(sa: IkeSa, made: Handshake, contents: Contents, *, eap: bool) -> None:
    """Whether the peer used the post-quantum key (RFC 8784 3). Before EAP it cannot have."""
    connection = sa.connection
    if eap or not made.ppk or connection is None or connection.post_quantum_key is None:
        return
    if contents.notify(NotifyKind.PPK_IDENTITY) is not None:
        assert sa.keys is not None
        assert sa.suite is not None
        key = connection.post_quantum_key.reveal()
        sa.keys = with_ppk(prf_of(sa.suite.prf), sa.keys, key)
        made.ppk_used = True
    elif sa.room.shared.config.require_post_quantum_key:
        raise Unproven("The peer has not our post-quantum pre-shared key, and it is required.")


def _check(
    sa: IkeSa,
    made: Handshake,
    connection: Connection,
    contents: Contents,
    said: Authentication,
) -> None:
    assert sa.keys is not None
    assert made.remote_id is not None
    octets = signed_octets(sa, sa.keys, made.remote_id_body, of_initiator=False)
    if connection.remote_authentication == "psk":
        if said.method != AuthMethod.PSK:
            raise Unproven("The peer is to prove itself by key, and does so by certificate.")
        keys = [one for one in (made.psk or connection.psk,) if one is not None]
        psk = check_psk(sa, said, octets, keys)
        made.method, made.credential = "PSK", psk.name
        return
    if said.method == AuthMethod.PSK:
        raise Unproven("The peer is to prove itself by certificate, and does so by key.")
    name = connection.remote_host or None
    if connection.remote_identity is not None:
        name = None
    made.method, found = check_signature(
        sa, contents, said, octets, made.remote_id, usage="server", name=name
    )
    made.credential = found.subject


def _sent_on(sa: IkeSa, contents: Contents, now: float) -> bool:
    """REDIRECT in IKE_AUTH, of a peer that has proved itself (RFC 5685 6)."""
    redirect = contents.notify(NotifyKind.REDIRECT)
    if redirect is None or sa.handshake is None:
        return False
    to, _ = read_gateway(redirect.data)
    if not to:
        return False
    sa.room.shared.events.append(Redirected(sa.number, to))
    sa.handshake.quiet = True
    _break_off(sa, f"The peer sent us on to {to}.", now)
    return True


# EAP


def _begin_eap(
    sa: IkeSa, made: Handshake, connection: Connection, contents: Contents, now: float
) -> None:
    config = sa.room.shared.config
    message = contents.one(Kind.EAP)
    if message is None:
        raise Unproven("The peer does not begin with EAP.")
    made.stage = "IKE_AUTH, EAP"
    methods = ("tls",) if made.eap_only else ("tls", "mschapv2", "md5")
    made.eap_peer = EapPeer(
        connection.user,
        connection.password,
        config.credential if connection.password is None else None,
        config.trust,
        _tls_name(connection),
        methods,
        wall=config.wall,
        rng=sa.room.shared.rng,
    )
    _eap(sa, made, message, now)


def _tls_name(connection: Connection) -> str | None:
    """Whom the certificate in EAP-TLS must be for: whom we demand, or whom we called."""
    demanded = connection.remote_identity
    if demanded is not None and demanded.kind is IdentityKind.FQDN:
        return demanded.value.decode("ascii", "replace")
    return connection.remote_host or None


def _eap(sa: IkeSa, made: Handshake, message: bytes, now: float) -> None:
    assert made.eap_peer is not None
    step = made.eap_peer.receive(message)
    if isinstance(step.outcome, Failure):
        sa.end(step.outcome.reason, by_peer=step.outcome.by_peer)
        return
    if isinstance(step.outcome, Success):
        made.msk = step.outcome.msk.reveal() if step.outcome.msk is not None else b""
        if made.eap_only and not made.msk:
            raise Unproven("The peer's EAP method does not prove who the peer is.")
        if made.eap_only:
            made.method = made.credential = step.outcome.method
        sa.ask(LastTask(), now)
    elif step.reply is not None:
        sa.ask(EapTask(step.reply), now)
    else:
        raise Unproven("The peer's EAP message cannot be read.")


class EapTask(_Round):
    """A round of EAP."""

    __slots__ = ("_reply",)

    def __init__(self, reply: bytes) -> None:
        self._reply = reply

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """Our response."""
        return None if sa.handshake is None else [(Kind.EAP, self._reply)]

    def taken(self, sa: IkeSa, contents: Contents, now: float) -> None:
        """The next request, or the end."""
        made, _ = _parts(sa)
        if not rules.hold(contents, rules.AUTH_EAP_RESPONSE):
            raise Unproven("The peer's IKE_AUTH has not the payloads that it must have.")
        _eap(sa, made, contents.one(Kind.EAP), now)


class LastTask(_Round):
    """After EAP both prove that they were its ends."""

    __slots__ = ()

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """AUTH by the key of EAP."""
        if sa.handshake is None:
            return None
        made, connection = _parts(sa)
        return _proof(sa, made, connection, "eap")

    def taken(self, sa: IkeSa, contents: Contents, now: float) -> None:
        """The peer's AUTH, and the child."""
        made, _ = _parts(sa)
        said: Authentication | None = contents.one(Kind.AUTH)
        if said is None or not rules.hold(contents, rules.AUTH_LAST_RESPONSE):
            raise Unproven("The peer's IKE_AUTH has not the payloads that it must have.")
        _confirm_ppk(sa, made, contents, eap=False)
        assert sa.keys is not None
        octets = signed_octets(sa, sa.keys, made.remote_id_body, of_initiator=False)
        expected = mac(sa, made.msk or sa.keys.pr, octets)
        if said.method != AuthMethod.PSK or not hmac.compare_digest(expected, said.data):
            raise Unproven("What the peer signs after EAP is wrong: somebody may be in between.")
        if not _sent_on(sa, contents, now):
            _up(sa, made, contents, now)


# up


def _up(sa: IkeSa, made: Handshake, contents: Contents, now: float) -> None:
    shared = sa.room.shared
    assert made.remote_id is not None
    sa.peer = peer_of(sa, made.remote_id, made.method, made.credential)
    sa.stage = Stage.UP
    sa.mobike = contents.notify(NotifyKind.MOBIKE_SUPPORTED) is not None
    sa.room.know_peer(sa)
    shared.events.append(IkeUp(sa.number, sa.peer))
    lives.begin(sa, now)
    given: AddressOffer | None = None
    if sa.connection is not None and sa.connection.ask_address:
        given = config_payload.given(contents)
        if given is not None:
            shared.events.append(AddressGiven(sa.number, given))
    wrong = ""
    offered: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    if sa.connection is not None and sa.connection.ask_address and given is None:
        error = contents.error
        wrong = refusal_of(error) if error else "The peer gave us no address."
    if not wrong:
        wrong = take_first(sa, contents, given, now)
        offered, said = mismatch(sa, contents) if wrong else ((), ())
    sa.room.drop_handshake(sa)
    if wrong:
        shared.events.append(
            IkeFailed(
                sa.path,
                sa.peer.identity,
                "IKE_AUTH",
                wrong,
                offered,
                said,
                connection=sa.peer.connection,
                initiated=True,
                by_peer=contents.error is not None,
            )
        )
        liveness.close(sa, wrong, now)
