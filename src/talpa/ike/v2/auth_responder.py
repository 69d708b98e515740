"""IKE_AUTH as responder: who the peer is, by key, by certificate or by EAP; then its first child
(RFC 7296 1.2, 2.15, 2.16; RFC 5998; RFC 8784)."""

import hmac

from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.crypto.prf import prf as prf_of
from talpa.eap.authenticator import Authenticator, Step
from talpa.eap.outcomes import Failure, Success
from talpa.ike.config import Connection
from talpa.ike.events import AddressOffer, AddressWanted, IkeUp, PeerAttempted
from talpa.ike.identities import Identity, IdentityKind, of_address
from talpa.ike.links import is_of, proves
from talpa.ike.policies import IkeOffer, choose_ike
from talpa.ike.v2 import config_payload, lives, rules
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
    narrowed,
    signature,
    signed_octets,
)
from talpa.ike.v2.child import answer_first
from talpa.ike.v2.handshake import Handshake
from talpa.ike.v2.keymat import with_ppk
from talpa.ike.v2.numbers import AuthMethod, Kind, NotifyKind
from talpa.ike.v2.payloads import Authentication, Contents, notify
from talpa.ike.v2.room import peer_of
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.wire import Malformed

Parts = list[tuple[Kind, object]]
_EAP_TLS = "EAP-TLS"
_EAP_THAT_PROVES_BOTH = ("tls",)
"""Of ours, those that RFC 5998 4 lets a server prove itself with alone."""


def answer(sa: IkeSa, contents: Contents, now: float) -> None:
    """An IKE_AUTH request."""
    made = sa.handshake
    if made is None:
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        return
    try:
        if made.request is None:
            _first(sa, made, contents, now)
        elif made.msk is None:
            _eap(sa, made, contents, now)
        else:
            _last(sa, made, contents, now)
    except Malformed as bad:
        sa.room.shared.drops.add(f"IKEv2: {bad.reason}")
        _broken(sa, now)
    except Unproven as unproven:
        sa.refuse(NotifyKind.AUTHENTICATION_FAILED, now)
        sa.refused(str(unproven), now)


def _broken(sa: IkeSa, now: float) -> None:
    sa.refuse(NotifyKind.INVALID_SYNTAX, now)
    sa.refused("The peer's IKE_AUTH has not the payloads that it must have.", now)


def _first(sa: IkeSa, made: Handshake, contents: Contents, now: float) -> None:
    if not rules.hold(contents, rules.AUTH_FIRST_REQUEST) or made.additional:
        _broken(sa, now)
        return
    assert sa.answering is not None
    made.first_auth = sa.answering[0]
    theirs = contents.one(Kind.ID_I)
    made.remote_id, made.remote_id_body = identity_of(theirs), body(theirs)
    wanted = contents.one(Kind.ID_R)
    made.wanted_id = None if wanted is None else identity_of(wanted)
    asked = contents.all(Kind.CERTREQ)
    made.ca_hashes = b"".join(one.data for one in asked)[: 20 * 64]
    made.request = contents
    said: Authentication | None = contents.one(Kind.AUTH)
    links, named = _links(sa, made.remote_id, _way(said))
    sa.connection = links[0] if named else None
    eap_only = contents.notify(NotifyKind.EAP_ONLY_AUTHENTICATION) is not None
    if said is None:
        _begin_eap(sa, made, now, eap_only=eap_only)
        return
    _use_ppk(sa, made, contents, said)
    said = _without_ppk(made, contents, said)
    octets = _octets(sa, made.remote_id_body, of_initiator=True)
    if said.method == AuthMethod.PSK:
        keys = narrowed(sa.room.shared.config.psks(sa.path.remote.host), made.remote_id)
        if named or not any(key.identity for key in keys):
            # The key of a link that is known by its address does not prove another's name.
            keys = [*(link.psk for link in links if link.psk is not None), *keys]
        if named:
            keys = [key for key in keys if any(proves(link, key) for link in links)]
        made.psk = check_psk(sa, said, octets, keys)
        made.method, made.credential = "PSK", made.psk.name
        sa.connection = next((link for link in links if proves(link, made.psk)), None)
    else:
        made.method, found = check_signature(
            sa, contents, said, octets, made.remote_id, usage="client", name=None
        )
        made.credential = found.subject
        trust = sa.room.shared.config.trust
        if not named and trust is not None:
            sa.connection = next((link for link in links if is_of(link, found, trust)), None)
    _demand_policy(sa, made)
    chain = _own_proof(sa, made)
    _proved(sa, made, chain, now)


