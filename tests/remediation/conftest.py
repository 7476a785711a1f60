"""A small org in this process, for tests of what changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import stamina

from monitor.config import RemediationSettings
from monitor.ledger import Ledger
from tests.remediation.cases import AUTO
from tests.remediation.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Lays out an org whose timeouts are kept in one place or the other."""
    template = tmp_path / "template.db"
    Ledger.open(f"sqlite:///{template}").close()
    with ExitStack() as stack:
        stack.enter_context(stamina.set_testing(True, attempts=1))

        def make(kind: str = "integration-action", settings: RemediationSettings = AUTO) -> World:
            world = World(kind, tmp_path, template, settings)
            stack.callback(world.close)
            return world

        yield make


@pytest.fixture(params=["flow", "integration-action"])
def world(request: pytest.FixtureRequest, make_world: MakeWorld) -> World:
    """Each of them in turn."""
    return make_world(str(request.param))
