"""Detail records are asked for where something timed out, and else at deep reads alone."""

from __future__ import annotations

from dataclasses import replace

from monitor.counts import Counts, SeriesKey, Tally
from monitor.poller.detail_reads import DetailReadPolicy
from monitor.simulator import Scenario
from tests.clocks import HOUR, NOON
from tests.filled_ledger import CLASSIFIER
from tests.poller.conftest import Watch
from tests.poller.watched_org import DETAILS, WatchedOrg
from tests.simulated_org import SMALL

MINUTE = 60
DETAIL_QUERY = f"POST {DETAILS}/details/query"


def tallies(count: int, error_type: str = "EXECUTION_TIMEOUT", start: int = NOON) -> list[Tally]:
    """Return so many executions of a window."""
    return [Tally(SeriesKey("a", error_type, ""), start, Counts(count, 1.0, 1.0, 1.0))]


class TestGrowth:
    """What is new, and whether it is worth a question."""

    def test_a_timeout_more_is_worth_asking_for_once(self) -> None:
        """The same answer read again tells nothing new, and neither does a success."""
        growth = DetailReadPolicy(CLASSIFIER)
        told = []
        for shown in (tallies(900, "NONE"), tallies(2), tallies(2), tallies(3)):
            growth.note_tallies(shown, NOON)
            told.append(growth.is_worth_asking)
            growth.note_details(0)
        assert told == [False, True, False, True]

    def test_a_window_that_was_read_before_is_known_however_the_next_read_begins(self) -> None:
        """Near reads move on, and forget what lies before them."""
        growth = DetailReadPolicy(CLASSIFIER)
        growth.note_tallies([*tallies(2), *tallies(1, start=NOON + 300)], NOON)
        growth.note_details(1)
        growth.note_tallies(tallies(1, start=NOON + 300), NOON + 300)
        assert not growth.is_worth_asking

    def test_callers_lost_are_worth_asking_for(self) -> None:
        """A flow that loses callers has conversations that tell of it."""
        for lost in (0, 2):
            growth = DetailReadPolicy(CLASSIFIER)
            growth.note_callers_lost(lost)
            assert growth.is_worth_asking == bool(lost)

    def test_where_something_times_out_always_it_costs_a_request_in_ten_polls(self) -> None:
        """What was not asked for waits for the next turn, or for a deep read."""
        growth = DetailReadPolicy(CLASSIFIER)
        asked = []
        for minute in range(100):
            growth.note_poll()
            growth.note_tallies(tallies(minute + 1), NOON)
            asked.append(growth.is_worth_asking)
            if asked[-1]:
                growth.note_details(1)
        assert asked[:2] == [True, True]
        assert sum(asked) in {11, 12}


def polled(watched: WatchedOrg, polls: int) -> int:
    """How often detail records were asked for in polls of a minute that were not deep."""
    watched.source_reader.poll()
    watched.clock.at += 10 * MINUTE
    watched.source_reader.poll()
    watched.requests()
    for _ in range(polls):
        watched.clock.at += MINUTE
        watched.source_reader.poll()
    return watched.requests()[DETAIL_QUERY]


def without_timeouts(plan: Scenario) -> Scenario:
    """The same org, whose back ends answer always and at once."""
    calm = [
        replace(one, law=replace(one.law, median_ms=50.0, sigma=0.1, never_share=0.0, outage=None))
        for one in plan.actions
    ]
    return replace(plan, actions=tuple(calm), history_start=float(NOON - HOUR))


def test_an_org_without_timeouts_is_asked_for_no_details_between_deep_polls(watch: Watch) -> None:
    """Nine polls in ten cost no request for detail records."""
    assert polled(watch(without_timeouts(SMALL)), 4) == 0


def test_where_details_are_all_there_is_every_poll_asks_for_them(watch: Watch) -> None:
    """Without the counts of executions nothing tells that there is nothing new."""
    assert polled(watch(without_timeouts(SMALL), "conversations"), 4) == 4
