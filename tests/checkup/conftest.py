"""A configuration that names a running simulated org, and what a check of it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina

from monitor.checkup import Finding, Level, check_up
from monitor.clock import Clock, SystemClock
from monitor.config import load
from monitor.genesys import TokenBucket
from tests.daemon.place import Place
from tests.simulated_org import serve_live_org

Findings = Callable[..., dict[str, Finding]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A configuration that names a running simulated org; nothing that fails is repeated."""
    # A real org must not be asked faster; a simulated one does not mind, and tests would wait.
    monkeypatch.setitem(TokenBucket.__init__.__kwdefaults__ or {}, "burst", 10_000)
    with stamina.set_testing(True, attempts=1), serve_live_org() as simulator:
        yield Place(tmp_path, simulator)


def findings(place: Place, clock: Clock | None = None) -> dict[str, Finding]:
    """Every finding by its subject."""
    found = list(check_up(load(place.config), clock or SystemClock()))
    by_subject = {finding.subject: finding for finding in found}
    assert len(by_subject) == len(found), "two findings of one subject"
    for finding in found:
        assert bool(finding.hint) == (finding.level is not Level.OK), finding
        assert bool(finding.exit_code) == (finding.level is Level.FAILED), finding
    return by_subject
