"""Every rule is tested on every implementation."""

import pytest

from dataplane.conformance import IMPLEMENTATIONS, Make, Peer, PurePlane, connect


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def make(request: pytest.FixtureRequest) -> Make:
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
def plane(make: Make) -> PurePlane:
    return make(True)


@pytest.fixture
def peer(plane: PurePlane) -> Peer:
    return connect(plane)
