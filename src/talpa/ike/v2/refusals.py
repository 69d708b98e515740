"""What errors of a peer mean."""

from talpa.crypto.algorithms import GroupId
from talpa.ike.v2.numbers import NotifyKind
from talpa.ike.v2.payloads import Notify
from talpa.ike.words import group_name

_REFUSALS = {
    NotifyKind.NO_PROPOSAL_CHOSEN: "The peer takes none of the algorithms we offer: "
    "choose a policy that both have.",
    NotifyKind.AUTHENTICATION_FAILED: "The peer does not believe who we are: "
    "compare the pre-shared key, the certificate or the password, and the identities.",
    NotifyKind.TS_UNACCEPTABLE: "The peer refuses the addresses and ports we ask for.",
    NotifyKind.INTERNAL_ADDRESS_FAILURE: "The peer has no address for us.",
    NotifyKind.FAILED_CP_REQUIRED: "The peer wants us to ask it for an address.",
    NotifyKind.SINGLE_PAIR_REQUIRED: "The peer wants one pair of addresses for each child.",
    NotifyKind.NO_ADDITIONAL_SAS: "The peer takes no more children.",
    NotifyKind.INVALID_SYNTAX: "The peer cannot read our message.",
}


def refusal_of(error: Notify) -> str:
    """What an error that the peer sent means, in a sentence."""
    return _REFUSALS.get(error.kind, f"The peer refuses: {error.kind}.")


def said_of(error: Notify) -> str:
    """What an error tells of the algorithms, or of the addresses and ports, that the peer takes;
    "": nothing."""
    if error.kind == NotifyKind.INVALID_KE_PAYLOAD and len(error.data) == 2:
        wanted = group_name(GroupId(int.from_bytes(error.data, "big")))
        return f"the peer says {error.kind.name}: {wanted}"
    if error.kind in (NotifyKind.NO_PROPOSAL_CHOSEN, NotifyKind.TS_UNACCEPTABLE):
        return f"the peer says {error.kind.name}"
    return ""
