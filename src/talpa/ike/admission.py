"""Who may begin an exchange: half-open SAs, rates and cookies, before anybody has proved anything.

The unit is the place (`talpa.sansio.place`): a carrier's NAT, with thousands of clients behind one
address, is one.
"""

from hashlib import sha256
from hmac import compare_digest, digest
from ipaddress import ip_address

from talpa.ike.config import Config
from talpa.sansio import Address, Path, Rng, place

_SECRET_OCTETS = 32
_COOKIE_OCTETS = 32
_SECRET_SECONDS = 60.0
"""A cookie is taken under the secret of its time and the one before: for 120 s at most."""
_UNPROVEN_SHARE = 0.75
"""Of all half-open SAs: what is left is for those who answered a cookie, so that forged addresses
do not lock them out."""


class _Place:
    """What is known of one place."""

    __slots__ = ("half_open", "since", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.half_open = 0
        self.tokens = tokens
        self.since = now
        """When `tokens` was right."""


class Admission:
    """Counts what is half open and limits what begins. Never more places than `half_open` and as
    many again that have just been here."""

    __slots__ = ("_config", "_half_open", "_places", "_rng", "_secrets", "_slot")

    def __init__(self, config: Config, rng: Rng) -> None:
        self._config = config
        self._rng = rng
        self._places: dict[str, _Place] = {}
        self._half_open = 0
        self._secrets = (b"", b"")
        self._slot = -2

    @property
    def half_open(self) -> int:
        """All that are half open."""
        return self._half_open

    def configure(self, config: Config) -> None:
        """Other limits; what is half open stays."""
        self._config = config

    def admit(self, path: Path, now: float, *, proven: bool = False) -> bool:
        """Whether a new exchange may begin from there. If so, it counts as half open until
        `settled` is called with the same remote host. `proven`: the peer answered a cookie."""
        config = self._config
        most = config.half_open if proven else int(config.half_open * _UNPROVEN_SHARE)
        if self._half_open >= most:
            return False
        name = place(path.remote.host)
        known = self._places.get(name)
        if known is None:
            if len(self._places) >= 2 * config.half_open:
                self._sweep(now)
            known = self._places[name] = _Place(max(1.0, config.rate_per_place), now)
        else:
            self._refill(known, now)
        if known.half_open >= config.half_open_per_place or known.tokens < 1.0:
            return False
        known.tokens -= 1.0
        known.half_open += 1
        self._half_open += 1
        return True

    def put_off(self, path: Path) -> None:
        """One that was admitted is asked for a cookie instead: as if it had not been there."""
        self.settled(path)
        known = self._places.get(place(path.remote.host))
        if known is not None:
            known.tokens += 1.0

    def settled(self, path: Path) -> None:
        """One that was admitted came up, or ended."""
        known = self._places.get(place(path.remote.host))
        if known is not None and known.half_open:
            known.half_open -= 1
            self._half_open -= 1

    def cookie_wanted(self, path: Path, now: float) -> bool:  # noqa: ARG002
        """Whether a peer there must show first that it gets what is sent to it (RFC 7296 2.6)."""
        limit = self._config.cookies_from
        if self._half_open >= limit:
            return True
        known = self._places.get(place(path.remote.host))
        return known is not None and known.half_open >= max(1, limit // 4)

    def cookie(self, path: Path, spi_i: bytes, nonce: bytes, now: float) -> bytes:
        """For this initiator, and for nobody else."""
        self._turn(now)
        return self._cookie(0, path.remote, spi_i, nonce)

    def cookie_good(
        self, cookie: bytes, path: Path, spi_i: bytes, nonce: bytes, now: float
    ) -> bool:
        """Whether it is one of ours, for this initiator, and not too old."""
        self._turn(now)
        return len(cookie) == _COOKIE_OCTETS and any(
            compare_digest(cookie, self._cookie(age, path.remote, spi_i, nonce)) for age in (0, 1)
        )

    def _cookie(self, age: int, remote: Address, spi_i: bytes, nonce: bytes) -> bytes:
        host = ip_address(remote.host.partition("%")[0]).packed
        slot = self._slot - age
        said = b"%b%b%b%b%b" % (
            slot.to_bytes(8, "big", signed=True),
            remote.port.to_bytes(2, "big"),
            len(host).to_bytes(1, "big"),
            host,
            sha256(nonce).digest() + spi_i,
        )
        return digest(self._secrets[age], said, "sha256")[:_COOKIE_OCTETS]

    def _turn(self, now: float) -> None:
        slot = int(now // _SECRET_SECONDS)
        if slot == self._slot:
            return
        before = self._secrets[0] if slot == self._slot + 1 else self._rng(_SECRET_OCTETS)
        self._secrets = (self._rng(_SECRET_OCTETS), before)
        self._slot = slot

    def _refill(self, known: _Place, now: float) -> None:
        rate = self._config.rate_per_place
        known.tokens = min(max(1.0, rate), known.tokens + (now - known.since) * rate)
        known.since = now

    def _sweep(self, now: float) -> None:
        """Forget who has nothing half open and may begin as many as ever; failing that, who has
        nothing half open."""
        idle = [(name, known) for name, known in self._places.items() if not known.half_open]
        most = max(1.0, self._config.rate_per_place)
        for _, known in idle:
            self._refill(known, now)
        rested = [name for name, known in idle if known.tokens >= most]
        for name in rested or [name for name, _ in idle]:
            del self._places[name]
