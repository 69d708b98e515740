"""What tells a connected host its routes, names and IPv6 prefix."""

from talpa.hostconfig.dhcp import answer_inform
from talpa.hostconfig.dhcp_client import Acknowledged, inform_request, parse_ack
from talpa.hostconfig.dhcpv6_client import Informed, information_request, parse_reply
from talpa.hostconfig.dhcpv6_message import uuid_duid
from talpa.hostconfig.offer import HostOffer
from talpa.hostconfig.ra import (
    Advertised,
    Prefix,
    is_router_solicitation,
    parse_advertisement,
    router_advertisement,
    router_solicitation,
    slaac_address,
)
from talpa.hostconfig.routes import Route
from talpa.hostconfig.service import LinkServices

__all__ = [
    "Acknowledged",
    "Advertised",
    "HostOffer",
    "Informed",
    "LinkServices",
    "Prefix",
    "Route",
    "answer_inform",
    "inform_request",
    "information_request",
    "is_router_solicitation",
    "parse_ack",
    "parse_advertisement",
    "parse_reply",
    "router_advertisement",
    "router_solicitation",
    "slaac_address",
    "uuid_duid",
]
