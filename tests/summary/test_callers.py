"""Callers lost in flows, and timeouts given to a flow's only action: shown as what they are."""

from __future__ import annotations

from monitor.ledger import Ledger
from monitor.model import Action, FlowErrorTally
from monitor.render import report_csv, report_document
from monitor.time_ranges import TimeRange
from tests.answers import as_json
from tests.evidence import ORG, T0, TIMED_OUT, executions, timed_out
from tests.filled_ledger import HOUR, FilledLedger

CRM = Action("crm", "Get customer", "i1", "Customers", "Web Services", configured_timeout_ms=5_000)
PAY = Action("pay", "Take payment", "i2", "Payments", configured_timeout_ms=8_000)


def lost(callers: int, exit_reason: str = "FLOW_ERROR_EXIT", flow: str = "main") -> FlowErrorTally:
    """Callers lost in a window of the hour."""
    return FlowErrorTally(flow, exit_reason, T0 + 300, callers)


def test_a_report_shows_callers_lost_beside_the_timeouts(ledger: Ledger) -> None:
    """By flow and exit, with the timeouts of what the flow uses; they are no timeouts."""
    org = FilledLedger(ledger)
    org.catalogue(CRM, PAY)
    org.read_actions(
        executions("crm", [5_001.0] * 6, error_type=TIMED_OUT),
        executions("pay", [8_001.0] * 2, error_type=TIMED_OUT),
    )
    ledger.save_flow_use(ORG, "crm", {"main": "Main menu"}, float(T0))
    org.read_flow_errors(lost(2), lost(3, "FLOW_ERROR_DISCONNECT"), lost(1, flow="other"))
    summary = org.summary()
    (found,) = as_json(report_document([summary], T0))["orgs"]
    assert found["callers_lost"] == [
        {
            "flow_id": "main",
            "flow_name": "Main menu",
            "callers": 5,
            "exit_reasons": [
                {"exit_reason": "FLOW_ERROR_DISCONNECT", "callers": 3},
                {"exit_reason": "FLOW_ERROR_EXIT", "callers": 2},
            ],
            "action_timeouts": 6,
        },
        {
            "flow_id": "other",
            "flow_name": "other",
            "callers": 1,
            "exit_reasons": [{"exit_reason": "FLOW_ERROR_EXIT", "callers": 1}],
            "action_timeouts": None,
        },
    ]
    assert found["timeouts"] == 8
    assert any("They are not timeouts" in note for note in found["notes"])


def test_nobody_lost_is_told_from_nothing_known(ledger: Ledger) -> None:
    """An empty list where it was read, null where it was not."""
    org = FilledLedger(ledger)
    org.read_actions(executions("crm", [200.0]))
    assert org.summary().callers_lost is None
    org.read_flow_errors()
    assert org.summary().callers_lost == ()
    elsewhere = TimeRange(HOUR.start - 7_200, HOUR.start - 3_600)
    assert org.summary(elsewhere).callers_lost is None


def test_what_was_given_to_a_flows_only_action_is_marked(ledger: Ledger) -> None:
    """In the document, in the CSV and in a note; what records name is not."""
    org = FilledLedger(ledger, "flow")
    org.read_details(
        timed_out("c1", action_id="crm", attributed="sole_action"),
        timed_out("c2", action_id="pay"),
    )
    summary = org.summary()
    marks = {
        one["action_id"]: one["attributed"]
        for one in as_json(report_document([summary], T0))["actions"]
    }
    assert marks == {"crm": "sole_action", "pay": None}
    header, *_ = report_csv([summary]).splitlines()
    assert "attributed" in header.split(",")
    assert any("attributed: sole_action" in note and "crm" in note for note in summary.notes)
