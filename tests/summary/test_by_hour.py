"""Timeouts of each action by the hour."""

from __future__ import annotations

import pytest

from monitor.contract import Contract
from monitor.ledger import Ledger
from monitor.model import Action
from monitor.summary import summarise
from monitor.summary.model import Summary
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, T0, TIMED_OUT, executions, incident
from tests.filled_ledger import CLASSIFIER, DAY_SECONDS, HOUR_SECONDS, FilledLedger

DAY = TimeRange(T0, T0 + DAY_SECONDS)


def of_a_day(ledger: Ledger, contract: Contract = Contract.PLATFORM) -> Summary:
    """A day's summary by the hour."""
    return summarise(ledger, ORG, contract, DAY, CLASSIFIER, by_hour=True)


def test_a_day_has_24_hours_the_oldest_first(ledger: Ledger) -> None:
    """By the words of the classifier; an action without executions has 24 times none."""
    org = FilledLedger(ledger)
    org.catalogue(Action("crm", "CRM"), Action("idle", "Idle"))
    at = T0 + 3 * HOUR_SECONDS
    org.read_actions(
        executions("crm", [5_000.0] * 4, error_type=TIMED_OUT, window_start=T0),
        executions("crm", [5_000.0] * 3, error_type=TIMED_OUT, window_start=at),
        executions("crm", [5_000.0] * 2, error_type="else", response_status="504", window_start=at),
        executions("crm", [200.0] * 9, response_status="200", window_start=at + 900),
        executions("crm", [5_000.0], error_type=TIMED_OUT, window_start=DAY.end - 300),
        covered=DAY,
    )
    found = {one.action_id: one for one in of_a_day(ledger).actions}
    assert found["crm"].timeouts_by_hour == (4, 0, 0, 5, *(0,) * 19, 1)
    assert found["crm"].executions_by_hour == (4, 0, 0, 14, *(0,) * 19, 1)
    assert sum(found["crm"].timeouts_by_hour) == found["crm"].timeouts
    assert found["idle"].timeouts_by_hour == found["idle"].executions_by_hour == (0,) * 24


def test_where_hours_are_not_asked_for_there_are_none(ledger: Ledger) -> None:
    """No zeroes that nobody counted."""
    org = FilledLedger(ledger)
    org.read_actions(executions("crm", [200.0]), covered=DAY)
    (found,) = org.summary(DAY).actions
    assert (found.timeouts_by_hour, found.executions_by_hour) == ((), ())


@pytest.mark.parametrize("contract", list(Contract))
def test_an_org_of_which_nothing_was_read_has_hours_too(ledger: Ledger, contract: Contract) -> None:
    """A catalogue alone: nothing happened in any hour."""
    FilledLedger(ledger, contract).catalogue(Action("crm", "CRM"))
    (found,) = of_a_day(ledger, contract).actions
    assert found.timeouts_by_hour == (0,) * 24


def test_the_flow_contract_s_timeouts_are_told_by_the_hour_too(ledger: Ledger) -> None:
    """They come from detail records."""
    org = FilledLedger(ledger, "flow")
    org.catalogue(Action("crm", "CRM"))
    org.read_details(
        incident(action_id="crm", at=T0 + 2 * HOUR_SECONDS + 5.0, error_type=TIMED_OUT), covered=DAY
    )
    (found,) = of_a_day(ledger, Contract.FLOW).actions
    assert found.timeouts_by_hour == (0, 0, 1, *(0,) * 21)
