"""Summaries written down as a document and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from monitor.contract import Contract
from monitor.ledger import Ledger
from monitor.model import Action
from monitor.render.diagnosis import COLUMNS
from monitor.render.report import CSV_COLUMNS, report_csv
from monitor.render.report import report_document as typed_report
from monitor.summary import Summary, empty_summary
from monitor.time_ranges import TimeRange
from tests.answers import as_json
from tests.evidence import BROKEN, T0, TIMED_OUT, executions, timed_out
from tests.filled_ledger import HOUR, FilledLedger

CRM = Action("crm", "Get customer", "i1", "Customers", "Web Services", configured_timeout_ms=5_000)
PAY = Action("pay", "Take payment", "i2", "Payments", configured_timeout_ms=8_000)


def report_document(summaries: Sequence[Summary], generated_at: float) -> Any:  # noqa: ANN401
    """Return the report as a script reads it."""
    return as_json(typed_report(summaries, generated_at))


@pytest.fixture
def summary(ledger: Ledger) -> Summary:
    """An org with a slow action and a quiet one."""
    org = FilledLedger(ledger)
    org.catalogue(CRM, PAY)
    org.read_actions(
        executions("crm", [200.0] * 20, response_status="200"),
        executions("crm", [5_001.0] * 6, error_type=TIMED_OUT),
        executions("crm", [300.0] * 4, error_type=BROKEN, response_status="500"),
    )
    org.read_details(timed_out("c1", flow_id="main"), timed_out("c2", flow_id="billing"))
    return org.summary()


def test_a_document_spans_its_period_in_utc(summary: Summary) -> None:
    """Times are ISO 8601 with a Z, to the second."""
    document = report_document([summary], T0 + 4_000.9)
    assert document["generated_at"] == "2027-01-15T09:06:40Z"
    assert (document["from"], document["to"]) == ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z")


def test_an_action_speaks_the_words_of_the_contract(summary: Summary) -> None:
    """The words that a script relies on, with seconds and shares as plain numbers."""
    action = report_document([summary], T0)["actions"][0]
    counted = {word: action[word] for word in [*action][: [*action].index("verdict")]}
    assert counted == {
        "org": "acme",
        "action_id": "crm",
        "action_name": "Get customer",
        "integration_id": "i1",
        "integration_name": "Customers",
        "category": "Web Services",
        "kind": "custom",
        "executions": 30,
        "successes": 20,
        "timeouts": 6,
        "errors": 4,
        "throttled": 0,
        "timeout_share": 0.2,
        "p50_seconds": 0.2,
        "p95_seconds": 5.0,
        "p99_seconds": 5.0,
        "timeout_seconds": 5.0,
        "budget_used_ratio": 1.0,
        "timeouts_day_before": None,
        "trend_ratio": None,
        "conversations": 2,
        "flows": ["Billing", "Main menu"],
        "used_by": ["Billing", "Main menu"],
        "error_types": [
            {"error_type": TIMED_OUT, "response_status": "", "executions": 6},
            {"error_type": BROKEN, "response_status": "500", "executions": 4},
        ],
        "mean_concurrency": 0.00977944,
        "attributed": None,
        "timeouts_by_hour": None,
        "executions_by_hour": None,
    }


def test_an_org_has_its_totals_groups_and_notes(summary: Summary) -> None:
    """What is not about a single action stands with its org."""
    org = report_document([summary], T0)["orgs"][0]
    counts = ("executions", "successes", "timeouts", "errors", "throttled", "conversations")
    assert [org[word] for word in counts] == [30, 20, 6, 4, 0, 2]
    assert (org["org"], org["contract"], org["actions"]) == ("acme", "platform", 2)
    assert (org["complete"], org["missing_seconds"]) == (True, 0)
    assert [flow["flow_name"] for flow in org["flows"]] == ["Billing", "Main menu"]
    assert [one["integration_name"] for one in org["integrations"]] == ["Customers", "Payments"]
    assert org["notes"] == list(summary.notes)


def test_the_worst_action_of_all_orgs_comes_first(summary: Summary) -> None:
    """A partner with dozens of orgs reads one list."""
    worse = replace(summary.actions[0], org="zebra", timeouts=7)
    other = replace(summary, org="zebra", actions=(worse,))
    listed = report_document([summary, other], T0)["actions"]
    assert [(one["org"], one["timeouts"]) for one in listed] == [
        ("zebra", 7),
        ("acme", 6),
        ("acme", 0),
    ]


def test_a_document_spans_the_periods_of_all_orgs() -> None:
    """Orgs with windows of different length need not end at the same time."""
    earlier, later = TimeRange(T0, T0 + 3_600), TimeRange(T0 + 300, T0 + 3_900)
    document = report_document(
        [empty_summary("a", Contract.PLATFORM, later), empty_summary("b", Contract.FLOW, earlier)],
        T0,
    )
    assert (document["from"], document["to"]) == ("2027-01-15T08:00:00Z", "2027-01-15T09:05:00Z")
    assert document["orgs"][0]["from"] == "2027-01-15T08:05:00Z"


def test_a_document_of_no_org_has_no_period() -> None:
    """Before anything is configured there is nothing to span."""
    document = report_document([], T0)
    assert (document["from"], document["to"]) == (None, None)
    assert (document["actions"], document["orgs"]) == ([], [])


def test_a_small_share_is_not_rounded_to_nothing(summary: Summary) -> None:
    """One timeout in three million executions is not none."""
    rare = replace(summary.actions[0], timeout_share=1 / 3_000_000)
    document = report_document([replace(summary, actions=(rare,))], T0)
    assert document["actions"][0]["timeout_share"] == 3.33333e-07


def test_before_a_diagnosis_everything_of_it_is_null(summary: Summary) -> None:
    """The words are there all the same, so that a script need not ask for them."""
    document = report_document([summary], T0)
    verdicts = {word: document["actions"][0][word] for word in diagnosed_words(document)}
    assert set(verdicts.values()) == {None}
    assert {"verdict", "severity", "recommended_timeout_seconds", "evidence"} <= set(verdicts)
    assert (document["orgs"][0]["diagnosed"], document["orgs"][0]["concurrency"]) == (None, None)


def diagnosed_words(document: dict[str, Any]) -> list[str]:
    """The words of an action that tell of its diagnosis."""
    words = [*document["actions"][0]]
    return words[words.index("verdict") :]


def test_csv_has_one_line_an_action_in_the_same_words(summary: Summary) -> None:
    """A spreadsheet shows what the document says."""
    rows = list(csv.DictReader(io.StringIO(report_csv([summary]))))
    assert [row["action_name"] for row in rows] == ["Get customer", "Take payment"]
    action = report_document([summary], T0)["actions"][0]
    told = [*action][: [*action].index("verdict")]
    assert set(CSV_COLUMNS) == {*told, "from", "to", *COLUMNS}
    several = {"flows", "used_by", "error_types", "timeouts_by_hour", "executions_by_hour"}
    plain = [word for word in told if word not in several]
    for word in plain:
        assert rows[0][word] == ("" if action[word] is None else str(action[word]))


def test_csv_joins_what_has_several_values(summary: Summary) -> None:
    """Flows and failures fit into one field each."""
    row = next(csv.DictReader(io.StringIO(report_csv([summary]))))
    assert row["flows"] == "Billing; Main menu"
    assert row["error_types"] == f"{TIMED_OUT}: 6; {BROKEN} 500: 4"


def test_csv_says_which_period_a_line_is_about(summary: Summary) -> None:
    """Files of several days can be put one below the other."""
    row = next(csv.DictReader(io.StringIO(report_csv([summary]))))
    assert (row["from"], row["to"]) == ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z")


def test_csv_leaves_unknown_numbers_empty(summary: Summary) -> None:
    """A quiet action has no percentile, which is not the same as 0."""
    quiet = list(csv.DictReader(io.StringIO(report_csv([summary]))))[1]
    assert (quiet["executions"], quiet["p99_seconds"], quiet["timeout_share"]) == ("0", "", "")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+2", "@SUM(A1)"])
def test_csv_has_no_formulas(ledger: Ledger, name: str) -> None:
    """A name that somebody gave an action is text in every spreadsheet."""
    org = FilledLedger(ledger)
    org.catalogue(Action("crm", name))
    rows = list(csv.DictReader(io.StringIO(report_csv([org.summary(HOUR)]))))
    assert [row["action_name"] for row in rows] == [f"'{name}"]


def test_csv_keeps_names_with_separators_whole(ledger: Ledger) -> None:
    """A comma, a quote or a line break in a name does not make another column or line.

    The ledger keeps a line end as a space.
    """
    name = 'Get "customer", fast\nor slow'
    org = FilledLedger(ledger)
    org.catalogue(Action("crm", name))
    rows = list(csv.DictReader(io.StringIO(report_csv([org.summary(HOUR)]), newline="")))
    assert [row["action_name"] for row in rows] == [name.replace("\n", " ")]


def test_csv_of_no_org_is_its_header() -> None:
    """A reader of the file finds its columns even when there is nothing to tell."""
    assert report_csv([]) == ",".join(CSV_COLUMNS) + "\r\n"
