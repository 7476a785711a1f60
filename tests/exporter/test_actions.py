"""What a scrape says of data actions and flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import HistogramDetail
from monitor.counts import Counts, SeriesKey
from monitor.ledger import IncidentTotal, OrgState
from monitor.model import (
    BAND_EDGES_MS,
    COARSE_EDGES_MS,
    NO_BANDS,
    UNKNOWN_ACTION,
    Action,
    ActionKind,
)
from tests.diagnosis.diagnoses import healthy
from tests.exporter.snapshots import (
    CRM,
    ORG,
    PAYMENT,
    STATIC,
    Scrape,
    diagnosed,
    org_snapshot,
    recorded_org_snapshot,
)

Scraper = Callable[..., Scrape]

EXECUTIONS = "genesys_data_action_executions_total"
ERRORS = "genesys_data_action_errors_total"
DURATION = "genesys_data_action_duration_seconds"
CONVERSATIONS = "genesys_flow_timeout_conversations_total"


def outcomes(scrape: Scrape, action: Action) -> dict[str, float]:
    """Executions of an action by outcome."""
    return {
        outcome: count
        for (action_id, _, outcome), count in scrape.series(EXECUTIONS).items()
        if action_id == action.action_id
    }


def test_counts_what_the_ledger_holds(scrape: Scraper, tmp_path: Path) -> None:
    """Executions that went through a real ledger are counted by action and outcome."""
    scraped = scrape(recorded_org_snapshot(tmp_path))

    assert outcomes(scraped, CRM) == {"success": 5, "timeout": 3, "error": 0, "throttled": 1}
    assert outcomes(scraped, PAYMENT) == {"success": 2, "timeout": 0, "error": 1, "throttled": 0}


def test_quiet_action_is_there_from_the_first_scrape(scrape: Scraper) -> None:
    """An action without executions has all four outcomes, and its histogram, at 0."""
    scraped = scrape(org_snapshot(OrgState(ORG, actions=(CRM,))))

    assert outcomes(scraped, CRM) == {"success": 0, "timeout": 0, "error": 0, "throttled": 0}
    labels = {"org": ORG, "action_id": CRM.action_id}
    assert scraped.value(f"{DURATION}_bucket", **labels, le="+Inf") == 0
    assert scraped.value(f"{DURATION}_sum", **labels) == 0


def test_action_outside_the_catalogue_is_counted(scrape: Scraper) -> None:
    """Counts of an action that no catalogue knows are shown under its id."""
    stranger = SeriesKey(UNKNOWN_ACTION, "request.timeout", "408")
    scraped = scrape(org_snapshot(OrgState(ORG, totals={stranger: Counts(4)})))

    labels = {"org": ORG, "action_id": UNKNOWN_ACTION}
    assert scraped.value(EXECUTIONS, **labels, outcome="timeout") == 4
    assert scraped.value(
        "genesys_data_action_info",
        **labels,
        action_name=UNKNOWN_ACTION,
        integration_id="",
        integration_name="",
        category="",
    )


def test_failures_keep_the_words_of_the_platform(scrape: Scraper, tmp_path: Path) -> None:
    """Every failure, a timeout too, is counted under its own error type and status."""
    scraped = scrape(recorded_org_snapshot(tmp_path))

    assert scraped.series(ERRORS) == {
        (CRM.action_id, "rate.limit.exceeded", ORG, "429"): 1,
        (CRM.action_id, "request.timeout", ORG, "408"): 3,
        (PAYMENT.action_id, "server.error", ORG, "500"): 1,
    }


def test_full_buckets_are_the_latency_bands(scrape: Scraper, tmp_path: Path) -> None:
    """A full histogram counts every execution, at the edges of the latency bands, in seconds."""
    scraped = scrape(recorded_org_snapshot(tmp_path), histogram=HistogramDetail.FULL)

    labels = {"org": ORG, "action_id": CRM.action_id}
    buckets = {
        edge: scraped.value(f"{DURATION}_bucket", **labels, le=edge)
        for edge in ("0.1", "0.5", "2.5", "3.0", "4.0", "30.0", "+Inf")
    }
    assert buckets == {"0.1": 3, "0.5": 4, "2.5": 4, "3.0": 6, "4.0": 9, "30.0": 9, "+Inf": 9}
    assert scraped.value(f"{DURATION}_sum", **labels) == pytest.approx(14.765)


def test_coarse_buckets_are_some_of_the_full_ones(scrape: Scraper, tmp_path: Path) -> None:
    """By default there are ten edges, each an edge of the full histogram, which says the same."""
    recorded = recorded_org_snapshot(tmp_path)
    coarse, full = scrape(recorded), scrape(recorded, histogram=HistogramDetail.FULL)

    shown = {key: value for key, value in coarse.samples.items() if key[0].startswith(DURATION)}
    edges = {dict(labels)["le"] for name, labels in shown if name == f"{DURATION}_bucket"}
    assert edges == {*(str(edge / 1000) for edge in COARSE_EDGES_MS), "+Inf"}
    assert len(edges) == 11
    assert shown.items() <= full.samples.items()


def test_no_histogram_where_none_is_asked_for(scrape: Scraper, tmp_path: Path) -> None:
    """Whoever pays by the series can leave the histogram out; nothing else changes."""
    recorded = recorded_org_snapshot(tmp_path)
    without = scrape(recorded, histogram=HistogramDetail.OFF).samples
    expected = {
        key: value
        for key, value in scrape(recorded).samples.items()
        if not key[0].startswith(DURATION)
    }
    assert without == expected


def test_an_action_costs_at_most_26_series(scrape: Scraper) -> None:
    """By default, with a kind of failure, a verdict and a flow; advice comes on top."""
    totals = {
        SeriesKey(CRM.action_id, *words): Counts(1)
        for words in (("NONE", "200"), ("request.timeout", "504"))
    }
    use = frozenset({(CRM.action_id, "f")})
    state = OrgState(ORG, actions=(CRM,), totals=totals, flow_use=use)
    scraped = scrape(org_snapshot(state, diagnosis=diagnosed({CRM.action_id: healthy()})))

    of_action = [labels for _, labels in scraped.samples if ("action_id", CRM.action_id) in labels]
    assert len(of_action) <= 26


def test_execution_without_a_band_counts_in_the_open_bucket(scrape: Scraper) -> None:
    """Where the bands know of fewer executions than the count, +Inf is still the count."""
    bands = (2, *NO_BANDS[1:])
    totals = {SeriesKey("a", "NONE", "200"): Counts(5, 100.0, bands=bands)}
    scraped = scrape(org_snapshot(OrgState(ORG, totals=totals)))

    labels = {"org": ORG, "action_id": "a"}
    assert scraped.value(f"{DURATION}_bucket", **labels, le="30.0") == 2
    assert scraped.value(f"{DURATION}_bucket", **labels, le="+Inf") == 5
    assert scraped.value(f"{DURATION}_count", **labels) == 5


def banded_totals() -> st.SearchStrategy[dict[SeriesKey, Counts]]:
    """Totals of one action: any endings, bands that sum to at most the count."""
    bands = st.lists(
        st.integers(0, 1000), min_size=len(BAND_EDGES_MS) + 1, max_size=len(BAND_EDGES_MS) + 1
    )
    key = st.builds(
        SeriesKey,
        st.just("a"),
        st.sampled_from(["NONE", "request.timeout", "rate.limit", "server.error"]),
        st.sampled_from(["", "200", "408", "500", "504"]),
    )
    total = st.builds(
        lambda shown, unbanded, duration_ms: Counts(
            sum(shown) + unbanded, duration_ms, bands=tuple(shown)
        ),
        bands,
        st.integers(0, 1000),
        st.floats(0, 1e9),
    )
    return st.dictionaries(key, total, max_size=6)


@given(totals=banded_totals())
def test_outcomes_and_buckets_sum_to_the_executions(
    scrape: Scraper, totals: Mapping[SeriesKey, Counts]
) -> None:
    """Whatever the totals: outcomes, +Inf and _count all sum to the executions; buckets grow."""
    action = replace(CRM, action_id="a")
    scraped = scrape(org_snapshot(OrgState(ORG, actions=(action,), totals=totals)))

    executions = sum(total.count for total in totals.values())
    buckets = [
        scraped.value(f"{DURATION}_bucket", org=ORG, action_id="a", le=le) or 0
        for le in [*(str(edge / 1000) for edge in COARSE_EDGES_MS), "+Inf"]
    ]
    assert sum(outcomes(scraped, action).values()) == executions
    assert buckets == sorted(buckets)
    assert buckets[-1] == executions
    assert scraped.value(f"{DURATION}_count", org=ORG, action_id="a") == executions
    failures = sum(total.count for key, total in totals.items() if key.error_type != "NONE")
    assert sum(scraped.series(ERRORS).values()) == failures


def test_timeout_in_force(scrape: Scraper) -> None:
    """A set timeout, or the platform's default; nothing where nobody can know it."""
    function = Action("f", "Function", kind=ActionKind.FUNCTION)
    untold = Action("u", "Who knows", kind=ActionKind.UNDETERMINED)
    actions = (CRM, PAYMENT, STATIC, function, untold)
    scraped = scrape(org_snapshot(OrgState(ORG, actions=actions)))

    assert scraped.series("genesys_data_action_timeout_seconds") == {
        (CRM.action_id, ORG): 3,
        (PAYMENT.action_id, ORG): 60,
        ("f", ORG): 15,
    }


