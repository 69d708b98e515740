from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.aaa import Directory, GuessLimits, Lease, Pool, User
from talpa.crypto.attempts import (
    CertificateAttempt,
    EapMsChapV2Attempt,
    MsChapV2Attempt,
    MsChapV2ChangeAttempt,
    PapAttempt,
)
from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.crypto.mschap import (
    generate_nt_response,
    new_password_encrypted_with_old_nt_password_hash,
    nt_password_hash,
    old_nt_password_hash_encrypted_with_new_nt_password_hash,
)
from talpa.wire import Secret

SOURCE = "198.18.0.3"
STAFF = Pool(
    "staff",
    IPv4Network("10.77.0.0/24"),
    IPv6Network("fd77::/56"),
    dns=(IPv4Address("10.77.0.1"), IPv6Address("fd77::1")),
    wins=(IPv4Address("10.77.0.2"),),
    idle_seconds=600,
)
TINY = Pool("tiny", IPv4Network("10.78.0.0/29"))
ALICE = User("alice", Secret("correct horse"))


def directory(*users: User, pools: tuple[Pool, ...] = (STAFF, TINY)) -> Directory:
    return Directory(users or (ALICE,), pools, rng=bytes)


def pap(name: str, password: str) -> PapAttempt:
    return PapAttempt(name.encode(), Secret(password))


def change(name: str, old: Secret, new: Secret) -> MsChapV2ChangeAttempt:
    return MsChapV2ChangeAttempt(
        name.encode(),
        bytes(16),
        bytes(16),
        new_password_encrypted_with_old_nt_password_hash(new, old, bytes(512)),
        old_nt_password_hash_encrypted_with_new_nt_password_hash(new, old),
        generate_nt_response(bytes(16), bytes(16), name.encode(), new),
    )


def leased(answer: Lease | Refused) -> Lease:
    assert isinstance(answer, Lease), answer
    return answer


def refused(answer: object) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


def test_the_right_password_lets_in() -> None:
    answer = directory().authenticate(pap("alice", "correct horse"), SOURCE, 0.0)
    assert answer == Accepted("alice")


def test_a_refusal_names_the_user_and_the_cause() -> None:
    d = directory()
    wrong = refused(d.authenticate(pap("alice", "wrong"), SOURCE, 0.0))
    assert (wrong.reason, wrong.error, wrong.retry) == ("alice: wrong password", 691, True)
    unknown = refused(d.authenticate(pap("bob\r\n", "wrong"), SOURCE, 0.0))
    assert unknown.reason == r"no such user: bob\r\n"
    # The peer is not told which of the two it was.
    assert (unknown.message, unknown.error, unknown.retry) == (
        wrong.message,
        wrong.error,
        wrong.retry,
    )


def test_while_a_user_waits_even_the_right_password_is_not_looked_at() -> None:
    d = directory()
    d.authenticate(pap("alice", "wrong"), SOURCE, 0.0)
    d.authenticate(pap("alice", "wrong"), SOURCE, 1.0)
    early = refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 1.5))
    assert early.reason == "too many failures of alice from 198.18.0.3: wait 2 s"
    assert d.authenticate(pap("alice", "correct horse"), "198.18.0.4", 1.5) == Accepted("alice")
    assert d.authenticate(pap("alice", "correct horse"), SOURCE, 3.0) == Accepted("alice")


def test_a_place_that_guesses_is_held_off_but_its_other_users_are_not() -> None:
    d = directory()
    for i in range(30):
        d.authenticate(pap(f"user{i}", "wrong"), SOURCE, 500.0)
    late = refused(d.authenticate(pap("user3", "wrong"), SOURCE, 510.0))
    assert late.reason == "too many failures from 198.18.0.3: wait 590 s"
    assert not late.retry
    assert d.authenticate(pap("alice", "correct horse"), SOURCE, 510.0) == Accepted("alice")
    for i in range(30, 300):
        d.authenticate(pap(f"user{i}", "wrong"), SOURCE, 510.0)
    assert d.authenticate(pap("alice", "correct horse"), SOURCE, 511.0) == Accepted("alice")
    assert "too many" in refused(d.authenticate(pap("newcomer", "x"), SOURCE, 511.0)).reason


