import itertools

from talpa.ppp.auth import METHODS, agree, counter, demand, demand_after_nak, method_of

ALL = list(METHODS)


def test_methods_are_known_by_their_lcp_option() -> None:
    assert {name: m.option.hex() for name, m in METHODS.items()} == {
        "mschapv2": "c22381",
        "mschap": "c22380",
        "chap": "c22305",
        "pap": "c023",
    }
    for method in METHODS.values():
        assert method_of(method.option) is method
    for other in (b"", b"\xc2\x23", b"\xc2\x27", b"\xc0\x23\0", b"\xc2\x23\x06"):
        assert method_of(other) is None


def test_the_best_that_is_left_is_demanded() -> None:
    assert demand(("mschapv2", "chap")) == "mschapv2"
    assert demand(("mschapv2", "chap"), {"mschapv2"}) == "chap"
    assert demand(("mschapv2", "chap"), {"mschapv2", "chap"}) is None


def test_what_is_not_allowed_is_never_agreed_to() -> None:
    for size in range(len(ALL) + 1):
        for allowed in itertools.permutations(ALL, size):
            for suggested, refused in itertools.product(ALL, [(), ("mschapv2",), tuple(ALL)]):
                option = METHODS[suggested].option
                got = demand_after_nak(allowed, refused, option)
                assert got is None or (got in allowed and got not in refused)
                if suggested in allowed and suggested not in refused:
                    assert got == suggested
                assert agree(allowed, option) == (suggested if suggested in allowed else None)
            best = counter(allowed)
            assert best == (METHODS[allowed[0]].option if allowed else None)


def test_a_suggestion_nobody_knows_leads_to_the_next_best() -> None:
    assert demand_after_nak(("mschapv2", "chap"), {"mschapv2"}, b"\xc2\x27") == "chap"
    assert agree(("mschapv2",), b"\xc2\x27") is None
