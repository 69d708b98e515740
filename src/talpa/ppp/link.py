"""A PPP link: its phases (RFC 1661 3), from the first LCP packet to the last."""

from enum import Enum

from talpa.crypto.credentials import PasswordChanged, Refused, Verdict
from talpa.ppp.auth import METHODS, Authenticator, Failure, Success, Supplicant
from talpa.ppp.automaton import Signal, State
from talpa.ppp.config import Config, Ipv4Offer
from talpa.ppp.events import Authenticated, Event, LinkClosed, PeerAttempted
from talpa.ppp.frames import Code, Protocol, emit_packet
from talpa.ppp.lcp import Lcp
from talpa.ppp.lcp.ras import RAS_NO_AGREEMENT, ras_data
from talpa.ppp.line import Line
from talpa.ppp.networks import Network, Standing
from talpa.sansio import Drops, Rng, earliest
from talpa.wire import Malformed

# RFC 3145 3.
_CAUSE_LCP_TIMEOUT = 5
_CAUSE_NO_ECHO = 8
_CAUSE_AUTHENTICATION_TIMEOUT = 13
_CAUSE_METHOD = 15
_CAUSE_AUTHENTICATION = 16
_CAUSE_NO_NETWORK = 18

_TO_AUTHENTICATOR: dict[int, tuple[int, ...]] = {Protocol.PAP: (1,), Protocol.CHAP: (2, 6, 7)}
"""Codes of the packets that the side which is authenticated sends, by protocol."""
_ANSWERS = (Code.CONFIGURE_ACK, Code.CONFIGURE_NAK, Code.CONFIGURE_REJECT, Code.TERMINATE_ACK)


class Phase(Enum):
    """RFC 1661 3.2."""

    DEAD = "dead"
    ESTABLISH = "establish"
    AUTHENTICATE = "authenticate"
    NETWORK = "network"
    TERMINATE = "terminate"


