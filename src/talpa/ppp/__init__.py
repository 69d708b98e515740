"""PPP: one link from LCP to the network protocols, whatever carries it."""

from talpa.ppp.config import Config, Credentials, Habits, Ipv4Offer
from talpa.ppp.link import Phase, PppLink

__all__ = ["Config", "Credentials", "Habits", "Ipv4Offer", "Phase", "PppLink"]
