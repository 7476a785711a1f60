"""A real Prometheus and a real Alertmanager, a day of a simulated org and what comes after it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from dashboards.source.alerts import alerts
from dashboards.source.objectives import OBJECTIVES
from monitor.journal import ChangeState
from monitor.model import Outcome
from tests.dashboards.alerting_org import (
    CONTESTED,
    DOWN_1,
    DOWN_2,
    HOUR,
    IDLE,
    OUTAGE_HOUR,
    QUIET,
    SLOW,
    SPEED,
    TUNED,
    USELESS,
)
from tests.dashboards.expected_alerts import burns_in_history, called_for, called_for_by, pasts
from tests.dashboards.living_day import CONTRACTS, POLL_SECONDS, SCRAPE_SECONDS, LivingDay
from tests.dashboards.panels import Query, load, marks, queries, shown, wrong
from tests.dashboards.variables import View

pytestmark = pytest.mark.timeout(600)

EXECUTIONS = "genesys_data_action_executions_total"
CALLERS = "GenesysDataAction"
HEARD_SECONDS = 2.0
MARKS = 100
"""The most points of marks that Grafana asks for, whatever the width of the graph."""

TOLD = {"marks: Verdict changed", "marks: Incident"}


def view_of(living: LivingDay) -> View:
    """The day and what came after it."""
    # Grafana aligns the points of a graph with its step, here 5 min; the next comes soon.
    return View(living.origin - 24 * HOUR, math.ceil(living.ended / 300) * 300, SCRAPE_SECONDS)


def close_view_of(living: LivingDay) -> View:
    """What came after the day, from scrape to scrape."""
    return View(living.scraped_from, living.ended, SCRAPE_SECONDS)


def choices(org: str, action_id: str = SLOW.action_id) -> dict[str, str]:
    """What somebody has chosen above the dashboard: all of an org, and one action."""
    return {"datasource": "prometheus", "org": org, "integration": ".*", "action": action_id}


def pages(living: LivingDay) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each alert of each notification that says that something fires: to whom, in what, and it."""
    for _, receiver, body in living.pager.received:
        for alert in body["alerts"]:
            if alert["status"] == "firing":
                yield receiver, body, alert


def told(living: LivingDay) -> set[tuple[str, str, str]]:
    """Org, action and alert of everything that somebody was told."""
    return {
        (
            alert["labels"].get("org", ""),
            alert["labels"].get("action_name", ""),
            alert["labels"]["alertname"],
        )
        for _, _, alert in pages(living)
    }


OLDEST_DIAGNOSIS_SECONDS = 30.0
"""Of the machine: eighteen minutes of the day."""


def truth(living: LivingDay) -> dict[tuple[str, str, str], float]:
    """The same as it must be, with the moment at which each must fire; by the clock of the data."""
    began, until = living.data_time(living.scraped_from), living.data_time(living.ended)
    by_traffic = {
        (org, past.name, name): at
        for org, contract in CONTRACTS.items()
        for past in pasts(living.orgs[org], living.in_force if org == "acme" else (), began, until)
        for name, at in called_for(past, until, contract).items()
    }
    ended = [one for one in living.changes if one.touched_at > began]
    return by_traffic | {("acme", "", name): at for name, at in called_for_by(ended).items()}


def test_the_day_in_prometheus_equals_the_ledger(living: LivingDay) -> None:
    """Every outcome of every action, exactly."""
    counted = {key[1:]: count for key, count in living.day.items() if key[0] == "acme"}
    selector = f'{EXECUTIONS}{{org="acme"}}'
    found = {
        (labels["action_id"], labels["outcome"]): value
        for labels, value in living.prometheus.at(
            f"{selector} - ({selector} offset 1d)", living.origin
        )
    }

    assert sum(counted.values()) > 10_000
    assert {key: value for key, value in found.items() if value} == counted


