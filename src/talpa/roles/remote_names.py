"""Under which names the user of an IKE SA may stand in the configuration."""

from cryptography.x509.oid import NameOID

from talpa.ike import events as ike
from talpa.ike.identities import IdentityKind
from talpa.ike.names import parse_name


def user_names(event: ike.AddressWanted) -> tuple[str, ...]:
    """The whole name first, as the log shows it; then, where EAP has asked for none, the host name
    without the mark "@", or the common name of the subject. Both are exact, and proved by the same
    key or certificate. Nothing is taken off an e-mail address: at another domain is somebody else.
    """
    names = [event.user]
    kind, value = event.peer.identity.kind, event.peer.identity.value
    if event.peer.method.startswith("EAP"):
        return tuple(names)
    if kind is IdentityKind.FQDN:
        names.append(value.decode("ascii", "replace"))
    elif kind is IdentityKind.DER_DN and (subject := parse_name(value)) is not None:
        common = [each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        # Of several it could not be said which one is meant.
        if len(common) == 1 and isinstance(common[0], str):
            names.append(common[0])
    return tuple(names)
