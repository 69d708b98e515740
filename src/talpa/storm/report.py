"""What a storm measured: set-ups per second, the time of each stage, failures by cause."""

from collections import Counter
from dataclasses import dataclass, field

from talpa.dataplane.interface import Counters

STAGES = ("ipsec", "tunnel", "call", "lcp", "authentication", "address")
"""In the order in which a client goes through them; times are counted from the call's beginning."""

PERCENTILES = (50, 90, 99, 100)


@dataclass(slots=True)
class Report:
    """Collects while the storm lasts, for all swarms. Times in seconds."""

    calls: int = 0
    up: int = 0
    """Sessions established, again and again for one that redials."""
    present: int = 0
    """Sessions that stand now."""
    settled: int = 0
    """Sessions that stood when it was time to hang up."""
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By (stage that was waited for, cause)."""
    losses: Counter[str] = field(default_factory=Counter)
    """Established sessions that ended before their time, by cause."""
    received_packets: int = 0
    received_octets: int = 0
    sent_packets: int = 0
    sent_octets: int = 0
    rekeys: int = 0
    """Times that the keys of an association were replaced."""
    outages: list[float] = field(default_factory=list)
    """Seconds from the first loss until as many sessions stood again as before it."""
    began: float | None = None
    """When the first call was begun."""
    wave: int = 0
    """Sessions established before any was lost."""
    crest: float = 0.0
    """When the last of these was established."""
    outage: tuple[float, int] | None = None
    """When the present outage began, and how many sessions stood before it."""
    times: dict[str, list[float]] = field(default_factory=lambda: {s: [] for s in STAGES})

    def dialled(self, now: float) -> None:
        """A call was begun."""
        self.calls += 1
        if self.began is None:
            self.began = now

    def reached(self, stage: str, seconds: float) -> None:
        """A client has come so far, so long after it began."""
        self.times[stage].append(seconds)

    def established(self, now: float) -> None:
        """A client has its address."""
        self.up += 1
        self.present += 1
        if not self.losses:
            self.wave += 1
            self.crest = now
        if self.outage is not None and self.present >= self.outage[1]:
            self.outages.append(now - self.outage[0])
            self.outage = None

    def failed(self, stage: str, cause: str) -> None:
        """A call came to nothing."""
        self.failures[stage, cause] += 1

    def lost(self, cause: str, now: float) -> None:
        """An established session ended before its time."""
        self.losses[cause] += 1
        if self.outage is None:
            self.outage = (now, self.present)
        self.present -= 1

    def rekeyed(self, times: int) -> None:
        """An association is over, whose keys were replaced so often."""
        self.rekeys += times

    def time_to_go(self) -> None:
        """From now on sessions end because we want it."""
        self.settled = self.present

    def traffic(self, counters: Counters) -> None:
        """What went through a session that is over."""
        self.received_packets += counters.received_packets
        self.received_octets += counters.received_octets
        self.sent_packets += counters.sent_packets
        self.sent_octets += counters.sent_octets

    def rate(self) -> float:
        """Set-ups per second, from the first call to the last session that came up before any was
        lost. The first call takes no time to begin, so it is never above the rate of calls."""
        if self.began is None or self.crest <= self.began:
            return 0.0
        return (self.wave - 1) / (self.crest - self.began)

    def as_json(self) -> dict[str, object]:
        """The whole report, with stable names."""
        return {
            "calls": self.calls,
            "established": self.up,
            "up_at_end": self.settled,
            "failed": sum(self.failures.values()),
            "lost": sum(self.losses.values()),
            "per_second": round(self.rate(), 1),
            "rekeys": self.rekeys,
            "outages_s": [round(seconds, 3) for seconds in self.outages],
            "stages": {
                stage: {
                    "count": len(times),
                    **{f"p{p}_ms": percentile(times, p) for p in PERCENTILES},
                }
                for stage, times in self.times.items()
            },
            "failures": [
                {"stage": stage, "cause": cause, "count": count}
                for (stage, cause), count in self.failures.most_common()
            ],
            "losses": [
                {"cause": cause, "count": count} for cause, count in self.losses.most_common()
            ],
            "traffic": {
                "received_packets": self.received_packets,
                "received_octets": self.received_octets,
                "sent_packets": self.sent_packets,
                "sent_octets": self.sent_octets,
            },
        }


def percentile(times: list[float], percent: int) -> float | None:
    """The value below which `percent` of the times lie, in milliseconds; None without any."""
    if not times:
        return None
    ordered = sorted(times)
    index = min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100) - 1))
    return round(ordered[index] * 1000, 2)
