"""Which timeouts were in force during a period."""

from __future__ import annotations

from monitor.summary.timeouts_in_force import TimeoutsInForce, timeouts_during
from monitor.time_ranges import TimeRange

TIME_RANGE = TimeRange(1_000, 2_000)


def test_the_newest_change_before_the_period_holds_throughout() -> None:
    """Earlier values no longer matter."""
    history = [("crm", 0.0, 3_000), ("crm", 500.0, 5_000)]
    assert timeouts_during(history, TIME_RANGE) == {
        "crm": TimeoutsInForce(frozenset({5_000}), 5_000)
    }


def test_a_change_inside_the_period_puts_both_values_in_force() -> None:
    """Executions before and after it were given different times."""
    history = [("crm", 0.0, 3_000), ("crm", 1_500.0, 5_000)]
    assert timeouts_during(history, TIME_RANGE) == {
        "crm": TimeoutsInForce(frozenset({3_000, 5_000}), 5_000)
    }


def test_a_change_at_the_end_is_not_in_force_yet() -> None:
    """A period is half-open: its end is not part of it."""
    history = [("crm", 0.0, 3_000), ("crm", 2_000.0, 5_000)]
    assert timeouts_during(history, TIME_RANGE) == {
        "crm": TimeoutsInForce(frozenset({3_000}), 3_000)
    }


def test_before_the_catalogue_was_read_its_first_value_is_taken() -> None:
    """Nothing else is known of that time."""
    history = [("crm", 9_000.0, 3_000), ("crm", 9_500.0, 5_000)]
    assert timeouts_during(history, TIME_RANGE) == {
        "crm": TimeoutsInForce(frozenset({3_000}), 3_000)
    }


def test_a_timeout_that_nobody_can_know_is_none() -> None:
    """A static action has a timeout, but no one says which."""
    assert timeouts_during([("crm", 0.0, None)], TIME_RANGE) == {
        "crm": TimeoutsInForce(frozenset(), None)
    }


def test_actions_have_timeouts_of_their_own() -> None:
    """The history of one action says nothing about another."""
    history = [("crm", 0.0, 3_000), ("pay", 0.0, 9_000)]
    assert {key: one.at_end_ms for key, one in timeouts_during(history, TIME_RANGE).items()} == {
        "crm": 3_000,
        "pay": 9_000,
    }
