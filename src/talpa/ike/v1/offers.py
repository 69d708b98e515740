"""Proposals of the wire as offers that the policies choose from, and ours as proposals."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.esp.sa import Mode, Protocol, Suite
from talpa.ike.suites import EspOffer, IkeOffer
from talpa.ike.v1 import numbers as n
from talpa.ike.v1.attributes import Attribute, basic, life, lives
from talpa.ike.v1.payloads import Proposal, SecurityAssociation, Transform
from talpa.wire import Malformed

_DEFAULT_LIFE = 28_800
"""RFC 2407 4.5."""
_NO_NUMBERS: dict[int, int] = {}

_ENCRYPTION_NAMES = {1: "DES-CBC", 3: "BLOWFISH-CBC", 5: "3DES-CBC", 6: "CAST-CBC", 7: "AES-CBC"}
_HASH_NAMES = {1: "MD5", 2: "SHA-1", 4: "SHA-256", 5: "SHA-384", 6: "SHA-512"}
_GROUP_NAMES = {
    1: "MODP-768",
    2: "MODP-1024",
    5: "MODP-1536",
    14: "MODP-2048",
    15: "MODP-3072",
    16: "MODP-4096",
    19: "ECP-256",
    20: "ECP-384",
    21: "ECP-521",
}
_ESP_NAMES = {
    2: "DES-CBC",
    3: "3DES-CBC",
    11: "NULL",
    12: "AES-CBC",
    13: "AES-CTR",
    18: "AES-GCM-8",
    19: "AES-GCM-12",
    20: "AES-GCM-16",
}
_AUTH_NAMES = {
    1: "HMAC-MD5-96",
    2: "HMAC-SHA1-96",
    5: "HMAC-SHA2-256-128",
    6: "HMAC-SHA2-384-192",
    7: "HMAC-SHA2-512-256",
}
_METHOD_NAMES = {1: "PSK", 3: "RSA", 9: "ECDSA-256", 10: "ECDSA-384", 11: "ECDSA-521"}

UDP = frozenset(
    (
        n.Encapsulation.UDP_TUNNEL,
        n.Encapsulation.UDP_TRANSPORT,
        n.Encapsulation.UDP_TUNNEL_DRAFT,
        n.Encapsulation.UDP_TRANSPORT_DRAFT,
    )
)
"""Modes that are carried in UDP."""
_MODES = {
    n.Encapsulation.TUNNEL: Mode.TUNNEL,
    n.Encapsulation.UDP_TUNNEL: Mode.TUNNEL,
    n.Encapsulation.UDP_TUNNEL_DRAFT: Mode.TUNNEL,
    n.Encapsulation.TRANSPORT: Mode.TRANSPORT,
    n.Encapsulation.UDP_TRANSPORT: Mode.TRANSPORT,
    n.Encapsulation.UDP_TRANSPORT_DRAFT: Mode.TRANSPORT,
}


@dataclass(frozen=True, slots=True)
class IkeToken:
    """What phase 1 needs to answer with an offer."""

    proposal: Proposal
    transform: Transform
    method: n.AuthMethod
    seconds: int


@dataclass(frozen=True, slots=True)
class ChildToken:
    """Likewise of phase 2."""

    proposal: Proposal
    transform: Transform
    encapsulation: n.Encapsulation
    seconds: int | None
    kilobytes: int | None

    @property
    def mode(self) -> Mode:
        """Transport or tunnel."""
        return _MODES[self.encapsulation]

    @property
    def answer(self) -> Proposal:
        """The proposal with this transform alone; the SPI is still the peer's."""
        return Proposal(
            self.proposal.number, self.proposal.protocol, self.proposal.spi, (self.transform,)
        )


def ike_offers(sa: SecurityAssociation, methods: Collection[n.AuthMethod]) -> list[IkeOffer]:
    """What of the proposals we understand and can prove ourselves for, as they came."""
    found = []
    for proposal in sa.proposals:
        if proposal.protocol != n.ProtocolId.ISAKMP:
            continue
        for transform in proposal.transforms:
            offer = _ike_offer(proposal, transform, methods)
            if offer is not None:
                found.append(offer)
    return found


