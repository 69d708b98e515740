"""Proposals on the wire, and what the policies make of them (RFC 7296 3.3, RFC 9370 2.2.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.esp.sa import Protocol, Suite
from talpa.ike.config import Policy
from talpa.ike.policies import EspOffer, IkeOffer, IkeSuite, ike_offers
from talpa.ike.v2.numbers import ProtocolId, TransformKind
from talpa.ike.v2.sa_payload import Proposal, Transform

_IKE_KINDS = {
    TransformKind.ENCR,
    TransformKind.PRF,
    TransformKind.INTEG,
    TransformKind.KE,
    *range(TransformKind.ADDKE1, TransformKind.ADDKE7 + 1),
}
_CHILD_KINDS = {
    TransformKind.ENCR,
    TransformKind.INTEG,
    TransformKind.KE,
    TransformKind.ESN,
    *range(TransformKind.ADDKE1, TransformKind.ADDKE7 + 1),
}
_PROTOCOLS = {ProtocolId.ESP: Protocol.ESP, ProtocolId.AH: Protocol.AH}
_NUMBERS = {Protocol.ESP: ProtocolId.ESP, Protocol.AH: ProtocolId.AH}


def _sorted(proposal: Proposal, kinds: set[int]) -> dict[int, list[Transform]] | None:
    """Transforms by type; None when one is of a type that we do not know, for which the whole
    proposal is passed over (RFC 7296 3.3.6)."""
    found: dict[int, list[Transform]] = {}
    for transform in proposal.transforms:
        if transform.kind not in kinds:
            return None
        if not transform.odd:
            found.setdefault(transform.kind, []).append(transform)
        else:
            found.setdefault(transform.kind, [])
    return found


def _ciphers(found: dict[int, list[Transform]]) -> tuple[tuple[EncryptionId, int], ...]:
    return tuple((EncryptionId(t.id), t.key_bits or 0) for t in found.get(TransformKind.ENCR, ()))


def _groups(found: dict[int, list[Transform]], kind: int = TransformKind.KE) -> tuple[GroupId, ...]:
    return tuple(GroupId(t.id) for t in found.get(kind, ()))


def _integrity(found: dict[int, list[Transform]]) -> tuple[IntegrityId, ...]:
    return tuple(
        IntegrityId(t.id) for t in found.get(TransformKind.INTEG, ()) if t.id != IntegrityId.NONE
    )


def _additional(found: dict[int, list[Transform]]) -> tuple[tuple[GroupId, ...], ...]:
    """By ADDKE1 to the last that stands there; empty where none is."""
    last = max((k for k in found if k >= TransformKind.ADDKE1), default=TransformKind.ADDKE1 - 1)
    return tuple(_groups(found, k) for k in range(TransformKind.ADDKE1, last + 1))


def ike_offers_of(proposals: Iterable[Proposal], spi_octets: int) -> list[IkeOffer]:
    """What a peer offers for an IKE SA; `token` is the proposal."""
    offers = []
    for proposal in proposals:
        if proposal.protocol != ProtocolId.IKE or len(proposal.spi) != spi_octets:
            continue
        found = _sorted(proposal, _IKE_KINDS)
        if found is None:
            continue
        offers.append(
            IkeOffer(
                number=proposal.number,
                encryption=_ciphers(found),
                integrity=_integrity(found),
                prf=tuple(PrfId(t.id) for t in found.get(TransformKind.PRF, ())),
                groups=_groups(found),
                additional=_additional(found),
                token=proposal,
            )
        )
    return offers


def choose_additional(proposal: Proposal, known: Sequence[GroupId]) -> tuple[GroupId, ...] | None:
    """For ADDKE1 to the last in a proposal for a child: the best of what we know, or NONE; None:
    one that must be done is none of ours."""
    chosen: list[GroupId] = []
    for methods in _additional(_sorted(proposal, _CHILD_KINDS) or {}):
        fit = [one for one in known if one in methods and one not in chosen]
        if not fit and methods and GroupId.NONE not in methods:
            return None
        chosen.append(fit[0] if fit else GroupId.NONE)
    return tuple(chosen)


def chosen_additional(proposal: Proposal) -> tuple[GroupId, ...]:
    """What a peer chose of ADDKE1 to ADDKE7, without NONE."""
    kinds = range(TransformKind.ADDKE1, TransformKind.ADDKE7 + 1)
    return tuple(GroupId(t.id) for t in proposal.transforms if t.kind in kinds and t.id)


def esp_offers_of(
    proposals: Iterable[Proposal],
    *,
    ah: bool,
    additional: Sequence[GroupId] = (),
    first: bool = False,
) -> list[EspOffer]:
    """What a peer offers for a child; `token` is the proposal. AH only where it is on.

    `additional`: the key exchanges that we can add. In `first`, the child of IKE_AUTH, there are
    none, nor is there PFS (RFC 7296 1.2).
    """
    offers = []
    for proposal in proposals:
        protocol = _PROTOCOLS.get(ProtocolId(proposal.protocol))
        if protocol is None or len(proposal.spi) != 4 or (protocol is Protocol.AH and not ah):
            continue
        found = _sorted(proposal, _CHILD_KINDS)
        if found is None or int.from_bytes(proposal.spi, "big") < 256:
            continue
        if protocol is Protocol.AH and TransformKind.ENCR in found:
            continue
        if not first and choose_additional(proposal, additional) is None:
            continue
        esn = found.get(TransformKind.ESN)
        offers.append(
            EspOffer(
                number=proposal.number,
                protocol=protocol,
                spi=proposal.spi,
                encryption=((EncryptionId.NULL, 0),)
                if protocol is Protocol.AH
                else _ciphers(found),
                integrity=_integrity(found),
                groups=() if first else _groups(found),
                esn=(False,) if esn is None else tuple(t.id == 1 for t in esn if t.id in (0, 1)),
                token=proposal,
            )
        )
    return offers


def _cipher(encryption: tuple[EncryptionId, int]) -> Transform:
    ident, bits = encryption
    return Transform(TransformKind.ENCR, ident, bits or None)


def ike_proposal(offer: IkeOffer, spi: bytes) -> Proposal:
    """Our offer of an IKE SA."""
    transforms = [_cipher(one) for one in offer.encryption]
    transforms += [Transform(TransformKind.INTEG, one) for one in offer.integrity]
    transforms += [Transform(TransformKind.PRF, one) for one in offer.prf]
    transforms += [Transform(TransformKind.KE, one) for one in offer.groups]
    for at, groups in enumerate(offer.additional):
        transforms += [Transform(TransformKind.ADDKE1 + at, one) for one in groups]
    return Proposal(offer.number, ProtocolId.IKE, spi, tuple(transforms))


def esp_proposal(offer: EspOffer, spi: bytes) -> Proposal:
    """Our offer of a child."""
    transforms: list[Transform] = []
    if offer.protocol is Protocol.ESP:
        transforms += [_cipher(one) for one in offer.encryption]
    transforms += [Transform(TransformKind.INTEG, one) for one in offer.integrity]
    transforms += [Transform(TransformKind.KE, one) for one in offer.groups]
    transforms += [Transform(TransformKind.ESN, int(one)) for one in offer.esn]
    return Proposal(offer.number, _NUMBERS[offer.protocol], spi, tuple(transforms))


def ike_answer(offered: Proposal, suite: IkeSuite, spi: bytes) -> Proposal:
    """What we choose of a peer's proposal: one transform of each type that stands in it."""
    chosen: list[Transform] = [_cipher((suite.encryption, suite.key_bits))]
    kinds = {t.kind for t in offered.transforms}
    if TransformKind.INTEG in kinds:
        chosen.append(Transform(TransformKind.INTEG, suite.integrity))
    chosen.append(Transform(TransformKind.PRF, suite.prf))
    chosen.append(Transform(TransformKind.KE, suite.group))
    for at in range(TransformKind.ADDKE1, TransformKind.ADDKE7 + 1):
        if at in kinds:
            place = at - TransformKind.ADDKE1
            group = suite.additional[place] if place < len(suite.additional) else GroupId.NONE
            chosen.append(Transform(at, group))
    return Proposal(offered.number, ProtocolId.IKE, spi, tuple(chosen))


