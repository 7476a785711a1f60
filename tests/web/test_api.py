"""The JSON API over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from monitor import __version__
from monitor.diagnosis import TimeoutCurve, TimeoutEffect
from monitor.journal import ChangeState
from monitor.ledger import OrgState
from monitor.render import report_document
from monitor.snapshot import PollHealth, RemediationSnapshot, Snapshot
from monitor.web.action_reports import EVERY_ACTION, ActionReports
from tests.exporter.snapshots import CRM, NOW, ORG, diagnosed, org_snapshot, recorded_org_snapshot
from tests.remediation.guard_inputs import change
from tests.web.conftest import Site

Server = Callable[..., Site]


def test_status_tells_how_reading_goes(serve: Server) -> None:
    """Freshness, polls and cost of every org, times in ISO 8601."""
    judged = org_snapshot(diagnosis=diagnosed({}))
    document = serve(judged).ask("/api/v1/status").json()

    (org,) = document.pop("orgs")
    sources = {source.pop("source"): source for source in org.pop("sources")}
    assert document == {
        "generated_at": "2026-09-21T14:15:00Z",
        "snapshot_taken_at": "2026-09-21T14:15:00Z",
        "version": __version__,
        "ready": True,
        "reasons": [],
        "standby": [],
        "stale_after_seconds": 300,
        "state_writable": True,
        "clock_steps": {},
    }
    assert org == {
        "org": ORG,
        "contract": "platform",
        "read_by": None,
        "problem": None,
        "polls": {"ok": 3, "partial": 0, "failed": 1},
        "poll_duration_seconds": 0.5,
        "actions": 0,
        "concurrency_limit": 50,
        "limits": [],
        "api_requests": 9,
        "dropped_records": [{"source": "actions", "reason": "number", "records": 2}],
        "refused": [],
        "polled_at": "2026-09-21T14:14:55Z",
        "catalogue_read_at": "2026-09-21T14:10:00Z",
        "diagnosed_at": "2026-09-21T14:15:00Z",
        "catalogue_problem": None,
        "clock_skew_seconds": 0.5,
    }
    assert sources["actions"] == {
        "available": True,
        "last_success_at": "2026-09-21T14:14:55Z",
        "watermark": "2026-09-21T14:15:00Z",
        "newest_data_at": "2026-09-21T14:14:00Z",
        "data_lag_seconds": 60,
        "restatements": 4,
        "skipped_windows": 2,
    }


def test_status_tells_that_nothing_was_left_out(serve: Server) -> None:
    """An empty list, where every record made sense."""
    health = PollHealth(source_available={"actions": True})
    (org,) = serve(org_snapshot(health=health)).ask("/api/v1/status").json()["orgs"]
    assert org["dropped_records"] == []


def test_status_says_null_for_what_is_not_known(serve: Server) -> None:
    """A source that was never read has no times, not zeros."""
    health = PollHealth(source_available={"actions": True})
    document = serve(org_snapshot(OrgState(ORG), health=health)).ask("/api/v1/status").json()

    assert document["orgs"][0]["poll_duration_seconds"] is None
    assert document["orgs"][0]["sources"] == [
        {
            "source": "actions",
            "available": True,
            "last_success_at": None,
            "watermark": None,
            "newest_data_at": None,
            "data_lag_seconds": None,
            "restatements": 0,
            "skipped_windows": 0,
        }
    ]


def test_status_before_the_first_poll(serve: Server) -> None:
    """Without any org the document is whole, and says that it is not ready."""
    document = serve(shown=Snapshot(taken_at=NOW)).ask("/api/v1/status").json()

    assert document["ready"] is False
    assert document["orgs"] == []


def test_actions_are_the_report_of_the_day(serve: Server, tmp_path: Path) -> None:
    """The API's document is the report's own, of the last settled day of every org."""
    shown = recorded_org_snapshot(tmp_path)
    document = serve(shown).ask("/api/v1/actions").json()

    assert shown.diagnosis
    report = report_document([shown.day], NOW, {ORG: shown.diagnosis})
    assert document == msgspec.json.decode(msgspec.json.encode(report))
    assert {action["action_name"] for action in document["actions"]} == {
        "CRM lookup",
        "Payment",
        "Get user",
    }


def test_actions_show_verdict_severity_and_recommendation(serve: Server, tmp_path: Path) -> None:
    """Where an action was diagnosed; elsewhere the same words are null."""
    document = serve(recorded_org_snapshot(tmp_path)).ask("/api/v1/actions").json()
    actions = {one["action_name"]: one for one in document["actions"]}
    crm, payment, static = (actions[name] for name in ("CRM lookup", "Payment", "Get user"))

    assert (crm["verdict"], crm["severity"]) == ("slow_tail", "critical")
    assert crm["recommended_timeout_seconds"].keys() == {"raw", "capped", "low", "high"}
    assert (payment["verdict"], payment["recommended_timeout_seconds"]) == ("healthy", None)
    assert (static["verdict"], static["severity"]) == (None, None)
    assert document["orgs"][0]["concurrency"]["limit"] == 50


def test_changes_tell_what_was_changed_and_what_stops_changes(serve: Server) -> None:
    """The newest changes with their state, and the switches of each org."""
    made = change(ChangeState.WATCHING, began_at=NOW - 60, sent_at=NOW - 60, applied_at=NOW - 59)
    seen = RemediationSnapshot(mode="auto", paused=True, changes=(made,))
    document = serve(replace(org_snapshot(), remediation=seen)).ask("/api/v1/changes").json()

    assert document["orgs"] == [{"org": ORG, "mode": "auto", "paused": True, "tripped": False}]
    (shown,) = document["changes"]
    assert (shown["change_id"], shown["state"], shown["open"]) == (7, "watching", True)
    assert (shown["from_seconds"], shown["to_seconds"]) == (3.0, 4.0)
    assert (shown["applied_at"], shown["ended_at"]) == ("2026-09-21T14:14:01Z", None)


def test_one_action_has_all_that_is_known_of_it(serve: Server, tmp_path: Path) -> None:
    """Its entry in the report, what other timeouts would do, and the changes of it alone."""
    curve = TimeoutCurve(
        5_000,
        5_000,
        10_000,
        (
            TimeoutEffect(5_000, 0.9, 0.9, 0.9, 0, 0, 0, 0, 1.5, is_measured=True),
            TimeoutEffect(7_500, 0.95, 0.93, 0.97, 50, 30, 70, 900, 1.75, is_measured=False),
        ),
    )
    shown = recorded_org_snapshot(tmp_path)
    assert shown.diagnosis
    crm = replace(shown.diagnosis.diagnoses[CRM.action_id], curve=curve)
    mine = change(ChangeState.WATCHING, action_id=CRM.action_id)
    done = replace(shown.remediation, changes=(mine, change()))
    diagnosis = replace(shown.diagnosis, diagnoses={CRM.action_id: crm})
    site = serve(replace(shown, diagnosis=diagnosis, remediation=done))
    document = site.ask(f"/api/v1/actions/{ORG}/{CRM.action_id}").json()

    assert document["action"] == site.ask("/api/v1/actions").json()["actions"][0]
    assert [one["action_id"] for one in document["changes"]] == [CRM.action_id]
    assert document["diagnosed"]["at"] == "2026-09-21T14:15:00Z"
    assert document["curve"]["measured_to_seconds"] == 5.0
    assert document["curve"]["effects"][1] == {
        "timeout_seconds": 7.5,
        "success_share": 0.95,
        "success_share_low": 0.93,
        "success_share_high": 0.97,
        "rescued_per_day": 50.0,
        "rescued_low_per_day": 30.0,
        "rescued_high_per_day": 70.0,
        "extra_wait_seconds_per_day": 900.0,
        "slots": 1.75,
        "measured": False,
    }


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/actions/nobody/x", 404, "There is no org nobody: /api/v1/status lists them."),
        (f"/api/v1/actions/{ORG}/x", 404, f"{ORG} has no data action x: /api/v1/actions lists"),
        ("/api/v1/actions?org=nobody", 400, "There is no org nobody"),
        ("/api/v1/actions?verdict=bad", 400, "There is no verdict bad: it is one of healthy, "),
        ("/api/v1/actions?min_severity=9", 400, "There is no min_severity 9: it is one of unkno"),
    ],
)
def test_what_is_not_there_is_told_in_words(
    serve: Server, path: str, status: int, words: str
) -> None:
    """What was wrong, and where to look."""
    answer = serve(org_snapshot()).ask(path)

    assert answer.status == status
    assert answer.json()["detail"].startswith(words)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["CRM lookup", "Payment", "Get user"]),
        ("?org=acme&verdict=&min_severity=", ["CRM lookup", "Payment", "Get user"]),
        ("?verdict=healthy", ["Payment"]),
        ("?min_severity=good", ["CRM lookup", "Payment"]),
        ("?min_severity=critical&verdict=healthy", []),
    ],
)
def test_actions_can_be_chosen(serve: Server, tmp_path: Path, query: str, names: list[str]) -> None:
    """By org, verdict and severity; an empty word chooses nothing."""
    document = serve(recorded_org_snapshot(tmp_path)).ask(f"/api/v1/actions{query}").json()

    assert [one["action_name"] for one in document["actions"]] == names
    assert [one["org"] for one in document["orgs"]] == [ORG]


def test_a_report_is_made_once_for_each_snapshot(tmp_path: Path) -> None:
    """Whoever asks every second has nothing encoded anew between two polls."""
    first, second = (Snapshot(NOW, (recorded_org_snapshot(tmp_path),)) for _ in range(2))
    reports = ActionReports()

    assert reports.of(first).filtered(EVERY_ACTION) is reports.of(first).encoded
    assert reports.of(second) is not reports.of(first)


@pytest.mark.parametrize(("org", "action_id"), [("a/b", "x/y"), ("a", "b/x/y?#%2F"), ("a", "z")])
def test_any_id_can_be_asked_for(serve: Server, tmp_path: Path, org: str, action_id: str) -> None:
    """Names and ids may hold slashes and signs; each is found under its own address."""
    shown = recorded_org_snapshot(tmp_path)
    known = [("a/b", "x/y"), ("a", "b/x/y?#%2F"), ("a", "z")]
    orgs = [
        replace(
            shown,
            org=name,
            day=replace(
                shown.day,
                org=name,
                actions=tuple(
                    replace(shown.day.actions[0], org=name, action_id=one)
                    for owner, one in known
                    if owner == name
                ),
            ),
        )
        for name in ("a", "a/b")
    ]
    path = f"/api/v1/actions/{quote(org, safe='')}/{quote(action_id, safe='')}"
    found = serve(*orgs).ask(path).json()["action"]

    assert (found["org"], found["action_id"]) == (org, action_id)
