"""The role behind `talpa connect`: L2TP in the clear, L2TP over IPsec, or IKEv2 alone."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from talpa.dataplane import interface as plane
from talpa.esp.sa import Mode
from talpa.ike.config import Call, Config, Connection, Psk
from talpa.ike.endpoint import Endpoint as IkeEndpoint
from talpa.ike.events import KeysMade
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.roles.client import Client, Network, Stage
from talpa.roles.ipsec_client import IkeClient, L2tpIpsecClient
from talpa.roles.notices import Tell
from talpa.sansio import Address, Path
from talpa.server.config.client import ClientIpsec, ClientSettings

NATT_PORT = 4500


class ClientRole(Protocol):
    """What the process needs of the role."""

    changed: bool
    on_fault: Callable[[str, Exception], None] | None

    @property
    def network(self) -> Network:
        """What the server gave us."""

    @property
    def stage(self) -> Stage:
        """How far the connection has come."""

    @property
    def stages(self) -> list[tuple[Stage, float]]:
        """When each stage was entered."""

    @property
    def failure(self) -> str:
        """Why the connection ended or never came up: a sentence."""

    @property
    def refused(self) -> bool:
        """Trying again as before is of no use."""

    @property
    def busy(self) -> bool:
        """A goodbye is not acknowledged yet."""

    def close(self, now: float) -> None:
        """Hang up in good order."""

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane."""

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed."""


def plane_config(settings: ClientSettings, source: str) -> plane.Config:
    """The sockets that a connection needs; `source` is our address towards the server. Those of
    IPsec are not bound to it, so that they outlive it."""
    if settings.ipsec is None:
        return plane.Config(
            listens=(Address(source, settings.local_port),),
            tun=settings.tun,
            tun_mtu=settings.mru,
        )
    anywhere = "::" if ":" in source else "0.0.0.0"
    return plane.Config(
        listens=(),
        tun=settings.tun,
        tun_mtu=settings.mru,
        ike=(Address(anywhere, 0),),
        natt=(Address(anywhere, 0),),
        raw_esp=(anywhere,),
    )


class Dialler:
    """Makes the role, and has it call."""

    def __init__(self, settings: ClientSettings, data_plane: plane.DataPlane, tell: Tell) -> None:
        self._settings = settings
        self._plane = data_plane
        self._plain: Client | None = None
        self._secured: L2tpIpsecClient | IkeClient | None = None
        self._remote = Address("", 0)
        self._source = ""
        ipsec = settings.ipsec
        if ipsec is None or ipsec.l2tp:
            self._plain = _l2tp_client(settings, data_plane, tell, self._last_data)
        if ipsec is not None:
            endpoint = IkeEndpoint(
                _ike_config(settings, ipsec, self._psks), os.urandom, self._last_heard
            )
            if self._plain is not None:
                self._secured = L2tpIpsecClient(self._plain, endpoint, tell)
            else:
                self._secured = IkeClient(
                    endpoint, data_plane, tell, settings.mru, ipv6=settings.ipv6
                )

    @property
    def role(self) -> ClientRole:
        """The role."""
        role = self._secured or self._plain
        assert role is not None
        return role

    @property
    def redirected(self) -> str:
        """Whom the server told us to call instead; empty: nobody."""
        return self._secured.redirected if self._secured is not None else ""

    def log_keys(self, write: Callable[[KeysMade], None]) -> None:
        """Have the keys written down."""
        if self._secured is not None:
            self._secured.key_log = write

    def open(self, remote: Address, source: str, now: float) -> None:
        """Call the server from our address `source`; the data plane is started."""
        settings = self._settings
        if self._secured is None:
            assert self._plain is not None
            self._plain.open(Path(self._plane.listens[0], remote), now)
            return
        assert settings.ipsec is not None
        self._remote, self._source = remote, source
        connection = _connection(settings, settings.ipsec)
        if not self._plane.takes_raw:
            connection = replace(connection, force_udp=True)
        self._secured.open(Call(connection, *self._paths()), now)

    def moved(self, source: str, now: float) -> bool:
        """Our address towards the server is `source`: whether it was another before, of which the
        server is told now."""
        if self._secured is None or source == self._source:
            return False
        self._source = source
        self._secured.ipsec.endpoint.move(self._secured.number, *self._paths(), now)
        return True

    def _paths(self) -> tuple[Path, Path]:
        """To the server's ports of IKE alone, and of IKE with ESP."""
        host = self._remote.host
        return (
            Path(Address(self._source, self._plane.ike_listens[0].port), self._remote),
            Path(Address(self._source, self._plane.natt_listens[0].port), Address(host, NATT_PORT)),
        )

    def _psks(self, host: str) -> Sequence[Psk]:
        """The server may renew phase 1 itself (IKEv1): it has the key, and nobody else."""
        ipsec = self._settings.ipsec
        if ipsec is None or ipsec.psk is None or host != self._remote.host:
            return ()
        return (Psk(ipsec.psk),)

    def _last_data(self, tunnel_id: int) -> float:
        assert self._plain is not None
        return self._plain.links.tunnel_last_received(tunnel_id)

    def _last_heard(self, association: int) -> float:
        assert self._secured is not None
        return self._secured.ipsec.last_heard(association)


def _l2tp_client(
    settings: ClientSettings,
    data_plane: plane.DataPlane,
    tell: Tell,
    last_data: Callable[[int], float],
) -> Client:
    secret = settings.tunnel_secret
    config = L2tpConfig(
        host_name=settings.name or socket.gethostname(), secret_for=lambda _name: secret
    )
    ppp = PppConfig(
        mru=settings.mru,
        accept=settings.methods,
        credentials=Credentials(settings.user, settings.password),
        name=settings.user,
        ipv6=settings.ipv6,
        ask_address=True,
        echo_interval=settings.echo_interval,
    )
    return Client(Endpoint(config, os.urandom, last_data), data_plane, ppp, os.urandom, tell)


def _ike_config(
    settings: ClientSettings, ipsec: ClientIpsec, psks: Callable[[str], Sequence[Psk]]
) -> Config:
    return Config(
        policy=ipsec.policy,
        wall=lambda: datetime.now(UTC),
        psks=psks,
        credential=ipsec.credential,
        trust=ipsec.trust,
        l2tp=False,
        remote_access=False,
        aggressive=ipsec.aggressive,
        dpd=settings.echo_interval,
        key_log=ipsec.key_log is not None,
    )


def _connection(settings: ClientSettings, ipsec: ClientIpsec) -> Connection:
    return Connection(
        settings.server,
        ipsec.version,
        local_identity=ipsec.identity,
        remote_identity=ipsec.server_identity,
        remote_host=settings.server,
        authentication=ipsec.authentication,
        remote_authentication=ipsec.server_authentication,
        psk=Psk(ipsec.psk) if ipsec.psk is not None else None,
        user=settings.user,
        password=settings.password or None,
        mode=Mode.TRANSPORT if ipsec.l2tp else Mode.TUNNEL,
        ask_address=not ipsec.l2tp,
        aggressive=ipsec.aggressive,
    )
