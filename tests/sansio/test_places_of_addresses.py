"""What counts as one place where something is bounded for each caller."""

import pytest

from talpa.sansio import place


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:ff:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:100::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("a:name", "a:name", True),
        ("a:name", "b:name", False),
    ],
)
def test_a_place_is_an_address_or_a_customers_prefix(one: str, other: str, same: bool) -> None:
    assert (place(one) == place(other)) == same
