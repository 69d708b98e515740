"""The services on a link in one place: an IP packet from the host in, the answers out."""

from talpa.hostconfig import dhcp, dhcpv6
from talpa.hostconfig.offer import HostOffer
from talpa.hostconfig.packets import ICMPV6, UDP, parse_icmp6
from talpa.hostconfig.ra import check_solicitation, router_advertisement
from talpa.sansio import Drops
from talpa.wire import Malformed

_IPV6_HEADER = 40


class LinkServices:
    """Answers for all links of a server: it keeps nothing but its counters."""

    __slots__ = ("drops",)

    def __init__(self) -> None:
        self.drops = Drops()

    def respond(self, packet: bytes, offer: HostOffer) -> list[bytes]:
        """IP packets to send back to the host; none when the packet is not for a service."""
        version = packet[0] >> 4 if packet else 0
        protocol = packet[6] if version == 6 and len(packet) >= _IPV6_HEADER else None
        if version == 4:
            reply = dhcp.answer_inform(packet, offer, self.drops)
        elif protocol == UDP:
            reply = dhcpv6.answer(packet, offer, self.drops)
        elif protocol == ICMPV6:
            reply = self._advertise(packet, offer)
        else:
            self.drops.add("IP packet for no service")
            reply = None
        return [] if reply is None else [reply]

    def opened(self, offer: HostOffer) -> list[bytes]:
        """What to send when IPV6CP opens, and every `ra.REPEAT_SECONDS` after: hosts wait up to
        seconds before they solicit (RFC 4861 6.3.7)."""
        return [] if offer.ours is None or offer.peer is None else [router_advertisement(offer)]

    def _advertise(self, packet: bytes, offer: HostOffer) -> bytes | None:
        try:
            check_solicitation(parse_icmp6(packet))
        except Malformed as error:
            self.drops.add(error.reason)
            return None
        if offer.ours is None or offer.peer is None:
            self.drops.add("router solicitation on a link without IPv6")
            return None
        return router_advertisement(offer)
