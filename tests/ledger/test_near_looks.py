"""What closer looks have shown: kept for as long as a verdict may rest on it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from monitor.clock import CLOCK_TOLERANCE_SECONDS
from monitor.ledger import Ledger, NearLook
from monitor.near_edges import near_edges
from monitor.time_ranges import TimeRange
from tests.evidence import ORG
from tests.store.test_migrations import engine_of

QUARTER = 6 * 3_600
T0 = 1_800_000_000 // QUARTER * QUARTER


def look(at: int, *counts: int, action_id: str = "a", timeout_ms: int = 5_000) -> NearLook:
    """What was seen in the quarter of a day that begins so many after the first."""
    bands = counts or (1,) * len(near_edges(timeout_ms))
    start = T0 + at * QUARTER
    return NearLook(action_id, timeout_ms, TimeRange(start, start + QUARTER), bands)


def test_what_was_seen_is_read_again_in_order(ledger: Ledger) -> None:
    """By action, timeout and time; of each org alone; from a moment on."""
    seen = [look(1), look(0, 3, 2, 1), look(0, action_id="b"), look(0, timeout_ms=3_000)]
    ledger.near_looks.save(ORG, seen, before=0)
    ledger.near_looks.save("other", [look(5)], before=0)

    assert ledger.near_looks.since(ORG, 0) == (
        look(0, timeout_ms=3_000),
        look(0, 3, 2, 1),
        look(1),
        look(0, action_id="b"),
    )
    assert ledger.near_looks.since(ORG, T0 + 1) == (look(1),)
    assert ledger.near_looks.since("nobody", 0) == ()


def test_what_is_looked_at_again_counts_once(ledger: Ledger) -> None:
    """The newer answer stands, in place of the sum of both."""
    ledger.near_looks.save(ORG, [look(0, 1, 1, 1)], before=0)
    ledger.near_looks.save(ORG, [look(0, 4, 0, 2)], before=0)

    assert ledger.near_looks.since(ORG, 0) == (look(0, 4, 0, 2),)


def test_what_is_too_old_is_forgotten(ledger: Ledger) -> None:
    """With each look, and with the windows of the same time."""
    ledger.near_looks.save(ORG, [look(0), look(1)], before=0)
    ledger.near_looks.save(ORG, [look(2)], before=T0 + 1)
    assert ledger.near_looks.since(ORG, 0) == (look(1), look(2))

    ledger.housekeeping.prune(T0 + QUARTER + 1)
    assert ledger.near_looks.since(ORG, 0) == (look(2),)


def test_what_lies_in_the_future_is_void_with_the_day_before(ledger: Ledger) -> None:
    """Of this org alone, and not within what two clocks may be apart."""
    ledger.near_looks.save(ORG, [look(at) for at in range(8)], before=0)
    ledger.near_looks.save("other", [look(7)], before=0)
    ends = T0 + 8 * QUARTER

    assert ledger.near_looks.void_future(ORG, ends - CLOCK_TOLERANCE_SECONDS) == 0
    assert ledger.near_looks.void_future(ORG, ends - QUARTER) == 5
    assert ledger.near_looks.void_future(ORG, ends - QUARTER) == 0
    assert ledger.near_looks.since(ORG, 0) == tuple(look(at) for at in range(3))
    assert ledger.near_looks.since("other", 0) == (look(7),)
    assert ledger.near_looks.void_future("nobody", 0) == 0


def test_when_it_was_asked_is_known_to_whoever_opens_the_state(ledger: Ledger) -> None:
    """Of each org; what is newly told replaces what was."""
    assert ledger.near_looks.asked_at(ORG) == ()
    ledger.near_looks.note_asked(ORG, [T0 + 0.25, T0 + 7.5])
    ledger.near_looks.note_asked("other", [])

    assert ledger.near_looks.asked_at(ORG) == (T0 + 0.25, T0 + 7.5)
    assert ledger.near_looks.asked_at("other") == ()
    ledger.near_looks.note_asked(ORG, [T0 + 9.0])
    assert ledger.near_looks.asked_at(ORG) == (T0 + 9.0,)


@pytest.mark.parametrize(
    "change",
    [
        "edges_ms = '1,2,3'",
        "counts = '1,2'",
        "counts = 'x,1,2'",
        "counts = '-1,2,3'",
        "range_end = range_start",
        "timeout_ms = -5",
    ],
)
def test_what_makes_no_sense_is_left_out(ledger: Ledger, url: str, change: str) -> None:
    """Bands of an older program, and rows that were spoilt: the others say what they say."""
    ledger.near_looks.save(ORG, [look(0), look(1)], before=0)
    engine = engine_of(url)
    with engine.begin() as connection:
        spoil = f"UPDATE near_looks SET {change} WHERE range_start = {T0}"  # noqa: S608 - of this test
        connection.execute(text(spoil))
    engine.dispose()

    assert ledger.near_looks.since(ORG, 0) == (look(1),)