def _ike_offer(
    proposal: Proposal, transform: Transform, methods: Collection[n.AuthMethod]
) -> IkeOffer | None:
    if transform.id != n.KEY_IKE:
        return None
    known = basic(transform.attributes, n.IkeAttribute.LIFE_TYPE)
    if known is None or known.keys() - _IKE_KNOWN:
        return None
    encryption = n.IKE_ENCRYPTION.get(known.get(n.IkeAttribute.ENCRYPTION, 0))
    prf = n.IKE_HASH.get(known.get(n.IkeAttribute.HASH, 0))
    group = n.IKE_GROUPS.get(known.get(n.IkeAttribute.GROUP, 0))
    method = n.AuthMethod(known.get(n.IkeAttribute.AUTH_METHOD, 0))
    if encryption is None or prf is None or group is None or method not in methods:
        return None
    bits = _key_bits(encryption, known.get(n.IkeAttribute.KEY_LENGTH))
    try:
        seconds, _ = lives(transform.attributes, n.IkeAttribute.LIFE_TYPE)
    except Malformed:
        return None
    return IkeOffer(
        number=proposal.number,
        encryption=((encryption, bits),),
        integrity=(IntegrityId.NONE,),
        prf=(prf,),
        groups=(group,),
        token=IkeToken(proposal, transform, method, seconds or _DEFAULT_LIFE),
    )


_IKE_KNOWN = frozenset(
    (
        n.IkeAttribute.ENCRYPTION,
        n.IkeAttribute.HASH,
        n.IkeAttribute.GROUP,
        n.IkeAttribute.AUTH_METHOD,
        n.IkeAttribute.KEY_LENGTH,
    )
)
_CHILD_KNOWN = frozenset(
    (
        n.ChildAttribute.GROUP,
        n.ChildAttribute.ENCAPSULATION,
        n.ChildAttribute.AUTHENTICATION,
        n.ChildAttribute.KEY_LENGTH,
        n.ChildAttribute.ESN,
    )
)


def _key_bits(encryption: EncryptionId, said: int | None) -> int:
    """AES without a length is AES-128, as old devices mean it."""
    if encryption in (EncryptionId.DES3, EncryptionId.NULL):
        return said or 0
    return 128 if said is None else said


def ike_proposals(
    suites: Iterable[tuple[EncryptionId, int, PrfId, GroupId]],
    methods: Sequence[n.AuthMethod],
    seconds: int,
) -> SecurityAssociation:
    """Ours for phase 1: every suite with each method, in one proposal."""
    transforms: list[Transform] = []
    for encryption, bits, prf, group in suites:
        for method in methods:
            attributes: list[Attribute] = [
                (n.IkeAttribute.ENCRYPTION, n.TO_IKE_ENCRYPTION[encryption])
            ]
            if bits:
                attributes.append((n.IkeAttribute.KEY_LENGTH, bits))
            attributes += (
                (n.IkeAttribute.HASH, n.TO_IKE_HASH[prf]),
                (n.IkeAttribute.GROUP, int(group)),
                (n.IkeAttribute.AUTH_METHOD, int(method)),
                *life(n.IkeAttribute.LIFE_TYPE, n.LifeType.SECONDS, seconds),
            )
            transforms.append(Transform(len(transforms) + 1, n.KEY_IKE, tuple(attributes)))
    return SecurityAssociation((Proposal(1, n.ProtocolId.ISAKMP, b"", tuple(transforms)),))


def child_offers(
    sa: SecurityAssociation, encapsulations: Collection[n.Encapsulation], *, ah: bool
) -> list[EspOffer]:
    """What of the proposals of phase 2 we understand, in a mode that fits the path. Proposals of
    one number belong together (RFC 2408 4.2): such bundles are not for us."""
    counts: dict[int, int] = {}
    for proposal in sa.proposals:
        counts[proposal.number] = counts.get(proposal.number, 0) + 1
    found = []
    for proposal in sa.proposals:
        if counts[proposal.number] > 1 or len(proposal.spi) != 4:
            continue
        for transform in proposal.transforms:
            offer = _child_offer(proposal, transform, encapsulations, ah)
            if offer is not None:
                found.append(offer)
    return found


