"""Each target beside a simulated org that speaks its contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.remediation.making import MakePlace, places
from tests.remediation.places import PLACES, Place


@pytest.fixture
def make_place() -> Iterator[MakePlace]:
    """Serves an org and looks at one of its places; everything is closed when the test ends."""
    with places() as make:
        yield make


@pytest.fixture(params=sorted(PLACES))
def place(request: pytest.FixtureRequest, make_place: MakePlace) -> Place:
    """Each of them in turn."""
    return make_place(str(request.param))
