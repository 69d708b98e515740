from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.hostconfig.dhcp_message import encode_options
from talpa.hostconfig.names import decode_names, encode_names, usable_names
from talpa.hostconfig.routes import Route, decode_routes, encode_routes, split_routes
from talpa.wire import Malformed

RFC_3397_EXAMPLE = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
NAMES = st.lists(st.lists(LABEL, min_size=1, max_size=5).map(".".join), max_size=10)
ROUTES = st.lists(
    st.builds(
        lambda address, width, gateway: Route(
            IPv4Network((address, width), strict=False), IPv4Address(gateway)
        ),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
        st.integers(0, 2**32 - 1),
    ),
    max_size=40,
)


def test_the_search_list_of_rfc_3397_both_ways() -> None:
    names = ("eng.apple.com", "marketing.apple.com")
    assert encode_names(names, compress=True) == RFC_3397_EXAMPLE
    assert decode_names(RFC_3397_EXAMPLE) == names


@given(NAMES, st.booleans())
def test_names_come_back(names: list[str], compress: bool) -> None:
    assert decode_names(encode_names(names, compress)) == tuple(names)


@given(st.binary(max_size=300))
def test_any_octets_are_names_or_malformed(data: bytes) -> None:
    try:
        names = decode_names(data)
    except Malformed:
        return
    assert all(len(name) < 255 for name in names)


@pytest.mark.parametrize(
    "data",
    [b"\xc0\x00", b"\x01a\xc0\x02", b"\x01a\xc0\x00", b"\x40a\x00", b"\x03a b\x00", b"\x05ab"],
)
def test_loops_and_rubbish_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_names(data)


def test_chains_of_pointers_are_not_followed_for_long() -> None:
    chain = b"".join((0xC000 | max(0, 2 * at - 1)).to_bytes(2, "big") for at in range(600))
    with pytest.raises(Malformed, match="too many name pointers"):
        decode_names(b"\0" + chain)


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64, ".".join(["x" * 60] * 5), "a b"])
def test_what_is_no_domain_name_is_refused_when_configured(name: str) -> None:
    with pytest.raises(ValueError):
        encode_names([name])


def test_names_in_another_script_take_their_ascii_form() -> None:
    assert encode_names(["bücher.example"]) == b"\x0dxn--bcher-kva\x07example\x00"


def test_nothing_with_resolver_syntax_is_usable() -> None:
    offered = ("example.com", "~.", "-x.example", "a;b", "under_score.example", "a#b", "x.y.")
    assert usable_names(offered) == ("example.com", "under_score.example", "x.y.")


@pytest.mark.parametrize(
    ("network", "descriptor"),
    [
        ("0.0.0.0/0", (0,)),
        ("10.0.0.0/8", (8, 10)),
        ("10.0.0.0/24", (24, 10, 0, 0)),
        ("10.17.0.0/16", (16, 10, 17)),
        ("10.27.129.0/24", (24, 10, 27, 129)),
        ("10.229.0.128/25", (25, 10, 229, 0, 128)),
        ("10.198.122.47/32", (32, 10, 198, 122, 47)),
    ],
)
def test_the_destination_descriptors_of_rfc_3442(network: str, descriptor: tuple[int, ...]) -> None:
    route = Route(IPv4Network(network), IPv4Address("10.77.0.1"))
    assert encode_routes([route]) == bytes((*descriptor, 10, 77, 0, 1))
    assert decode_routes(bytes((*descriptor, 10, 77, 0, 1))) == (route,)


def test_bits_behind_the_mask_are_cleared() -> None:
    (route,) = decode_routes(bytes((25, 129, 210, 177, 132, 0, 0, 0, 0)))
    assert route.network == IPv4Network("129.210.177.128/25")


@given(ROUTES)
def test_routes_come_back(routes: list[Route]) -> None:
    assert decode_routes(encode_routes(routes)) == tuple(routes)


@given(st.binary(max_size=300))
def test_any_octets_are_routes_or_malformed(data: bytes) -> None:
    with suppress(Malformed):
        assert len(decode_routes(data)) <= 256


def test_long_options_are_split_with_the_same_number() -> None:
    assert encode_options([(119, b"x" * 300)]) == (
        b"\x77\xff" + b"x" * 255 + b"\x77\x2d" + b"x" * 45
    )


@given(ROUTES, st.integers(9, 255))
def test_routes_are_split_between_routes(routes: list[Route], most: int) -> None:
    parts = split_routes(encode_routes(routes), most)
    assert all(len(part) <= most for part in parts)
    assert [route for part in parts for route in decode_routes(part)] == routes
