"""Near reads that tell coarse bands alone: what is exported at once, and what is judged."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from monitor.counts import Counts, TallyKey
from monitor.ledger import Ledger
from monitor.model import BAND_EDGES_MS, COARSE_EDGES_MS, Bands
from monitor.simulator import LatenessModel
from monitor.sources import ActionsSource
from monitor.time_ranges import TimeRange, floor_to
from tests.clocks import HOUR
from tests.poller.conftest import Watch
from tests.poller.watched_org import AGGREGATES
from tests.simulated_org import ORG, SMALL

WINDOW = 300
SETTLE = 600
COARSE_PLACES = [BAND_EDGES_MS.index(edge) for edge in COARSE_EDGES_MS]


def below_coarse_edges(bands: Bands) -> list[int]:
    """Return what the buckets of /metrics count."""
    below = list(accumulate(bands))
    return [below[place] for place in COARSE_PLACES]


def kept(ledger: Ledger, time_range: TimeRange) -> dict[TallyKey, Counts]:
    """Return the windows of the ledger."""
    found = ledger.tallies.sums(ORG, time_range, WINDOW)
    return {(one.key, one.window_start): one.counts for one in found}


def test_buckets_are_exact_at_each_poll_and_settled_windows_have_every_band(watch: Watch) -> None:
    """A poll a minute, of executions that come minutes late: as the platform has them, always."""
    watched = watch(replace(SMALL, lateness=LatenessModel()), "actions")
    far_side = ActionsSource(watched.client)
    below: dict[object, list[int]] = {}
    settled_windows = 0
    for _ in range(25):
        watched.clock.at += 60
        watched.source_reader.poll()
        end = floor_to(watched.clock.at, 60)
        settled_until = floor_to(end - SETTLE, WINDOW)
        unsettled, settled = (
            TimeRange(settled_until, end),
            TimeRange(settled_until - WINDOW, settled_until),
        )
        counted = kept(watched.ledger, TimeRange(settled.start, floor_to(end, WINDOW) + WINDOW))
        for tally in far_side.read(unsettled, WINDOW, deep=True).tallies:
            found = counted[tally.key, tally.window_start]
            assert found.count == tally.counts.count
            assert below_coarse_edges(found.bands) == below_coarse_edges(tally.counts.bands)
        if end % WINDOW == 0:
            for tally in far_side.read(settled, WINDOW, deep=True).tallies:
                assert counted[tally.key, tally.window_start] == tally.counts
                settled_windows += 1
        for key, total in watched.ledger.state(ORG).totals.items():
            now = list(accumulate(total.bands))
            assert all(map(int.__ge__, now, below.get(key, now)))
            assert sum(total.bands) == total.count
            below[key] = now
    assert settled_windows >= 20


def test_ten_polls_of_a_minute_are_twelve_questions(watch: Watch) -> None:
    """One a poll, two where a window settles; a deep poll comes with one of those."""
    watched = watch("punctual", "actions")
    watched.clock.at += HOUR
    for _ in range(12):
        watched.clock.at += 60
        watched.source_reader.poll()
    watched.requests()
    for _ in range(20):
        watched.clock.at += 60
        watched.source_reader.poll()
    asked = watched.requests()
    assert {path for path in asked if AGGREGATES in path} == {f"POST {AGGREGATES}/aggregates/query"}
    assert asked.total() == 24
