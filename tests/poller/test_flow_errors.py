"""Callers lost in flows: counted once, as what they are, in every way the platform may tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from monitor.simulator import ALL_PERMISSIONS, World, scenario
from monitor.time_ranges import TimeRange
from tests.clocks import NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, WatchedOrg, really_happened
from tests.simulated_org import ORG

MINUTE = 60
FLOWS_QUERY = "POST /api/v2/analytics/flows/aggregates/query"
DETAILS_QUERY = "POST /api/v2/analytics/conversations/details/query"
ACTIONS_QUERY = "POST /api/v2/analytics/actions/aggregates/query"
ALL = ("actions", "conversations", "flow-errors")
LATE = replace(
    SMALL,
    flows=tuple(replace(flow, disconnects=True) for flow in SMALL.flows),
    lateness=scenario("late").lateness,
    healthy_record_share=0.0,
    ends=NOON + 30 * MINUTE,
)
WORLDS = [
    World(flow_aggregates="grouped", flow_exits="begun", telephony_errors="none"),
    World(flow_aggregates="grouped", flow_exits="ended", telephony_errors="none"),
    World(flow_aggregates="refused", telephony_errors="none"),
    World(flow_aggregates="absent", telephony_errors="none"),
    World(flow_aggregates="ungrouped", telephony_errors="none"),
]


def lost(watched: WatchedOrg) -> dict[tuple[str, str], int]:
    """Callers that the ledger counted, by flow and exit reason."""
    totals = watched.ledger.state(ORG).flow_error_totals
    return {(one.flow_id, one.exit_reason): one.callers for one in totals}


def really_lost(watched: WatchedOrg) -> dict[tuple[str, str], int]:
    """Callers whom flows really lost."""
    told = watched.truth("flow-errors")["flow_errors"]
    return {(one["flow_id"], one["exit_reason"]): one["callers"] for one in told}


@pytest.mark.parametrize("contract", ["platform", "flow"])
@pytest.mark.parametrize("world", WORLDS, ids=lambda one: f"{one.flow_aggregates}-{one.flow_exits}")
def test_late_data_and_restarts_lose_and_double_nobody(
    watch: Watch, clock: ManualClock, world: World, contract: str
) -> None:
    """Polls of three hours, begun anew in between, end at exactly what happened."""
    names = ALL[1:] if contract == "flow" else ALL
    watched = watch(replace(LATE, contract=contract), *names, world=world)  # type: ignore[arg-type]
    for number in range(7):
        if number in {2, 4}:
            watched.restart()
        watched.source_reader.poll()
        clock.at += 25 * MINUTE
    truth = watched.truth("flow-errors")
    assert truth["visible_by"] < clock.at
    assert lost(watched) == really_lost(watched)
    assert sum(lost(watched).values()) > 5


@pytest.mark.parametrize("contract", ["platform", "flow"])
@pytest.mark.parametrize("errors", ["hidden", "coded", "named"])
def test_ten_telephony_errors_for_each_flow_error_are_no_timeouts(
    watch: Watch, clock: ManualClock, errors: str, contract: str
) -> None:
    """Nor is a caller who was lost in a flow: timeouts are those that really happened."""
    names = ALL[1:] if contract == "flow" else ALL
    world = World(telephony_errors="many", detail_errors=errors)
    watched = watch(replace(SMALL, contract=contract), *names, world=world)  # type: ignore[arg-type]
    clock.at += 10 * MINUTE
    watched.source_reader.poll()
    assert lost(watched)
    if contract == "platform":
        assert watched.executions() == really_happened(watched.truth())
    hits = sum(total.incidents for total in watched.ledger.state(ORG).incident_totals)
    flows: list[dict[str, Any]] = watched.truth("conversations")["flows"]
    assert hits == (0 if errors == "hidden" else sum(one["timeouts"] for one in flows))


class TestCost:
    """What it costs: nothing that a poll did not cost before."""

    def counts(
        self, watched: WatchedOrg, clock: ManualClock, polls: int = 22
    ) -> list[Counter[str]]:
        """Requests of each of many polls after the first, a minute apart."""
        watched.source_reader.poll()
        watched.requests()
        found = []
        for _ in range(polls):
            clock.at += MINUTE
            watched.source_reader.poll()
            found.append(watched.requests())
        return found

    def test_flow_aggregates_are_asked_in_the_poll_after_deep_details(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """One request at every tenth poll, and none for details beside it; never four."""
        world = World(flow_aggregates="grouped", telephony_errors="none", large_answers="served")
        counts = self.counts(watch(SMALL, *ALL, world=world), clock)
        assert max(sum(one.values()) for one in counts) == 3
        asked = [number for number, one in enumerate(counts) if one[FLOWS_QUERY]]
        assert len(asked) == 2
        assert asked[1] - asked[0] == 10
        assert all(counts[number][DETAILS_QUERY] == 0 for number in asked)

    @pytest.mark.parametrize(("contract", "asked"), [("platform", {0, 1}), ("flow", {1})])
    def test_detail_records_are_asked_for_once(
        self, watch: Watch, clock: ManualClock, contract: str, asked: set[int]
    ) -> None:
        """Where flow aggregates are refused, what conversations brought is counted."""
        world = World(flow_aggregates="refused", telephony_errors="none")
        names = ALL[1:] if contract == "flow" else ALL
        watched = watch(replace(SMALL, contract=contract), *names, world=world)  # type: ignore[arg-type]
        counts = self.counts(watched, clock)
        assert {one[DETAILS_QUERY] for one in counts} == asked
        assert all(one[FLOWS_QUERY] == 0 for one in counts)


class TestFallback:
    """What happens where flow aggregates are refused."""

    def said(self, logged: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What was logged of it."""
        return [line for line in logged if line["event"] == "flow_errors_from_records"]

    def test_it_is_said_once(
        self, watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
    ) -> None:
        """With the platform's reason, however often it is asked again."""
        watched = watch(SMALL, *ALL, world=World(flow_aggregates="refused"))
        for _ in range(5):
            report = watched.source_reader.poll()
            clock.at += 65 * MINUTE
        (line,) = self.said(logged)
        assert "exitReason" in line["why"]
        assert report.available == dict.fromkeys(ALL, True)
        assert report.errors == {}

    def test_a_permission_that_is_missing_is_named(
        self, watch: Watch, logged: list[dict[str, Any]]
    ) -> None:
        """And how to have it counted by the platform itself."""
        world = World(flow_aggregates="grouped", flow_exits="ended")
        watched = watch(SMALL, *ALL, world=world)
        watched.org.grant(set(ALL_PERMISSIONS) - {"analytics:flowAggregate:view"})
        watched.source_reader.poll()
        (line,) = self.said(logged)
        assert "analytics:flowAggregate:view" in f"{line['why']} {line['hint']}"
        assert lost(watched) == really_lost(watched) != {}

    def test_a_permission_that_is_granted_later_doubles_nobody(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """Each window is counted by whoever read it first; both date a caller alike here."""
        world = World(flow_aggregates="grouped", flow_exits="ended")
        watched = watch(replace(SMALL, ends=NOON + 90 * MINUTE), *ALL, world=world)
        watched.org.grant(set(ALL_PERMISSIONS) - {"analytics:flowAggregate:view"})
        for number in range(20):
            if number == 6:
                watched.org.grant(ALL_PERMISSIONS)
            watched.source_reader.poll()
            clock.at += 12 * MINUTE
        assert FLOWS_QUERY in watched.requests()
        assert lost(watched) == really_lost(watched) != {}

    def test_a_permission_that_is_taken_away_loses_nobody(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """The first refusal is a failure that advances nothing, and the next one is believed."""
        world = World(flow_aggregates="grouped", flow_exits="ended")
        watched = watch(replace(SMALL, ends=NOON + 60 * MINUTE), *ALL, world=world)
        reports = []
        for number in range(12):
            if number == 2:
                watched.org.grant(set(ALL_PERMISSIONS) - {"analytics:flowAggregate:view"})
            reports.append(watched.source_reader.poll())
            clock.at += 12 * MINUTE
        assert [number for number, one in enumerate(reports) if one.errors] == [2]
        assert all(one.available["flow-errors"] for one in reports)
        assert lost(watched) == really_lost(watched) != {}

    def test_without_both_permissions_it_is_switched_off(self, watch: Watch) -> None:
        """As any optional source, with executions counted on."""
        watched = watch(SMALL, *ALL, world=World(flow_aggregates="grouped"))
        watched.org.grant({"integrations:action:view"})
        report = watched.source_reader.poll()
        assert report.available == {"actions": True, "conversations": False, "flow-errors": False}
        assert report.executions_added > 0


def test_what_began_before_the_first_window_is_not_counted(
    watch: Watch, clock: ManualClock
) -> None:
    """Flow aggregates are asked six hours further back, and say more than was asked for."""
    watched = watch(SMALL, *ALL, world=World(flow_aggregates="grouped", flow_exits="begun"))
    watched.source_reader.poll()
    first = watched.ledger.coverage(ORG, "flow-errors")[0].start
    windows = watched.ledger.impact.flow_errors(ORG, TimeRange(first - 7 * 3_600, int(clock.at)))
    assert windows
    assert min(one.window_start for one in windows) >= first
