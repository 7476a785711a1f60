"""One living world for all tests that ask questions of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.dashboards.world import World, living


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], str]
) -> Iterator[World]:
    """A day in a real Prometheus, and what came after it; it lasts no longer than it is asked."""
    with living(tmp_path_factory.mktemp("world"), require_tool) as running:
        yield running
