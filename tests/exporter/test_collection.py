"""What a scrape says of the reading itself: freshness, polls, lateness and cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from monitor import __version__
from monitor.exporter import MetricsCollector
from monitor.ledger import LATENESS_EDGES_SECONDS, Lateness, OrgState, SourceState
from monitor.snapshot import PollHealth, Snapshot, SnapshotHolder
from tests.clocks import ManualClock
from tests.exporter.snapshots import (
    NOW,
    ORG,
    Scrape,
    fresh_coverage,
    fresh_sources,
    org_snapshot,
    snapshot,
)
from tests.filled_ledger import CLASSIFIER

Scraper = Callable[..., Scrape]


def test_watermark_stops_at_the_first_hole(scrape: Scraper) -> None:
    """The watermark is where unbroken coverage since the first read ends, not the newest read."""
    scraped = scrape(org_snapshot())

    assert scraped.series("timeout_monitor_watermark_timestamp_seconds") == {
        (ORG, "actions"): NOW,
        (ORG, "conversations"): NOW - 7200,
    }


def test_data_lag_is_the_age_of_the_newest_data(scrape: Scraper) -> None:
    """A source that has had data says how old it is; one that never had any says nothing."""
    scraped = scrape(org_snapshot())

    assert scraped.series("timeout_monitor_data_lag_seconds") == {(ORG, "actions"): 60}


def test_data_lag_grows_between_polls() -> None:
    """The lag is that of the moment of the scrape, though the snapshot stays the same."""
    clock = ManualClock(NOW)
    registry = CollectorRegistry()
    registry.register(MetricsCollector(SnapshotHolder(snapshot(org_snapshot())), CLASSIFIER, clock))
    labels = {"org": ORG, "source": "actions"}

    assert registry.get_sample_value("timeout_monitor_data_lag_seconds", labels) == 60
    clock.at += 40
    assert registry.get_sample_value("timeout_monitor_data_lag_seconds", labels) == 100


def test_data_is_never_younger_than_now(scrape: Scraper) -> None:
    """Data of a window that is still open has no negative age."""
    ahead = replace(fresh_sources()["actions"], newest_data_at=NOW + 200)
    scraped = scrape(org_snapshot(OrgState(ORG, sources={"actions": ahead})))

    assert scraped.series("timeout_monitor_data_lag_seconds") == {(ORG, "actions"): 0}


def test_last_success(scrape: Scraper) -> None:
    """The newest good read of each source is shown; a source that was never read has none."""
    health = PollHealth(source_available={"actions": True, "executions": True})
    scraped = scrape(org_snapshot(health=health))

    assert scraped.series("timeout_monitor_last_success_timestamp_seconds") == {
        (ORG, "actions"): NOW - 5,
        (ORG, "conversations"): NOW - 7,
    }


def test_ages_are_those_of_the_moment(scrape: Scraper) -> None:
    """Of sources, polls and the catalogue; what was never read has none."""
    state = OrgState(ORG, sources={"actions": SourceState("actions", NOW - 5)})
    seen = replace(org_snapshot(state), last_reads={"actions": NOW - 42, "conversations": 0.0})
    scraped = scrape(seen)

    assert scraped.series("timeout_monitor_source_age_seconds") == {(ORG, "actions"): 42}
    assert scraped.series("timeout_monitor_poll_age_seconds") == {(ORG,): 5}
    assert scraped.series("timeout_monitor_catalogue_age_seconds") == {(ORG,): 300}
    assert scraped.series("timeout_monitor_diagnosis_age_seconds") == {(ORG,): 400}
    assert scraped.series("timeout_monitor_last_success_timestamp_seconds") == {
        (ORG, "actions"): NOW - 42
    }


def test_clocks_that_were_wrong(scrape: Scraper) -> None:
    """Each way to find one has a series from the first scrape."""
    scraped = scrape(org_snapshot(health=PollHealth(voided=2, clock_skew_seconds=-7_200.0)))

    assert scraped.series("timeout_monitor_clock_steps_total") == {
        ("ahead",): 0,
        ("back",): 0,
        ("state",): 2,
    }
    assert scraped.series("timeout_monitor_clock_skew_seconds") == {(ORG,): -7_200}


@pytest.mark.parametrize(
    ("contract", "available", "shown"),
    [
        ("platform", {"actions": True, "conversations": False}, {(ORG, "actions"): 1}),
        ("platform", {"actions": False, "conversations": True}, {(ORG, "actions"): 0}),
        ("flow", {"conversations": False, "flow-errors": True}, {(ORG, "conversations"): 0}),
        ("platform", {"conversations": True}, {}),
    ],
)
def test_whether_what_is_counted_from_answers(
    scrape: Scraper, contract: str, available: dict[str, bool], shown: dict[tuple[str, str], int]
) -> None:
    """The one source without which nothing is counted has a series of its own."""
    health = PollHealth(source_available=available)
    scraped = scrape(org_snapshot(contract=contract, health=health))

    assert scraped.series("timeout_monitor_required_source_available") == shown


def test_source_available(scrape: Scraper) -> None:
    """A source that answers shows 1, one that is refused 0."""
    assert scrape(org_snapshot()).series("timeout_monitor_source_available") == {
        (ORG, "actions"): 1,
        (ORG, "conversations"): 0,
    }


def test_the_audit_log_counts_nothing(scrape: Scraper) -> None:
    """Whether it answers is shown, and no freshness that it hasn't."""
    health = PollHealth(source_available={"actions": True, "audits": False})
    scraped = scrape(org_snapshot(health=health))

    assert scraped.value("timeout_monitor_source_available", org=ORG, source="audits") == 0
    shown = scraped.series("timeout_monitor_restatements_total")
    assert (ORG, "audits") not in shown