def test_counters_go_over_from_the_day_into_the_scrapes(living: LivingDay) -> None:
    """None ever falls, and Prometheus ends with what the daemon shows."""
    resets = living.prometheus.at(f"resets({EXECUTIONS}[3d])", living.ended)
    assert {value for _, value in resets} == {0.0}

    grown = f"{EXECUTIONS} - ({EXECUTIONS} @ {living.origin})"
    added = sum(value for _, value in living.prometheus.at(grown, living.ended))
    assert added > 1_000
    shown = {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(
            requests.get(f"{living.daemon}/metrics", timeout=10).text
        )
        for sample in family.samples
        if sample.name == EXECUTIONS
    }
    last = living.prometheus.at(EXECUTIONS, living.ended)
    assert len(last) == len(shown)
    for labels, value in last:
        ours = {key: text for key, text in labels.items() if key in {"org", "action_id", "outcome"}}
        # The daemon has gone on since.
        assert 0 < value <= shown[tuple(sorted(ours.items()))] or value == 0


@pytest.mark.parametrize("query", queries(), ids=str)
def test_every_query_of_every_panel_shows_something(living: LivingDay, query: Query) -> None:
    """At least one finite sample and no NaN, with its variables as Grafana resolves them.

    A day has a point every two minutes, one or two of them since the scrapes began, and a number
    is that of one moment. What is shown only while the last hour is whole may miss those on a busy
    machine: a closer look finds it.
    """
    problem = wrong(living.prometheus, query, choices("acme"), view_of(living))
    if problem == "nothing":
        often = replace(query, instant=False)
        problem = wrong(living.prometheus, often, choices("acme"), close_view_of(living))
    assert problem == ""


@pytest.mark.parametrize("query", queries(), ids=str)
def test_with_the_flow_contract_every_panel_is_honest(living: LivingDay, query: Query) -> None:
    """It shows something, or says why there is nothing; never a NaN."""
    problem = wrong(living.prometheus, query, choices("bloom"), view_of(living))

    assert problem == "" or (problem == "nothing" and "contract flow" in query.no_value)


@pytest.mark.parametrize("query", queries(), ids=str)
def test_where_nobody_calls_no_panel_shows_nonsense(living: LivingDay, query: Query) -> None:
    """An action without a single execution, an integration of such: a number, or nothing."""
    chosen = choices("acme", IDLE.action_id) | {"integration": IDLE.integration.name}

    assert wrong(living.prometheus, query, chosen, view_of(living)) in {"", "nothing"}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (f'{EXECUTIONS}s{{org="$org"}}', "nothing"),
        ('sum(rate(genesys_data_action_executions_total{org="$org"}[$__rate_interval]', "refused"),
        (f'0 * {EXECUTIONS}{{org="$org"}} / 0', "not a number"),
        (f'{EXECUTIONS}{{org="$org"}} / 0', "not a number"),
        (f'{EXECUTIONS}{{org="$organisation"}}', "nothing"),
    ],
)
def test_a_broken_query_is_found(living: LivingDay, expression: str, problem: str) -> None:
    """A name that is not exported, half an expression, a division by zero, an unknown variable."""
    broken = Query("overview", "Broken", "A", expression, False, "5m", "")  # noqa: FBT003

    assert wrong(living.prometheus, broken, choices("acme"), view_of(living)).startswith(problem)


def marked(living: LivingDay, query: Query, action_id: str) -> dict[str, list[float]]:
    """When what was marked in the day that was imported, by the result that the mark names."""
    view = View(living.origin - 24 * HOUR, living.origin, SCRAPE_SECONDS, MARKS)
    return {
        labels.get("result", ""): sorted(samples)
        for labels, samples in shown(living.prometheus, query, choices("acme", action_id), view)
    }


@pytest.mark.parametrize("query", marks(), ids=str)
def test_every_kind_of_marks_shows_something(living: LivingDay, query: Query) -> None:
    """Changes of timeouts in the day and after it; at least one finite sample and no NaN."""
    view = replace(view_of(living), width=MARKS)
    # Verdicts have no history to be imported, and need not change in the hours after it:
    # test_marks has some that do.
    may_be_none = {"nothing"} if query.panel in TOLD else set()

    found = wrong(living.prometheus, query, choices("acme", TUNED.action_id), view)
    assert found in {"", *may_be_none}
    # An org in which nothing was changed has no marks.
    assert wrong(living.prometheus, query, choices("bloom"), view) == "nothing"


