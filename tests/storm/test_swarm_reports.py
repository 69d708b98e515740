"""What a storm measures, what it makes of failures, and how it ends."""

import itertools
from dataclasses import replace

import pytest

from simnet.stack import ServerEnd
from storm.crowd import CROWD, POOL, PPP, Crowd
from talpa.aaa import User
from talpa.explain import dissect_l2tp
from talpa.l2tp.config import Config as L2tpConfig
from talpa.storm.families import FAMILIES, NEVER, habits
from talpa.storm.report import PERCENTILES, STAGES, Report, percentile
from talpa.wire import Secret


def leftovers(crowd: Crowd) -> list[object]:
    """Whatever stands at either end although all have gone."""
    role = crowd.swarm.role
    return [
        *crowd.server.role.sessions(),
        *crowd.server.role.endpoint.describe(),
        *role.endpoint.describe(),
        *role.links,
        *role._callers,
        *role._tunnels,
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_comes_up_and_leaves_nothing_behind(family: str) -> None:
    crowd = Crowd(family, pings=2.0).call(20)
    assert crowd.all_up(20, 10)
    assert len(crowd.addresses()) == 20
    crowd.run(3)
    report = crowd.report
    assert (report.calls, report.up, report.present) == (20, 20, 20)
    assert not report.failures
    assert not report.times["ipsec"]
    assert {len(report.times[stage]) for stage in STAGES if stage != "ipsec"} == {20}
    crowd.hang_up(5)
    assert leftovers(crowd) == []
    assert crowd.swarm.role.gone
    assert not report.losses
    assert not report.failures
    assert report.sent_packets == 20 * 6
    assert list(crowd.server.role.endpoint.drops) == [], "nothing that it sent was odd"
    assert crowd.server.directory.usage()[0].ipv4_used == 0
    crowd.run(70)
    assert crowd.swarm.role.next_timeout() is None


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_survives_bad_weather(family: str) -> None:
    crowd = Crowd(family, redial=True).call(10)
    crowd.link.loss = crowd.link.reorder = crowd.link.duplicate = 0.1
    assert crowd.all_up(10, 120)


def test_a_server_that_asks_for_no_login_is_no_success() -> None:
    rogue = ServerEnd(1, ppp=replace(PPP, authenticate=()), users=(CROWD,), pools=(POOL,))
    crowd = Crowd("xl2tpd", server=rogue).call(3).run(60)
    assert crowd.report.up == 0
    assert sum(crowd.report.failures.values()) == 3
    assert all("it may be an impostor" in str(why) for why in crowd.report.failures)


def test_stages_follow_each_other_and_times_are_those_of_the_link() -> None:
    crowd = Crowd("xl2tpd").call(5)
    assert crowd.all_up(5)
    times = crowd.report.times
    in_the_clear = STAGES[STAGES.index("tunnel") :]
    for earlier, later in itertools.pairwise(in_the_clear):
        assert all(a < b for a, b in zip(times[earlier], times[later], strict=True))
    assert times["tunnel"] == pytest.approx([0.02] * 5)


def test_percentiles() -> None:
    times = [n / 1000 for n in range(1, 101)]
    assert [percentile(times, p) for p in PERCENTILES] == [50.0, 90.0, 99.0, 100.0]
    assert percentile([0.5], 50) == percentile([0.5], 100) == 500.0
    assert percentile([], 50) is None


def test_the_rate_runs_from_the_first_call_to_the_last_session_and_stops_at_losses() -> None:
    report = Report()
    assert report.rate() == 0.0
    for n in range(5):
        report.dialled(10 + n)
    for n in range(5):
        report.established(11 + n)
    assert report.rate() == 4 / 5
    report.lost("gone", 20)
    report.established(50)
    assert report.rate() == 4 / 5
    assert report.outages == [30]


def test_an_outage_ends_when_as_many_are_back_as_there_were() -> None:
    report = Report()
    for _ in range(3):
        report.established(1.0)
    for second in (10, 11, 12):
        report.lost("gone", second)
    for second in (13, 14):
        report.established(second)
    assert report.outages == []
    report.established(15)
    assert report.outages == [5]
    report.lost("gone", 30)
    report.established(31)
    assert report.outages == [5, 1]


def test_the_report_as_json() -> None:
    crowd = Crowd("windows", pings=1.0).call(4)
    crowd.all_up(4)
    crowd.run(2.5)
    crowd.hang_up()
    report = crowd.report.as_json()
    assert list(report) == [
        "calls",
        "established",
        "up_at_end",
        "failed",
        "lost",
        "per_second",
        "rekeys",
        "outages_s",
        "stages",
        "failures",
        "losses",
        "traffic",
    ]
    assert report["calls"] == report["established"] == report["up_at_end"] == 4
    assert report["failed"] == report["lost"] == 0
    assert report["failures"] == report["losses"] == report["outages_s"] == []
    stages = report["stages"]
    assert isinstance(stages, dict)
    assert list(stages) == list(STAGES)
    assert stages["address"]["count"] == 4
    assert set(stages["tunnel"]) == {"count", "p50_ms", "p90_ms", "p99_ms", "p100_ms"}
    assert report["traffic"] == {
        "received_packets": 0,
        "received_octets": 0,
        "sent_packets": 8,
        "sent_octets": 8 * 64,
    }


# --- failures ------------------------------------------------------------------------------------


def failures(crowd: Crowd) -> dict[tuple[str, str], int]:
    return dict(crowd.report.failures)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_wrong_password_is_counted_once_for_each_call(family: str) -> None:
    crowd = Crowd(family, password=Secret("wrong")).call(3).run(60)
    assert sum(failures(crowd).values()) == crowd.report.calls == 3
    assert {stage for stage, _ in failures(crowd)} == {"authentication"}
    assert any("refused our name or password" in cause for _, cause in failures(crowd))
    assert crowd.report.up == 0
    assert leftovers(crowd) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_server_that_says_nothing(family: str) -> None:
    crowd = Crowd(family)
    crowd.link.cut = True
    crowd.call(3).run(120)
    assert failures(crowd) == {("tunnel", "the peer does not answer"): 3}
    assert leftovers(crowd) == []


def test_a_server_that_dies_during_login() -> None:
    crowd = Crowd("xl2tpd").call(3)
    crowd.pair.run(10, until=lambda: len(crowd.report.times["lcp"]) == 3)
    crowd.link.cut = True
    crowd.run(200)
    (((stage, _), count),) = failures(crowd).items()
    assert (stage, count) == ("authentication", 3)
    assert not crowd.swarm.role._callers


@pytest.mark.parametrize("family", ["xl2tpd", "lac"])
def test_a_refused_tunnel_is_counted_with_its_cause(family: str) -> None:
    secret = L2tpConfig("server", secret_for=lambda _: Secret("the server's"))
    server = ServerEnd(1, ppp=PPP, l2tp=secret, users=(CROWD,), pools=(POOL,))
    crowd = Crowd(family, server=server, tunnel_secret=Secret("another")).call(3).run(60)
    ((key, count),) = failures(crowd).items()
    assert key == ("tunnel", "the tunnel secrets differ")
    assert count == 3
    assert leftovers(crowd) == []


def test_no_method_in_common() -> None:
    server = ServerEnd(1, ppp=replace(PPP, authenticate=("pap",)), users=(CROWD,), pools=(POOL,))
    crowd = Crowd("windows", server=server).call(2).run(60)
    (((stage, cause), count),) = failures(crowd).items()
    assert (stage, count) == ("lcp", 2)
    assert "PAP" in cause


def test_who_has_not_come_up_when_it_is_time_to_go_has_failed() -> None:
    crowd = Crowd("xl2tpd").call(3).run(0.05)
    crowd.hang_up()
    assert sum(crowd.report.failures.values()) == 3
    assert {cause for _, cause in crowd.report.failures} == {"not finished when the storm ended"}
    assert crowd.report.settled == 0
    assert leftovers(crowd) == []


@pytest.mark.parametrize("family", ["xl2tpd", "android", "lac"])
def test_hanging_up_in_every_state_leaves_nothing_behind(family: str) -> None:
    for step in range(40):
        crowd = Crowd(family).call(3).run(step * 0.01)
        crowd.hang_up(40)
        assert leftovers(crowd) == [], step
        assert crowd.report.calls == 3
        assert crowd.report.settled + sum(crowd.report.failures.values()) == 3, step


# --- calling again -------------------------------------------------------------------------------


def test_all_are_back_after_a_restart_of_the_server_and_do_not_come_in_step() -> None:
    crowd = Crowd("xl2tpd", redial=True, echo_interval=2.0).call(30)
    assert crowd.all_up(30)
    crowd.replace_server()
    crowd.pair.run(120, until=lambda: crowd.swarm.role.up == 0)
    begun = crowd.report.calls
    assert crowd.report.losses.total() == 30
    crowd.run(0.6)
    assert begun < crowd.report.calls < begun + 30, "some wait longer than others"
    assert crowd.all_up(30, 60)
    assert len(crowd.report.outages) == 1
    assert len(crowd.addresses()) == 30
    crowd.hang_up()
    assert leftovers(crowd) == []
    assert crowd.report.settled == 30


def test_waits_grow_while_calls_fail() -> None:
    crowd = Crowd("xl2tpd", redial=True, password=Secret("wrong"))
    crowd.call(1).run(300)
    assert 7 <= crowd.report.calls <= 30
    assert crowd.report.up == 0
    assert sum(crowd.report.failures.values()) in (crowd.report.calls, crowd.report.calls - 1)


def test_nobody_calls_again_after_the_end() -> None:
    crowd = Crowd("xl2tpd", redial=True)
    crowd.link.cut = True
    crowd.call(5).run(70)
    crowd.hang_up()
    calls = crowd.report.calls
    crowd.link.cut = False
    crowd.run(120)
    assert crowd.report.calls == calls
    assert leftovers(crowd) == []


def test_without_redial_a_lost_session_stays_lost() -> None:
    crowd = Crowd("xl2tpd", echo_interval=2.0).call(3)
    assert crowd.all_up(3)
    crowd.replace_server()
    crowd.run(120)
    assert crowd.report.calls == 3
    assert crowd.report.losses.total() == 3
    assert crowd.swarm.role.up == 0


# --- habits --------------------------------------------------------------------------------------


def test_names_of_users_are_numbered() -> None:
    users = tuple(User(f"u{n}", CROWD.password) for n in range(1, 4))
    server = ServerEnd(1, ppp=PPP, users=users, pools=(POOL,))
    crowd = Crowd("xl2tpd", server=server, user="u{n}").call(3)
    assert crowd.all_up(3)
    assert {session.user for session in server.role.sessions()} == {"u1", "u2", "u3"}


def test_calls_of_a_concentrator_share_tunnels() -> None:
    crowd = Crowd("lac").call(501)
    assert crowd.all_up(501)
    assert sorted(t.sessions for t in crowd.server.role.endpoint.describe()) == [1, 500]


def test_a_phone_repeats_itself_every_two_seconds() -> None:
    crowd = Crowd("android")
    crowd.link.cut = True
    crowd.call().run(21)
    assert len(crowd.swarm.said) == 11


@pytest.mark.parametrize("family", FAMILIES)
def test_who_says_hello_of_its_own_accord(family: str) -> None:
    server = ServerEnd(
        1,
        l2tp=L2tpConfig("server", hello_interval=NEVER),
        ppp=replace(PPP, echo_interval=0.0),
        users=(CROWD,),
        pools=(POOL,),
    )
    crowd = Crowd(family, server=server)
    assert crowd.call().all_up(1)
    said = crowd.swarm.said
    said.clear()
    crowd.run(150)
    hellos = [datagram for datagram in said if dissect_l2tp(datagram).message == "HELLO"]
    assert len(hellos) == (0 if FAMILIES[family].hello_interval == NEVER else 2)


def test_habits_in_words() -> None:
    for family in FAMILIES.values():
        lines = list(habits(family))
        assert lines[0].startswith("Known from: ")
        assert len(lines) == len(set(lines))
        assert all(line.endswith(".") and line.isprintable() for line in lines)
    assert "SCCRQ has Host Name before Framing Capabilities." in habits(FAMILIES["android"])
    assert "Result Codes have their octets swapped." in habits(FAMILIES["macos"])