def test_polls_by_result(scrape: Scraper) -> None:
    """Every result has a series, those that never happened at 0."""
    assert scrape(org_snapshot()).series("timeout_monitor_polls_total") == {
        (ORG, "ok"): 3,
        (ORG, "partial"): 0,
        (ORG, "failed"): 1,
    }


def test_poll_duration_is_a_summary_of_all_polls(scrape: Scraper) -> None:
    """Count and sum of the polls' durations give their mean over any period."""
    scraped = scrape(org_snapshot())

    assert scraped.value("timeout_monitor_poll_duration_seconds_count", org=ORG) == 4
    assert scraped.value("timeout_monitor_poll_duration_seconds_sum", org=ORG) == 2.5


def test_restatements_and_skipped_windows(scrape: Scraper) -> None:
    """What the ledger counted of each source is shown, zeros too."""
    scraped = scrape(org_snapshot())

    assert scraped.series("timeout_monitor_restatements_total") == {
        (ORG, "actions"): 4,
        (ORG, "conversations"): 0,
    }
    assert scraped.series("timeout_monitor_skipped_windows_total") == {
        (ORG, "actions"): 2,
        (ORG, "conversations"): 0,
    }


def test_lateness_has_the_ledgers_bands(scrape: Scraper) -> None:
    """Late executions are shown in cumulative buckets; a source without any stands at 0."""
    executions = [0] * (len(LATENESS_EDGES_SECONDS) + 1)
    executions[0], executions[2], executions[-1] = 3, 4, 5
    state = OrgState(
        ORG,
        sources=fresh_sources(),
        coverage=fresh_coverage(),
        lateness={"actions": Lateness(tuple(executions), 900_000.0)},
    )
    scraped = scrape(org_snapshot(state))

    labels = {"org": ORG, "source": "actions"}
    name = "timeout_monitor_lateness_seconds"
    assert scraped.value(f"{name}_bucket", **labels, le="60.0") == 3
    assert scraped.value(f"{name}_bucket", **labels, le="300.0") == 7
    assert scraped.value(f"{name}_bucket", **labels, le="86400.0") == 7
    assert scraped.value(f"{name}_bucket", **labels, le="+Inf") == 12
    assert scraped.value(f"{name}_count", **labels) == 12
    assert scraped.value(f"{name}_sum", **labels) == 900_000
    assert scraped.value(f"{name}_count", org=ORG, source="conversations") == 0