def test_action_that_is_gone_keeps_its_counts_and_loses_its_timeout(scrape: Scraper) -> None:
    """An action that the catalogue lists no more has no timeout in force, but its counters."""
    state = OrgState(ORG, actions=(CRM,), gone=frozenset({CRM.action_id}))
    scraped = scrape(org_snapshot(state))

    assert not scraped.series("genesys_data_action_timeout_seconds")
    assert len(outcomes(scraped, CRM)) == 4


def test_names_are_joined_by_id(scrape: Scraper) -> None:
    """The info series carries the names that belong to an action's id."""
    scraped = scrape(org_snapshot(OrgState(ORG, actions=(CRM,))))

    assert scraped.value(
        "genesys_data_action_info",
        org=ORG,
        action_id=CRM.action_id,
        action_name="CRM lookup",
        integration_id="int-1",
        integration_name="CRM",
        category="Web Services",
    )


def test_flows_that_use_an_action(scrape: Scraper, tmp_path: Path) -> None:
    """Flows known from dependency tracking and from incidents are named beside their action."""
    scraped = scrape(recorded_org_snapshot(tmp_path))

    assert scraped.series("genesys_data_action_flow_info") == {
        (CRM.action_id, "main", "Flow main", ORG): 1,
        (PAYMENT.action_id, "billing", "Billing", ORG): 1,
    }


