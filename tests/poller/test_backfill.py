"""A period of the past, read with few questions, and from where it was ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from monitor.counts import Counts
from monitor.poller import PollResult
from monitor.poller.history_reader import HistoryReader
from monitor.simulator.scenarios import PAYMENT_LINE, TAKE_PAYMENT
from monitor.sources import ActionsSource
from monitor.time_ranges import TimeRange
from tests.clocks import DAY, HOUR, NOON
from tests.poller.conftest import Watch
from tests.poller.watched_org import AGGREGATES, DETAILS, WatchedOrg, really_happened
from tests.simulated_org import ORG, SMALL

OLD = replace(
    SMALL,
    actions=(TAKE_PAYMENT,),
    flows=(PAYMENT_LINE,),
    history_start=float(NOON - 30 * HOUR),
)
PERIOD = TimeRange(NOON - 27 * HOUR, NOON - HOUR)
"""A slice of a day, and one of two hours."""

ACTION_JOBS = f"POST {AGGREGATES}/aggregates/jobs"
ACTION_QUERY = f"POST {AGGREGATES}/aggregates/query"
DETAIL_JOBS = f"POST {DETAILS}/details/jobs"
DETAIL_QUERY = f"POST {DETAILS}/details/query"


class Shares:
    """What a backfill has told of how far it is."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self.told: list[float] = []

    def have_read(self, org: str, share: float) -> None:
        """Keep a share."""
        assert org == ORG
        self.told.append(share)


def happened(watched: WatchedOrg) -> dict[tuple[str, str], int]:
    """What really happened in the period."""
    return really_happened(watched.org.truth(PERIOD.start * 1_000, PERIOD.end * 1_000))


def test_days_are_asked_for_as_jobs_and_counted_as_they_were(watch: Watch) -> None:
    """Every execution with every band, from eight requests a slice however many hours it has."""
    watched = watch(OLD)
    shares = Shares()

    report = watched.source_reader.backfill(PERIOD, shares)

    asked = watched.requests()
    assert report.result is PollResult.OK
    assert watched.executions() == happened(watched)
    assert report.incidents_added > 0
    assert (asked[ACTION_JOBS], asked[DETAIL_JOBS]) == (4, 1)
    assert asked[ACTION_QUERY] + asked[DETAIL_QUERY] == 0
    assert asked.total() <= 24
    assert shares.told == sorted(shares.told)
    assert shares.told[-1] == 1.0
    counted = sum((one.counts for one in watched.ledger.tallies.sums(ORG, PERIOD)), Counts())
    shown = ActionsSource(watched.client)
    really = sum(
        (
            one.counts
            for piece in PERIOD.slices(6 * HOUR)
            for one in shown.read(piece, 300, deep=True).tallies
        ),
        Counts(),
    )
    assert (counted.count, counted.bands) == (really.count, really.bands)


def test_what_was_polled_and_is_read_again_is_counted_once(watch: Watch) -> None:
    """A backfill over windows that are known, beside polls."""
    watched = watch(OLD, initial="6h")
    watched.source_reader.poll()
    watched.source_reader.backfill(PERIOD)
    before = watched.executions()

    report = watched.source_reader.backfill(PERIOD)

    assert (report.executions_added, report.incidents_added) == (0, 0)
    assert watched.executions() == before


def killed_after(monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    """Let a backfill end as if it were killed, after so many slices, while one is under way."""
    read, left = HistoryReader._read_slice, Counter(left=slices)  # noqa: SLF001

    def until_killed(reader: HistoryReader, *arguments: object) -> None:
        read(reader, *arguments)  # type: ignore[arg-type]
        left["left"] -= 1
        if left["left"] < 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(HistoryReader, "_read_slice", until_killed)


@pytest.mark.parametrize("again", [False, True])
def test_one_that_was_killed_goes_on_with_the_slice_that_was_under_way(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, Any]], *, again: bool
) -> None:
    """A later --from, as "31d ago" is by then, is no other backfill; --again reads all of it."""
    watched = watch(OLD, "actions")
    with monkeypatch.context() as killing:
        killed_after(killing, 1)
        with pytest.raises(KeyboardInterrupt):
            watched.source_reader.backfill(PERIOD)
    watched.requests()
    watched.restart()
    watched.clock.at += 600
    later = TimeRange(PERIOD.start + 600, PERIOD.end)

    report = watched.source_reader.backfill(later, again=again)

    assert report.result is PollResult.OK
    gone_on = [line["read"] for line in logged if line["event"] == "backfill_goes_on"]
    assert gone_on == ([] if again else [[PERIOD.start, PERIOD.start + DAY]])
    assert watched.requests()[ACTION_JOBS] == (4 if again else 2)
    assert watched.executions() == happened(watched)
    # It is done: another one reads all of it again.
    assert watched.ledger.backfills.done(ORG, "actions", watched.clock.at) is None


def test_what_was_ended_a_day_ago_is_read_from_the_beginning(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came late since would not be seen otherwise."""
    watched = watch(OLD, "actions")
    killed_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        watched.source_reader.backfill(PERIOD)
    assert watched.ledger.backfills.done(ORG, "actions", watched.clock.at) is not None
    assert watched.ledger.backfills.done(ORG, "actions", watched.clock.at + DAY) is None


@pytest.mark.parametrize("kind", ["forbidden", "not_found"])
def test_where_jobs_are_refused_the_questions_of_polls_are_asked(watch: Watch, kind: str) -> None:
    """It takes more requests, and counts the same."""
    watched = watch(OLD)
    watched.fault(kind, f"{AGGREGATES}/aggregates/jobs")
    watched.fault(kind, f"{DETAILS}/details/jobs")

    report = watched.source_reader.backfill(PERIOD)

    asked = watched.requests()
    assert report.result is PollResult.OK
    assert watched.executions() == happened(watched)
    assert report.incidents_added > 0
    assert (asked[ACTION_JOBS], asked[ACTION_QUERY]) == (1, 26)
