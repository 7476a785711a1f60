"""A real server on a loopback port, and a client that asks it over real HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from monitor.exporter import MetricsCollector
from monitor.ledger import Ledger
from monitor.render import ReportContent
from monitor.snapshot import OrgSnapshot, Snapshot, SnapshotHolder
from monitor.web import ActionReader, TrailReader, WebServer, create_app
from tests.clocks import ManualClock
from tests.exporter.snapshots import NOW, snapshot
from tests.filled_ledger import CLASSIFIER
from tests.web.action_world import NOW as WORLD_NOW
from tests.web.action_world import ActionWorld, open_action_world, report_on
from tests.web.certificates import Certificate, make_certificate

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:  # noqa: ANN401 - a document of any shape
        """The body as a document."""
        assert self.headers.get_content_type() == "application/json"
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Site:
    """A server that runs, what it shows, and the clock it goes by."""

    port: int
    holder: SnapshotHolder
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request; header names are written with underscores."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    """Serve a snapshot of these orgs, or a given one, until the test ends."""
    with ExitStack() as servers:

        def served(
            *org_snapshots: OrgSnapshot,
            shown: Snapshot | None = None,
            trails: TrailReader | None = None,
        ) -> Site:
            holder = SnapshotHolder(shown or snapshot(*org_snapshots))
            clock = ManualClock(NOW)
            registry = CollectorRegistry()
            registry.register(MetricsCollector(holder, CLASSIFIER, clock))
            app = create_app(holder, registry, clock, trails=trails)
            server = servers.enter_context(WebServer(app, LOOPBACK, 0))
            return Site(server.port, holder, clock)

        yield served


@pytest.fixture(scope="session")
def action_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActionWorld]:
    """Keep an org whose every action is a different picture; nobody writes to it."""
    with open_action_world(tmp_path_factory.mktemp("actions")) as world:
        yield world


@pytest.fixture(scope="session")
def action_site(action_world: ActionWorld) -> Iterator[Site]:
    """Serve it, with its state behind the pages."""
    with serve_actions(action_world, action_world.read) as site:
        yield site


@pytest.fixture(scope="session")
def report_content(action_world: ActionWorld) -> ReportContent:
    """Write that org's day down, with pictures of its worst actions."""
    return report_on(action_world)


@contextmanager
def serve_actions(world: ActionWorld, read: ActionReader) -> Iterator[Site]:
    """Serve an org and what reads its actions."""
    holder = SnapshotHolder(Snapshot(taken_at=WORLD_NOW, orgs=(world.snapshot,)))
    clock = ManualClock(WORLD_NOW)
    app = create_app(
        holder,
        CollectorRegistry(),
        clock,
        read_action=read,
        read_timeline=world.read_timeline,
    )
    with WebServer(app, LOOPBACK, 0) as server:
        yield Site(server.port, holder, clock)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for loopback, as files."""
    return make_certificate(tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty state."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        yield ledger
