"""Each built-in client gets the best that each policy allows, and a log can say why not."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ike import recorded
from ike.recorded import (
    ANDROID,
    APPLE,
    CHROMEOS,
    CLIENTS,
    NETWORKMANAGER,
    ROUTEROS,
    ROUTEROS_WITHOUT_PFS,
    WINDOWS,
    WINDOWS_XP,
    Client,
)
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.encryption import encryption
from talpa.esp.sa import Protocol
from talpa.ike.config import Policy, Weakness
from talpa.ike.devices import device_of
from talpa.ike.policies import (
    COMPATIBLE,
    LEGACY,
    MODERN,
    EspOffer,
    IkeOffer,
    allowed,
    choose_esp,
    choose_ike,
    describe_offers,
    describe_policy,
    esp_offers,
    ike_offers,
)

TODAY = date(2026, 11, 21)


def chosen(policy: Policy, client: Client, today: date = TODAY) -> tuple[str, ...]:
    """Names of both suites, with PFS, then what is weak; "-" for none."""
    ike = choose_ike(policy, client.ike, client.device, today, version=1)
    esp = choose_esp(policy, client.esp, client.device, today)
    pfs = "" if esp is None or esp.group is GroupId.NONE else f" PFS {esp.group}"
    weak = (ike.weak if ike else ()) + (esp.weak if esp else ())
    return (
        ike.suite.name if ike else "-",
        f"{esp.suite.name}{pfs}" if esp else "-",
        *weak,
    )


@pytest.mark.parametrize(
    ("policy", "client", "expected"),
    [
        (MODERN, WINDOWS, ("-", "-")),
        (MODERN, APPLE, ("AES-CBC-256/SHA-256/MODP-2048", "AES-CBC-256/HMAC-SHA2-256-128")),
        (MODERN, CHROMEOS, ("AES-CBC-128/SHA-256/MODP-3072", "AES-GCM-16-128")),
        (MODERN, ANDROID, ("-", "AES-CBC-256/HMAC-SHA2-256-128")),
        (MODERN, ROUTEROS, ("-", "-")),
        (COMPATIBLE, WINDOWS, ("AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96")),
        (COMPATIBLE, WINDOWS_XP, ("-", "-")),
        (COMPATIBLE, APPLE, ("AES-CBC-256/SHA-256/MODP-2048", "AES-CBC-256/HMAC-SHA2-256-128")),
        (COMPATIBLE, ANDROID, ("-", "AES-CBC-256/HMAC-SHA1-96")),
        (COMPATIBLE, CHROMEOS, ("AES-CBC-128/SHA-256/MODP-3072", "AES-GCM-16-128")),
        (COMPATIBLE, ROUTEROS, ("AES-CBC-128/SHA-1/MODP-2048", "-")),
        (
            COMPATIBLE,
            ROUTEROS_WITHOUT_PFS,
            ("AES-CBC-128/SHA-1/MODP-2048", "AES-CBC-256/HMAC-SHA1-96"),
        ),
        (COMPATIBLE, NETWORKMANAGER, ("AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96")),
        (LEGACY, WINDOWS, ("AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96")),
        (
            LEGACY,
            WINDOWS_XP,
            ("3DES-CBC/SHA-1/MODP-2048", "3DES-CBC/HMAC-SHA1-96", "3des", "3des"),
        ),
        (
            LEGACY,
            ANDROID,
            ("AES-CBC-256/SHA-256/MODP-1024", "AES-CBC-256/HMAC-SHA1-96", "modp1024"),
        ),
        (
            LEGACY,
            ROUTEROS,
            (
                "AES-CBC-128/SHA-1/MODP-2048",
                "AES-CBC-256/HMAC-SHA1-96 PFS MODP1024",
                "pfs-modp1024",
            ),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Policy | Client) else "",
)
def test_a_client_gets_the_best_that_the_policy_allows(
    policy: Policy, client: Client, expected: tuple[str, ...]
) -> None:
    assert chosen(policy, client) == expected


def with_weakness(*weak: Weakness, policy: Policy = COMPATIBLE) -> Policy:
    return replace(policy, weak=weak)


def test_a_weakness_is_for_its_device_and_up_to_its_last_day_only() -> None:
    policy = with_weakness(Weakness("modp1024", "android", TODAY))
    assert chosen(policy, ANDROID)[0] == "AES-CBC-256/SHA-256/MODP-1024"
    assert chosen(policy, ANDROID, date(2026, 11, 22))[0] == "-"
    other = choose_ike(policy, ANDROID.ike, "routeros", TODAY, version=1)
    assert other is None
    routers = with_weakness(Weakness("pfs-modp1024", "routeros"))
    assert chosen(routers, ROUTEROS)[1:] == (
        "AES-CBC-256/HMAC-SHA1-96 PFS MODP1024",
        "pfs-modp1024",
    )


def test_one_weakness_does_not_open_another() -> None:
    assert chosen(with_weakness(Weakness("modp1024")), ROUTEROS)[1] == "-"
    assert chosen(with_weakness(Weakness("pfs-modp1024")), ANDROID)[0] == "-"
    assert chosen(with_weakness(Weakness("modp1024")), WINDOWS_XP) == ("-", "-")
    assert not allowed(COMPATIBLE, "sha256-96", "android", TODAY)


def test_what_is_weak_is_never_chosen_where_something_better_is_offered() -> None:
    backwards = replace(NETWORKMANAGER, ike=NETWORKMANAGER.ike[::-1], esp=NETWORKMANAGER.esp[::-1])
    expected = ("AES-CBC-256/SHA-1/ECP-384", "AES-CBC-256/HMAC-SHA1-96")
    assert chosen(LEGACY, backwards) == expected


def test_weak_algorithms_in_the_lists_of_a_policy_still_need_their_name() -> None:
    careless = replace(
        COMPATIBLE,
        encryption=((EncryptionId.DES3, 0),),
        esp_encryption=((EncryptionId.DES3, 0),),
        groups=(GroupId.MODP1024, GroupId.MODP2048),
    )
    assert chosen(careless, WINDOWS_XP) == ("-", "-")


def test_android_gets_sha_1_unless_aead_or_cut_sha_256_is_all_there_is() -> None:
    cut = with_weakness(Weakness("sha256-96", "android"))
    assert chosen(cut, ANDROID)[1] == "AES-CBC-256/HMAC-SHA1-96"
    only = recorded.esp([(recorded.AES256, recorded.MAC256)])
    plain = choose_esp(COMPATIBLE, only, "android", TODAY)
    assert plain is not None
    assert (plain.suite.integrity, plain.weak) == (IntegrityId.HMAC_SHA2_256_128, ())
    short = choose_esp(cut, only, "android", TODAY)
    assert short is not None
    assert (short.suite.integrity, short.weak) == (IntegrityId.HMAC_SHA2_256_96, ("sha256-96",))
    elsewhere = choose_esp(cut, only, "apple", TODAY)
    assert elsewhere is not None
    assert elsewhere.weak == ()
    gcm = recorded.esp([(recorded.AES256, recorded.MAC1), (recorded.GCM128, None)])
    best = choose_esp(cut, gcm, "android", TODAY)
    assert best is not None
    assert best.suite.name == "AES-GCM-16-128"


V2 = IkeOffer(
    1,
    ((EncryptionId.AES_CBC, 128), (EncryptionId.AES_CBC, 256)),
    (IntegrityId.HMAC_SHA1_96, IntegrityId.HMAC_SHA2_256_128),
    (PrfId.HMAC_SHA1, PrfId.HMAC_SHA2_256),
    (GroupId.MODP2048, GroupId.ECP256),
)


def test_in_ikev2_the_best_of_each_kind_is_taken_over_all_proposals() -> None:
    choice = choose_ike(COMPATIBLE, [V2], "", TODAY)
    assert choice is not None
    assert choice.suite.name == "AES-CBC-256/HMAC-SHA2-256-128/SHA-256/ECP-256"
    gcm = replace(V2, number=2, encryption=((EncryptionId.AES_GCM_16, 128),), integrity=())
    better = choose_ike(COMPATIBLE, [V2, gcm], "", TODAY)
    assert better is not None
    assert (better.offer.number, better.suite.name) == (2, "AES-GCM-16-128/SHA-256/ECP-256")


def test_in_ikev2_a_cipher_without_integrity_is_nothing() -> None:
    assert choose_ike(COMPATIBLE, [replace(V2, integrity=())], "", TODAY) is None
    bare = EspOffer(1, Protocol.ESP, b"abcd", ((EncryptionId.AES_CBC, 256),), ())
    assert choose_esp(COMPATIBLE, [bare], "", TODAY) is None
    null = replace(
        bare, encryption=((EncryptionId.NULL, 0),), integrity=(IntegrityId.HMAC_SHA1_96,)
    )
    assert choose_esp(LEGACY, [null], "", TODAY) is None


def test_additional_exchanges_are_done_where_they_are_offered_and_never_twice() -> None:
    ml, none = GroupId.MLKEM768, GroupId.NONE
    for offered, expected in (
        (((ml, none),), (ml,)),
        (((none,),), (none,)),
        (((ml,), (ml, GroupId.MLKEM1024)), (ml, GroupId.MLKEM1024)),
        (((), (ml,)), (none, ml)),
    ):
        choice = choose_ike(COMPATIBLE, [replace(V2, additional=offered)], "", TODAY)
        assert choice is not None
        assert choice.suite.additional == expected
    unknown = replace(V2, additional=((GroupId(35),),))
    assert choose_ike(COMPATIBLE, [unknown], "", TODAY) is None
    twice = replace(V2, additional=((ml,), (ml,)))
    assert choose_ike(COMPATIBLE, [twice], "", TODAY) is None
    demanding = replace(COMPATIBLE, require_additional=True)
    assert choose_ike(demanding, [V2], "", TODAY) is None


def test_pfs_is_taken_with_and_without() -> None:
    offer = EspOffer(1, Protocol.ESP, b"abcd", ((EncryptionId.AES_GCM_16, 256),), ())
    for groups, expected in (
        ((), GroupId.NONE),
        ((GroupId.NONE,), GroupId.NONE),
        ((GroupId.MODP1024, GroupId.NONE), GroupId.NONE),
        ((GroupId.MODP2048, GroupId.ECP256), GroupId.ECP256),
    ):
        choice = choose_esp(COMPATIBLE, [replace(offer, groups=groups)], "", TODAY)
        assert choice is not None
        assert choice.group is expected


def test_ah_only_when_it_is_on_and_never_before_esp() -> None:
    ah = EspOffer(1, Protocol.AH, b"abcd", (), (IntegrityId.HMAC_SHA2_256_128,))
    assert choose_esp(COMPATIBLE, [ah], "", TODAY) is None
    taken = choose_esp(COMPATIBLE, [ah], "", TODAY, ah=True)
    assert taken is not None
    assert taken.suite.name == "AH/HMAC-SHA2-256-128"
    both = choose_esp(COMPATIBLE, [ah, *WINDOWS.esp], "", TODAY, ah=True)
    assert both is not None
    assert both.suite.protocol is Protocol.ESP


def test_esn_when_both_want_it_or_the_peer_knows_nothing_else() -> None:
    offer = EspOffer(1, Protocol.ESP, b"abcd", ((EncryptionId.AES_GCM_16, 256),), ())
    without = replace(COMPATIBLE, esn=False)
    for policy, said, expected in (
        (COMPATIBLE, (False, True), True),
        (COMPATIBLE, (False,), False),
        (without, (False, True), False),
        (without, (True,), True),
    ):
        choice = choose_esp(policy, [replace(offer, esn=said)], "", TODAY)
        assert choice is not None
        assert choice.suite.esn is expected


@pytest.mark.parametrize("policy", [MODERN, COMPATIBLE, LEGACY], ids=lambda policy: policy.name)
@pytest.mark.parametrize("version", [1, 2])
def test_our_own_offers_are_taken_by_ourselves_as_the_best_of_them(
    policy: Policy, version: int
) -> None:
    ours = ike_offers(policy, TODAY, version=version)
    assert ours
    assert len(ours) <= (2 if version == 2 else 32)
    choice = choose_ike(policy, ours, "", TODAY, version=version)
    assert choice is not None
    assert choice.offer is ours[0]
    assert (choice.suite.encryption, choice.suite.key_bits) == ours[0].encryption[0]
    assert choice.suite.group is ours[0].groups[0]
    children = esp_offers(policy, TODAY, version=version)
    child = choose_esp(policy, children, "", TODAY)
    assert child is not None
    assert child.offer is children[0]
    with_pfs = esp_offers(policy, TODAY, version=version, pfs=GroupId.ECP256)
    assert {offer.groups for offer in with_pfs} == {(GroupId.ECP256,)}
    protected = esp_offers(policy, TODAY, version=version, ah=True)
    assert choose_esp(policy, protected, "", TODAY, ah=True) is not None
    if version == 2:
        for offer in ours:
            kinds = {encryption(*cipher).aead for cipher in offer.encryption}
            assert len(kinds) == 1, "AEAD ciphers stand in a proposal of their own"


def test_a_mismatch_is_shown_in_the_same_words_on_both_sides() -> None:
    said = describe_offers(ANDROID.ike)
    assert said[0] == "1: IKE AES-CBC-256 / SHA-384 / MODP-1024"
    assert said[-1] == "16: IKE DES-CBC / MD5 / MODP-1024"
    assert describe_offers(ROUTEROS.esp)[0] == (
        "1: ESP AES-CBC-256 / HMAC-SHA1-96 / PFS with MODP-1024"
    )
    policy = with_weakness(Weakness("modp1024", "android", TODAY), Weakness("3des"))
    lines = describe_policy(policy)
    assert lines[0].startswith("IKE encryption: AES-GCM-16-256, ")
    assert "MODP-1024" not in "".join(lines)
    assert lines[-2:] == (
        "weak, by name: modp1024 for android until 2026-11-21",
        "weak, by name: 3des for any device",
    )
    assert describe_policy(policy, esp=True)[-1] == "weak, by name: 3des for any device"


numbers = st.integers(0, 0xFFFF)
ciphers = st.tuples(numbers.map(EncryptionId), st.sampled_from((0, 128, 192, 256, 257, 0xFFFF)))
any_ike = st.builds(
    IkeOffer,
    st.integers(0, 255),
    st.lists(ciphers, max_size=4).map(tuple),
    st.lists(numbers.map(IntegrityId), max_size=4).map(tuple),
    st.lists(numbers.map(PrfId), max_size=4).map(tuple),
    st.lists(numbers.map(GroupId), max_size=4).map(tuple),
    st.lists(st.lists(numbers.map(GroupId), max_size=3).map(tuple), max_size=7).map(tuple),
)
any_esp = st.builds(
    EspOffer,
    st.integers(0, 255),
    st.sampled_from(Protocol),
    st.binary(min_size=4, max_size=4),
    st.lists(ciphers, max_size=4).map(tuple),
    st.lists(numbers.map(IntegrityId), max_size=4).map(tuple),
    st.lists(numbers.map(GroupId), max_size=4).map(tuple),
    st.lists(st.booleans(), max_size=2).map(tuple),
)


@given(st.lists(any_ike, max_size=4), st.lists(any_esp, max_size=4), st.sampled_from((1, 2)))
def test_any_offer_is_chosen_from_and_described(
    ike: list[IkeOffer], esp: list[EspOffer], version: int
) -> None:
    for policy in (MODERN, LEGACY):
        choice = choose_ike(policy, ike, "android", TODAY, version=version)
        assert choice is None or choice.suite.name
        child = choose_esp(policy, esp, "android", TODAY, ah=True)
        assert child is None or child.suite.name
    assert len(describe_offers([*ike, *esp])) == len(ike) + len(esp)


def test_all_recorded_clients_are_told_apart() -> None:
    for client in CLIENTS:
        assert device_of(client.vendor_ids, 1, client.ike) == client.device, client.name
