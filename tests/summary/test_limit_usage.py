"""How much of each of the org's limits is in use, from what a ledger knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.contract import Contract
from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger import Ledger, Reading
from monitor.model import Action, ActionKind
from monitor.render.report import describe_limits, limit_documents
from monitor.summary.limit_usage import LimitUse, limits_in_use
from tests.answers import as_json
from tests.evidence import ORG, T0, TIMED_OUT
from tests.filled_ledger import CLASSIFIER, HOUR, FilledLedger

WINDOW = 300
EVERY = {
    "concurrent_executions": 50,
    "executions_per_minute": 100,
    "function_concurrent_executions": 10,
}
CRM = Action("crm", "CRM", configured_timeout_ms=5_000)
PRICE = Action("price", "Price", kind=ActionKind.FUNCTION)


@pytest.fixture
def busy(ledger: Ledger) -> Ledger:
    """An hour with two windows: one of many short executions, one of few long ones."""
    FilledLedger(ledger).catalogue(CRM, PRICE)
    ledger.save_limits(ORG, EVERY)
    tallies = [
        Tally(
            SeriesKey("crm", "NONE", "200"),
            T0,
            Counts(count=450, duration_ms=450_000.0, min_ms=1_000, max_ms=1_000),
        ),
        Tally(
            SeriesKey("price", "NONE", "200"),
            T0 + WINDOW,
            Counts(count=100, duration_ms=2_400_000.0, min_ms=24_000, max_ms=24_000),
        ),
        Tally(
            SeriesKey("crm", "NONE", "200"),
            T0 + WINDOW,
            Counts(count=10, duration_ms=600_000.0, min_ms=60_000, max_ms=60_000),
        ),
    ]
    ledger.record(ORG, "actions", Reading(HOUR, WINDOW, HOUR.end + 900.0, tallies))
    return ledger


def used(ledger: Ledger, contract: str = "platform") -> tuple[LimitUse, ...]:
    """The limits of the hour."""
    return limits_in_use(ledger, ORG, Contract(contract), HOUR, CLASSIFIER)


def test_the_busiest_window_counts_and_the_tightest_limit_comes_first(busy: Ledger) -> None:
    """Each limit has a busiest window of its own; functions count for theirs alone."""
    assert [(one.name, one.used, one.used_ratio) for one in used(busy)] == [
        ("executions_per_minute", 90.0, 0.9),
        ("function_concurrent_executions", 8.0, 0.8),
        ("concurrent_executions", 10.0, 0.2),
    ]


def test_they_are_told_in_one_line_and_as_values(busy: Ledger) -> None:
    """With what is used, of what, and how much that is."""
    assert describe_limits(used(busy)) == (
        "90.0 of 100 executions a minute (90 %); 8.0 of 10 function executions at a time (80 %); "
        "10.0 of 50 executions at a time (20 %)"
    )
    assert as_json(limit_documents(used(busy))[0]) == {
        "limit": "executions_per_minute",
        "value": 100,
        "used": 90.0,
        "used_ratio": 0.9,
        "window_seconds": WINDOW,
    }


def test_a_limit_that_is_not_shown_is_left_out(busy: Ledger) -> None:
    """None is guessed; without any there is nothing to say."""
    busy.save_limits(ORG, {"concurrent_executions": 50})
    assert [one.name for one in used(busy)] == ["concurrent_executions"]
    busy.save_limits(ORG, {})
    assert used(busy) == ()
    assert describe_limits(()) == ""


def test_where_functions_are_not_known_their_use_is_not(busy: Ledger) -> None:
    """An action that may be one or not could be what fills their slots."""
    FilledLedger(busy).catalogue(CRM, replace(PRICE, kind=ActionKind.UNDETERMINED))
    by_name = {one.name: one.used for one in used(busy)}
    assert by_name["function_concurrent_executions"] is None
    assert by_name["concurrent_executions"] == 10.0
    assert "10 function executions at a time, use not known" in describe_limits(used(busy))


def test_before_anything_was_read_no_use_is_known(ledger: Ledger) -> None:
    """The limit itself is."""
    ledger.save_limits(ORG, EVERY)
    assert {one.used for one in used(ledger)} == {None}


def test_an_org_of_the_flow_contract_has_no_use(busy: Ledger) -> None:
    """Only its timeouts are seen."""
    assert used(busy, "flow") == ()


def test_a_timeout_without_a_duration_held_its_slot_all_the_same(busy: Ledger) -> None:
    """For as long as the timeout in force, where the platform shows 0 ms for it."""
    rows = [Tally(SeriesKey("crm", TIMED_OUT, ""), T0 + 600, Counts(count=1_200))]
    busy.record(ORG, "actions", Reading(HOUR, WINDOW, HOUR.end + 900.0, rows))
    by_name = {one.name: one.used for one in used(busy)}
    assert by_name["concurrent_executions"] == 1_200 * 5 / WINDOW
