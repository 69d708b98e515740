"""Vendor ids: what they tell, and how few we send."""

from ike.recorded import ANDROID, APPLE, CHROMEOS, WINDOWS, vendors
from talpa.ike.devices import (
    VENDOR_IDS,
    answer_v1,
    device_of,
    is_microsoft,
    knows,
    name_of,
    natt_of,
    offer_v1,
)


def test_vendor_ids_are_those_of_the_papers() -> None:
    expected = {
        "RFC 3947": "4a131c81070358455c5728f20e95452f",
        "draft-ietf-ipsec-nat-t-ike-00": "4485152d18b6bbcd0be8a8469579ddcc",
        "draft-ietf-ipsec-nat-t-ike-02": "cd60464335df21f87cfdb2fc68b6a448",
        "draft-ietf-ipsec-nat-t-ike-02\\n": "90cb80913ebb696e086381b5ec427b1f",
        "draft-ietf-ipsec-nat-t-ike-03": "7d9419a65310ca6f2c179d9215529d56",
        "DPD": "afcad71368a1f1c96b8696fc77570100",
        "XAUTH": "09002689dfd6b712",
        "FRAGMENTATION": "4048b7d56ebce88525e7de7f00d6c2d3",
        "MS NT5 ISAKMPOAKLEY": "1e2b516905991c7d7c96fcbfb587e461",
        "MS-Negotiation Discovery Capable": "fb1de3cdf341b7ea16b7e5be0855f120",
        "Vid-Initial-Contact": "26244d38eddb61b3172a36e3d0cfb819",
        "IKE CGA version 1": "e3a5966a76379fe707228231e5ce8652",
        "strongSwan": "882fe56d6fd20dbc2251613b2ebe5beb",
    }
    assert {name: VENDOR_IDS[name].hex() for name in expected} == expected


def test_names_are_for_people() -> None:
    assert name_of(VENDOR_IDS["RFC 3947"]) == "RFC 3947"
    assert name_of(WINDOWS.vendor_ids[1]) == "MS NT5 ISAKMPOAKLEY 00000008"
    assert name_of(b"OE-Libreswan-5.1\x1b[2J") == "Libreswan 5.1\\x1b[2J"
    assert name_of(b"\x01\x02") == "0102"
    assert len(name_of(bytes(1000))) <= 64


def test_fragmentation_does_not_make_a_microsoft_client() -> None:
    assert is_microsoft(WINDOWS.vendor_ids)
    assert is_microsoft([WINDOWS.vendor_ids[1]])
    assert is_microsoft(vendors("MS-Negotiation Discovery Capable"))
    for client in (APPLE, ANDROID, CHROMEOS):
        assert not is_microsoft(client.vendor_ids)


def test_a_microsoft_client_gets_the_fewest() -> None:
    assert answer_v1(WINDOWS.vendor_ids) == vendors("RFC 3947", "FRAGMENTATION")
    without = [vid for vid in WINDOWS.vendor_ids if vid != VENDOR_IDS["FRAGMENTATION"]]
    assert answer_v1(without) == vendors("RFC 3947")


def test_of_nat_traversal_the_rfc_alone_is_answered() -> None:
    for client in (APPLE, ANDROID, CHROMEOS):
        answered = answer_v1(client.vendor_ids)
        assert answered[0] == VENDOR_IDS["RFC 3947"]
        assert len(answered) <= 3
        assert knows(answered, "DPD") is knows(client.vendor_ids, "DPD")
    old = vendors("draft-ietf-ipsec-nat-t-ike-02\\n", "draft-ietf-ipsec-nat-t-ike-03")
    assert answer_v1(old) == vendors("draft-ietf-ipsec-nat-t-ike-03")
    assert natt_of(vendors("draft-ietf-ipsec-nat-t-ike-00")) == ""
    assert answer_v1([]) == ()


def test_what_we_call_with() -> None:
    assert offer_v1()[:2] == vendors("RFC 3947", "DPD")
    assert natt_of(offer_v1(drafts=True)) == "RFC 3947"
    assert knows(offer_v1(drafts=True), "draft-ietf-ipsec-nat-t-ike-02\\n")


def test_devices_of_ikev2() -> None:
    assert device_of([WINDOWS.vendor_ids[1]], 2) == "windows"
    assert device_of(vendors("strongSwan"), 2) == "strongswan"
    assert device_of([b"OE-Libreswan-5.1"], 2) == "libreswan"
    assert device_of([], 2) == ""
    assert device_of([b"", b"\xff" * 40], 1) == ""
