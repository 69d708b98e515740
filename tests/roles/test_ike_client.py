"""What the client of IKEv2 alone makes of what the server gives."""

import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from simnet.plane import SimPlane
from simnet.secure import START
from talpa.hostconfig import Route
from talpa.ike.config import Config
from talpa.ike.endpoint import Endpoint
from talpa.ike.events import AddressGiven, AddressOffer
from talpa.ike.policies import COMPATIBLE
from talpa.roles.ipsec_client import IkeClient
from talpa.sansio import Address

HERE = IPv4Address(0)


@pytest.mark.parametrize("ipv6", [True, False])
def test_networks_of_both_kinds_are_taken(ipv6: bool) -> None:
    plane = SimPlane(lambda: 0.0, Address("198.18.0.2", 1701))
    endpoint = Endpoint(Config(COMPATIBLE, lambda: START), random.Random(1).randbytes)
    client = IkeClient(endpoint, plane, lambda _notice: None, 1400, ipv6=ipv6)
    offer = AddressOffer(
        IPv4Address("10.77.0.9"),
        IPv6Address("fd77::9"),
        dns=(IPv4Address("10.20.0.53"), IPv6Address("fd20::53")),
        routes=(IPv4Network("10.20.0.0/16"), IPv6Network("fd20::/48")),
    )
    client.ike_event(AddressGiven(1, offer), 0.0)
    assert client.network.routes == (
        Route(IPv4Network("10.20.0.0/16"), HERE),
        Route(IPv4Network("10.20.0.53/32"), HERE),
    )
    behind = (IPv6Network("fd20::/48"), IPv6Network("fd20::53/128"))
    assert client.network.routes6 == (behind if ipv6 else ()), "without IPv6 inside, none of it"
