"""What a poll counts: every execution, once, as the platform's own words say it ended."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from monitor.ledger import Ledger
from monitor.model import UNKNOWN_ACTION
from monitor.poller import PollResult
from monitor.simulator import PUNCTUAL, Scenario, scaled, scenario
from monitor.simulator.scenarios import PAYMENT_LINE
from monitor.time_ranges import TimeRange
from tests.clocks import DAY, HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, WatchedOrg, really_happened
from tests.simulated_org import ORG

MINUTE = 60


def timeouts_by_flow(watched: WatchedOrg) -> dict[tuple[str, str], int]:
    """Incidents that the ledger counted, by flow and action."""
    totals = watched.ledger.state(ORG).incident_totals
    return {(total.flow_id, total.action_id): total.incidents for total in totals}


def told_timeouts(watched: WatchedOrg) -> dict[tuple[str, str], int]:
    """Timeouts that really hit a flow, by the action that can be known."""
    known: Counter[tuple[str, str]] = Counter()
    for told in watched.truth("conversations")["flows"]:
        nameless = told["flow_id"] == PAYMENT_LINE.flow_id and watched.contract == "platform"
        action_id = UNKNOWN_ACTION if nameless else told["action_id"]
        known[told["flow_id"], action_id] += told["timeouts"]
    return dict(known)


def test_a_poll_counts_what_really_happened(watch: Watch) -> None:
    """Successes, timeouts (a remote's 504 too), errors and throttled: all equal the truth."""
    watched = watch()
    report = watched.source_reader.poll()
    happened = really_happened(watched.truth())
    assert watched.executions() == happened
    assert {outcome for _, outcome in happened} == {"success", "timeout", "error", "throttled"}
    assert report.result is PollResult.OK
    assert report.executions_added == sum(happened.values())
    assert report.available == {"actions": True, "conversations": True}


def test_a_poll_knows_which_flows_were_hit(watch: Watch) -> None:
    """Incidents per flow and action equal the truth; unknown where a record names only its flow."""
    watched = watch(initial="6h")
    watched.catalogue.refresh()
    report = watched.source_reader.poll()
    happened = told_timeouts(watched)
    assert timeouts_by_flow(watched) == happened
    assert (PAYMENT_LINE.flow_id, UNKNOWN_ACTION) in happened
    assert report.incidents_added == sum(happened.values())


def test_polling_twice_adds_nothing(watch: Watch) -> None:
    """The same minute read again changes no count."""
    watched = watch(SMALL)
    watched.source_reader.poll()
    before = watched.executions()
    report = watched.source_reader.poll()
    assert (report.executions_added, report.incidents_added, report.restatements) == (0, 0, 0)
    assert watched.executions() == before


def test_late_data_is_counted_once_it_comes(watch: Watch, clock: ManualClock) -> None:
    """Polls of an org whose data is up to 40 minutes late end at exactly what happened."""
    late = replace(SMALL, lateness=scenario("late").lateness, ends=NOON + 20 * MINUTE)
    watched = watch(late)
    watched.catalogue.refresh()
    for _ in range(12):
        watched.source_reader.poll()
        clock.at += 10 * MINUTE
    truth = watched.truth()
    assert truth["visible_by"] < clock.at
    assert watched.executions() == really_happened(truth)
    assert timeouts_by_flow(watched) == told_timeouts(watched)
    assert watched.ledger.state(ORG).lateness["actions"].seconds_sum > 0


def test_without_a_second_look_late_data_is_missing(watch: Watch, clock: ManualClock) -> None:
    """Right after the traffic something is still on its way: the test above tests something."""
    late = replace(SMALL, lateness=scenario("late").lateness, ends=NOON)
    watched = watch(late)
    clock.at += MINUTE
    watched.source_reader.poll()
    counted = sum(watched.executions().values())
    assert 0 < counted < watched.truth()["executions"]


def test_timeouts_of_a_flow_contract_are_its_executions(watch: Watch) -> None:
    """Where detail records are all there is, each incident is one execution, and none succeeds."""
    watched = watch(replace(scenario("flow"), lateness=PUNCTUAL), initial="6h")
    watched.catalogue.refresh()
    watched.source_reader.poll()
    happened: dict[tuple[str, str], int] = {}
    for (_, action_id), timeouts in told_timeouts(watched).items():
        key = action_id, "timeout"
        happened[key] = happened.get(key, 0) + timeouts
    assert watched.executions() == happened
    assert len(happened) > 3


def test_incidents_of_a_platform_contract_are_no_executions(watch: Watch) -> None:
    """What the aggregates count already is not counted again from detail records."""
    watched = watch(SMALL, "conversations")
    report = watched.source_reader.poll()
    assert report.incidents_added > 0
    assert watched.executions() == {}


def test_two_collectors_on_one_ledger_double_nothing(watch: Watch, url: str) -> None:
    """Two threads that read the same org at the same time count it once."""
    watched = watch(SMALL)
    watched.catalogue.refresh()
    start = threading.Barrier(2)
    added: list[int] = []

    def read(ledger: Ledger) -> None:
        with ledger:
            other = replace(watched, ledger=ledger)
            start.wait(10)
            added.append(other.source_reader.poll().executions_added)

    threads = [threading.Thread(target=read, args=(Ledger.open(url),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    happened = really_happened(watched.truth())
    assert watched.executions() == happened
    assert len(added) == 2
    assert sum(added) == sum(happened.values())


def test_one_collector_in_two_threads_takes_turns(watch: Watch) -> None:
    """Polls of one collector never overlap: the second finds nothing left to count."""
    watched = watch(SMALL, "actions")
    added: list[int] = []
    threads = [
        threading.Thread(target=lambda: added.append(watched.source_reader.poll().executions_added))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(added) == [0, sum(really_happened(watched.truth()).values())]


def test_an_org_without_actions_is_read_without_ado(watch: Watch) -> None:
    """Nothing to count is no failure."""
    watched = watch("quiet")
    assert watched.catalogue.refresh() == 0
    report = watched.source_reader.poll()
    assert (report.result, report.executions_added) == (PollResult.OK, 0)


class TestCost:
    """What a poll of a large org costs, counted on the far side."""

    @staticmethod
    def large() -> Scenario:
        """Two thousand actions."""
        return scaled(2_000)

    @pytest.mark.timeout(600)  # a laptop makes two thousand actions in twenty seconds
    def test_one_poll_of_two_thousand_actions_costs_three_requests_at_most(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """One for executions, two where a window settles and in deep polls; one for details."""
        watched = watch(self.large())
        watched.source_reader.poll()
        watched.requests()
        asked = []
        for _ in range(11):
            clock.at += MINUTE
            watched.source_reader.poll()
            counts = watched.requests()
            assert sum(counts.values()) <= 3, counts
            asked.append(counts["POST /api/v2/analytics/actions/aggregates/query"])
        assert sorted(asked) == [1] * 9 + [2] * 2

    def test_the_catalogue_costs_its_pages_and_a_few_lookups(self, watch: Watch) -> None:
        """A hundred actions a page; 25 questions about flows; names and limits once.

        The list is read twice where authentication actions are looked for, a few times a day.
        """
        watched = watch(self.large())
        assert watched.catalogue.refresh() == 2_000
        counts = watched.requests()
        assert counts["GET /api/v2/integrations/actions"] in {40, 42}
        assert counts["GET /api/v2/architect/dependencytracking/consumingresources"] == 25
        assert counts["GET /api/v2/integrations"] == 1
        assert sum(counts.values()) <= 42 + 25 + 1 + 1 + 1  # limits, and a token
        watched.catalogue.refresh()
        assert watched.requests()["GET /api/v2/integrations/actions"] in {20, 21}


class TestReadAgain:
    """Reading a period of the past, again or for the first time."""

    def test_history_is_counted(self, watch: Watch) -> None:
        """A period that was never read is counted in whole."""
        watched = watch(SMALL)
        time_range = TimeRange(NOON - DAY, NOON - DAY + 5 * HOUR)
        report = watched.source_reader.backfill(time_range)
        assert watched.ledger.coverage(ORG, "actions") == (time_range,)
        assert watched.executions() == really_happened(watched.truth())
        assert report.executions_added == watched.truth()["executions"]

    def test_what_was_counted_stays_counted_once(self, watch: Watch) -> None:
        """Reading what a poll has read adds nothing."""
        watched = watch(SMALL)
        watched.source_reader.poll()
        report = watched.source_reader.backfill(TimeRange(NOON - HOUR, NOON))
        assert (report.executions_added, report.incidents_added) == (0, 0)

    def test_windows_are_read_whole(self, watch: Watch) -> None:
        """A period that begins and ends inside windows is widened to them."""
        watched = watch(SMALL, "actions")
        day = NOON - DAY
        watched.source_reader.backfill(TimeRange(day + 7 * MINUTE, day + 11 * MINUTE))
        assert watched.ledger.coverage(ORG, "actions") == (
            TimeRange(day + 5 * MINUTE, day + 15 * MINUTE),
        )

    def test_the_window_still_open_is_not_read_ahead(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """A period that ends now is not widened into the future."""
        clock.at = NOON + 130
        watched = watch(SMALL, "actions")
        watched.source_reader.backfill(TimeRange(NOON - HOUR, NOON + 60))
        assert watched.ledger.coverage(ORG, "actions") == (TimeRange(NOON - HOUR, NOON + 120),)

    def test_a_poll_afterwards_still_reads_its_history(self, watch: Watch) -> None:
        """A ledger that knows only a period of last week still begins with ``initial``."""
        watched = watch(SMALL, "actions")
        watched.source_reader.backfill(TimeRange(NOON - 5 * DAY, NOON - 5 * DAY + HOUR))
        watched.source_reader.poll()
        assert watched.ledger.coverage(ORG, "actions")[-1].start <= NOON - HOUR


def test_a_timeout_that_nobody_names_counts_for_the_unknown_action(watch: Watch) -> None:
    """Before the catalogue is known a record that names only its flow is not guessed at."""
    watched = watch("punctual", "conversations", initial="6h")
    watched.source_reader.poll()
    assert (PAYMENT_LINE.flow_id, UNKNOWN_ACTION) in timeouts_by_flow(watched)
