"""Who is behind a NAT, and what a Microsoft client is made to believe."""

import random
from hashlib import sha1

from talpa.crypto.algorithms import PrfId
from talpa.crypto.prf import prf
from talpa.ike.natt import (
    NatFound,
    nat_d,
    nat_d_for_udp,
    nat_d_to_microsoft,
    nat_found_v1,
    nat_found_v2,
    nat_hash_v1,
    nat_hash_v2,
)
from talpa.sansio import Address, Path

HASH = prf(PrfId.HMAC_SHA2_256)
SPIS = b"cookie-i", b"cookie-r"
CLIENT, CLIENT_OUTSIDE = Address("10.0.0.2", 500), Address("198.18.7.7", 61_000)
SERVER, SERVER_OUTSIDE = Address("172.16.0.9", 500), Address("198.18.8.8", 500)
RNG = random.Random(1).randbytes


def test_the_hash_is_of_spis_address_and_port() -> None:
    expected = sha1(b"cookie-icookie-r\x0a\x00\x00\x02\x01\xf4").digest()
    assert nat_hash_v2(*SPIS, CLIENT) == expected
    assert nat_hash_v1(prf(PrfId.HMAC_SHA1), *SPIS, CLIENT) == expected
    mapped = Address("::ffff:10.0.0.2", 500)
    assert nat_hash_v2(*SPIS, mapped) == expected
    v6 = sha1(b"cookie-icookie-r" + bytes(15) + b"\x01\x11\x94").digest()
    assert nat_hash_v2(*SPIS, Address("::1", 4500)) == v6
    assert nat_hash_v2(*SPIS, Address("::1%lo", 4500)) == v6


def seen(client_nat: bool, server_nat: bool) -> tuple[Path, Path]:
    """The client's and the server's idea of the way."""
    far_server = SERVER_OUTSIDE if server_nat else SERVER
    far_client = CLIENT_OUTSIDE if client_nat else CLIENT
    return Path(CLIENT, far_server), Path(SERVER, far_client)


def test_both_versions_find_each_nat() -> None:
    for client_nat in (False, True):
        for server_nat in (False, True):
            ours, theirs = seen(client_nat, server_nat)
            expected = NatFound(local=server_nat, remote=client_nat)
            assert nat_found_v1(HASH, *SPIS, theirs, nat_d(HASH, *SPIS, ours)) == expected
            source, destination = (nat_hash_v2(*SPIS, end) for end in (ours.local, ours.remote))
            assert nat_found_v2(*SPIS, theirs, [b"x" * 20, source], [destination]) == expected


def test_of_several_own_addresses_one_is_enough() -> None:
    ours, theirs = seen(client_nat=False, server_nat=False)
    first, own = nat_d(HASH, *SPIS, ours)
    other = nat_hash_v1(HASH, *SPIS, Address("10.9.9.9", 500))
    assert nat_found_v1(HASH, *SPIS, theirs, [first, other, own]) == NatFound(False, False)


def test_too_few_hashes_tell_nothing() -> None:
    _, theirs = seen(client_nat=False, server_nat=False)
    assert nat_found_v1(HASH, *SPIS, theirs, []) is None
    assert nat_found_v1(HASH, *SPIS, theirs, [b"x" * 32]) is None
    assert nat_found_v2(*SPIS, theirs, [], [b"x" * 20]) is None
    assert nat_found_v2(*SPIS, theirs, [b"x" * 20], []) is None


def test_a_microsoft_client_never_finds_the_server_behind_nat_and_always_itself() -> None:
    for client_nat in (False, True):
        for server_nat in (False, True):
            ours, _ = seen(client_nat, server_nat)
            said = nat_d_to_microsoft(nat_d(HASH, *SPIS, ours), RNG)
            assert said is not None
            assert nat_found_v1(HASH, *SPIS, ours, said) == NatFound(local=True, remote=False)
    assert nat_d_to_microsoft([], RNG) is None


def test_encapsulation_in_udp_can_be_had_without_any_nat() -> None:
    ours, theirs = seen(client_nat=False, server_nat=False)
    said = nat_d_for_udp(HASH, *SPIS, ours, RNG)
    assert [len(one) for one in said] == [32, 32]
    assert nat_found_v1(HASH, *SPIS, theirs, said) == NatFound(local=False, remote=True)