def test_cost_by_endpoint(scrape: Scraper) -> None:
    """Requests are counted by endpoint and status, retries and waits by endpoint."""
    scraped = scrape(org_snapshot())

    assert scraped.series("timeout_monitor_api_requests_total") == {
        ("POST /query", ORG, "200"): 7,
        ("POST /query", ORG, "429"): 2,
    }
    assert scraped.series("timeout_monitor_api_retries_total") == {("POST /query", ORG): 2}
    assert scraped.series("timeout_monitor_rate_limited_seconds_total") == {
        ("POST /query", ORG): 1.5
    }


def test_dropped_records_by_source_and_reason(scrape: Scraper) -> None:
    """What made no sense shows as what it is; a source without any has no series."""
    health = PollHealth(dropped_records={("actions", "number"): 3, ("catalogue", "shape"): 1})
    scraped = scrape(org_snapshot(health=health))

    assert scraped.series("timeout_monitor_dropped_records_total") == {
        (ORG, "number", "actions"): 3,
        (ORG, "shape", "catalogue"): 1,
    }


def test_endpoint_that_only_waited_is_shown(scrape: Scraper) -> None:
    """Time spent waiting counts even where no request has been answered yet."""
    scraped = scrape(org_snapshot(health=PollHealth(rate_limited_seconds={"GET /limits": 2.0})))

    assert scraped.series("timeout_monitor_rate_limited_seconds_total") == {("GET /limits", ORG): 2}


def test_state_and_build(scrape: Scraper) -> None:
    """The program's version and the state's health stand without an org."""
    scraped = scrape()

    assert scraped.value("timeout_monitor_build_info", version=__version__) == 1
    assert scraped.value("timeout_monitor_state_writable") == 1


def test_state_that_cannot_be_written_shows_zero() -> None:
    """An unwritable state is a gauge at 0."""
    registry = CollectorRegistry()
    holder = SnapshotHolder(Snapshot(taken_at=NOW, state_writable=False))
    registry.register(MetricsCollector(holder, CLASSIFIER, ManualClock(NOW)))

    assert registry.get_sample_value("timeout_monitor_state_writable") == 0


def test_org_that_was_never_read_claims_nothing(scrape: Scraper) -> None:
    """Before its first poll an org has its polls at 0 and no freshness at all."""
    scraped = scrape(org_snapshot(OrgState(ORG), health=PollHealth()))

    assert scraped.value("timeout_monitor_polls_total", org=ORG, result="ok") == 0
    assert not scraped.series("timeout_monitor_watermark_timestamp_seconds")
    assert not scraped.series("timeout_monitor_source_available")


def test_of_what_another_program_reads_nothing_else_is_exported(scrape: Scraper) -> None:
    """A sum over several processes on one state counts each org once."""
    elsewhere = replace(org_snapshot(), read_by="ops-2 (process 7)", is_leased=False)
    scraped = scrape(elsewhere)

    assert scraped.series("timeout_monitor_org_leased") == {(ORG,): 0}
    for name in ("timeout_monitor_polls_total", "genesys_data_action_executions_total"):
        assert scraped.series(name) == {}
    assert scraped.series("timeout_monitor_poll_age_seconds") == {}
    assert scrape(org_snapshot()).series("timeout_monitor_org_leased") == {(ORG,): 1}


def test_what_another_program_may_count_is_left_out(scrape: Scraper) -> None:
    """How reading goes here is told all the same: what is alerted on rests on it."""
    whole = scrape(org_snapshot())
    scraped = scrape(replace(org_snapshot(), is_leased=False, is_counted_here=False))

    assert scraped.series("timeout_monitor_org_leased") == {(ORG,): 0}
    for told in ("watermark_timestamp_seconds", "polls_total", "source_available"):
        series = whole.series(f"timeout_monitor_{told}")
        assert scraped.series(f"timeout_monitor_{told}") == series != {}
    for counted in ("restatements_total", "skipped_windows_total", "remediation_mode"):
        assert whole.series(f"timeout_monitor_{counted}")
        assert not scraped.series(f"timeout_monitor_{counted}")
    assert not scraped.series("genesys_data_action_executions_total")
