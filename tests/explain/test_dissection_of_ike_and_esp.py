"""IKE and ESP are told in one sentence; with a key log, what is inside, too; and never a secret."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explain.conversation import SCCRQ, control
from ike.endpoints import PSK, Pair, Said, call, conversation
from talpa.esp.packet import Outbound
from talpa.esp.sa import Sa
from talpa.explain import (
    Dissection,
    Ladder,
    SecurityKeys,
    dissect_esp,
    dissect_ike,
    dissect_natt,
)
from talpa.ike.events import KeysMade, SasAdded


@cache
def talk(version: int) -> Pair:
    """From the first message to the goodbye, with the key log on."""
    pair = conversation(version, key_log=True)
    pair.client.close(1, "bye", 1.0)
    pair.run()
    return pair


def key_log(pair: Pair) -> SecurityKeys:
    keys = SecurityKeys()
    for _, event in pair.events:
        if isinstance(event, KeysMade):
            keys.add(event.table, event.line)
    return keys


def told(pair: Pair, keys: SecurityKeys | None) -> list[str]:
    found = [dissect_ike(said.data, keys) for said in pair.said]
    assert not [one.problems for one in found if one.problems]
    return [f"{one.message}: {one.sentence}" for one in found]


def test_ikev1_with_its_keys() -> None:
    pair = talk(1)
    first, *others = told(pair, key_log(pair))
    assert first.startswith("Main Mode: offers ")
    assert first.endswith(" suites (SA, 3 VID)")
    assert others == [
        "Main Mode: chooses AES-CBC-256/SHA-256/ECP-384 by PSK (SA, 3 VID)",
        "Main Mode: exchanges keys, looks for NAT (KE, NONCE, 2 NAT-D)",
        "Main Mode: exchanges keys, looks for NAT (KE, NONCE, 2 NAT-D)",
        "Main Mode: proves who it is: 198.18.0.1 (ID, HASH, N)",
        "Main Mode: proves who it is: 198.18.0.2 (ID, HASH)",
        "Quick Mode: offers 15 suites for ESP (HASH, SA, NONCE, 2 ID)",
        "Quick Mode: agrees on keys for AES-GCM-16-256, transport (HASH, SA, NONCE, 2 ID)",
        "Quick Mode: confirms that it has the keys for ESP (HASH)",
        *others[8:],
    ]
    assert [line.partition(":")[0] for line in others[8:]] == ["Informational"] * 2
    assert others[9] == "Informational: tells: this phase 1 is over (HASH, D)"


def test_ikev2_with_its_keys() -> None:
    pair = talk(2)
    lines = told(pair, key_log(pair))
    assert lines[0].startswith("IKE_SA_INIT: offers ")
    assert lines[1].startswith(
        "IKE_SA_INIT: chooses IKE AES-GCM-16-256 / SHA-256 / X25519 / ML-KEM-768, exchanges keys ("
    )
    assert lines[2] == "IKE_INTERMEDIATE: sends piece 1 of 2 of a message"
    assert lines[3:5] == ["IKE_INTERMEDIATE: exchanges another key (KE)"] * 2
    assert lines[5].startswith("IKE_AUTH: proves who it is: 198.18.0.1 (IDi, ")
    assert lines[6].startswith("IKE_AUTH: proves who it is: 198.18.0.2 (IDr, ")
    assert lines[7] == "INFORMATIONAL: ends an SA (D)"


@pytest.mark.parametrize("version", [1, 2])
def test_without_keys_the_exchange_is_told_and_that_it_is_encrypted(version: int) -> None:
    pair = talk(version)
    lines = told(pair, None)
    assert lines[0] == told(pair, key_log(pair))[0]
    assert lines[-1].endswith("; encrypted")
    assert lines == [told(pair, SecurityKeys())[at] for at in range(len(lines))]


@pytest.mark.parametrize("version", [1, 2])
def test_a_ladder_shows_each_message_and_which_come_again(version: int) -> None:
    pair, ladder = talk(version), Ladder("client", "server")
    keys = key_log(pair)
    for said in pair.said:
        for again in (False, True):
            rung = ladder.rung(0.0, dissect_ike(said.data, keys), to_right=said.by_client)
            assert rung is not None
            assert rung.label.startswith(f"IKEv{version} ")
            assert rung.again is again


@pytest.mark.parametrize("version", [1, 2])
def test_no_key_and_no_proof_is_shown(version: int) -> None:
    pair = talk(version)
    keys = key_log(pair)
    shown = repr([dissect_ike(said.data, keys) for said in pair.said])
    for _, event in pair.events:
        if isinstance(event, KeysMade):
            for cell in event.line.replace('"', "").replace("0x", "").split(",")[1:]:
                assert len(cell) < 32 or cell not in shown
    assert PSK.secret.reveal().hex() not in shown
    for layer in (one for said in pair.said for one in dissect_ike(said.data, keys).layers):
        for field in layer.fields:
            if field.name in ("KE", "NONCE", "Nonce", "HASH", "AUTH", "NAT-D"):
                assert field.value.endswith(" octets")
            assert field.rfc.startswith(("RFC ", "MS-IKEE"))


def outbound_sas(pair: Pair) -> list[Sa]:
    return [event.outbound for _, event in pair.events if isinstance(event, SasAdded)]


@pytest.mark.parametrize("version", [1, 2])
def test_esp_is_user_traffic_until_its_key_is_known_and_then_what_is_inside(version: int) -> None:
    pair = talk(version)
    sa = outbound_sas(pair)[0]
    udp = b"\x06\xa5\x06\xa5" + (8 + len(SCCRQ_DATAGRAM)).to_bytes(2, "big") + b"\0\0"
    packet = Outbound(sa, random.Random(1).randbytes).seal(udp + SCCRQ_DATAGRAM, 17)
    assert packet is not None
    closed = dissect_esp(packet)
    assert closed.traffic == len(packet)
    assert closed.sentence.endswith(f"under SPI {sa.spi:#010x}")
    opened = dissect_natt(packet, key_log(pair))
    assert opened.message == "SCCRQ"
    assert [layer.name for layer in opened.layers][:3] == ["ESP", "UDP", "L2TP"]
    forged = packet[:-1] + bytes((packet[-1] ^ 1,))
    assert dissect_esp(forged, key_log(pair)).problems


SCCRQ_DATAGRAM = control(to_server=True, ns=0, nr=0, message=SCCRQ)


def test_what_else_comes_to_port_4500() -> None:
    assert dissect_natt(b"\xff").message == "keep-alive"
    assert dissect_natt(bytes(4) + talk(1).said[0].data).message == "Main Mode"
    assert dissect_natt(b"").message == "malformed"


def every(found: Dissection) -> str:
    return "".join(
        [found.protocol, found.message, found.sentence, *found.problems]
        + [f"{field.name}{field.value}" for layer in found.layers for field in layer.fields]
    )


def check(data: bytes, keys: SecurityKeys) -> None:
    for found in (dissect_ike(data, keys), dissect_esp(data, keys), dissect_natt(data, keys)):
        assert every(found).isprintable()
        assert len(found.sentence) < 600


@pytest.mark.parametrize("version", [1, 2])
def test_changed_messages_are_dissected_or_malformed(version: int) -> None:
    chance = random.Random(version)
    keys = key_log(talk(version))
    for said in talk(version).said * 60:
        data = bytearray(said.data)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(16, len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(28, len(data)) :]
        data[24:28] = len(data).to_bytes(4, "big")
        check(bytes(data), keys)


@given(st.binary(max_size=120), st.sampled_from((0x10, 0x20, 0x30)), st.integers(0, 255))
def test_any_octets_are_dissected_or_malformed(data: bytes, version: int, exchange: int) -> None:
    head = b"initiate" + bytes(9) + bytes((version, exchange, 0)) + bytes(4)
    check(data, SecurityKeys())
    check(head + (28 + len(data)).to_bytes(4, "big") + data, SecurityKeys())


@given(st.sampled_from(("ikev1_decryption_table", "ikev2_decryption_table", "esp_sa")), st.text())
def test_any_line_of_a_key_log_is_taken_or_passed_over(table: str, line: str) -> None:
    SecurityKeys().add(table, line)


def test_fragments_of_ikev1_are_put_together() -> None:
    whole = talk(1).said[0].data
    keys = SecurityKeys()
    pieces = [whole[at : at + 300] for at in range(0, len(whole), 300)]
    lines = []
    for number, piece in enumerate(pieces, 1):
        body = b"\0\1" + bytes((number, number == len(pieces))) + piece
        payload = b"\0\0" + (4 + len(body)).to_bytes(2, "big") + body
        head = whole[:16] + b"\x84\x10\x02\0" + bytes(4) + (28 + len(payload)).to_bytes(4, "big")
        lines.append(dissect_ike(head + payload, keys).sentence)
    assert lines[0] == "sends piece 1 of a message"
    assert lines[-1] == dissect_ike(whole).sentence


def test_a_dissection_is_of_what_was_said() -> None:
    pair = Pair()
    pair.client.open(call(2), 0.0)
    said: Said = pair.drain(by_client=True)[0]
    found = dissect_ike(said.data)
    assert [layer.name for layer in found.layers] == ["IKEv2", "payloads"]
    names = [field.name for field in found.layers[1].fields]
    assert names[:3] == ["SA", "KE", "Nonce"]
