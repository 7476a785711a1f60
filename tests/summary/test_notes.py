"""What a summary says that it can't know."""

from __future__ import annotations

import pytest

from monitor.ledger import Ledger
from monitor.model import UNKNOWN_ACTION
from monitor.time_ranges import TimeRange
from tests.evidence import T0, TIMED_OUT, executions, timed_out
from tests.filled_ledger import HOUR, FilledLedger


@pytest.fixture
def org(ledger: Ledger) -> FilledLedger:
    """An org of contract ``platform``, nothing read yet."""
    return FilledLedger(ledger)


def test_a_complete_platform_summary_needs_no_note(org: FilledLedger) -> None:
    """Everything was read and everything is known."""
    org.read_actions(executions("crm", [200.0]))
    org.read_details()
    assert org.summary().notes == ()


def test_flow_contract_says_what_cannot_be_known(ledger: Ledger) -> None:
    """Only timeouts are seen there, and the reader is told once."""
    org = FilledLedger(ledger, "flow")
    org.read_details(timed_out("c1"))
    (note,) = org.summary().notes
    assert note == (
        "The contract flow shows timeouts only: without successes there is no share of timeouts "
        "and no percentile of durations."
    )


def test_missing_detail_records_are_noted(org: FilledLedger) -> None:
    """No permission to read them must not look like nobody was hit."""
    org.read_actions(executions("crm", [200.0]))
    (note,) = org.summary().notes
    assert note == (
        "No conversation detail records were read: which conversations and flows were hit is "
        "not known."
    )


def test_partly_missing_detail_records_are_noted(org: FilledLedger) -> None:
    """Fewer conversations than there were must not look like all of them."""
    org.read_actions(executions("crm", [200.0]))
    org.read_details(covered=TimeRange(HOUR.start + 600, HOUR.end))
    (note,) = org.summary().notes
    assert note == (
        "Conversation detail records were not read for 10 min: conversations and flows are too few."
    )


def test_flows_are_said_to_come_from_detail_records(org: FilledLedger) -> None:
    """Their timeouts need not add up to those of the actions."""
    org.read_actions(executions("crm", [5_001.0] * 3, error_type=TIMED_OUT))
    org.read_details(timed_out("c1"))
    (note,) = org.summary().notes
    assert note == (
        "Flows count the timeouts that conversation detail records show, which need not be all "
        "of them."
    )


def test_timeouts_without_an_action_are_noted(ledger: Ledger) -> None:
    """The reader learns how many there are and where they stand."""
    org = FilledLedger(ledger, "flow")
    org.read_details(
        timed_out("c1"),
        *(timed_out("c2", action_id=UNKNOWN_ACTION, at=T0 + n) for n in range(2)),
    )
    assert org.summary().notes[-1] == (
        "Timeouts in detail records that name no data action: 2; they are listed as 'unknown'."
    )


def test_executions_without_bands_are_noted(org: FilledLedger) -> None:
    """A dash where a percentile should be has a reason."""
    org.read_actions(executions("crm", [200.0], in_bands=False), executions("pay", [200.0]))
    org.read_details()
    (note,) = org.summary().notes
    assert note == (
        "Data actions whose executions came without latency bands: 1; their percentiles are not "
        "known."
    )
