"""Pages about IPsec: from the declarations that IKE and ESP run on."""

from pages.markdown import code, table

from talpa.ike import words
from talpa.ike.config import Policy
from talpa.ike.devices import VENDOR_IDS, name_of
from talpa.ike.policies import COMPATIBLE, LEGACY, MODERN
from talpa.ike.v1 import payloads as v1
from talpa.ike.v1.numbers import PayloadType
from talpa.ike.v1.rules import RULES
from talpa.ike.v2 import payloads as v2
from talpa.ike.v2.numbers import Kind, NotifyKind


def ike() -> str:
    """Policies, payloads of both versions, vendor ids."""
    return (
        "# IKE: policies and payloads\n\n"
        "## Policies\n\n"
        "Of what a peer offers the best is taken, not the first: by encryption, then group, then "
        "hash, then integrity, each in this order.\n\n"
        + "".join(_policy(policy) for policy in (COMPATIBLE, MODERN, LEGACY))
        + "What is weak comes last everywhere, and is never taken but by name: MODP-1024, 3DES, "
        "PFS with MODP-1024, HMAC-SHA-256 cut to 96 bits.\n\n"
        "IKEv1 knows neither AES-GCM nor ChaCha20 in IKE itself, and neither X25519, X448 nor "
        "ML-KEM; in ESP it knows AES-GCM. MD5, DES and groups below MODP-1024 are never taken.\n\n"
        "## Payloads of IKEv1\n\n"
        + table(("Type", "Name", "Layout", "Octets", "Defined in"), _v1())
        + "Payloads of each message; the first must come first where it says so.\n\n"
        + table(("Message", "Encrypted", "Must have", "May have"), _messages())
        + "## Payloads of IKEv2\n\n"
        + table(("Type", "Name", "Layout"), _v2())
        + "## Notifications of IKEv2\n\n"
        + table(("Number", "Name", "Kind"), _notifies())
        + "## Vendor ids\n\n"
        "What tells kinds of devices apart, and what they can. They prove nothing: anybody can "
        "send them.\n\n" + table(("Name", "Octets"), _vendors())
    )


def _policy(policy: Policy) -> str:
    weak = [one.what for one in policy.weak]
    rows = [
        line.partition(": ")[::2]
        for esp in (False, True)
        for line in words.describe_policy(policy, esp=esp)
        if not line.startswith("weak")
    ]
    if weak:
        rows.append(("weak, for every device", ", ".join(weak)))
    return f"### `{policy.name}`\n\n" + table(("Kind", "Best first"), rows)


def _v1() -> list[tuple[object, ...]]:
    return [
        (row.type.value, row.name, row.codec.name, _octets(row.codec), row.rfc)
        for row in v1.DECLARATIONS.values()
    ]


def _octets(codec: v1.Codec) -> str:
    return f"{codec.least} to {codec.most:,}" if codec.most else f"{codec.least} or more"


def _messages() -> list[tuple[object, ...]]:
    rows = []
    for rule in RULES.values():
        must = [_name(kind) for kind, (least, _) in rule.counts.items() if least]
        may = [
            f"{_name(kind)} (to {most})" for kind, (least, most) in rule.counts.items() if not least
        ]
        if rule.first:
            must = [f"{_name(rule.first)} first", *(m for m in must if m != _name(rule.first))]
        rows.append((rule.name, rule.protected, ", ".join(must) or "-", ", ".join(may)))
    return rows


def _name(kind: int) -> str:
    declared = v1.DECLARATIONS.get(kind)
    return declared.name if declared else str(PayloadType(kind))


def _v2() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (int(kind), str(Kind(kind)), codec.name) for kind, codec in v2.BODIES.items()
    ]
    rows += [(int(kind), str(kind), "encrypted payloads") for kind in (Kind.SK, Kind.SKF)]
    return sorted(rows, key=lambda row: row[0])  # type: ignore[arg-type, return-value]


def _notifies() -> list[tuple[object, ...]]:
    return [(int(one), str(one), "error" if one.error else "status") for one in NotifyKind]


def _vendors() -> list[tuple[str, str]]:
    return [(name_of(octets), code(octets.hex())) for octets in VENDOR_IDS.values()]
