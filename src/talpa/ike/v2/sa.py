"""One IKE SA: its keys, its two windows of one message each, its children (RFC 7296 2.1 to 2.4)."""

from collections.abc import Hashable
from enum import Enum
from hashlib import blake2s
from typing import TYPE_CHECKING

from talpa.crypto.prf import prf as prf_of
from talpa.ike.config import Connection, Lifetimes, Policy
from talpa.ike.events import AddressOffer, IkeDown, IkeFailed, Peer
from talpa.ike.fragments import Reassembly
from talpa.ike.header import Header
from talpa.ike.identities import Identity
from talpa.ike.policies import IkeSuite
from talpa.ike.v2.child_record import Child
from talpa.ike.v2.keymat import Keys
from talpa.ike.v2.numbers import Exchange, Flag, NotifyKind
from talpa.ike.v2.opening import Opening
from talpa.ike.v2.payloads import Chain, notify, write_chain
from talpa.ike.v2.protection import Envelope, Opened, Protection, authenticated_chunk
from talpa.ike.v2.tasks import Asked, Following, Task
from talpa.sansio import Path

if TYPE_CHECKING:
    from talpa.ike.v2.handshake import Handshake
    from talpa.ike.v2.room import Room

_LINGER = 10.0
"""Seconds that an SA which is over still answers what comes again."""
_BAD_MESSAGES = 5
"""Messages that do not open, after which a half-open SA takes no more."""


class Stage(Enum):
    """How far an IKE SA is."""

    INIT = "IKE_SA_INIT"
    HALF_OPEN = "half-open"
    """Keys are agreed; the peer has not proved itself."""
    UP = "up"
    CLOSING = "closing"
    """Our delete is on its way; nothing else happens any more."""
    GONE = "gone"