def _way(said: Authentication | None) -> str:
    """How a peer proves itself, in the words of `Connection.remote_authentication`."""
    if said is None:
        return "eap"
    return "psk" if said.method == AuthMethod.PSK else "certificate"


_WAYS = {"psk": "key", "certificate": "certificate", "eap": "EAP"}


def _links(sa: IkeSa, identity: Identity, way: str) -> tuple[list[Connection], bool]:
    """Of the peers that are expected by name, those that this may be, and whether it must be one of
    them: whoever takes the identity of one has to prove it as that one does. Where a link is known
    by its address alone, others may come from there, too. Raises `Unproven`."""
    made = sa.handshake
    assert made is not None
    wanted = made.wanted_id
    links = [
        one
        for one in sa.room.shared.config.connections
        if one.version == 2
        and (one.local_identity is None or wanted is None or one.local_identity.same(wanted))
    ]
    named = [
        one
        for one in links
        if one.remote_identity is not None and one.remote_identity.same(identity)
    ]
    if not named:
        host = sa.path.remote.host
        here = [one for one in links if one.remote_identity is None and one.remote_host == host]
        return [one for one in here if one.remote_authentication == way], False
    found = [one for one in named if one.remote_authentication == way]
    if not found:
        sa.connection = named[0]
        raise Unproven(
            f"The peer is to prove itself by {_WAYS[named[0].remote_authentication]}, and does so"
            f" by {_WAYS[way]}."
        )
    return found, True


def _demand_policy(sa: IkeSa, made: Handshake) -> None:
    """A link's own policy holds for its IKE SA, too, which was agreed on before it was known whose
    it is. Raises `Unproven`."""
    connection, suite = sa.connection, sa.suite
    if connection is None or connection.policy is None or suite is None:
        return
    offer = IkeOffer(
        0,
        ((suite.encryption, suite.key_bits),),
        (suite.integrity,) if suite.integrity else (),
        (suite.prf,),
        (suite.group,),
        tuple((one,) for one in suite.additional),
    )
    today = sa.room.shared.config.wall().date()
    if choose_ike(connection.policy, [offer], made.device, today) is None:
        raise Unproven(
            f"The policy of {connection.name} does not allow {suite.name}, which was agreed on: "
            "configure the peer to offer more, or allow it."
        )


def _octets(sa: IkeSa, id_body: bytes, *, of_initiator: bool) -> bytes:
    assert sa.keys is not None
    return signed_octets(sa, sa.keys, id_body, of_initiator=of_initiator)


# post-quantum pre-shared keys (RFC 8784 3)


def _use_ppk(sa: IkeSa, made: Handshake, contents: Contents, _said: Authentication) -> None:
    config, said = sa.room.shared.config, contents.notify(NotifyKind.PPK_IDENTITY)
    found = None
    if made.ppk and said is not None:
        for ident, key in config.post_quantum_keys:
            if hmac.compare_digest(b"\x02" + ident, said.data):
                found = key
    if found is not None:
        assert sa.suite is not None
        assert sa.keys is not None
        sa.keys = with_ppk(prf_of(sa.suite.prf), sa.keys, found.reveal())
        made.ppk_used = True
        return
    if config.require_post_quantum_key:
        raise Unproven("The peer has no post-quantum pre-shared key of ours, and one is required.")
    if made.ppk and contents.notify(NotifyKind.NO_PPK_AUTH) is None:
        raise Unproven("The peer insists on a post-quantum pre-shared key that is not ours.")


