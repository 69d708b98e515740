"""The steps of phase 1 that Main and Aggressive Mode have in common (RFC 2409 5)."""

from collections.abc import Sequence
from dataclasses import replace

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.exchange import group
from talpa.crypto.prf import Prf, prf
from talpa.ike.choice import choose_ike
from talpa.ike.config import Connection, Policy, Psk
from talpa.ike.header import NO_SPI, Header
from talpa.ike.own_offers import ike_offers
from talpa.ike.suites import IkeOffer, ike_suite
from talpa.ike.v1 import keymat, offers, vendors
from talpa.ike.v1.attributes import life, lives, pack_attributes, parse_attributes
from talpa.ike.v1.keymat import Keys
from talpa.ike.v1.messages import Chain
from talpa.ike.v1.numbers import (
    DOI_IPSEC,
    IKE_GROUPS,
    TO_IKE_ENCRYPTION,
    AuthMethod,
    IkeAttribute,
    LifeType,
    Notify,
    PayloadType,
)
from talpa.ike.v1.payloads import NOTIFY, SA, Notification, Proposal, SecurityAssociation
from talpa.ike.v1.proofs import (
    Proven,
    Unproven,
    check_psk,
    check_signature,
    expected_identity,
    methods,
    read_identity,
)
from talpa.ike.v1.room import Room
from talpa.ike.v1.rules import Payloads
from talpa.ike.v1.sa import Draft, IkeSa, NatVersion
from talpa.ike.words import describe_policy
from talpa.wire import Malformed

WRONG_KEY = (
    "The pre-shared key did not match: the peer's proof was made with another key. Set the same"
    " key at both ends."
)

_HASH_OF_METHOD = {
    AuthMethod.ECDSA_256: PrfId.HMAC_SHA2_256,
    AuthMethod.ECDSA_384: PrfId.HMAC_SHA2_384,
    AuthMethod.ECDSA_521: PrfId.HMAC_SHA2_512,
}
"""ECDSA is tied to a hash: what it signs is made with that one, whatever was agreed on (RFC 2409
5.1, RFC 4754 4)."""