def _child_offer(
    proposal: Proposal,
    transform: Transform,
    encapsulations: Collection[n.Encapsulation],
    ah: bool,
) -> EspOffer | None:
    known = basic(transform.attributes, n.ChildAttribute.LIFE_TYPE)
    if known is None or known.keys() - _CHILD_KNOWN:
        return None
    algorithms = _algorithms(proposal.protocol, transform.id, known, ah)
    # Without the attribute the mode is the responder's to choose (RFC 2407 4.5): tunnel by custom.
    encapsulation = n.Encapsulation(
        known.get(n.ChildAttribute.ENCAPSULATION, n.Encapsulation.TUNNEL)
    )
    if algorithms is None or encapsulation not in encapsulations:
        return None
    if algorithms[0] is Protocol.AH and encapsulation is not n.Encapsulation.TRANSPORT:
        # AH covers the addresses that NAT changes (RFC 3715 2.1 a); a tunnel of it is not made.
        return None
    try:
        seconds, kilobytes = lives(transform.attributes, n.ChildAttribute.LIFE_TYPE)
    except Malformed:
        return None
    groups: tuple[GroupId, ...] = ()
    if n.ChildAttribute.GROUP in known:
        group = n.IKE_GROUPS.get(known[n.ChildAttribute.GROUP])
        if group is None:
            return None
        groups = (group,)
    protocol, encryption, bits, integrity = algorithms
    return EspOffer(
        number=proposal.number,
        protocol=protocol,
        spi=proposal.spi,
        encryption=((encryption, bits),),
        integrity=(integrity,),
        groups=groups,
        esn=(known.get(n.ChildAttribute.ESN) == 1,),
        token=ChildToken(proposal, transform, encapsulation, seconds, kilobytes),
    )


def _algorithms(
    protocol: int, transform_id: int, known: dict[int, int], ah: bool
) -> tuple[Protocol, EncryptionId, int, IntegrityId] | None:
    authentication = known.get(n.ChildAttribute.AUTHENTICATION)
    if protocol == n.ProtocolId.AH and ah:
        integrity = n.AH_TRANSFORMS.get(transform_id)
        if integrity is None or n.ESP_AUTHENTICATION.get(authentication or 0) != integrity:
            return None
        return Protocol.AH, EncryptionId.NULL, 0, integrity
    if protocol != n.ProtocolId.ESP:
        return None
    encryption = n.ESP_ENCRYPTION.get(transform_id)
    if encryption is None:
        return None
    bits = _key_bits(encryption, known.get(n.ChildAttribute.KEY_LENGTH))
    if encryption in n.AEAD:
        # RFC 4106 8.4: no authentication algorithm beside it.
        return (Protocol.ESP, encryption, bits, IntegrityId.NONE) if not authentication else None
    integrity = n.ESP_AUTHENTICATION.get(authentication or 0)
    return None if integrity is None else (Protocol.ESP, encryption, bits, integrity)


@dataclass(frozen=True, slots=True)
class ChildWish:
    """What we ask for in phase 2."""

    suites: tuple[tuple[EncryptionId, int, IntegrityId], ...]
    encapsulation: n.Encapsulation
    group: GroupId | None
    seconds: int
    kilobytes: int | None
    ah: bool = False
    esn: bool = False