def test_marks_stand_where_timeouts_were_changed(living: LivingDay) -> None:
    """In the day that was imported, and nowhere else in it; and at the action that it was."""
    remediation, _, changed, *_ = marks()
    tuned, useless = living.changes[:2]
    assert [tuned.action_id, useless.action_id] == [TUNED.action_id, USELESS.action_id]
    assert useless.applied_at
    assert tuned.applied_at
    assert tuned.ended_at
    # A sample of history is at the end of a window; in a day, a rate looks back eighteen minutes.
    late = 300 + 18 * 60

    by_result = marked(living, remediation, TUNED.action_id)
    assert by_result.keys() == {"applied", "verified"}
    applied, verified = by_result["applied"], by_result["verified"]
    assert tuned.applied_at <= min(applied) <= tuned.applied_at + late
    assert max(applied) <= useless.applied_at + late
    assert all(tuned.ended_at <= at <= tuned.ended_at + late for at in verified)
    for one, since in ((tuned, tuned.applied_at), (useless, useless.applied_at)):
        times = marked(living, changed, one.action_id)[""]
        assert all(since <= at <= since + late for at in times)
    assert marked(living, changed, SLOW.action_id) == {}


def test_what_became_of_changes_is_counted(living: LivingDay) -> None:
    """A raise that helps, one that does not, one that meets somebody else's, one refused."""
    ends = [(one.action_id, one.state) for one in living.changes]
    assert ends == [
        (TUNED.action_id, ChangeState.VERIFIED),
        (USELESS.action_id, ChangeState.ROLLED_BACK),
        (CONTESTED.action_id, ChangeState.CONFLICT),
        (CONTESTED.action_id, ChangeState.FAILED),
    ]
    counted = living.prometheus.at(
        'timeout_monitor_remediation_changes_total{org="acme"}', living.ended
    )
    assert {labels["result"]: value for labels, value in counted} == {
        "applied": 2, "verified": 1, "rolled_back": 1, "conflict": 1, "failed": 1
    }  # fmt: skip
    for name, was, became in (("mode", 2, 2), ("paused", 1, 0), ("tripped", 0, 1)):
        gauge = f'timeout_monitor_remediation_{name}{{org="acme"}}'
        [(_, samples)] = living.prometheus.between(gauge, living.scraped_from, living.ended, 1)
        assert (samples[min(samples)], samples[max(samples)]) == (was, became)


def test_exactly_those_alerts_come_that_the_truth_calls_for(living: LivingDay) -> None:
    """None is missing, and none is too much."""
    wanted = set(truth(living))
    # Whoever is paged about an action is not told the rest about it while that lasts.
    paged = {key[:2] for key in wanted if key[2].endswith("BurningFast")}
    may = {key for key in wanted if key[:2] in paged}

    assert wanted - may <= told(living) <= wanted
    for down in (DOWN_1, DOWN_2):
        for alert in ("TimeoutsBurningFast", "Outage"):
            assert ("acme", down.name, CALLERS + alert) in told(living)
    for alert in ("ChangeRolledBack", "ChangeConflict", "RemediationTripped"):
        assert ("acme", "", f"TimeoutMonitor{alert}") in told(living)


