"""Each target beside a simulated org that speaks its contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.remediation.simulated_targets import (
    TARGETS,
    ServeTarget,
    SimulatedTarget,
    served_targets,
)


@pytest.fixture
def serve_target() -> Iterator[ServeTarget]:
    """Serves targets, each on an org; everything is closed when the test ends."""
    with served_targets() as make:
        yield make


@pytest.fixture(params=sorted(TARGETS))
def served(request: pytest.FixtureRequest, serve_target: ServeTarget) -> SimulatedTarget:
    """Each of them in turn."""
    return serve_target(str(request.param))