def child_proposals(wish: ChildWish, spi: bytes) -> SecurityAssociation:
    """Ours for phase 2: one proposal."""
    transforms: list[Transform] = []
    for encryption, bits, integrity in wish.suites:
        attributes: list[Attribute] = list(
            life(n.ChildAttribute.LIFE_TYPE, n.LifeType.SECONDS, wish.seconds)
        )
        if wish.kilobytes is not None:
            attributes += life(n.ChildAttribute.LIFE_TYPE, n.LifeType.KILOBYTES, wish.kilobytes)
        if wish.group is not None:
            attributes.append((n.ChildAttribute.GROUP, int(wish.group)))
        attributes.append((n.ChildAttribute.ENCAPSULATION, int(wish.encapsulation)))
        if integrity is not IntegrityId.NONE:
            attributes.append((n.ChildAttribute.AUTHENTICATION, n.TO_ESP_AUTHENTICATION[integrity]))
        if bits and not wish.ah:
            attributes.append((n.ChildAttribute.KEY_LENGTH, bits))
        if wish.esn:
            attributes.append((n.ChildAttribute.ESN, 1))
        number = n.TO_AH_TRANSFORM[integrity] if wish.ah else n.TO_ESP_ENCRYPTION[encryption]
        transforms.append(Transform(len(transforms) + 1, number, tuple(attributes)))
    protocol = n.ProtocolId.AH if wish.ah else n.ProtocolId.ESP
    return SecurityAssociation((Proposal(1, protocol, spi, tuple(transforms)),))


def answered(ours: SecurityAssociation, answer: SecurityAssociation, life_type: int) -> Transform:
    """Which of our transforms the peer chose; lives may differ. Raises `Malformed` when it is none
    of them, or more than one."""
    if len(answer.proposals) != 1 or len(answer.proposals[0].transforms) != 1:
        raise Malformed("answer is not one transform of one proposal")
    proposal = answer.proposals[0]
    chosen = proposal.transforms[0]
    said = basic(chosen.attributes, life_type)
    for mine in ours.proposals:
        if mine.protocol != proposal.protocol:
            continue
        for transform in mine.transforms:
            if transform.id == chosen.id and basic(transform.attributes, life_type) == said:
                return chosen
    raise Malformed("answer is none of our offers")


def protocol_id(suite: Suite) -> int:
    """The protocol of an SA as IKEv1 numbers it."""
    return int(n.ProtocolId.AH if suite.protocol is Protocol.AH else n.ProtocolId.ESP)


def describe_ike(sa: SecurityAssociation) -> tuple[str, ...]:
    """Every transform of phase 1 as a person reads it, those that we do not know as well."""
    out = []
    for transform in _transforms(sa):
        known = basic(transform.attributes, n.IkeAttribute.LIFE_TYPE) or _NO_NUMBERS
        method = known.get(n.IkeAttribute.AUTH_METHOD, 0)
        out.append(
            f"{_named(_ENCRYPTION_NAMES, known.get(n.IkeAttribute.ENCRYPTION, 0))}"
            f"{_length(known.get(n.IkeAttribute.KEY_LENGTH))}"
            f"/{_named(_HASH_NAMES, known.get(n.IkeAttribute.HASH, 0))}"
            f"/{_named(_GROUP_NAMES, known.get(n.IkeAttribute.GROUP, 0))}"
            f" by {_named(_METHOD_NAMES, method)}"
        )
    return tuple(out)


def describe_child(sa: SecurityAssociation) -> tuple[str, ...]:
    """Likewise of phase 2."""
    out = []
    for proposal in sa.proposals:
        for transform in proposal.transforms:
            known = basic(transform.attributes, n.ChildAttribute.LIFE_TYPE) or _NO_NUMBERS
            authentication = known.get(n.ChildAttribute.AUTHENTICATION)
            text = str(n.ProtocolId(proposal.protocol))
            if proposal.protocol == n.ProtocolId.ESP:
                text = _named(_ESP_NAMES, transform.id)
                text += _length(known.get(n.ChildAttribute.KEY_LENGTH))
            if authentication:
                text += f"/{_named(_AUTH_NAMES, authentication)}"
            group = known.get(n.ChildAttribute.GROUP)
            if group:
                text += f"/PFS {_named(_GROUP_NAMES, group)}"
            mode = n.Encapsulation(known.get(n.ChildAttribute.ENCAPSULATION, 1))
            out.append(f"{text}, {str(mode).lower().replace('_', ' ')}")
    return tuple(out)


def _transforms(sa: SecurityAssociation) -> Iterator[Transform]:
    for proposal in sa.proposals:
        yield from proposal.transforms


def _named(names: dict[int, str], value: int) -> str:
    return names.get(value, f"number {value}")


def _length(bits: int | None) -> str:
    return f"-{bits}" if bits else ""
