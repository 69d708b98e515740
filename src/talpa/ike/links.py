"""Which of the peers that are expected by name somebody may be, by what it proved itself with."""

from talpa.crypto.certificates import Certificate, Trust
from talpa.crypto.host_names import is_for
from talpa.ike.config import Connection, Psk


def proves(connection: Connection, psk: Psk | None) -> bool:
    """Whether a peer that has this key, or (None) a certificate, may be that connection: by the
    connection's own key; where it has none, by one that is for a single address, or for an
    identity that is demanded. A key that many have proves membership, and nobody's name."""
    if connection.remote_authentication != "psk" or psk is None:
        return connection.remote_authentication == "certificate" and psk is None
    if connection.psk is not None:
        return connection.psk.secret == psk.secret
    one_address = psk.peer is not None and psk.peer.prefixlen == psk.peer.max_prefixlen
    by_name = psk.identity is not None and connection.remote_identity is not None
    return by_name or one_address


def is_of(connection: Connection, certificate: Certificate, trust: Trust) -> bool:
    """Whether a certificate is for a connection that is known by where it is reached, and by no
    identity: that has to be among its names. Whoever else has one of the same CA, such as a user
    behind the NAT there, is not that connection."""
    host = connection.remote_host
    return bool(host) and is_for(certificate, host, common_name=not trust.strict)