def test_somebody_is_paged_in_time(living: LivingDay) -> None:
    """Within a poll, two scrapes and the rule's ``for`` of the moment at which it can be known."""
    must = truth(living)
    fired: dict[tuple[str, str, str], float] = {}
    for receiver, _, alert in pages(living):
        labels = alert["labels"]
        if receiver == "pager" or labels["alertname"].startswith("TimeoutMonitor"):
            key = labels["org"], labels.get("action_name", ""), labels["alertname"]
            at = datetime.fromisoformat(alert["startsAt"]).timestamp()
            # The first time counts: what the platform shows late may page once more.
            fired[key] = min(at, fired.get(key, at))
    for down in (DOWN_1, DOWN_2):
        for name in ("TimeoutsBurningFast", "Outage"):
            assert ("acme", down.name, CALLERS + name) in fired
    assert ("acme", "", "TimeoutMonitorRemediationTripped") in fired
    # A poll asks for what was visible at the last full minute, and takes its time itself.
    poll = (POLL_SECONDS + 60) / SPEED + living.longest_poll_seconds
    for key, at in fired.items():
        due = living.scraped_from + (must[key] - living.data_time(living.scraped_from)) / SPEED
        # A verdict comes with a diagnosis, which is made after a poll and takes its time, too.
        verdict = oldest_diagnosis_seconds(living) if key[2] == CALLERS + "Outage" else 0.0
        late = poll + verdict + 2 * SCRAPE_SECONDS
        assert at <= due + late, f"{key}: {at - due:.1f} s late, where {late:.1f} are allowed"


def oldest_diagnosis_seconds(living: LivingDay) -> float:
    """How old verdicts ever were, by the machine's clock."""
    age = 'timeout_monitor_diagnosis_age_seconds{org="acme"}'
    [(_, samples)] = living.prometheus.between(age, living.scraped_from, living.ended, 1)
    oldest = max(samples.values()) / SPEED
    assert oldest < OLDEST_DIAGNOSIS_SECONDS
    return oldest


def test_one_broken_back_end_is_one_page(living: LivingDay) -> None:
    """Both actions of the integration in one notification, and nobody else's."""
    down = {DOWN_1.name, DOWN_2.name}
    bodies = [
        body
        for _, receiver, body in living.pager.received
        if receiver == "pager" and down & {one["labels"]["action_name"] for one in body["alerts"]}
    ]

    assert len({body["groupKey"] for body in bodies}) == 1
    assert {body["groupLabels"]["integration_name"] for body in bodies} == {DOWN_1.integration.name}
    firing = [body for body in bodies if body["status"] == "firing"]
    assert {one["labels"]["action_name"] for one in firing[-1]["alerts"]} == down


def pages_of(living: LivingDay, action: str) -> list[tuple[float, float]]:
    """When each page about an action began and ended; one that lasts, when all ended."""
    lasted: dict[float, float] = {}
    for _, receiver, body in living.pager.received:
        for alert in body["alerts"] if receiver == "pager" else ():
            if alert["labels"].get("action_name") == action:
                began, ended = (
                    datetime.fromisoformat(alert[key]).timestamp() for key in ("startsAt", "endsAt")
                )
                lasted[began] = ended if alert["status"] == "resolved" else living.ended
    return sorted(lasted.items())


def test_who_is_paged_is_not_told_again_for_office_hours(living: LivingDay) -> None:
    """While the page lasts, the warnings about the same action are held back."""
    told_beside = [
        (alert["labels"]["action_name"], alert["labels"]["alertname"], at, began, ended)
        for at, receiver, body in living.pager.received
        if receiver == "office-hours" and body["groupLabels"]["org"] == "acme"
        for alert in body["alerts"]
        if alert["status"] == "firing"
        for began, ended in pages_of(living, alert["labels"].get("action_name", ""))
        # Alertmanager hears of both a moment after they begin, and after they end.
        if began + HEARD_SECONDS < at < ended
    ]
    firing = {
        alert["labels"].get("action_name")
        for alert in living.prometheus.alerts()
        if alert["labels"]["severity"] == "warning" and alert["labels"].get("org") == "acme"
    }
    assert DOWN_1.name in firing
    assert pages_of(living, DOWN_1.name)
    assert told_beside == []


def test_quiet_actions_raise_nothing(living: LivingDay) -> None:
    """Not one, neither told nor pending."""
    quiet = {one.name for one in QUIET}
    ever = living.prometheus.at("count by (action_name) (last_over_time(ALERTS[1h]))", living.ended)

    assert quiet.isdisjoint(labels.get("action_name") for labels, _ in ever)
    assert SLOW.name in {labels.get("action_name") for labels, _ in ever}


