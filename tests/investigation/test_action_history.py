"""What the state knows of one action: changes of its timeout, and what was not read."""

from __future__ import annotations

from monitor.diagnosis import ActionEvidence
from monitor.investigation import TimeoutStep, timeout_steps
from monitor.time_ranges import TimeRange

T0 = 1_800_000_000
WINDOW = 300
DAY = TimeRange(T0, T0 + 86_400)


def evidence(*timeouts_ms: float) -> ActionEvidence:
    """Windows in a row under these timeouts."""
    count = len(timeouts_ms)
    return ActionEvidence.from_columns(
        start=[T0 + WINDOW * index for index in range(count)],
        seconds=[WINDOW] * count,
        timeout_ms=list(timeouts_ms),
        successes=[10] * count,
    )


def test_a_change_that_timeouts_show_is_dated_by_them() -> None:
    """The catalogue sees it ten minutes later; that is the same change."""
    seen = evidence(3_000, 3_000, 5_000, 5_000, 5_000)
    known = [(T0 - 1_000.0, 3_000), (T0 + 900.0, 5_000)]
    assert timeout_steps(seen, known, DAY) == (TimeoutStep(T0 + 600, 3_000, 5_000),)


def test_a_change_without_traffic_is_dated_by_the_catalogue() -> None:
    """Nothing ran, and it changed all the same."""
    known = [(T0 - 1_000.0, 3_000), (T0 + 40_000.0, 5_000)]
    assert timeout_steps(evidence(3_000), known, DAY) == (TimeoutStep(T0 + 40_000.0, 3_000, 5_000),)


def test_a_change_from_before_the_catalogue_was_read_is_known_too() -> None:
    """What timed out shows it."""
    seen = evidence(3_000, 3_000, 5_000)
    assert timeout_steps(seen, [(T0 + 5_000.0, 5_000)], DAY) == (
        TimeoutStep(T0 + 600, 3_000, 5_000),
    )


def test_there_and_back_are_two_changes() -> None:
    """Each with its own moment, in order."""
    known = [(T0 - 1.0, 3_000), (T0 + 10_000.0, 5_000), (T0 + 30_000.0, 3_000)]
    steps = timeout_steps(evidence(), known, DAY)
    assert [(one.at, one.to_ms) for one in steps] == [(T0 + 10_000, 5_000), (T0 + 30_000, 3_000)]


def test_what_is_unknown_is_no_change() -> None:
    """Windows whose timeout nobody knows stand between two that are the same."""
    assert timeout_steps(evidence(3_000, 0, 3_000), [], DAY) == ()