class Refused(Exception):
    """A phase 1 that cannot go on: the notify to send, and a sentence for a person."""

    def __init__(
        self,
        notify: Notify,
        reason: str,
        offered: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.notify = notify
        self.reason = reason
        self.offered = offered
        self.allowed = allowed


def draft_of(sa: IkeSa) -> Draft:
    """The negotiation of an SA that is under way."""
    assert sa.draft is not None
    return sa.draft


def prf_of(draft: Draft) -> Prf:
    """Of the suite agreed."""
    assert draft.suite is not None
    return prf(draft.suite.prf)


def policy_of(room: Room, connection: Connection | None) -> Policy:
    """Of the connection, or of the endpoint."""
    if connection is not None and connection.policy is not None:
        return connection.policy
    return room.config.policy


def described(policy: Policy) -> tuple[str, ...]:
    """What of a policy counts in phase 1, for people."""
    return describe_policy(
        replace(
            policy,
            encryption=tuple(each for each in policy.encryption if each[0] in TO_IKE_ENCRYPTION),
            groups=tuple(each for each in policy.groups if int(each) in IKE_GROUPS),
            integrity=(),
            additional=(),
        )
    )


def life_of(room: Room, connection: Connection | None) -> float:
    """Ours, of phase 1."""
    own = connection.lifetimes if connection else None
    return (own or room.config.lifetimes).ike


def choose(room: Room, sa: IkeSa, body: bytes, vids: Sequence[bytes]) -> bytes:
    """The best of what the peer offers. Gives the SA payload of the answer; raises `Refused`,
    `Malformed`."""
    draft = draft_of(sa)
    proposals = SA.decode(body)
    ways = methods(room, sa.path.remote.host, None)
    found = offers.ike_offers(proposals, ways)
    vendors.note(sa, vids, found)
    policy = room.config.policy
    choice = choose_ike(policy, found, sa.device, room.config.wall().date(), version=1)
    if choice is None:
        raise Refused(
            Notify.NO_PROPOSAL_CHOSEN,
            _mismatch(ways),
            offers.describe_ike(proposals),
            described(policy),
        )
    token = choice.offer.token
    assert isinstance(token, offers.IkeToken)
    draft.sa_body = body
    draft.suite = choice.suite
    draft.weak = choice.weak
    draft.auth_method = token.method
    draft.life = token.seconds
    answer = Proposal(
        token.proposal.number, token.proposal.protocol, token.proposal.spi, (token.transform,)
    )
    return SA.encode(SecurityAssociation((answer,), DOI_IPSEC))


def _mismatch(ways: Sequence[AuthMethod]) -> str:
    if not ways:
        return (
            "There is no pre-shared key for this address, and no certificate of ours: set one of"
            " them."
        )
    return (
        "None of the algorithms that the peer offers is allowed here: allow one of them by name,"
        " or let the peer offer another."
    )


def check_policy(room: Room, sa: IkeSa, connection: Connection | None) -> None:
    """As responder, which learns late who the peer is: what was agreed on is allowed for that peer,
    too. Raises `Refused`."""
    suite = draft_of(sa).suite
    if connection is None or connection.policy is None or suite is None:
        return
    offer = IkeOffer(1, ((suite.encryption, suite.key_bits),), (), (suite.prf,), (suite.group,))
    today = room.config.wall().date()
    if choose_ike(connection.policy, [offer], sa.device, today, version=1) is None:
        raise Refused(
            Notify.NO_PROPOSAL_CHOSEN,
            f"The algorithms agreed on are allowed here, and not for {connection.name}: let that"
            " peer offer what its own policy allows.",
            (suite.name,),
            described(connection.policy),
        )


def refuse(room: Room, sa: IkeSa, refused: Refused) -> None:
    """As responder: say so to the peer and to our owner, and end it."""
    room.notify_in_clear(sa, refused.notify)
    if sa.spi_i not in room.refused:
        # Once, and not for each time that message 1 is sent again.
        room.refused.append(sa.spi_i)
        room.say_failed(
            sa,
            draft_of(sa).stage,
            refused.reason,
            offered=refused.offered,
            allowed=refused.allowed,
        )
    room.forget(sa)


def take_key(room: Room, sa: IkeSa, found: Payloads) -> None:
    """As responder: the peer's public value, and ours in answer. Raises `BadPublicValue`."""
    draft = draft_of(sa)
    assert draft.suite is not None
    draft.peer_public = found[PayloadType.KE][0]
    draft.public, draft.shared = group(draft.suite.group).respond(room.rng, draft.peer_public)


def keys_for(sa: IkeSa, psk: Psk | None) -> Keys:
    """Of phase 1, as this key would make them; None: with signatures."""
    draft = draft_of(sa)
    assert draft.suite is not None
    function, suite = prf(draft.suite.prf), draft.suite
    nonces = draft.nonce_i + draft.nonce_r
    if psk is None:
        skeyid = keymat.skeyid_of_signatures(function, nonces, draft.shared)
    else:
        skeyid = keymat.skeyid_of_psk(function, psk.secret.reveal(), nonces)
    cipher = encryption(suite.encryption, suite.key_bits)
    public_i, public_r = publics(sa)
    iv = keymat.first_iv(function, public_i, public_r, cipher.block_octets)
    return Keys(function, cipher, skeyid, draft.shared, sa.cookies, iv)


def publics(sa: IkeSa) -> tuple[bytes, bytes]:
    """g^xi and g^xr."""
    draft = draft_of(sa)
    pair = draft.public, draft.peer_public
    return pair if sa.initiated else (pair[1], pair[0])


def hash_of(sa: IkeSa, keys: Keys, identity: bytes, *, initiator: bool) -> bytes:
    """HASH_I or HASH_R; `identity`: body of the identification payload of whom it is."""
    draft = draft_of(sa)
    public_i, public_r = publics(sa)
    if initiator:
        own, other, cookies = public_i, public_r, sa.cookies
    else:
        own, other, cookies = public_r, public_i, sa.cookies[8:] + sa.cookies[:8]
    tied = _HASH_OF_METHOD.get(draft.auth_method)
    made_with = prf(tied) if tied is not None else keys.prf
    return keymat.proof(made_with, keys.skeyid, own, other, cookies, draft.sa_body + identity)


def read_notifies(sa: IkeSa, found: Payloads) -> list[Notification]:
    """Notifications beside a proof. One that is not about this phase 1 spoils the message, for
    nothing else protects them. Raises `Malformed`."""
    out = []
    for body in found.get(PayloadType.NOTIFY, []):
        notification = NOTIFY.decode(body)
        if notification.spi not in (b"", sa.cookies) or notification.doi not in (0, DOI_IPSEC):
            raise Malformed("notify of another SA in phase 1")
        out.append(notification)
    return out


def shorter_life(room: Room, sa: IkeSa) -> list[tuple[int, bytes]]:
    """RESPONDER-LIFETIME where ours is shorter than what the peer asked (RFC 2407 4.6.3.1)."""
    draft = draft_of(sa)
    ours = int(life_of(room, sa.connection))
    if ours >= draft.life:
        return []
    data = pack_attributes(life(IkeAttribute.LIFE_TYPE, LifeType.SECONDS, ours))
    body = NOTIFY.encode(Notification(1, Notify.RESPONDER_LIFETIME, sa.cookies, data))
    return [(PayloadType.NOTIFY, body)]


def own_proposals(
    room: Room, sa: IkeSa, *, one_group: bool = False
) -> tuple[SecurityAssociation, GroupId]:
    """What we offer for phase 1, and the first group of it. `one_group`: no other than that."""
    connection = sa.connection
    assert connection is not None
    suites = connection.habits.ike_transforms
    if suites is None:
        policy = policy_of(room, connection)
        suites = tuple(
            (*offer.encryption[0], offer.prf[0], offer.groups[0])
            for offer in ike_offers(policy, room.config.wall().date(), version=1)
        )
    first = suites[0][3]
    if one_group:
        suites = tuple(each for each in suites if each[3] == first)
    ways = methods(room, sa.path.remote.host, connection)
    return offers.ike_proposals(suites, ways, int(life_of(room, connection))), first


def note_choice(sa: IkeSa, body: bytes) -> None:
    """As initiator: which of our suites the peer chose. Raises `Malformed`."""
    draft = draft_of(sa)
    ours, answer = SA.decode(draft.sa_body), SA.decode(body)
    offers.answered(ours, answer, IkeAttribute.LIFE_TYPE)
    # What is in our own proposals is allowed: the choice is among one.
    chosen = offers.ike_offers(answer, list(AuthMethod))
    if len(chosen) != 1:
        raise Malformed("answer is none of our offers")
    offer = chosen[0]
    token = offer.token
    assert isinstance(token, offers.IkeToken)
    encryption, bits = offer.encryption[0]
    draft.suite = ike_suite(encryption, bits, IntegrityId.NONE, offer.prf[0], offer.groups[0])
    draft.weak = tuple(
        name
        for name, is_so in (
            ("3des", encryption is EncryptionId.DES3),
            ("modp1024", offer.groups[0] is GroupId.MODP1024),
        )
        if is_so
    )
    draft.auth_method = token.method
    draft.life = float(token.seconds)


def note_life(sa: IkeSa, notifies: list[Notification]) -> None:
    """RESPONDER-LIFETIME: a shorter life of phase 1. Raises `Malformed`."""
    draft = draft_of(sa)
    for notification in notifies:
        if notification.kind == Notify.RESPONDER_LIFETIME:
            attributes = parse_attributes(notification.data, 0, len(notification.data))
            seconds, _ = lives(attributes, IkeAttribute.LIFE_TYPE)
            if seconds:
                draft.life = min(draft.life, float(seconds))


def check_peer(room: Room, sa: IkeSa, keys: Keys, found: Payloads, body: bytes) -> Proven:
    """The peer's identity (`body` of its payload) and proof. Raises `Unproven`."""
    draft = draft_of(sa)
    identity = read_identity(body)
    proof = hash_of(sa, keys, body, initiator=not sa.initiated)
    if draft.auth_method is AuthMethod.PSK:
        if not check_psk(found, proof):
            raise Unproven(WRONG_KEY)
        draft.peer_identity = identity
        proven = Proven("PSK", draft.psk.name if draft.psk else "")
    else:
        draft.peer_identity = identity
        proven = check_signature(room, sa, draft.auth_method, found, proof, identity)
    expected_identity(sa, identity)
    return proven


def request(room: Room, sa: IkeSa, datagram: bytes, now: float) -> None:
    """As initiator: send a message until the next one comes."""
    sa.outgoing = room.outgoing(datagram, now)
    draft_of(sa).deadline = None
    room.send(sa, datagram)
    room.arm(sa)


def answer(room: Room, sa: IkeSa, data: bytes, reply: bytes | None) -> None:
    """As responder: send the reply, now and whenever the same message comes again."""
    sa.remember(data, reply)
    if reply is not None:
        room.send(sa, reply)
    room.arm(sa)


def bind(room: Room, sa: IkeSa, header: Header) -> None:
    """As initiator: the responder's cookie is known now. Raises `Malformed`."""
    if header.responder_spi == NO_SPI:
        raise Malformed("responder's cookie is zero")
    room.bind(sa, header.initiator_spi + header.responder_spi)


def float_ports(room: Room, sa: IkeSa) -> None:
    """As initiator: NAT between us and the peer, or wanted to be: change to the ports of NAT-T
    (RFC 3947 4)."""
    connection, peering = sa.connection, room.peerings.get(sa.ike)
    if sa.nat is NatVersion.NONE or sa.on_natt or connection is None:
        return
    if (sa.local_nat or sa.remote_nat or connection.force_udp) and peering and peering.call:
        sa.path = peering.call.natt_path
        sa.on_natt = True


def initial_contact(room: Room, sa: IkeSa) -> Chain:
    """INITIAL-CONTACT when we have nothing else with this peer."""
    connection = sa.connection
    if connection is None or not connection.habits.initial_contact:
        return []
    host = sa.path.remote.host
    for peering in room.peerings.values():
        if peering.peer is not None and peering.peer.path.remote.host == host:
            return []
    body = NOTIFY.encode(Notification(1, Notify.INITIAL_CONTACT, sa.cookies))
    return [(PayloadType.NOTIFY.value, body)]


def refuse_responder(room: Room, sa: IkeSa, reason: str, now: float) -> None:
    """As initiator: the responder, whose message 6 only the one with our shared secret can have
    made, did not prove itself. It is over at once."""
    draft = draft_of(sa)
    draft.hint, draft.said = reason, None
    draft.stage = "phase 1, message 6"
    room.drops.add("phase 1 not proven")
    if sa.outgoing is not None:
        sa.outgoing.limit, sa.outgoing.next_at = 0, now
        room.arm(sa)


def chance(room: Room) -> float:
    """From 0 up to 1."""
    return int.from_bytes(room.rng(2), "big") / 65_536