def test_what_is_told_can_be_read(living: LivingDay) -> None:
    """No hole in the text, numbers for people, and every link leads somewhere."""
    checked = 0
    for _, _, alert in pages(living):
        said = alert["annotations"]
        for text in said.values():
            assert not re.search(r"no value|<error|\{\{|%!|\d\.\d{5}", text), text
        runbook = requests.get(said["runbook_url"].partition("#")[0], timeout=10)
        heading = rf"^## {alert['labels']['alertname']}$"
        assert re.search(heading, runbook.text, re.MULTILINE)
        assert said["runbook_url"].endswith(f"#{alert['labels']['alertname'].lower()}")
        link = urlsplit(said["dashboard_url"])
        asked = {name: values[0] for name, values in parse_qs(link.query).items()}
        [name] = [one for one in ("overview", "action") if load(one)["uid"] in link.path]
        known = {one["name"] for one in load(name)["templating"]["list"]}
        assert {one.removeprefix("var-") for one in asked} <= known
        assert asked["var-org"] == alert["labels"]["org"]
        assert asked.get("var-action", "") == alert["labels"].get("action_id", "")
        checked += 1
    assert checked


def fired_in_the_day(living: LivingDay) -> dict[tuple[str, str], list[float]]:
    """When each shipped alert about an action would have fired in the day, by action and name."""
    fired: dict[tuple[str, str], list[float]] = {}
    for alert in alerts(OBJECTIVES):
        if not alert.name.startswith(CALLERS):
            continue
        hold = alert.hold.value if alert.hold else 0.0
        found = living.prometheus.between(
            alert.expression, living.origin - 24 * HOUR, living.origin, 60
        )
        for labels, samples in found:
            if labels["org"] == "acme" and "action_name" in labels:
                times = [at for at in samples if all(at - 60 * n in samples for n in steps(hold))]
                if times:
                    fired[labels["action_name"], alert.name] = times
    return fired


def steps(hold: float) -> range:
    """Evaluations, a minute apart, over which a condition must have held."""
    return range(1, math.ceil(hold / 60) + 1)


def test_the_quiet_actions_would_have_raised_none_in_the_whole_day(living: LivingDay) -> None:
    """The shipped rules, every minute; and the outage of that day would have woken somebody."""
    fired = fired_in_the_day(living)

    assert {one.name for one in QUIET}.isdisjoint(action for action, _ in fired)
    began = living.origin - 24 * HOUR + (OUTAGE_HOUR - 13) * HOUR
    past = {one.name: one for one in pasts(living.orgs["acme"], (), began - HOUR, living.origin)}
    for down in (DOWN_1, DOWN_2):
        first = fired[down.name, f"{CALLERS}TimeoutsBurningFast"][0]
        must = (
            burns_in_history(past[down.name], OBJECTIVES.fast, began) + OBJECTIVES.fast.hold.value
        )
        # Two of three times it is the second window's end; rules are evaluated each minute.
        assert must <= began + 25 * 60
        assert began < first <= must + 60


def test_the_outage_of_the_day_is_no_longer_told_when_it_is_over(living: LivingDay) -> None:
    """The page would have resolved a quarter of an hour, and a window, after it."""
    ended = living.origin - 24 * HOUR + (OUTAGE_HOUR - 13) * HOUR + 40 * 60
    times = fired_in_the_day(living)[DOWN_1.name, f"{CALLERS}TimeoutsBurningFast"]

    assert max(times) <= ended + OBJECTIVES.fast.short.value + 600


def test_throttling_is_told_and_is_no_timeout(living: LivingDay) -> None:
    """The action that the platform refuses has its own alert, and none about its timeouts."""
    told_of = {name for _, action, name in told(living) if action == "Loyalty Points"}
    refused = living.prometheus.at(
        f'sum(increase({EXECUTIONS}{{outcome="{Outcome.THROTTLED}"}}[2m]))', living.ended
    )

    assert told_of == {f"{CALLERS}Throttled"}
    assert refused[0][1] > OBJECTIVES.throttled_least
