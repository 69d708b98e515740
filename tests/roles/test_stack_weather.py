"""The whole stack in bad weather: every connection comes up and goes down, and nothing leaks."""

from dataclasses import replace
from functools import partial

import pytest

from simnet.link import Link
from simnet.stack import ClientEnd, Datagram, ServerEnd, connect
from talpa.l2tp.config import Config as L2tpConfig
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.roles.client import Stage
from talpa.wire import Secret

SEEDS = 1000
CHUNK = 50

# One message and its answer get through with a chance of 0.64: the default numbers of tries are too
# few for a thousand runs of many messages each to succeed without exception.
SERVER = L2tpConfig("server", retransmit_limit=16, setup_timeout=200.0)
CLIENT = L2tpConfig("client", retransmit_limit=16, setup_timeout=200.0)
CREDENTIALS = Credentials("alice", Secret("correct horse"))
PPP = PppConfig(setup_timeout=200.0, auth_timeout=200.0, max_configure=30)


def reached(client: ClientEnd, *stages: Stage) -> bool:
    return client.role.stage in stages


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_up_and_down_with_loss_duplication_reordering_and_delay(first: int) -> None:
    for seed in range(first, first + CHUNK):
        server = ServerEnd(
            2 * seed, l2tp=SERVER, ppp=replace(PPP, authenticate=("mschapv2",), name="server")
        )
        client = ClientEnd(
            2 * seed + 1,
            l2tp=CLIENT,
            ppp=replace(PPP, credentials=CREDENTIALS, ask_address=True, name="alice"),
        )
        link: Link[Datagram] = Link(seed, loss=0.2, duplicate=0.2, reorder=0.2, delay=(0.005, 0.3))
        pair = connect(link, client, server)
        pair.run(200, until=partial(reached, client, Stage.READY, Stage.CLOSED))
        assert client.role.stage is Stage.READY, (seed, client.role.failure, server.notices)
        pair.run(5)
        client.close(pair.now)
        assert pair.run(300, until=partial(reached, client, Stage.CLOSED)), seed
        pair.run(400)
        assert server.role.sessions() == [], seed
        assert server.role.endpoint.describe() == [], seed
        assert client.role.endpoint.describe() == [], seed
        assert server.directory.usage()[0].ipv4_used == 0, seed
        assert server.role.next_timeout() is None, seed
        assert client.role.next_timeout() is None, seed
