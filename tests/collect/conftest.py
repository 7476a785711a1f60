"""Watched orgs, real ledgers, and the log as a list."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog

from monitor.config import CollectSettings
from monitor.ledger import Ledger
from monitor.simulator import Scenario, SimulatedOrg, World, scenario, serve
from tests.collect.imagined import NOON
from tests.collect.watched import Watched, client_of
from tests.simulator.far_end import SetClock, StillClock
from tests.simulator.worlds import readable

KIND = World(detail_errors="named", telephony_errors="none", dependency_tracking="built")
"""Detail records name the data action that failed, and a page of flows holds no flow twice."""


class Watch(Protocol):
    """Serves an org and wires its reader."""

    def __call__(
        self,
        what: str | Scenario = "punctual",
        *names: str,
        deadline_seconds: float = 20.0,
        world: World | None = None,
        clock: SetClock | None = None,
        **settings: str,
    ) -> Watched:
        """Watch an org, with its usual sources or those named, and an hour of history.

        Where no world is named, it is ``KIND``. A clock that is set is ours alone: the platform
        has the true time.
        """
        ...


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where no ledger is yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A fresh ledger."""
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def clock() -> StillClock:
    """The time of the data: noon of a Monday."""
    return StillClock(NOON)


@pytest.fixture
def watch(ledger: Ledger, clock: StillClock) -> Iterator[Watch]:
    """Serves orgs and wires their readers; everything is closed when the test ends."""
    with ExitStack() as stack:
        still = clock

        def start(
            what: str | Scenario = "punctual",
            *names: str,
            deadline_seconds: float = 20.0,
            world: World | None = None,
            clock: SetClock | None = None,
            **settings: str,
        ) -> Watched:
            plan = scenario(what) if isinstance(what, str) else what
            org = SimulatedOrg(
                plan,
                clock.true if clock else still,
                world=world or readable(KIND),
                requests_per_minute=100_000,
            )
            simulator = stack.enter_context(serve(org))
            stop = threading.Event()
            client = client_of(simulator.url, deadline_seconds=deadline_seconds, stop=stop)
            stack.callback(client.close)
            usual = ("conversations",) if plan.contract == "flow" else ("actions", "conversations")
            return Watched(
                simulator=simulator,
                clock=clock or still,
                ledger=ledger,
                client=client,
                settings=CollectSettings.model_validate({"initial": "1h", **settings}),
                stop=stop,
                contract=plan.contract,
                names=names or usual,
            )

        yield start


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """What is logged, from now on; whatever another test made of the log."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]  # its mappings are dictionaries
    structlog.configure(**before)