def test_conversations_hit(scrape: Scraper, tmp_path: Path) -> None:
    """Conversations are counted by flow and action, and a flow that was never hit stands at 0."""
    scraped = scrape(recorded_org_snapshot(tmp_path))

    assert scraped.series(CONVERSATIONS) == {
        (CRM.action_id, "main", ORG): 2,
        (PAYMENT.action_id, "billing", ORG): 0,
    }


def test_timeout_of_an_unnamed_flow(scrape: Scraper) -> None:
    """A timeout whose flow is not known is counted, but names no flow that could be joined."""
    state = OrgState(
        ORG,
        incident_totals=(IncidentTotal("", CRM.action_id, 2, 1),),
        flow_use=frozenset({(CRM.action_id, "")}),
    )
    scraped = scrape(org_snapshot(state))

    assert scraped.value(CONVERSATIONS, org=ORG, flow_id="", action_id=CRM.action_id) == 1
    assert not scraped.series("genesys_data_action_flow_info")


def test_contract_flow_counts_timeouts_alone(scrape: Scraper, tmp_path: Path) -> None:
    """Where only timeouts are ever seen there is no success series and no histogram."""
    scraped = scrape(recorded_org_snapshot(tmp_path, contract="flow"))

    assert outcomes(scraped, CRM) == {"timeout": 2}
    assert outcomes(scraped, PAYMENT) == {"timeout": 0}
    assert not scraped.series(f"{DURATION}_count")
    assert not scraped.series("genesys_data_actions_concurrency_estimate")


def test_budget_used_comes_from_the_last_hour(scrape: Scraper, tmp_path: Path) -> None:
    """The share of the timeout that the p99 uses is the summary's, where it knows one."""
    shown = recorded_org_snapshot(tmp_path)
    known = {
        (action.action_id, ORG): action.budget_used_ratio
        for action in shown.hour.actions
        if action.budget_used_ratio is not None
    }

    assert CRM.action_id in {action_id for action_id, _ in known}
    assert scrape(shown).series("genesys_data_action_timeout_budget_used_ratio") == known


def test_concurrency_is_the_sum_over_actions(scrape: Scraper, tmp_path: Path) -> None:
    """The estimate is all durations of the hour by its length, beside the org's own limit."""
    scraped = scrape(recorded_org_snapshot(tmp_path))

    durations_seconds = 14.765 + 40.82
    assert scraped.value("genesys_data_actions_concurrency_estimate", org=ORG) == pytest.approx(
        durations_seconds / 3600
    )
    assert scraped.value("genesys_data_actions_concurrency_limit", org=ORG) == 50


def test_each_limit_is_shown_with_how_much_of_it_is_used(scrape: Scraper, tmp_path: Path) -> None:
    """Use is that of the busiest window of the hour: 40.82 s and 5 executions of five minutes."""
    scraped = scrape(recorded_org_snapshot(tmp_path))

    assert scraped.series("genesys_data_actions_limit") == {
        ("concurrent_executions", ORG): 50,
        ("executions_per_minute", ORG): 2_500,
        ("function_concurrent_executions", ORG): 25,
    }
    used = scraped.series("genesys_data_actions_limit_used_ratio")
    assert used == {
        ("concurrent_executions", ORG): pytest.approx(40.82 / 300 / 50),
        ("executions_per_minute", ORG): pytest.approx(9 / 5 / 2_500),
        ("function_concurrent_executions", ORG): 0,
    }


def test_gauges_that_are_not_known_are_left_out(scrape: Scraper) -> None:
    """An hour that was not read whole gives no estimate; an unread limit gives no gauge."""
    scraped = scrape(org_snapshot(concurrency_limit=None))

    assert not scraped.series("genesys_data_actions_concurrency_estimate")
    assert not scraped.series("genesys_data_actions_concurrency_limit")


def test_orgs_are_kept_apart(scrape: Scraper) -> None:
    """Two orgs may have an action of the same id."""
    totals = {SeriesKey(CRM.action_id, "NONE", "200"): Counts(1)}
    scraped = scrape(
        org_snapshot(OrgState("acme", actions=(CRM,), totals=totals)),
        org_snapshot(OrgState("globex", actions=(CRM,))),
    )

    labels = {"action_id": CRM.action_id, "outcome": "success"}
    assert scraped.value(EXECUTIONS, org="acme", **labels) == 1
    assert scraped.value(EXECUTIONS, org="globex", **labels) == 0
