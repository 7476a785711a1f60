"""A small org in this process, for tests of what changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import stamina

from monitor.config import RemediationSettings
from monitor.ledger import Ledger
from monitor.simulator.world import World
from tests.remediation.bench import Bench
from tests.remediation.guard_inputs import AUTO

MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[MakeBench]:
    """Lays out an org whose timeouts are kept in one place or the other."""
    template = tmp_path / "template.db"
    Ledger.open(f"sqlite:///{template}").close()
    with ExitStack() as stack:
        stack.enter_context(stamina.set_testing(True, attempts=1))

        def make(
            kind: str = "integration-action",
            settings: RemediationSettings = AUTO,
            world: World | None = None,
        ) -> Bench:
            bench = Bench(kind, tmp_path, template, settings, world=world)
            stack.callback(bench.close)
            stack.callback(bench.check_rules)
            return bench

        yield make


@pytest.fixture(params=["flow", "integration-action"])
def bench(request: pytest.FixtureRequest, make_bench: MakeBench) -> Bench:
    """Each of them in turn."""
    return make_bench(str(request.param))