def test_a_try_takes_no_hash_that_is_not_kept_whether_the_name_exists_or_not() -> None:
    d = directory()
    before = nt_password_hash.cache_info().misses
    for name in (b"alice", b"nobody", b"nobody else"):
        attempt = MsChapV2Attempt(name, bytes(16), bytes(16), bytes(24))
        refused(d.authenticate(attempt, SOURCE, 0.0))
    assert nt_password_hash.cache_info().misses == before


@pytest.mark.parametrize("address", ["10.77.0.2", "10.77.0.3"])
def test_the_address_of_a_name_server_is_given_to_no_user(address: str) -> None:
    pool = Pool(
        "staff",
        IPv4Network("10.77.0.0/24"),
        dns=(IPv4Address("10.77.0.2"),),
        wins=(IPv4Address("10.77.0.3"),),
    )
    user = replace(ALICE, address=IPv4Address(address))
    with pytest.raises(ValueError, match="is taken by pool staff"):
        Directory([user], [pool], rng=bytes)


def test_an_unknown_name_is_checked_like_a_known_one() -> None:
    checked: list[str] = []

    class Watched(MsChapV2Attempt):
        def check(self, password: Secret) -> Accepted | None:
            checked.append(self.name)
            return super().check(password)

    d = directory()
    for name in (b"alice", b"nobody"):
        d.authenticate(Watched(name, bytes(16), bytes(16), bytes(24)), SOURCE, 0.0)
    assert checked == ["alice", "nobody"]


def test_nobody_gets_in_by_the_password_that_stands_in_for_an_unknown_user() -> None:
    stand_in = bytes(8).hex()
    answer = directory().authenticate(pap("nobody", stand_in), SOURCE, 0.0)
    assert refused(answer).reason == "no such user: nobody"


def test_a_disabled_account_is_told_so_only_with_the_right_password() -> None:
    d = directory(replace(ALICE, disabled=True))
    assert refused(d.authenticate(pap("alice", "wrong"), SOURCE, 0.0)).error == 691
    assert refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 9.0)).error == 647


def test_an_expired_password_can_be_changed_by_who_may() -> None:
    stored: list[tuple[str, Secret]] = []
    d = directory(replace(ALICE, expired=True, may_change_password=True))
    d.password_changed = lambda name, password: stored.append((name, password))
    expired = refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 0.0))
    assert expired.error == 648
    new = Secret("battery staple")
    answer = d.authenticate(change("alice", ALICE.password, new), SOURCE, 0.0)
    assert isinstance(answer, PasswordChanged)
    assert answer.response.startswith(b"S=")
    assert stored == [("alice", new)]
    assert d.authenticate(pap("alice", "battery staple"), SOURCE, 0.0) == Accepted("alice")
    assert refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 0.0)).error == 691


def test_a_changed_password_outlives_a_reload_but_not_a_new_one_from_the_file() -> None:
    expired = replace(ALICE, expired=True, may_change_password=True)
    d = directory(expired)
    for old, new in ((ALICE.password, Secret("second")), (Secret("second"), Secret("third"))):
        assert isinstance(d.authenticate(change("alice", old, new), SOURCE, 0.0), PasswordChanged)
    for _ in range(2):
        d.reload([expired], [STAFF])
        assert d.authenticate(pap("alice", "third"), SOURCE, 0.0) == Accepted("alice")
    d.reload([replace(ALICE, password=Secret("fourth"))], [STAFF])
    assert d.authenticate(pap("alice", "fourth"), SOURCE, 0.0) == Accepted("alice")
    d.reload([expired], [STAFF])
    assert refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 0.0)).error == 648