def esp_answer(
    offered: Proposal,
    suite: Suite,
    group: GroupId,
    additional: Sequence[GroupId],
    spi: bytes,
) -> Proposal:
    """As `ike_answer`, for a child."""
    chosen: list[Transform] = []
    kinds = {t.kind for t in offered.transforms}
    if suite.protocol is Protocol.ESP:
        chosen.append(_cipher((suite.encryption, suite.key_bits)))
    if TransformKind.INTEG in kinds:
        chosen.append(Transform(TransformKind.INTEG, suite.integrity))
    if TransformKind.KE in kinds and (group or _offers_none(offered)):
        chosen.append(Transform(TransformKind.KE, group))
    chosen += [
        Transform(TransformKind.ADDKE1 + at, one)
        for at, one in enumerate(additional)
        if TransformKind.ADDKE1 + at in kinds
    ]
    if TransformKind.ESN in kinds:
        chosen.append(Transform(TransformKind.ESN, int(suite.esn)))
    return Proposal(offered.number, offered.protocol, spi, tuple(chosen))


def _offers_none(offered: Proposal) -> bool:
    return any(t.kind == TransformKind.KE and t.id == GroupId.NONE for t in offered.transforms)


def accepted_ike(
    offers: Sequence[IkeOffer], answer: Sequence[Proposal], spi_octets: int
) -> IkeSuite | None:
    """The suite that a peer chose; None when it is not one of what we offered."""
    said = ike_offers_of(answer, spi_octets)
    if len(answer) != 1 or len(said) != 1:
        return None
    one = said[0]
    if not (len(one.encryption) == len(one.prf) == len(one.groups) == 1) or len(one.integrity) > 1:
        return None
    integrity = one.integrity[0] if one.integrity else IntegrityId.NONE
    additional = tuple(each[0] if len(each) == 1 else GroupId.NONE for each in one.additional)
    for offer in offers:
        if (
            offer.number == one.number
            and one.encryption[0] in offer.encryption
            and one.prf[0] in offer.prf
            and one.groups[0] in offer.groups
            and (one.integrity[0] in offer.integrity if one.integrity else not offer.integrity)
            and len(additional) <= len(offer.additional)
            and all(
                (additional[at] if at < len(additional) else GroupId.NONE)
                in (each or (GroupId.NONE,))
                for at, each in enumerate(offer.additional)
            )
        ):
            encryption, bits = one.encryption[0]
            return IkeSuite(encryption, bits, integrity, one.prf[0], one.groups[0], additional)
    return None