def _without_ppk(made: Handshake, contents: Contents, said: Authentication) -> Authentication:
    """The proof that was made without the post-quantum key, where we do not have it."""
    other = contents.notify(NotifyKind.NO_PPK_AUTH)
    if made.ppk and not made.ppk_used and other is not None:
        return Authentication(said.method, bytes(3), other.data)
    return said


# our own proof


def _own_identity(sa: IkeSa, made: Handshake, *, certificate: bool) -> Identity:
    config, connection = sa.room.shared.config, sa.connection
    if connection is not None and connection.local_identity is not None:
        return connection.local_identity
    if config.identity is not None:
        return config.identity
    wanted, credential = made.wanted_id, config.credential
    if certificate and credential is not None:
        own = credential.chain[0]
        if wanted is not None and wanted.matches(own):
            return wanted
        return Identity(IdentityKind.DER_DN, own.subject_der)
    if wanted is not None:
        return wanted
    return of_address(sa.path.local.host)


def _own_proof(sa: IkeSa, made: Handshake) -> Parts:
    """IDr, CERT and AUTH."""
    config, connection = sa.room.shared.config, sa.connection
    by_psk = made.psk is not None
    if connection is not None:
        by_psk = connection.authentication == "psk"
    identity = _own_identity(sa, made, certificate=not by_psk)
    payload = identification(identity)
    sa.local_id, made.local_id_body = identity, body(payload)
    octets = _octets(sa, made.local_id_body, of_initiator=False)
    chain: Parts = [(Kind.ID_R, payload)]
    if by_psk:
        psk = made.psk or (connection and connection.psk)
        if not psk:
            raise Unproven("We have no key to prove ourselves with to this peer.")
        chain.append(by_key(mac(sa, psk.secret.reveal(), octets)))
        return chain
    if config.credential is None:
        raise Unproven("We have no certificate to prove ourselves with: configure one.")
    signed = signature(sa, config.credential, octets)
    if signed is None:
        raise Unproven("The peer takes no kind of signature that our certificate's key can make.")
    return [*chain, *certificates(config.credential), signed]


# EAP (RFC 7296 2.16)


def _begin_eap(sa: IkeSa, made: Handshake, now: float, *, eap_only: bool) -> None:
    config = sa.room.shared.config
    methods = config.eap_methods
    if not methods:
        raise Unproven("The peer wants to prove itself by EAP, which it may not here.")
    made.stage = "IKE_AUTH, EAP"
    if config.credential is not None:
        chain = _own_proof(sa, made)
    elif eap_only:
        made.eap_only = True
        methods = tuple(one for one in methods if one in _EAP_THAT_PROVES_BOTH)
        payload = identification(_own_identity(sa, made, certificate=False))
        sa.local_id, made.local_id_body = identity_of(payload), body(payload)
        chain = [(Kind.ID_R, payload)]
    else:
        raise Unproven("EAP needs a certificate by which we prove ourselves first: configure one.")
    tls = sa.room.eap_tls.settings(config) if "tls" in methods else None
    made.eap = Authenticator(
        methods, sa.room.shared.rng, sa.local_id.show() if sa.local_id else "talpa", tls
    )
    # The identity of IKE is often no user's name, but an address: so EAP asks for its own.
    chain.append((Kind.EAP, made.eap.begin(None)))
    sa.respond(chain, now)


def _eap(sa: IkeSa, made: Handshake, contents: Contents, now: float) -> None:
    if made.eap is None or not rules.hold(contents, rules.AUTH_EAP_REQUEST):
        _broken(sa, now)
        return
    if made.eap.method == _EAP_TLS and not sa.room.eap_tls.may_go_on(sa.local_spi):
        # As if it had been lost: the peer sends it again.
        sa.room.shared.drops.add("IKEv2: too many in EAP-TLS")
        sa.put_off()
        return
    _step(sa, made, made.eap.receive(contents.one(Kind.EAP)), now)


def verdict(sa: IkeSa, said: Accepted | Refused | PasswordChanged, now: float) -> None:
    """What the owner decided about an attempt."""
    made = sa.handshake
    if made is not None and made.eap is not None and sa.answering is not None:
        _step(sa, made, made.eap.verdict(said), now)


