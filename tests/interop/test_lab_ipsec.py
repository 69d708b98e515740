"""The lab proves itself: two releases of strongSwan, each with xl2tpd, through each kind of NAT. A
fault that Talpa shows where this passes is Talpa's."""

import pytest

from interop import xl2tpd
from interop.lab import Guest, Image
from interop.strongswan import Setting, StrongSwan
from interop.topology import Topology


@pytest.mark.parametrize(
    "topology", [Topology(caller_nat=True, answerer_nat=True)], ids=["both_nat"]
)
@pytest.mark.parametrize("setting", [Setting(version=1, ike="aes256-sha1-modp2048")], ids=str)
def test_two_strongswans(image: Image, topology: Topology, setting: Setting) -> None:
    with (
        topology,
        Guest(
            image,
            topology.answering.wire,
            "server",
            topology.answering.address(topology.ANSWERER),
            gateway=topology.answering.gateway,
        ) as upper,
        Guest(
            image,
            topology.calling.wire,
            "client",
            topology.calling.address(topology.CALLER),
            gateway=topology.calling.gateway,
            suite="bookworm",
        ) as lower,
    ):
        server = StrongSwan(upper, setting, answers=True)
        lns = xl2tpd.Server(upper, xl2tpd.Setting())
        client = StrongSwan(lower, setting, remote=topology.answerer)
        lac = xl2tpd.Client(lower, xl2tpd.Setting(), topology.answerer)
        for daemon in (server, lns, client, lac):
            daemon.start()
        client.initiate()
        lac.dial()
        lac.interface_up()
        lower.run(f"ping -q -c 3 -i 0.1 -W 2 {lns.inside}", timeout=15)
        client.until_sas("in-UDP")