def test_who_may_not_change_the_password_is_refused() -> None:
    d = directory(replace(ALICE, expired=True))
    expired = refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 0.0))
    assert expired.error == 647
    assert "may not change it" in expired.reason
    answer = refused(d.authenticate(change("alice", ALICE.password, Secret("x")), SOURCE, 0.0))
    assert answer.error == 709
    assert d._users["alice"].password == ALICE.password


def test_a_change_with_the_wrong_old_password_is_a_guess() -> None:
    d = directory(replace(ALICE, expired=True, may_change_password=True))
    answer = d.authenticate(change("alice", Secret("wrong"), Secret("x")), SOURCE, 0.0)
    assert refused(answer).reason == "alice: wrong password"
    assert "wait" in refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 0.5)).reason


def test_a_lease_has_addresses_and_what_goes_with_the_pool() -> None:
    lease = leased(directory().admit("alice", 0.0, source=SOURCE))
    assert lease.user == "alice"
    assert lease.pool == "staff"
    assert lease.gateway == IPv4Address("10.77.0.1")
    assert lease.ipv4 in STAFF.ipv4
    assert lease.ipv4 not in STAFF.kept
    assert lease.ipv6_prefix is not None
    assert lease.ipv6_prefix.prefixlen == 64
    assert STAFF.ipv6 is not None
    assert lease.ipv6_prefix.subnet_of(STAFF.ipv6)
    assert IPv6Address("fd77::1") not in lease.ipv6_prefix
    assert lease.dns == STAFF.dns
    assert lease.dns6 == (IPv6Address("fd77::1"),)
    assert lease.wins == STAFF.wins
    assert (lease.idle_seconds, lease.session_seconds) == (600, None)


def test_the_settings_of_a_user_go_before_those_of_the_pool() -> None:
    d = directory(replace(ALICE, idle_seconds=5, session_seconds=9, ipv6=False))
    lease = leased(d.admit("alice", 0.0, source=SOURCE))
    assert (lease.idle_seconds, lease.session_seconds, lease.ipv6_prefix) == (5, 9, None)


def test_a_user_has_no_more_sessions_than_allowed() -> None:
    d = directory(replace(ALICE, sessions=2))
    first = leased(d.admit("alice", 0.0, source=SOURCE))
    leased(d.admit("alice", 0.0, source=SOURCE))
    third = refused(d.admit("alice", 0.0, source=SOURCE))
    assert "alice already has 2 sessions, the most allowed" in third.reason
    d.release(first, 1.0)
    leased(d.admit("alice", 1.0, source=SOURCE))


def test_a_full_pool_says_so() -> None:
    d = directory(replace(ALICE, pool="tiny"))
    got = [leased(d.admit("alice", 0.0, source=SOURCE)).ipv4 for _ in range(5)]
    assert sorted(map(str, got)) == [f"10.78.0.{n}" for n in range(2, 7)]
    full = refused(d.admit("alice", 0.0, source=SOURCE))
    assert full.reason == "pool tiny is exhausted (5 of 5 in use)"
    usage = {u.name: u for u in d.usage()}
    assert (usage["tiny"].ipv4_used, usage["tiny"].ipv4_size) == (5, 5)
    assert (usage["staff"].ipv4_used, usage["staff"].ipv4_size) == (0, 252)
    assert (usage["staff"].ipv6_used, usage["staff"].ipv6_size) == (0, 255)


def test_a_fixed_address_is_its_users_and_nobody_elses() -> None:
    own = IPv4Address("10.78.0.4")
    d = directory(replace(ALICE, pool="tiny", address=own), User("bob", Secret("x"), "tiny"))
    others = {leased(d.admit("bob", 0.0, source=SOURCE)).ipv4 for _ in range(4)}
    assert own not in others
    assert refused(d.admit("bob", 0.0, source=SOURCE))
    lease = leased(d.admit("alice", 0.0, source=SOURCE))
    assert lease.ipv4 == own
    assert refused(d.admit("alice", 0.0, source=SOURCE))
    d.release(lease, 0.0)
    assert leased(d.admit("alice", 0.0, source=SOURCE)).ipv4 == own