class PppLink:
    """One link, either side. A core: see `talpa.sansio.core` for how it is driven.

    After `Authenticated` the side that gives addresses calls `offer_ipv4` or `refuse_ipv4`, and
    `offer_ipv6` or `refuse_ipv6`; both may also be said right after the verdict. An offer is good
    until LCP goes down: if the peer negotiates anew, it authenticates anew, and is offered anew.
    With `Config.ask_address` the link needs no offer.
    """

    __slots__ = (
        "_auth_by",
        "_authenticator",
        "_finished",
        "_ipv4",
        "_ipv6",
        "_lcp",
        "_line",
        "_refusals",
        "_setup_at_most_by",
        "_setup_by",
        "_supplicant",
        "last_heard",
        "phase",
    )

    def __init__(self, config: Config, rng: Rng, drops: Drops | None = None) -> None:
        """`drops` may be shared by many links; None: one of its own."""
        self._line = Line(config, rng, drops if drops is not None else Drops())
        self._lcp = Lcp(self._line)
        self._ipv4 = Network(Protocol.IPCP, self._line)
        self._ipv6 = Network(Protocol.IPV6CP, self._line)
        self._authenticator: Authenticator | None = None
        self._supplicant: Supplicant | None = None
        self._setup_by: float | None = None
        self._setup_at_most_by = 0.0
        """Until when `_setup_by` may be put off."""
        self._refusals = 0
        """Wrong passwords before the present authentication."""
        self._auth_by: float | None = None
        self._finished = False
        self.phase = Phase.DEAD
        self.last_heard = 0.0
        """When anything was received; the owner may set it when data flows past PPP."""

    # What there is to know.

    @property
    def drops(self) -> Drops:
        """What was dropped, by reason."""
        return self._line.drops

    @property
    def ending(self) -> LinkClosed | None:
        """Why the link is being ended, while Terminate is under way; None: it is not."""
        return self._lcp.why if self.phase is Phase.TERMINATE else None

    @property
    def round_trip(self) -> float | None:
        """Seconds that the latest Echo-Request took to be answered."""
        return self._lcp.echo.round_trip

    @property
    def state(self) -> str:
        """The states of all protocols in one line: "LCP Opened, IPCP Req-Sent"."""
        protocols = (self._lcp, self._ipv4.ncp, self._ipv6.ncp)
        return ", ".join(f"{p.PROTOCOL.name} {p.state}" for p in protocols if p is not None)

    def transmits(self) -> list[tuple[int, bytes]]:
        """Drain what is to be sent: (PPP protocol, what stands behind the protocol field)."""
        out = self._line.out
        if out:
            self._line.out = []
            return out
        return []

    def events(self) -> list[Event]:
        """Drain what the owner should know."""
        events = self._line.events
        if events:
            self._line.events = []
            return events
        return []

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        lcp, ipcp, ipv6cp = self._lcp, self._ipv4.ncp, self._ipv6.ncp
        return earliest(
            lcp.deadline,
            lcp.echo.deadline,
            self._setup_by,
            self._auth_by,
            ipcp.deadline if ipcp is not None else None,
            ipv6cp.deadline if ipv6cp is not None else None,
            self._authenticator.next_timeout() if self._authenticator is not None else None,
            self._supplicant.next_timeout() if self._supplicant is not None else None,
        )

    # What happens to it.

    def lower_up(self, now: float) -> None:
        """The line can carry frames."""
        if self.phase is not Phase.DEAD or self._finished:
            return
        self.phase = Phase.ESTABLISH
        self.last_heard = now
        self._begin_setup(now)
        self._lcp.open(now)
        if self._line.config.passive:
            self._lcp.listen(now)
        else:
            self._lcp.up(now)
        self._settle(now)

    def lower_down(self, now: float) -> None:
        """The line is gone. Ends the link, if it has not ended yet."""
        if self._finished:
            return
        self._lcp.down(now)
        self._leave(now)
        self._finish(LinkClosed("the line under PPP went down", 0, by_peer=False))

    def receive(self, protocol: int, payload: bytes, now: float) -> None:
        """Take a frame: its protocol number and what stands behind the protocol field."""
        if self.phase is Phase.DEAD:
            self._drop("frame while the link is down")
            return
        self.last_heard = now
        if protocol in (Protocol.IPV4, Protocol.IPV6):
            self._drop("IP packet before its protocol is open")
            return
        if self._line.allow_packet(now):
            try:
                self._dispatch(protocol, payload, now)
            except Malformed as e:
                self._drop(e.reason)
        else:
            self._drop("control packets, too many")
        self._settle(now)

    def handle_timeout(self, now: float) -> None:
        """Act on every deadline that has passed."""
        if self._finished:
            return
        self._lcp.handle_timeout(now)
        self._settle(now)
        for party in (self._authenticator, self._supplicant):
            if party is not None:
                party.handle_timeout(now)
        for network in (self._ipv4, self._ipv6):
            if network.ncp is not None:
                network.ncp.handle_timeout(now)
        self._settle(now)
        self._keep_alive(now)
        self._check_progress(now)

    def close(self, now: float, reason: str, cause: int = 0) -> None:
        """End the link by LCP Terminate; `LinkClosed` comes when done.

        `cause` is a code of RFC 3145, or 0.
        """
        self._end(now, LinkClosed(reason, cause, by_peer=False))

    def verdict(self, verdict: Verdict | PasswordChanged, now: float) -> None:
        """The answer to `PeerAttempted`."""
        if self._authenticator is not None:
            self._authenticator.verdict(verdict, now)
            if self._auth_by is not None and isinstance(verdict, Refused):
                # Somebody types the password again.
                config, latest = self._line.config, self._setup_at_most_by
                self._auth_by = min(now + config.auth_timeout, latest)
                self._setup_by = min(now + config.setup_timeout, latest)
            self._settle(now)

    def offer_ipv4(self, offer: Ipv4Offer, now: float) -> None:
        """Let IPv4 run with these addresses."""
        self._offer(self._ipv4, offer, now)

    def offer_ipv6(self, now: float) -> None:
        """Let IPv6 run."""
        self._offer(self._ipv6, None, now)

    def refuse_ipv4(self, now: float) -> None:
        """Do not let IPv4 run. A link with nothing left to run ends."""
        self._refuse(self._ipv4, now)

    def refuse_ipv6(self, now: float) -> None:
        """Do not let IPv6 run. A link with nothing left to run ends."""
        self._refuse(self._ipv6, now)

    def identify(self, text: str) -> None:
        """Tell the peer who we are, by LCP Identification. Does nothing unless LCP is open."""
        if self._lcp.state is State.OPENED:
            self._lcp.identify(text.encode())

    # Frames.

    def _dispatch(self, protocol: int, payload: bytes, now: float) -> None:
        if protocol == Protocol.LCP:
            self._lcp.receive(payload, now)
        elif self.phase is Phase.NETWORK:
            self._network_frame(protocol, payload, now)
        elif self.phase is Phase.AUTHENTICATE and protocol in _TO_AUTHENTICATOR:
            if not self._authentication_frame(protocol, payload, now):
                self._drop("authentication protocol that was not agreed on")
        else:
            # RFC 1661 3.4 and 3.5: silently discarded.
            self._drop("frame before its phase")

    def _network_frame(self, protocol: int, payload: bytes, now: float) -> None:
        network = self._network(protocol)
        if network is not None:
            taken = network.receive(payload, now)
        elif protocol in _TO_AUTHENTICATOR:
            taken = self._authentication_frame(protocol, payload, now) or self._agreed(protocol)
        else:
            ours = protocol == Protocol.CCP and bool(self._line.config.habits.ccp)
            taken = ours and payload[:1] in [bytes((code,)) for code in _ANSWERS]
            if taken and payload[0] in (Code.CONFIGURE_NAK, Code.CONFIGURE_REJECT):
                self._send_ccp(Code.TERMINATE_REQUEST, ras_data(self._lcp.magic, RAS_NO_AGREEMENT))
        if not taken:
            self._lcp.reject_protocol(protocol, payload)

    def _send_ccp(self, code: Code, data: bytes) -> None:
        packet = emit_packet(code, self._lcp.next_serial(), data)
        self._line.out.append((Protocol.CCP, packet))

    def _authentication_frame(self, protocol: int, payload: bytes, now: float) -> bool:
        parties = [
            party
            for party in (self._authenticator, self._supplicant)
            if party is not None and party.method.protocol == protocol
        ]
        if len(parties) == 2:
            # The same protocol both ways: the code says for which side a packet is meant.
            response = payload[:1] in [bytes((code,)) for code in _TO_AUTHENTICATOR[protocol]]
            parties = parties[:1] if response else parties[1:]
        for party in parties:
            party.receive(protocol, payload, now)
        return bool(parties)

    def _agreed(self, protocol: int) -> bool:
        """Whether it is the protocol of an authentication that is over: a late repetition."""
        methods = (self._lcp.demand, self._lcp.prove)
        return any(m is not None and METHODS[m].protocol == protocol for m in methods)

    def _network(self, protocol: int) -> Network | None:
        if protocol == Protocol.IPCP:
            return self._ipv4
        if protocol == Protocol.IPV6CP:
            return self._ipv6
        return None

    # Consequences.

    def _settle(self, now: float) -> None:
        """Draw the consequences of whatever has happened in the protocols."""
        if self._lcp.signal:
            self._heed_lcp(now)
        if self._lcp.rejected_protocol:
            self._protocol_rejected(now)
        if self._authenticator is not None or self._supplicant is not None:
            self._heed_authentication(now)
        if self.phase is Phase.NETWORK:
            self._heed_networks(now)
        if self._line.abused:
            self._end(now, LinkClosed(self._line.abused, 0, by_peer=False))

    def _heed_lcp(self, now: float) -> None:
        match self._lcp.take_signal():
            case Signal.UP:
                self._authenticate(now)
            case Signal.DOWN:
                self._leave(now)
            case Signal.FINISHED:
                self._finish(LinkClosed("the link ended", 0, by_peer=False))
            case Signal.FAILED if self._lcp.why is not None:
                self._end(now, self._lcp.why)

    def _authenticate(self, now: float) -> None:
        lcp, config = self._lcp, self._line.config
        self.phase = Phase.AUTHENTICATE
        if lcp.prove is None and config.credentials is not None and config.insist_on_login:
            why = "the peer does not ask who we are: it may be an impostor"
            self._end(now, LinkClosed(why, _CAUSE_METHOD, by_peer=False, direction=2))
            return
        if lcp.demand is not None:
            self._authenticator = Authenticator(
                lcp.demand, config, self._line.rng, self._line.drops, refusals=self._refusals
            )
            self._authenticator.start(now)
        if lcp.prove is not None and config.credentials is not None:
            self._supplicant = Supplicant(
                lcp.prove,
                config.credentials,
                config,
                self._line.rng,
                authenticator=self._authenticator,
                drops=self._line.drops,
            )
            self._supplicant.start(now)
        if self._authenticator is None and self._supplicant is None:
            self._enter_network("", "none", now)
        else:
            self._auth_by = now + config.auth_timeout

    def _heed_authentication(self, now: float) -> None:
        authenticator, supplicant = self._authenticator, self._supplicant
        failures: list[tuple[Failure, int, int]] = []
        pending = False
        for direction, party in ((1, authenticator), (2, supplicant)):
            if party is None:
                continue
            self._line.out.extend(party.transmits())
            if isinstance(party.outcome, Failure):
                failures.append((party.outcome, direction, party.method.protocol))
            pending = pending or party.outcome is None
        if authenticator is not None and (attempt := authenticator.take_attempt()) is not None:
            self._line.events.append(PeerAttempted(attempt))
        if failures:
            self._authentication_failed(*failures[0], now)
        elif self.phase is Phase.AUTHENTICATE and not pending:
            outcome = authenticator.outcome if authenticator is not None else None
            name = outcome.name if isinstance(outcome, Success) else ""
            party = authenticator or supplicant
            self._enter_network(name, party.method.title if party else "none", now)

    def _authentication_failed(
        self, failure: Failure, direction: int, protocol: int, now: float
    ) -> None:
        cause = _CAUSE_AUTHENTICATION if failure.error else _CAUSE_AUTHENTICATION_TIMEOUT
        self._end(
            now,
            LinkClosed(
                failure.reason,
                cause,
                by_peer=failure.by_peer,
                direction=direction if failure.error else 0,
                protocol=protocol,
            ),
        )

    def _enter_network(self, name: str, method: str, now: float) -> None:
        self.phase = Phase.NETWORK
        self._auth_by = None
        self._line.events.append(Authenticated(name, method))
        habits = self._line.config.habits
        if habits.ipv6_first:
            self._ipv6.enter(now)
        if habits.ccp:
            self._send_ccp(Code.CONFIGURE_REQUEST, habits.ccp)
        self._ipv4.enter(now)
        if not habits.ipv6_first:
            self._ipv6.enter(now)
        self._check_networks(now)

    def _heed_networks(self, now: float) -> None:
        for network, other in ((self._ipv4, self._ipv6), (self._ipv6, self._ipv4)):
            match network.heed(now):
                case Signal.UP:
                    self._network_up(other, now)
                case Signal.FAILED | Signal.FINISHED:
                    self._check_networks(now)

    def _network_up(self, other: Network, now: float) -> None:
        self._setup_by = None
        # A packet of an NCP proves that the peer knows it is authenticated.
        if self._line.config.rechallenge_interval <= 0:
            self._authenticator = None
        if other.standing is Standing.AWAITED:
            self._refuse(other, now)

    def _offer(self, network: Network, offer: Ipv4Offer | None, now: float) -> None:
        if not self._finished:
            network.offer(offer, now, entered=self.phase is Phase.NETWORK)
            self._settle(now)

    def _refuse(self, network: Network, now: float) -> None:
        if self._finished:
            return
        early = network.refuse(now)
        if early:
            self._lcp.reject_protocol(network.protocol, early)
        self._check_networks(now)

    def _protocol_rejected(self, now: float) -> None:
        protocol, self._lcp.rejected_protocol = self._lcp.rejected_protocol, 0
        network = self._network(protocol)
        if network is not None:
            network.rejected(now)
            self._check_networks(now)
        elif protocol in _TO_AUTHENTICATOR and self.phase is Phase.AUTHENTICATE:
            why = "the peer rejects the authentication protocol that it agreed to"
            self._end(
                now, LinkClosed(why, _CAUSE_METHOD, by_peer=True, direction=1, protocol=protocol)
            )

    def _check_networks(self, now: float) -> None:
        """End a link on which no network protocol runs or will run."""
        networks = (self._ipv4, self._ipv6)
        standings = [network.standing for network in networks]
        if self.phase is not Phase.NETWORK or Standing.RUNNING in standings:
            return
        if Standing.AWAITED in standings and Standing.FAILED not in standings:
            return
        troubles = [f"{n.protocol.name}: {n.trouble()}" for n in networks if n.trouble()]
        reason = "no network protocol is left"
        if troubles:
            reason += f" ({'; '.join(troubles)})"
        self._end(now, LinkClosed(reason, _CAUSE_NO_NETWORK, by_peer=False))

    # Time.

    def _keep_alive(self, now: float) -> None:
        echo, config = self._lcp.echo, self._line.config
        if echo.deadline is None or echo.deadline > now:
            return
        if not echo.due(self.last_heard, config.echo_interval, now):
            return
        if echo.unanswered > config.echo_failures:
            why = f"no answer to {config.echo_failures} echoes"
            self._end(now, LinkClosed(why, _CAUSE_NO_ECHO, by_peer=False, protocol=Protocol.LCP))
            # Nobody is there to acknowledge it.
            self._finish(LinkClosed(why, _CAUSE_NO_ECHO, by_peer=False))
        else:
            self._lcp.send_echo(now)

    def _check_progress(self, now: float) -> None:
        if self._auth_by is not None and self._auth_by <= now:
            cause = _CAUSE_AUTHENTICATION_TIMEOUT
            limit = self._line.config.auth_timeout
            self._end(
                now, LinkClosed(f"authentication took more than {limit:g} s", cause, by_peer=False)
            )
        elif self._setup_by is not None and self._setup_by <= now:
            cause = _CAUSE_NO_NETWORK if self.phase is Phase.NETWORK else _CAUSE_LCP_TIMEOUT
            limit = self._line.config.setup_timeout
            self._end(now, LinkClosed(f"set-up took more than {limit:g} s", cause, by_peer=False))

    # Ends.

    def _end(self, now: float, why: LinkClosed) -> None:
        """Terminate; the first reason stays."""
        if self._finished or self.phase is Phase.TERMINATE:
            return
        up = self.phase is not Phase.DEAD
        self._lcp.close(now, why)
        self._leave(now)
        if up and self._lcp.state in (State.CLOSING, State.STOPPING):
            self._lcp.take_signal()
            self.phase = Phase.TERMINATE
            self._setup_by = None
        else:
            self._finish(why)

    def _leave(self, now: float) -> None:
        """LCP is not open any more: nothing above it stands."""
        if self._authenticator is not None:
            self._refusals = self._authenticator.refusals
        self._authenticator = self._supplicant = None
        self._auth_by = None
        for network in (self._ipv4, self._ipv6):
            network.leave(now)
        if self._lcp.state in (State.CLOSING, State.STOPPING):
            self.phase = Phase.TERMINATE
            self._setup_by = None
        elif self.phase in (Phase.AUTHENTICATE, Phase.NETWORK):
            self.phase = Phase.ESTABLISH
            if self._setup_by is None:
                self._begin_setup(now)

    def _begin_setup(self, now: float) -> None:
        config = self._line.config
        self._setup_by = now + config.setup_timeout
        self._setup_at_most_by = self._setup_by + config.auth_tries * config.auth_timeout

    def _finish(self, why: LinkClosed) -> None:
        """The link is dead; why it ended is told once."""
        if self._finished:
            return
        self._finished = True
        self.phase = Phase.DEAD
        self._line.events.append(self._lcp.why or why)
        self._lcp.deadline = self._lcp.echo.deadline = None
        self._setup_by = self._auth_by = None

    def _drop(self, reason: str) -> None:
        self._line.drops.add(reason)
