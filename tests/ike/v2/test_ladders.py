"""Conversations in the notation of the RFCs, as they go over the wire."""

import re
from dataclasses import replace
from typing import Any

from ike.v2.credentials import GATEWAY, credential, trust
from ike.v2.ends import Party, World, config, l2tp
from ike.v2.test_eap import CLIENT, world_of
from ike.v2.test_quantum import BOTH
from ike.v2.test_weather import rekey_child, rekey_ike
from talpa.ike.v2.numbers import Exchange, Kind
from talpa.ike.v2.payloads import Contents, read_chain

SHORT = {
    Kind.SA: "SA",
    Kind.KE: "KE",
    Kind.ID_I: "IDi",
    Kind.ID_R: "IDr",
    Kind.CERT: "CERT",
    Kind.CERTREQ: "CERTREQ",
    Kind.AUTH: "AUTH",
    Kind.NONCE: "N",
    Kind.DELETE: "D",
    Kind.TS_I: "TSi",
    Kind.TS_R: "TSr",
    Kind.CP: "CP",
    Kind.EAP: "EAP",
}
QUIET = re.compile(r"NAT_DETECTION|FRAGMENTATION|SIGNATURE_HASH|REDIRECT_SUPPORTED|INTERMEDIATE")


def told(exchange: int, contents: Contents, *, sealed: bool) -> str:
    words = []
    for kind, found in contents.by_kind.items():
        if kind == Kind.NOTIFY:
            names = [str(kind_) for kind_ in (n.kind for n in found)]
            words += [f"N({name})" for name in names if not QUIET.search(name)]
        elif kind in SHORT:
            words.append(SHORT[Kind(kind)])
    inside = ", ".join(words)
    name = str(Exchange(exchange)).removeprefix("IKE_")
    return f"{name}: SK {{{inside}}}" if sealed else f"{name}: {inside}"


def taped(world: World) -> list[str]:
    lines: list[str] = []

    def listen(party: Party, arrow: str) -> None:
        receive, opened = party.receive, party.sas._opened

        def note(packet: Any, now: float) -> None:
            data = packet[2]
            if data[18] == Exchange.IKE_SA_INIT:
                said = told(data[18], read_chain(data[16], data, 28), sealed=False)
                lines.append(f"{arrow} {said}")
            receive(packet, now)

        def note_opened(
            sa: Any, path: Any, header: Any, one: Any, now: float, *, natt: bool
        ) -> None:
            contents = read_chain(one.first, one.plaintext, encrypted=True)
            lines.append(f"{arrow} {told(header.exchange, contents, sealed=True)}")
            opened(sa, path, header, one, now, natt=natt)

        party.receive = note  # type: ignore[method-assign]
        party.sas._opened = note_opened  # type: ignore[method-assign, assignment]

    listen(world.right, "-->")
    listen(world.left, "<--")
    return lines


def ladder(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def test_by_key_and_the_end() -> None:
    """RFC 7296 1.2, 1.4.1."""
    world = World()
    lines = taped(world)
    number = world.connect()
    world.left.sas.close(number, "", world.now)
    world.left.settle(world.now)
    world.run(5.0)
    assert lines == ladder(
        """
        --> SA_INIT: SA, KE, N
        <-- SA_INIT: SA, KE, N
        --> AUTH: SK {IDi, N(INITIAL_CONTACT), N(USE_TRANSPORT_MODE), N(MOBIKE_SUPPORTED), AUTH, SA, TSi, TSr}
        <-- AUTH: SK {IDr, AUTH, N(MOBIKE_SUPPORTED), N(USE_TRANSPORT_MODE), SA, TSi, TSr}
        --> INFORMATIONAL: SK {D}
        <-- INFORMATIONAL: SK {}
        """  # noqa: E501
    )


def test_a_cookie_and_another_group() -> None:
    """RFC 7296 2.6.1."""
    groups = replace(config().policy, groups=config().policy.groups[:2])
    other = replace(groups, groups=groups.groups[1:])
    world = World(config(policy=groups), config(policy=other, cookies_from=0))
    lines = taped(world)
    world.connect()
    assert lines[:6] == ladder(
        """
        --> SA_INIT: SA, KE, N
        <-- SA_INIT: N(COOKIE)
        --> SA_INIT: N(COOKIE), SA, KE, N
        <-- SA_INIT: N(INVALID_KE_PAYLOAD)
        --> SA_INIT: N(COOKIE), SA, KE, N
        <-- SA_INIT: SA, KE, N
        """
    )


def test_eap() -> None:
    """RFC 7296 2.16: the server first, by certificate."""
    world = world_of(eap_methods=("mschapv2",))
    lines = taped(world)
    world.connect(CLIENT)
    assert lines[2:] == ladder(
        """
        --> AUTH: SK {IDi, N(INITIAL_CONTACT), N(MOBIKE_SUPPORTED), CERTREQ, CP, SA, TSi, TSr}
        <-- AUTH: SK {IDr, CERT, AUTH, EAP}
        --> AUTH: SK {EAP}
        <-- AUTH: SK {EAP}
        --> AUTH: SK {EAP}
        <-- AUTH: SK {EAP}
        --> AUTH: SK {EAP}
        <-- AUTH: SK {EAP}
        --> AUTH: SK {AUTH}
        <-- AUTH: SK {AUTH, N(MOBIKE_SUPPORTED), CP, SA, TSi, TSr}
        """
    )


def test_additional_key_exchange_and_re_keying() -> None:
    """RFC 9370 2.2.2, 2.2.4; RFC 7296 1.3.2, 1.3.3."""
    world = World(config(policy=BOTH), config(policy=BOTH))
    lines = taped(world)
    world.connect()
    assert [line for line in lines if "INTERMEDIATE" in line] == ladder(
        """
        --> INTERMEDIATE: SK {KE}
        <-- INTERMEDIATE: SK {KE}
        """
    )
    del lines[:]
    rekey_ike(world, 0)
    world.run(5.0)
    rekey_child(world, 1)
    world.run(5.0)
    assert lines == ladder(
        """
        --> CREATE_CHILD_SA: SK {SA, N, KE}
        <-- CREATE_CHILD_SA: SK {SA, N, KE, N(ADDITIONAL_KEY_EXCHANGE)}
        --> FOLLOWUP_KE: SK {KE, N(ADDITIONAL_KEY_EXCHANGE)}
        <-- FOLLOWUP_KE: SK {KE}
        --> INFORMATIONAL: SK {D}
        <-- INFORMATIONAL: SK {}
        <-- CREATE_CHILD_SA: SK {N(REKEY_SA), N(USE_TRANSPORT_MODE), SA, N, TSi, TSr}
        --> CREATE_CHILD_SA: SK {SA, N, TSi, TSr, N(USE_TRANSPORT_MODE)}
        <-- INFORMATIONAL: SK {D}
        --> INFORMATIONAL: SK {D}
        """
    )


def test_by_certificate() -> None:
    world = World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust()),
    )
    lines = taped(world)
    world.connect(
        l2tp(
            psk=None,
            authentication="certificate",
            remote_authentication="certificate",
            remote_host=GATEWAY,
        )
    )
    assert lines[1] == "<-- SA_INIT: SA, KE, N, CERTREQ"
    assert lines[2].startswith("--> AUTH: SK {IDi, CERT, ")
    assert lines[3].startswith("<-- AUTH: SK {IDr, CERT, AUTH, ")