def test_without_free_ipv6_a_session_still_gets_ipv4() -> None:
    pool = Pool("p", IPv4Network("10.79.0.0/24"), IPv6Network("fd79::/63"))
    d = directory(pools=(pool,))
    prefixes = [leased(d.admit("alice", 0.0, source=SOURCE)).ipv6_prefix for _ in range(2)]
    assert prefixes == [IPv6Network("fd79:0:0:1::/64"), None]


def test_a_pool_of_one_64_gives_single_ipv6_addresses() -> None:
    pool = Pool("p", IPv4Network("10.79.0.0/24"), IPv6Network("fd79::/64"))
    d = directory(pools=(pool,))
    prefixes = {leased(d.admit("alice", 0.0, source=SOURCE)).ipv6_prefix for _ in range(50)}
    assert len(prefixes) == 50
    assert all(p is not None and p.prefixlen == 128 and p[0] in pool.ipv6 for p in prefixes)  # type: ignore[operator]


def test_a_lease_is_given_back_once() -> None:
    d = directory(replace(ALICE, sessions=1))
    lease = leased(d.admit("alice", 0.0, source=SOURCE))
    d.release(lease, 1.0)
    again = leased(d.admit("alice", 2.0, source=SOURCE))
    assert again.ipv4 == lease.ipv4
    d.release(lease, 3.0)
    assert refused(d.admit("alice", 3.0, source=SOURCE))


def test_a_reload_keeps_leases_and_gives_their_addresses_to_nobody() -> None:
    d = directory(replace(ALICE, pool="tiny"))
    kept = [leased(d.admit("alice", 0.0, source=SOURCE)) for _ in range(3)]
    wider = Pool("wide", IPv4Network("10.78.0.0/28"))
    d.reload([User("bob", Secret("y"), sessions=20)], [wider])
    assert refused(d.authenticate(pap("alice", "correct horse"), SOURCE, 0.0))
    got = {leased(d.admit("bob", 0.0, source=SOURCE)).ipv4 for _ in range(10)}
    assert not got & {lease.ipv4 for lease in kept}
    assert "13 of 13" in refused(d.admit("bob", 0.0, source=SOURCE)).reason
    d.release(kept[0], 0.0)
    assert leased(d.admit("bob", 0.0, source=SOURCE)).ipv4 == kept[0].ipv4


def test_a_user_who_is_removed_is_not_admitted() -> None:
    d = directory()
    d.reload([User("bob", Secret("y"))], [STAFF])
    assert refused(d.admit("alice", 0.0, source=SOURCE)).reason == "no such user any more: alice"


