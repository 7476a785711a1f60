"""Executions that come to light while one reading is asked for in parts are in every bucket."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from monitor.config import CollectSettings
from monitor.counts import Counts, SeriesKey
from monitor.ledger import Ledger
from monitor.simulator import LatenessModel
from monitor.sources import ActionsSource, Evidence
from monitor.time_ranges import TimeRange
from tests.clocks import DAY, HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import WatchedOrg, client_of
from tests.simulated_org import ORG, SMALL, serve_org

BUSY = replace(
    SMALL,
    lateness=LatenessModel(),
    history_start=float(NOON),
    ends=float(NOON + DAY),
)


@dataclass
class TickingClock(ManualClock):
    """The platform's time, which goes on while it answers: a little at each look."""

    def now(self) -> float:
        """Return the time, epoch seconds; it is later at the next look."""
        self.at += 0.5
        return self.at


def histograms(tallies: dict[SeriesKey, Counts]) -> dict[SeriesKey, tuple[int, ...]]:
    """Return the count and every band of each series."""
    return {key: (one.count, *one.bands) for key, one in tallies.items()}


def test_a_day_of_polls_fills_every_bucket_as_it_really_was(ledger: Ledger) -> None:
    """Though the platform learns of executions between the queries of nearly every reading."""
    true = TickingClock(NOON)
    stop = threading.Event()
    with (
        serve_org(BUSY, true) as simulator,
        closing(client_of(simulator.url, stop=stop)) as client,
    ):
        clock = ManualClock(NOON)
        watched = WatchedOrg(
            simulator=simulator,
            clock=clock,
            ledger=ledger,
            client=client,
            settings=CollectSettings.model_validate({"initial": "1h"}),
            stop=stop,
            contract="platform",
            names=("actions",),
        )
        for _ in range((DAY + 3 * HOUR) // 1_200):
            true.at = clock.at = max(clock.at + 1_200, true.at)
            watched.source_reader.poll()
            for total in ledger.state(ORG).totals.values():
                assert sum(total.bands) == total.count
        happened: dict[SeriesKey, Counts] = defaultdict(Counts)
        day = TimeRange(NOON, NOON + DAY + HOUR)
        for tally in ActionsSource(client).read(day, 300, deep=True).tallies:
            happened[tally.key] += tally.counts
        assert histograms(dict(ledger.state(ORG).totals)) == histograms(happened)
        assert sum(total.count for total in happened.values()) > 10_000


@pytest.mark.parametrize(
    ("torn_before_the_end", "marked_until"),
    [(0, NOON - HOUR), (300, NOON - HOUR), (5 * HOUR, NOON - 5 * HOUR)],
)
def test_what_is_torn_holds_the_watermark_back_from_there_on(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, torn_before_the_end: int, marked_until: int
) -> None:
    """A busy window that is still open takes nothing from the hours that have settled."""
    ask = ActionsSource.read

    def torn(
        source: ActionsSource, time_range: TimeRange, window_seconds: int, *, deep: bool
    ) -> Evidence:
        evidence = ask(source, time_range, window_seconds, deep=deep)
        torn_from = NOON - torn_before_the_end
        holds = torn_before_the_end and time_range.start <= torn_from < time_range.end
        return replace(evidence, torn_from=torn_from) if holds else evidence

    monkeypatch.setattr(ActionsSource, "read", torn)
    watched = watch(replace(SMALL, ends=float(NOON)), "actions", initial="8h", lookback="1h")
    watched.source_reader.poll()

    state = watched.ledger.source_state(ORG, "actions")
    assert state is not None
    assert state.complete_until == marked_until
