"""What a change is judged by: which windows before it and after it count, in a real ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from monitor.config import ClassifySettings, CollectSettings
from monitor.journal import Change, ChangeState
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from monitor.remediation.effect import Measured, windows_to_look_at
from monitor.remediation.measuring import Measuring, measure
from tests.evidence import ORG, SOURCE, T0, WINDOW_SECONDS, reading, tally, windows
from tests.remediation.guard_inputs import change

HOW = Measuring(CollectSettings(), ClassifySettings().classifier(), SOURCE, first=6)
SETTLE_WINDOWS = 2
"""Ten minutes."""

Look = Callable[..., tuple[Measured, Measured]]


def at(window: float) -> float:
    """When a window begins, counted from T0."""
    return T0 + window * WINDOW_SECONDS


def made(sent_at: float, applied_at: float | None = None) -> Change:
    """A change of the action that the ledger knows."""
    return change(
        ChangeState.WATCHING,
        action_id="a1",
        org=ORG,
        sent_at=sent_at,
        applied_at=sent_at + 2 if applied_at is None else applied_at,
    )


def record(ledger: Ledger, first: int, end: int) -> None:
    """Read windows, each with ten successes, two timeouts and a refusal."""
    tallies = [
        one
        for window in range(first, end)
        for one in (
            tally(10, window=window),
            tally(2, window=window, error_type="EXECUTION_TIMEOUT"),
            tally(1, window=window, error_type="CONCURRENT_EXECUTIONS_EXCEEDED"),
            tally(4, window=window, error_type="REMOTE_SERVER_ERROR"),
        )
    ]
    ledger.record(ORG, SOURCE, reading(*tallies, covered=windows(first, end)))


def look(
    ledger: Ledger,
    one: Change,
    now_window: float,
    outages: Sequence[tuple[int, int]] = (),
) -> tuple[Measured, Measured]:
    """What was measured by the time at which a window begins."""
    return measure(ledger, one, HOW, at(now_window), outages)


def test_whole_windows_before_and_after_count_by_how_their_calls_ended(ledger: Ledger) -> None:
    """The window in which it was made belongs to neither; errors of the back end say nothing."""
    record(ledger, 0, 30)
    before, after = look(ledger, made(at(10.5)), 20)

    assert before == Measured(windows=10, successes=100, timeouts=20, throttled=10)
    assert after == Measured(windows=6, successes=60, timeouts=12, throttled=6)


def test_the_next_look_is_at_twice_as_many_windows(ledger: Ledger) -> None:
    """Not at each one that comes: every look has its chance of being wrong."""
    record(ledger, 0, 40)
    lengths = {now: look(ledger, made(at(10)), now)[1].windows for now in (17, 18, 19, 24, 25, 31)}

    # One window is lost, for the change came into force two seconds after its beginning.
    assert lengths == {17: 4, 18: 5, 19: 6, 24: 6, 25: 12, 31: 12}


@pytest.mark.parametrize("days", [0, 7])
def test_the_last_look_takes_all_that_there_is(ledger: Ledger, days: int) -> None:
    """At the end of a trial of two hours, or of a week: half of it would be thrown away."""
    record(ledger, 0, 80)
    length = 24 if days == 0 else days * 288
    one = replace(made(at(10)), trial_seconds=0.0 if days else 7_200.0)

    before_it_ends = look(ledger, one, 10 + length - 0.1)[1]
    at_its_end = look(ledger, one, 10 + length + 0.1)[1]

    settled = min(length - 1 - SETTLE_WINDOWS, 80 - 11)
    assert before_it_ends.windows == windows_to_look_at(settled, HOW.first) < settled
    assert at_its_end == Measured(settled, settled * 10, settled * 2, settled)


def test_windows_that_have_not_settled_are_not_looked_at(ledger: Ledger) -> None:
    """What comes late would be missing in them."""
    record(ledger, 0, 40)
    enough = 11 + HOW.first + SETTLE_WINDOWS

    assert look(ledger, made(at(10)), enough - 0.01)[1] == Measured(windows=HOW.first - 1)
    assert look(ledger, made(at(10)), enough)[1].calls > 0


def test_windows_after_it_that_were_not_read_are_left_out(ledger: Ledger) -> None:
    """A hole would look like a period without timeouts."""
    record(ledger, 0, 12)
    record(ledger, 15, 40)

    assert look(ledger, made(at(10)), 20) == (Measured(), Measured(windows=4))
    assert look(ledger, made(at(10)), 22)[1] == Measured(6, 60, 12, 6)


def test_outages_are_left_out_before_and_after(ledger: Ledger) -> None:
    """No timeout helps against one."""
    record(ledger, 0, 40)
    outages = [
        (int(at(3)), int(at(4)) + 1),  # two windows before
        (int(at(12)), int(at(13))),  # one after
    ]
    before, after = look(ledger, made(at(10)), 20, outages)

    assert (before.windows, before.calls) == (8, 8 * 12)
    assert (after.windows, after.calls) == (6, 6 * 12)


def test_only_the_period_under_the_timeout_before_counts(ledger: Ledger) -> None:
    """What was measured under an older one would be held against the change, or speak for it."""
    record(ledger, 0, 40)
    for since, seconds in ((at(-5), 2), (at(3.5), 3)):
        known = Action(
            "a1", "Look Up", kind=ActionKind.CUSTOM, configured_timeout_ms=seconds * 1_000
        )
        ledger.save_catalogue(ORG, [known], since)
    before, _ = look(ledger, made(at(10)), 20)

    assert (before.windows, before.calls) == (6, 6 * 12)


def test_the_period_before_is_a_day_where_that_has_many_timeouts(ledger: Ledger) -> None:
    """It has quiet hours and busy ones; more would be of another time."""
    record(ledger, 0, 400)
    before, _ = look(ledger, made(at(350)), 360)

    assert (before.windows, before.calls) == (288, 288 * 12)


@pytest.mark.parametrize(("of_old_days", "days"), [(6, 7), (0, 2), (40, 2)])
def test_days_of_few_timeouts_are_held_together_while_they_are_alike(
    ledger: Ledger, of_old_days: int, days: int
) -> None:
    """Back to a week, or to when it timed out otherwise; outages are left out of each."""
    day = 288
    tallies = [
        one
        for number in range(9)
        for one in (
            tally(300, window=number * day + 9),
            tally(
                of_old_days if number < 6 else 6,
                window=number * day + 9,
                error_type="EXECUTION_TIMEOUT",
            ),
        )
    ]
    tallies.append(tally(90, window=7 * day + 30, error_type="EXECUTION_TIMEOUT"))
    ledger.record(ORG, SOURCE, reading(*tallies, covered=windows(0, 9 * day)))
    down = [(int(at(7 * day + 30)), int(at(7 * day + 31)))]
    before, _ = look(ledger, made(at(8 * day)), 8 * day + 10, down)

    assert before == Measured(days * day - 1, days * 300, days * 6)


def test_what_an_action_did_before_it_behaved_otherwise_is_left_out(ledger: Ledger) -> None:
    """It got worse some hours before the change: a calm day would make that seem to do harm."""
    record(ledger, 0, 40)
    since_then = replace(made(at(30)), alike_since=at(24.5))
    before, _ = look(ledger, since_then, 39)

    assert (before.windows, before.calls) == (5, 5 * 12)
    by_a_wrong_clock = replace(made(at(30)), alike_since=at(35))
    assert look(ledger, by_a_wrong_clock, 39)[0].windows == 30


def test_a_change_that_was_found_late_is_held_against_what_was_before_it_was_sent(
    ledger: Ledger,
) -> None:
    """Between the two nobody knows which timeout was in force."""
    record(ledger, 0, 40)
    before, after = look(ledger, made(at(10), applied_at=at(15)), 23)

    assert before.calls == 10 * 12
    assert after == Measured(6, 60, 12, 6)


def test_another_action_says_nothing(ledger: Ledger) -> None:
    """Each is held against itself."""
    record(ledger, 0, 40)
    other = tally(1_000, window=5, action_id="a2")
    ledger.record(ORG, SOURCE, reading(other, covered=windows(0, 40)))

    assert look(ledger, made(at(10)), 20)[0].successes == 100