@pytest.mark.parametrize(
    ("users", "pools", "said"),
    [
        ([ALICE], [], "no pool"),
        ([ALICE, ALICE], [STAFF], "alice is there twice"),
        ([replace(ALICE, pool="x")], [STAFF], "no such pool: x"),
        ([ALICE], [STAFF, STAFF], "same name"),
        ([ALICE], [STAFF, Pool("b", IPv4Network("10.77.0.128/25"))], "overlap"),
        ([replace(ALICE, address=IPv4Address("10.77.0.1"))], [STAFF], "pool staff"),
        ([replace(ALICE, address=IPv4Address("10.77.0.255"))], [STAFF], "pool staff"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_changes_nothing(
    users: list[User], pools: list[Pool], said: str
) -> None:
    d = directory()
    with pytest.raises(ValueError, match=said):
        d.reload(users, pools)
    assert d.authenticate(pap("alice", "correct horse"), SOURCE, 0.0) == Accepted("alice")


def test_two_users_cannot_have_one_address() -> None:
    address = IPv4Address("10.77.0.50")
    with pytest.raises(ValueError, match="taken by user alice"):
        directory(replace(ALICE, address=address), User("bob", Secret("x"), address=address))


def test_users_and_pools_have_to_make_sense() -> None:
    with pytest.raises(ValueError, match="password"):
        User("alice", Secret(""))
    with pytest.raises(ValueError, match="room"):
        Pool("p", IPv4Network("10.0.0.0/31"))
    with pytest.raises(ValueError, match="room"):
        Pool("p", IPv4Network("10.0.0.0/24"), IPv6Network("fd00::/127"))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["admit", "release", "reload"]),
            st.sampled_from(["alice", "bob"]),
            st.integers(0, 9),
        ),
        max_size=60,
    )
)
def test_no_address_ever_has_two_leases(walk: list[tuple[str, str, int]]) -> None:
    small = Pool("small", IPv4Network("10.78.0.0/29"), IPv6Network("fd78::/61"))
    large = Pool("large", IPv4Network("10.78.0.0/28"), IPv6Network("fd78::/60"))
    alice = User("alice", Secret("x"), sessions=4, address=IPv4Address("10.78.0.3"))
    users = [alice, User("bob", Secret("y"))]
    d = Directory(users, [small], rng=bytes, limits=GuessLimits())
    leases: list[Lease] = []
    for now, (what, user, which) in enumerate(walk):
        if what == "admit":
            answer = d.admit(user, float(now), source=SOURCE)
            if isinstance(answer, Lease):
                leases.append(answer)
        elif what == "release" and leases:
            d.release(leases.pop(which % len(leases)), float(now))
        elif what == "reload":
            fixed = replace(alice, address=IPv4Address(f"10.78.0.{2 + which % 5}"))
            d.reload([fixed, users[1]], [large if which % 2 else small])
        assert len({lease.ipv4 for lease in leases}) == len(leases)
        prefixes = [lease.ipv6_prefix for lease in leases if lease.ipv6_prefix is not None]
        assert len(set(prefixes)) == len(prefixes)
        assert sum(lease.user == "alice" for lease in leases) <= 4
        assert all(lease.ipv4 != IPv4Address("10.78.0.1") for lease in leases)
    for lease in leases:
        d.release(lease, 1000.0)
    assert all((u.ipv4_used, u.ipv6_used) == (0, 0) for u in d.usage())
    assert not d._leases
    assert not d._sessions


def test_a_certificate_lets_its_user_in_and_nobody_else() -> None:
    d = directory()
    known = CertificateAttempt("alice", "CN=Alice")
    assert d.authenticate(known, SOURCE, 0.0) == Accepted("alice")
    unknown = refused(d.authenticate(CertificateAttempt("bob", "CN=Bob\r"), SOURCE, 0.0))
    assert unknown.reason == r"no such user: bob (certificate of CN=Bob\r)"
    assert not unknown.retry


def test_a_certificate_of_a_disabled_account_is_refused() -> None:
    d = directory(replace(ALICE, disabled=True))
    answer = refused(d.authenticate(CertificateAttempt("alice", "CN=Alice"), SOURCE, 0.0))
    assert (answer.reason, answer.error) == ("alice: the account is disabled", 647)


def test_a_certificate_waits_for_nobody_who_guesses_and_needs_no_fresh_password() -> None:
    d = directory(replace(ALICE, expired=True))
    d.authenticate(pap("alice", "wrong"), SOURCE, 0.0)
    assert "too many" in refused(d.authenticate(pap("alice", "x"), SOURCE, 0.5)).reason
    answer = d.authenticate(CertificateAttempt("alice", "CN=Alice"), SOURCE, 0.5)
    assert answer == Accepted("alice")


def test_a_login_by_eap_brings_the_key_that_comes_of_it() -> None:
    response = generate_nt_response(bytes(16), bytes(16), b"alice", ALICE.password)
    attempt = EapMsChapV2Attempt(b"BIGCO\\alice", bytes(16), bytes(16), response)
    answer = directory().authenticate(attempt, SOURCE, 0.0)
    assert isinstance(answer, Accepted)
    assert answer.key is not None
    assert len(answer.key.reveal()) == 16
    assert answer.key.reveal().hex() not in repr(answer)
