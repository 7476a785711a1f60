"""Durations that can't be: no sum becomes infinite, and no later reading is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from monitor.ledger import Ledger
from tests.evidence import ORG, SOURCE, reading, tally


@pytest.mark.parametrize("absurd", [1e308, math.inf, math.nan, -math.inf, -5.0])
def test_two_absurd_durations_refuse_no_later_reading(ledger: Ledger, absurd: float) -> None:
    """Their sum would have no end, and the difference from it would be no number."""
    for count, duration_ms in enumerate([absurd, absurd, 200.0], start=1):
        ledger.record(
            ORG,
            SOURCE,
            reading(
                tally(count, duration_ms=duration_ms, max_ms=duration_ms, min_ms=duration_ms),
                tally(1, window=count, duration_ms=duration_ms),
            ),
        )

    (total,) = ledger.state(ORG).totals.values()
    assert total.count == 3 + 3
    assert math.isfinite(total.duration_ms)
    assert total.duration_ms >= 0


@pytest.mark.parametrize("column", ["duration_ms", "max_ms"])
def test_a_state_that_holds_an_infinite_duration_takes_readings(
    tmp_path: Path, column: str
) -> None:
    """An older program may have kept it."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(1)))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE tallies SET {column} = 9e999"))  # noqa: S608 - ours
    engine.dispose()

    with Ledger.open(url) as ledger:
        recorded = ledger.record(ORG, SOURCE, reading(tally(3)))
        (total,) = ledger.state(ORG).totals.values()

    assert recorded.executions_added == 2
    assert total.count == 3
    assert math.isfinite(total.duration_ms)
