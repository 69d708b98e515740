"""Key exchanges against the vectors of NIST and the RFCs."""

from collections import Counter

import pytest

from crypto.nist_vectors import Record, number, octets, records
from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue, Offer, group

CURVES = [
    ("P-256", "EC", GroupId.ECP256),
    ("P-384", "ED", GroupId.ECP384),
    ("P-521", "EE", GroupId.ECP521),
]


def ecp_offer(id_: GroupId, private: int) -> Offer:
    """The offer with that private key: ours is one more than the number that is drawn."""
    return group(id_).initiate(lambda count: (private - 1).to_bytes(count, "big"))


@pytest.mark.parametrize("role", ["init", "resp"])
@pytest.mark.parametrize(("_curve", "set_", "id_"), CURVES)
def test_ecdh(_curve: str, set_: str, id_: GroupId, role: str) -> None:
    half = group(id_).public_octets // 2
    seen = Counter[str]()
    path = f"asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax"
    for section, record in records(path):
        if not section.startswith(f"[{set_} - ") or "result" not in record:
            continue
        theirs = number(record, "qscavsx", half) + number(record, "qscavsy", half)
        ours = number(record, "qsiutx", half) + number(record, "qsiuty", half)
        shared = number(record, "z", half)
        offer = ecp_offer(id_, int(record["dsiut"], 16))
        reason = record["result"].split("(")[1].split()[0]
        if reason in ("1", "2"):  # their public value is none
            with pytest.raises(BadPublicValue):
                offer.finish(theirs)
        elif reason in ("5", "6", "7"):  # our own two keys do not belong together
            assert offer.public != ours
        elif reason == "8":
            assert offer.finish(theirs) != shared
        else:
            assert offer.public == ours
            assert offer.finish(theirs) == shared
            reason = "right"
        seen[reason] += 1
    assert seen["right"] >= 10
    assert set(seen) == {"right", "1", "2", "5", "6", "7", "8"}


@pytest.mark.parametrize(("curve", "_set", "id_"), CURVES)
def test_public_values(curve: str, _set: str, id_: GroupId) -> None:
    half = group(id_).public_octets // 2
    seen = Counter[str]()
    for section, record in records("asymmetric/ECDSA/FIPS_186-3/PKV.rsp"):
        if section != f"[{curve}]":
            continue
        right = record["result"].startswith("P")
        try:
            public = number(record, "qx", half) + number(record, "qy", half)
        except OverflowError:  # not to be said on IKE's wire
            assert not right
            continue
        if right:
            ecp_offer(id_, 7).finish(public)
        else:
            with pytest.raises(BadPublicValue):
                ecp_offer(id_, 7).finish(public)
        seen["right" if right else "wrong"] += 1
    assert min(seen["right"], seen["wrong"]) >= 3


@pytest.mark.parametrize(
    ("path", "id_"), [("X25519/rfc7748", GroupId.X25519), ("X448/rfc7748", GroupId.X448)]
)
def test_montgomery(path: str, id_: GroupId) -> None:
    count = 0
    for _, record in records(f"asymmetric/{path}.txt"):
        if "output_u" not in record:
            continue
        private, public, shared = octets(record, "input_scalar", "input_u", "output_u")
        offer = group(id_).initiate(lambda _count, private=private: private)  # type: ignore[misc]
        assert offer.finish(public) == shared
        count += 1
    assert count >= 2


EVERY = 10
"""Of the thousand cases for each key length."""


def sampled(path: str) -> list[Record]:
    found = [record for _, record in records(path)]
    return found[::EVERY]


@pytest.mark.parametrize(("bits", "id_"), [(768, GroupId.MLKEM768), (1024, GroupId.MLKEM1024)])
def test_mlkem(bits: int, id_: GroupId) -> None:
    cases = sampled(f"asymmetric/MLKEM/kat_MLKEM_{bits}.rsp")
    for record in cases:
        d, z, public = octets(record, "d", "z", "pk")
        offer = group(id_).initiate(lambda _count, seed=d + z: seed)  # type: ignore[misc]
        assert offer.public == public
        for sealed_name, shared_name in (("ct", "ss"), ("ct_n", "ss_n")):  # right; forged
            sealed, shared = octets(record, sealed_name, shared_name)
            assert offer.finish(sealed) == shared
    assert len(cases) == 1000 // EVERY
