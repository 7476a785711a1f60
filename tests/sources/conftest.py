"""A scripted platform on loopback, and a client that is wired to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.genesys import Client
from tests.genesys.far_side import FarSide, listening
from tests.poller.watched_org import client_of


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A platform that answers by script."""
    with listening() as platform:
        yield platform


@pytest.fixture
def client(far_side: FarSide) -> Iterator[Client]:
    """A client of the scripted platform."""
    opened = client_of(far_side.url)
    yield opened
    opened.close()