class IkeSa:
    """An IKE SA."""

    __slots__ = (
        "_answered",
        "_answered_id",
        "_reassembly",
        "admitted",
        "answering",
        "asked",
        "bad",
        "children",
        "closing_reason",
        "connection",
        "following",
        "fragmentation",
        "given",
        "handshake",
        "heard",
        "initiator",
        "keys",
        "local_id",
        "local_spi",
        "mobike",
        "natt",
        "next_answer",
        "next_ask",
        "number",
        "opening",
        "path",
        "peer",
        "peer_natted",
        "protection",
        "queue",
        "rekeyed",
        "rekeyed_by",
        "rekeying",
        "remote_spi",
        "room",
        "since",
        "stage",
        "successor",
        "suite",
        "we_natted",
    )

    def __init__(
        self,
        room: "Room",
        number: int,
        path: Path,
        local_spi: bytes,
        remote_spi: bytes,
        now: float,
        *,
        initiator: bool,
        natt: bool,
    ) -> None:
        self.room = room
        self.number = number
        self.path = path
        self.natt = natt
        """It runs on the socket of ESP in UDP."""
        self.initiator = initiator
        """We sent its first message."""
        self.local_spi = local_spi
        self.remote_spi = remote_spi
        self.stage = Stage.INIT
        self.opening: Opening | None = None
        """Responder: its IKE_SA_INIT, while that may come again."""
        self.admitted: Path | None = None
        """It counts as half-open, for where it was admitted from."""
        self.suite: IkeSuite | None = None
        self.keys: Keys | None = None
        self.protection: Protection | None = None
        self.handshake: Handshake | None = None
        self.peer: Peer | None = None
        self.local_id: Identity | None = None
        self.connection: Connection | None = None
        self.children: dict[bytes, Child] = {}
        """By outbound SPI."""
        self.asked: Asked | None = None
        self.queue: list[Task] = []
        self.next_ask = 0
        self.next_answer = 0
        self.answering: tuple[int, int, bytes, Path] | None = None
        """The request whose response is still being made: message id, exchange, mark, and the way
        it came, which the response goes back."""
        self._answered: tuple[bytes, list[bytes]] | None = None
        self._answered_id = -1
        self._reassembly: tuple[int, bool, int, Reassembly] | None = None
        self.bad = 0
        self.fragmentation = False
        self.mobike = False
        self.we_natted = False
        self.peer_natted = False
        self.since = now
        self.heard = now
        self.rekeyed = 0
        self.rekeying = False
        """Our request to re-key it waits, or is under way."""
        self.rekeyed_by: tuple[bytes, IkeSa] | None = None
        """As in `Child`."""
        self.successor: IkeSa | None = None
        """What took its place by re-keying."""
        self.following: Following | None = None
        self.given: AddressOffer | None = None
        """Addresses that the peer got of us."""
        self.closing_reason = ""

    # identification

    @property
    def spis(self) -> bytes:
        """SPIi | SPIr."""
        if self.initiator:
            return self.local_spi + self.remote_spi
        return self.remote_spi + self.local_spi

    @property
    def policy(self) -> Policy:
        """What we take and offer in it."""
        return (self.connection and self.connection.policy) or self.room.shared.config.policy

    @property
    def lifetimes(self) -> Lifetimes:
        """Ours for it."""
        connection = self.connection
        return (connection and connection.lifetimes) or self.room.shared.config.lifetimes

    def envelope(self, exchange: int, message_id: int, *, response: bool) -> Envelope:
        """What stands in the header of a message of ours."""
        spis = self.spis
        flags = (Flag.INITIATOR if self.initiator else 0) | (Flag.RESPONSE if response else 0)
        return Envelope(spis[:8], spis[8:], exchange, flags, message_id)

    # deadlines

    def arm(self, what: Hashable, when: float | None) -> None:
        """Set, move or clear one of its deadlines."""
        self.room.shared.deadlines.arm((2, (self.local_spi, what)), when)

    # keys

    def take_keys(self, keys: Keys) -> None:
        """Protect everything with these from now on."""
        assert self.suite is not None
        self.keys = keys
        self.protection = Protection(
            self.suite, keys, self.room.shared.rng, initiator=self.initiator
        )
        self.room.log_keys(self)

    # requests of ours

    def ask(self, task: Task, now: float, *, soon: bool = False) -> None:
        """Send a request, when those before it are answered. `soon`: before all others."""
        if soon:
            self.queue.insert(0, task)
        else:
            self.queue.append(task)
        self.pump(now)

    def drop_queue(self) -> None:
        """What waits to be asked will not be, and gives back what it holds."""
        for task in self.queue:
            task.dropped(self)
        self.queue.clear()

    def pump(self, now: float) -> None:
        """Send the next request of the queue, if none is under way."""
        while self.asked is None and self.queue and self.protection is not None:
            task = self.queue.pop(0)
            chain = task.build(self, now)
            if chain is None:
                continue
            envelope = self.envelope(task.exchange, self.next_ask, response=False)
            self.asked = Asked(self.next_ask, task, self._sealed(envelope, chain))
            self.next_ask += 1
            self.transmit(now)

    def transmit(self, now: float) -> None:
        """Send what is asked, once more."""
        asked = self.asked
        if asked is None:
            return
        config = self.room.shared.config
        if asked.sends >= config.retransmit_limit:
            self.silent()
            return
        wait = min(config.retransmit_first * 2**asked.sends, config.retransmit_cap)
        asked.sends += 1
        self.arm("ask", now + wait)
        self.room.send(self.path, asked.datagrams)

    def answered(self) -> None:
        """The request under way has its response."""
        self.asked = None
        self.arm("ask", None)

    def silent(self) -> None:
        """The peer answers no more."""
        if self.handshake is not None and self.handshake.refusal:
            offered, said = self.handshake.mismatch
            self.end(self.handshake.refusal, by_peer=True, offered=offered, allowed=said)
            return
        where = self.asked.task.exchange.name if self.asked else ""
        self.end(
            f"The peer at {self.path.remote} does not answer ({where}): "
            "it is gone, or a firewall is in the way."
        )

    # responses of ours

    def respond(self, chain: Chain, now: float) -> None:
        """Answer the request that is being answered."""
        if self.answering is None or self.stage is Stage.GONE:
            return
        message_id, exchange, mark, path = self.answering
        self.answering = None
        self.next_answer = message_id + 1
        envelope = self.envelope(exchange, message_id, response=True)
        datagrams = self._sealed(envelope, chain)
        self._answered, self._answered_id = (mark, datagrams), message_id
        self.room.send(path, datagrams)
        if self.asked is None:
            self.pump(now)

    def refuse(self, kind: NotifyKind, now: float, data: bytes = b"") -> None:
        """Answer with an error alone."""
        self.respond([notify(kind, data)], now)

    def put_off(self) -> None:
        """Drop the request that is being answered: the peer will send it again."""
        self.answering = None

    def _sealed(self, envelope: Envelope, chain: Chain) -> list[bytes]:
        assert self.protection is not None
        first, inner = write_chain(chain)
        if envelope.exchange == Exchange.IKE_INTERMEDIATE and self.stage is Stage.HALF_OPEN:
            self.authenticate_intermediate(envelope, first, inner, ours=True)
        limit = self.room.shared.config.fragment_octets if self.fragmentation else None
        return self.protection.seal(envelope, first, inner, limit)

    def authenticate_intermediate(
        self, envelope: Envelope, first: int, inner: bytes, *, ours: bool
    ) -> None:
        """Add an IKE_INTERMEDIATE message to what AUTH covers (RFC 9242 3.3.2)."""
        assert self.handshake is not None
        assert self.suite is not None
        assert self.keys is not None
        chunk = authenticated_chunk(envelope, first, inner)
        prf, made = prf_of(self.suite.prf), self.handshake
        if ours == self.initiator:
            made.authenticated_i = prf.compute(self.keys.pi, made.authenticated_i, chunk)
        else:
            made.authenticated_r = prf.compute(self.keys.pr, made.authenticated_r, chunk)

    # input

    def open(self, path: Path, header: Header, data: bytes, now: float) -> Opened | None:
        """The whole message in a datagram, when it is the one to be taken now; None: dropped, with
        its reason counted, or not whole yet."""
        drops = self.room.shared.drops
        response = bool(header.flags & Flag.RESPONSE)
        if bool(header.flags & Flag.INITIATOR) == self.initiator:
            drops.add("IKEv2: wrong initiator flag")
            return None
        if self.protection is None:
            drops.add("IKEv2: no keys yet")
            return None
        mark = b""
        if response:
            if self.asked is None or header.message_id != self.asked.id:
                drops.add("IKEv2: response to nothing")
                return None
        else:
            mark = blake2s(data, digest_size=16).digest()
            if not self._wanted(path, header.message_id, mark):
                return None
        if self.stage is Stage.HALF_OPEN and self.bad >= _BAD_MESSAGES:
            drops.add("IKEv2: too many messages that do not open")
            return None
        opened = self.protection.open(data)
        if opened is None:
            self.bad += 1
            drops.add("IKEv2: does not open")
            return None
        self.bad = 0
        if opened.fragment:
            whole = self._reassembled(header.message_id, opened, response=response)
            if whole is None:
                return None
            opened = whole
        self.drop_fragments()
        self.heard = now
        if not response:
            self.answering = (header.message_id, header.exchange, mark, path)
        return opened

    def _wanted(self, path: Path, message_id: int, mark: bytes) -> bool:
        """Whether a request is the next one. The last one again has its response again."""
        drops = self.room.shared.drops
        if message_id == self.next_answer:
            if self.answering is None:
                return True
            drops.add("IKEv2: request is being answered")
        elif message_id == self._answered_id and self._answered is not None:
            drops.add("IKEv2: request again")
            if self._answered[0] == mark:
                self.room.send(path, self._answered[1])
        else:
            drops.add("IKEv2: message id outside the window")
        return False

    def _reassembled(self, message_id: int, part: Opened, *, response: bool) -> Opened | None:
        if not self.fragmentation:
            self.room.shared.drops.add("IKEv2: fragment that was not agreed on")
            return None
        held = self._reassembly
        if held is None or held[:2] != (message_id, response):
            self.drop_fragments()
            proven = self.stage is not Stage.HALF_OPEN
            budget = None if proven else self.room.shared.fragment_budget
            held = (message_id, response, 0, Reassembly(budget))
        if part.number == 1:
            held = (message_id, response, part.first, held[3])
        self._reassembly = held
        whole = held[3].add(part.number, part.total, part.plaintext)
        return None if whole is None else part._replace(first=held[2], plaintext=whole)

    def drop_fragments(self) -> None:
        """What waits for the rest of a message, waits no more."""
        if self._reassembly is not None:
            self._reassembly[3].clear()
            self._reassembly = None

    # its end

    def refused(
        self,
        reason: str,
        now: float,
        *,
        by_peer: bool = False,
        offered: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
    ) -> None:
        """It never came up. It is kept for a while, so that our last word can be said again."""
        handshake = self.handshake
        if handshake is not None and not handshake.quiet:
            handshake.quiet = True
            self._say_failed(reason, offered, allowed, by_peer=by_peer)
        self.stage, self.closing_reason = Stage.CLOSING, reason
        self.drop_queue()
        self.arm("end", now + _LINGER)

    def _say_failed(
        self, reason: str, offered: tuple[str, ...], allowed: tuple[str, ...], *, by_peer: bool
    ) -> None:
        handshake = self.handshake
        self.room.shared.events.append(
            IkeFailed(
                self.path,
                handshake.remote_id if handshake else self.peer.identity if self.peer else None,
                handshake.stage if handshake else "CREATE_CHILD_SA",
                reason,
                offered,
                allowed,
                connection=self.connection.name if self.connection else "",
                initiated=self.initiator,
                by_peer=by_peer,
            )
        )

    def end(
        self,
        reason: str,
        *,
        by_peer: bool = False,
        offered: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
    ) -> None:
        """It is gone, without another message: with the event that suits its stage."""
        stage = self.stage
        if stage is Stage.GONE:
            return
        if (
            stage in (Stage.INIT, Stage.HALF_OPEN)
            and self.handshake is not None
            and not self.handshake.quiet
        ):
            self._say_failed(reason, offered, allowed, by_peer=by_peer)
        self.room.forget(self, reason, by_peer=by_peer)
        if stage is Stage.UP and self.room.current(self.number) is None:
            self.room.shared.events.append(IkeDown(self.number, reason, by_peer))