def _step(sa: IkeSa, made: Handshake, step: Step, now: float) -> None:
    if step.attempt is not None:
        sa.room.shared.events.append(PeerAttempted(sa.number, sa.path, step.attempt))
        return
    if step.outcome is not None:
        sa.room.eap_tls.over(sa.local_spi)
    if isinstance(step.outcome, Success):
        msk = step.outcome.msk
        made.msk = msk.reveal() if msk is not None else b""
        made.method, made.user = step.outcome.method, step.outcome.name
        made.credential = step.outcome.name
    if step.reply is not None:
        sa.respond([(Kind.EAP, step.reply)], now)
    elif step.outcome is None:
        # An EAP packet that was dropped: the exchange of IKE needs an end all the same.
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        sa.refused("The peer's EAP message cannot be read.", now)
        return
    if isinstance(step.outcome, Failure):
        sa.refused(step.outcome.reason, now, by_peer=step.outcome.by_peer)


def _last(sa: IkeSa, made: Handshake, contents: Contents, now: float) -> None:
    said: Authentication | None = contents.one(Kind.AUTH)
    if said is None or not rules.hold(contents, rules.AUTH_LAST_REQUEST):
        _broken(sa, now)
        return
    _use_ppk(sa, made, contents, said)
    said = _without_ppk(made, contents, said)
    assert sa.keys is not None
    assert made.msk is not None
    # A method without a key leaves that of the IKE SA (RFC 7296 2.16).
    octets = _octets(sa, made.remote_id_body, of_initiator=True)
    expected = mac(sa, made.msk or sa.keys.pi, octets)
    if said.method != AuthMethod.PSK or not hmac.compare_digest(expected, said.data):
        raise Unproven("What the peer signs after EAP is wrong: somebody may be in between.")
    octets = _octets(sa, made.local_id_body, of_initiator=False)
    _proved(sa, made, [by_key(mac(sa, made.msk or sa.keys.pr, octets))], now)


# up


def _proved(sa: IkeSa, made: Handshake, chain: Parts, now: float) -> None:
    """The peer has proved itself: the IKE SA is up, and its first child follows."""
    shared, request = sa.room.shared, made.request
    assert request is not None
    assert made.remote_id is not None
    sa.room.settle(sa)
    sa.peer = peer_of(sa, made.remote_id, made.method, made.credential)
    sa.stage = Stage.UP
    sa.room.know_peer(sa)
    shared.events.append(IkeUp(sa.number, sa.peer))
    if request.notify(NotifyKind.INITIAL_CONTACT):
        sa.room.initial_contact(sa)
    if made.ppk_used:
        chain.append(notify(NotifyKind.PPK_IDENTITY))
    if request.notify(NotifyKind.MOBIKE_SUPPORTED):
        sa.mobike = True
        chain.append(notify(NotifyKind.MOBIKE_SUPPORTED))
    lives.begin(sa, now)
    wanted = config_payload.wanted(request)
    if wanted is not None and shared.config.remote_access:
        made.response = chain
        user = made.user or made.remote_id.show()
        shared.events.append(AddressWanted(sa.number, sa.peer, user, *wanted))
        return
    _finish(sa, made, [*chain, *answer_first(sa, request, None, now)], now)


def offer(sa: IkeSa, given: AddressOffer, now: float) -> None:
    """The owner gives an address."""
    made = sa.handshake
    if made is None or made.response is None or made.request is None:
        return
    sa.given = given
    chain = [
        *made.response,
        config_payload.reply(given),
        *answer_first(sa, made.request, given, now),
    ]
    _finish(sa, made, chain, now)


def refuse_address(sa: IkeSa, _reason: str, now: float) -> None:
    """The owner has none. The IKE SA stands without a child (RFC 7296 3.15.4)."""
    made = sa.handshake
    if made is None or made.response is None:
        return
    sa.arm("childless", now + sa.room.shared.config.half_open_seconds)
    _finish(sa, made, [*made.response, notify(NotifyKind.INTERNAL_ADDRESS_FAILURE)], now)


def _finish(sa: IkeSa, _made: Handshake, chain: Parts, now: float) -> None:
    sa.handshake = None
    sa.respond(chain, now)
