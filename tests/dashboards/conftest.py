"""One living day for all tests that ask questions of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.dashboards.living_day import LivingDay, living_day


@pytest.fixture(scope="module")
def living(
    tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], str]
) -> Iterator[LivingDay]:
    """A day in a real Prometheus, and what came after it; it lasts no longer than it is asked."""
    with living_day(tmp_path_factory.mktemp("living"), require_tool) as running:
        yield running
