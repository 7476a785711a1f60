"""Verdict inputs and notes are right whatever the platform shows of an execution that timed out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitor.config import Settings
from monitor.contract import Contract
from monitor.diagnosis.model import Verdict
from monitor.ledger import Ledger
from monitor.model import Action
from monitor.summary import summarise
from tests.diagnosis.test_org import diagnosed
from tests.evidence import ORG, T0, executions
from tests.filled_ledger import CLASSIFIER, HOUR, FilledLedger

CRM = Action("crm", "Get customer", configured_timeout_ms=5_000)
WINDOW = 300
SHOWN: dict[str, Callable[[int], float]] = {
    "at_limit": lambda _: 5_000.0,
    "beyond": lambda at: 5_000.0 + at * 37 % 500,
    "zero": lambda _: 0.0,
}
"""How long a timed-out execution is shown to have taken, by the world's reading."""


def fill(ledger: Ledger, reading: str, error_type: str = "EXECUTION_TIMEOUT") -> FilledLedger:
    """An hour of hangs: in each window 40 successes of a fifth of a second, and 5 timeouts."""
    org = FilledLedger(ledger)
    org.catalogue(CRM)
    rows = []
    for window in range(12):
        at = T0 + window * WINDOW
        rows.append(executions("crm", [200.0] * 40, window_start=at))
        took = [SHOWN[reading](window * 5 + one) for one in range(5)]
        rows.append(executions("crm", took, window_start=at, error_type=error_type))
    org.read_actions(*rows)
    return org


@pytest.mark.parametrize("reading", SHOWN)
def test_our_timeout_is_ours_in_each_reading(ledger: Ledger, reading: str) -> None:
    """It ended them all, never a remote's own; answers that are all alike bound no rescue."""
    fill(ledger, reading)

    found = diagnosed(ledger, Settings.model_validate({"recommend": {"min_span": "30m"}}))

    one = found.diagnoses["crm"]
    assert (one.verdict, one.timeouts, one.early_share) == (Verdict.UNCLEAR, 60, 0)
    assert (one.timeout_ms, one.rescue_bounds) == (5_000, (0, 1))
    assert found.concurrency is not None
    assert found.concurrency.busiest * WINDOW == pytest.approx(40 * 0.2 + 5 * 5, rel=0.08)


@pytest.mark.parametrize("reading", SHOWN)
def test_percentiles_and_concurrency_count_a_timeout_as_given(ledger: Ledger, reading: str) -> None:
    """A caller waited for the timeout, whatever the row shows."""
    (crm,) = fill(ledger, reading).summary().actions

    assert crm.p50_seconds == pytest.approx(0.2, abs=0.06)
    assert crm.p95_seconds == crm.p99_seconds == 5.0
    assert crm.mean_concurrency == pytest.approx(12 * (8 + 25) / 3_600, rel=0.06)


@pytest.mark.parametrize("reading", ["at_limit", "beyond"])
def test_errors_that_end_at_the_timeout_are_told(ledger: Ledger, reading: str) -> None:
    """Where neither word nor status does, the duration tells; the note says what to do."""
    fill(ledger, reading, "ACTION.PROCESSING")

    summary = summarise(ledger, ORG, Contract.PLATFORM, HOUR, CLASSIFIER)

    assert (
        "60 errors of type ACTION.PROCESSING ended exactly at the timeout in force (5 s): they may "
        "be timeouts; add ACTION.PROCESSING to [classify] timeout_error_types."
    ) in summary.notes


def test_errors_that_show_nothing_at_all_are_told_as_such(ledger: Ledger) -> None:
    """Neither word, status nor duration: what can't be known is said, and where to look."""
    fill(ledger, "zero", "ACTION.PROCESSING")

    summary = summarise(ledger, ORG, Contract.PLATFORM, HOUR, CLASSIFIER)

    assert (
        "60 errors of type ACTION.PROCESSING with neither status nor duration: whether they "
        "are timeouts can't be told here; the platform's own performance view may, and then add "
        "ACTION.PROCESSING to [classify] timeout_error_types."
    ) in summary.notes
    assert summary.errors_at_timeout == ()


@pytest.mark.parametrize(("took", "status"), [(0.0, "500"), (1.0, "")])
def test_errors_that_show_something_are_not(ledger: Ledger, took: float, status: str) -> None:
    """A status says that somebody answered; a duration, when it ended."""
    org = FilledLedger(ledger)
    org.catalogue(CRM)
    org.read_actions(
        executions("crm", [took] * 50, error_type="ACTION.PROCESSING", response_status=status)
    )

    assert org.summary().errors_without_a_trace == ()


def test_errors_that_end_anywhere_else_are_not(ledger: Ledger) -> None:
    """A back end that fails after four seconds has failed."""
    org = FilledLedger(ledger)
    org.catalogue(CRM)
    org.read_actions(executions("crm", [4_000.0] * 50, error_type="ACTION.PROCESSING"))

    assert org.summary().errors_at_timeout == ()


def test_only_those_at_the_timeout_are_counted(ledger: Ledger) -> None:
    """A word may be used for other failures too."""
    org = FilledLedger(ledger)
    org.catalogue(CRM)
    took = [300.0] * 20 + [5_100.0] * 7
    org.read_actions(executions("crm", took, error_type="ACTION.PROCESSING"))

    (errors,) = org.summary().errors_at_timeout
    assert (errors.error_type, errors.executions, errors.actions) == ("ACTION.PROCESSING", 7, 1)
