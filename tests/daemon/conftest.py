"""A place to run the daemon in, and a daemon inside the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import stamina

from monitor.clock import Clock, SystemClock
from monitor.config import load
from monitor.daemon import Daemon
from tests.daemon.place import Place
from tests.simulated_org import serve_live_org

MakeDaemon = Callable[..., Daemon]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A configuration that names a running simulated org."""
    with serve_live_org() as simulator:
        yield Place(tmp_path, simulator)


@pytest.fixture
def no_retries() -> Iterator[None]:
    """A request that fails, fails at once."""
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def make_daemon(no_retries: None) -> Iterator[MakeDaemon]:  # noqa: ARG001 - asked for its effect
    """Make daemons of the place's configuration, and close them when the test ends."""
    with ExitStack() as stack:

        def make(place: Place, clock: Clock | None = None, kind: type[Daemon] = Daemon) -> Daemon:
            daemon = kind(
                load(place.config), clock=clock or SystemClock(), load=lambda: load(place.config)
            )
            stack.callback(daemon.close)
            return daemon

        yield make
