"""A platform that answers everything with nothing, and a client that asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from monitor.config import OrgSettings
from monitor.genesys import Client, connect
from tests.genesys.far_side import FarSide, Reply, listening


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A platform that answers every question with nothing in it."""
    with listening() as far_side:
        far_side.otherwise = Reply(
            body={"id": "x", "entities": [], "jobId": "j", "state": "PENDING"}
        )
        yield far_side


@pytest.fixture
def client(far_side: FarSide) -> Iterator[Client]:
    """A client of the real parts."""
    client = connect(
        OrgSettings(
            name="x", client_id="c", client_secret=SecretStr("secret"), api_url=far_side.url
        )
    )
    yield client
    client.close()