def accepted_esp(
    offers: Sequence[EspOffer], answer: Sequence[Proposal]
) -> tuple[Suite, GroupId, bytes] | None:
    """The suite, the group of PFS and the SPI that a peer chose; None when it is not one of what we
    offered."""
    said = esp_offers_of(answer, ah=True, additional=tuple(GroupId))
    if len(answer) != 1 or len(said) != 1:
        return None
    one = said[0]
    if len(one.encryption) != 1 or len(one.integrity) > 1 or len(one.groups) > 1:
        return None
    group = one.groups[0] if one.groups else GroupId.NONE
    if len(one.esn) != 1:
        return None
    esn = one.esn[0]
    for offer in offers:
        if (
            offer.number == one.number
            and offer.protocol is one.protocol
            and one.encryption[0] in offer.encryption
            and (one.integrity[0] in offer.integrity if one.integrity else not offer.integrity)
            and (group in offer.groups or (not offer.groups and not group))
            and esn in offer.esn
        ):
            encryption, bits = one.encryption[0]
            integrity = one.integrity[0] if one.integrity else IntegrityId.NONE
            return Suite(one.protocol, encryption, bits, integrity, esn), group, one.spi
    return None


def own_ike_offers(policy: Policy, today: date) -> tuple[IkeOffer, ...]:
    """By the policy. Who does not know additional key exchanges passes over a whole proposal that
    has one (RFC 9370 2.2.2): so the same stands there without, too."""
    offers = ike_offers(policy, today, version=2)
    if not policy.require_additional:
        plain = [one for one in offers if one.additional]
        offers += tuple(
            replace(one, number=len(offers) + at, additional=()) for at, one in enumerate(plain, 1)
        )
    return offers
