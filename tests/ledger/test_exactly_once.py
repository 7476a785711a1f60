"""Whatever the order, repetition, overlap or incompleteness of readings: each execution once."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger import Ledger, OrgState, Reading
from monitor.model import BAND_EDGES_MS, Bands, Incident, band_of
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, WINDOW_SECONDS

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))
"""Sequences: executions as ``Execution`` has them, and what happens, each a method of ``Readings``
with its arguments."""

WINDOWS = 6
RECORDS = "conversations"
"""The source that tells of executions one by one."""

SERIES = [("a1", "NONE", "200"), ("a1", "Timeout", ""), ("a2", "NONE", "200")]


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of the truth, and how soon the platform knows of it."""

    series: int
    window: int
    duration_ms: float
    known_at_step: int


executions = st.lists(
    st.builds(
        Execution,
        series=st.integers(0, len(SERIES) - 1),
        window=st.integers(0, WINDOWS - 1),
        duration_ms=st.integers(1, 40_000).map(float),
        known_at_step=st.integers(0, 12),
    ),
    max_size=40,
)


def tallied(seen: Sequence[Execution], unbanded: Collection[Execution] = ()) -> list[Tally]:
    """What the platform's aggregate says of some executions.

    Args:
        seen: All of them.
        unbanded: Those whose duration it does not tell: they came to light between two queries.
    """
    groups: dict[tuple[int, int], list[float]] = {}
    banded: dict[tuple[int, int], list[float]] = {}
    for one in seen:
        groups.setdefault((one.series, one.window), []).append(one.duration_ms)
        if one not in unbanded:
            banded.setdefault((one.series, one.window), []).append(one.duration_ms)
    return [
        Tally(
            SeriesKey(*SERIES[series]),
            T0 + window * WINDOW_SECONDS,
            Counts(
                len(durations),
                sum(durations),
                min(durations),
                max(durations),
                _bands(banded.get((series, window), [])),
            ),
        )
        for (series, window), durations in groups.items()
    ]


def incidents_of(seen: Sequence[tuple[int, Execution]]) -> list[Incident]:
    """A detail record for each execution; two in a row hit the same conversation."""
    return [
        Incident(
            conversation_id=f"c{number // 2}",
            segment_start_ms=number,
            at=T0 + one.window * WINDOW_SECONDS + number / 1000,
            action_id=SERIES[one.series][0],
            action_name="",
            flow_id=f"f{one.window % 2}",
            flow_name="",
            error_type="Timeout",
        )
        for number, one in seen
    ]


def _bands(durations: Sequence[float]) -> Bands:
    counts = [0] * (len(BAND_EDGES_MS) + 1)
    for duration in durations:
        counts[band_of(duration)] += 1
    return tuple(counts)


class Readings(RuleBasedStateMachine):
    """A platform that tells its truth bit by bit, and a ledger that reads it at random."""

    def __init__(self) -> None:
        """Begin with an empty file."""
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.directory.name) / 'ledger.db'}"
        self.ledger = Ledger.open(self.url)
        self.truth: list[Execution] = []
        self.step = 0
        self.made: list[tuple[str, Reading]] = []
        self.largest: dict[tuple[str, str, str, int], int] = {}
        self.last_totals: dict[tuple[str, str, str], tuple[float, ...]] = {}
        self.incidents_seen: set[tuple[str, int]] = set()
        self.pruned_before = 0
        self.covered: dict[str, set[int]] = {SOURCE: set(), RECORDS: set()}
        self.late: Counter[str] = Counter()

    def teardown(self) -> None:
        """Read everything there is, and compare with the truth."""
        try:
            self.step = 99
            if self.pruned_before == 0:
                self.read_everything()
                self.holds_the_truth()
        finally:
            self.ledger.close()
            self.directory.cleanup()

    @initialize(truth=executions)
    def happen(self, truth: list[Execution]) -> None:
        """Let the executions be these."""
        self.truth = truth

    @rule(first=st.integers(0, WINDOWS - 1), length=st.integers(1, WINDOWS), data=st.data())
    def read_some(self, first: int, length: int, data: st.DataObject) -> None:
        """Read a period, of which the platform shows what it knows, or forgets some of it."""
        self.step += 1
        lossy = data.draw(st.booleans())
        lost = data.draw(st.sets(st.sampled_from(range(len(self.truth))))) if self.truth else set()
        torn = st.sets(st.sampled_from(range(len(self.truth)))) if self.truth else st.just(set())
        self.read(first, length, lost if lossy else set(), data.draw(torn))

    @rule(data=st.data())
    def read_incidents(self, data: st.DataObject) -> None:
        """Read detail records, some of them, in any order, some twice."""
        numbers = st.sampled_from(range(len(self.truth))) if self.truth else st.nothing()
        self.read_records(data.draw(st.lists(numbers)))

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def read_again(self, data: st.DataObject) -> None:
        """Replay an old reading."""
        source, old = data.draw(st.sampled_from(self.made))
        self._record(source, old)

    @rule()
    def restart(self) -> None:
        """Close the ledger, and open it again."""
        self.ledger.close()
        self.ledger = Ledger.open(self.url)

    @rule(window=st.integers(0, WINDOWS))
    def prune(self, window: int) -> None:
        """Forget some windows; from now on readings of them are left out."""
        before = T0 + window * WINDOW_SECONDS
        self.ledger.housekeeping.prune(before)
        self.pruned_before = max(self.pruned_before, before)

    @rule(window=st.integers(0, WINDOWS))
    def pack(self, window: int) -> None:
        """Pack some windows, whether or not they have settled; that changes nothing."""
        self.ledger.housekeeping.pack(T0 + window * WINDOW_SECONDS)

    @rule(window=st.integers(0, WINDOWS))
    def set_the_clock_back(self, window: int) -> None:
        """Find that the clock was ahead: what was read beyond now is owed once more."""
        now = max(T0 + window * WINDOW_SECONDS, self.pruned_before)
        for source in (SOURCE, RECORDS):
            self.ledger.void_future(ORG, source, now)
            self.covered[source] = {
                window
                for window in range(WINDOWS)
                for covered in self.ledger.coverage(ORG, source)
                if covered.start <= T0 + window * WINDOW_SECONDS
                and T0 + (window + 1) * WINDOW_SECONDS <= covered.end
            }

    def read(
        self, first: int, length: int, lost: Collection[int], unbanded: Collection[int] = ()
    ) -> None:
        """Read some windows, of which the platform shows what it knows by now.

        Args:
            first: The first window.
            length: How many.
            lost: Executions that it does not show.
            unbanded: Executions of which it shows no duration.
        """
        shown = [
            one
            for number, one in enumerate(self.truth)
            if one.known_at_step <= self.step
            and first <= one.window < first + length
            and number not in lost
        ]
        self._record(
            SOURCE,
            Reading(
                covered=_period(first, first + length),
                window_seconds=WINDOW_SECONDS,
                read_at=T0 + self.step * 60.0,
                tallies=tallied(shown, [self.truth[number] for number in unbanded]),
            ),
        )

    def read_records(self, numbers: Sequence[int]) -> None:
        """Read the detail records of these executions."""
        self._record(
            RECORDS,
            Reading(
                covered=_period(0, WINDOWS),
                window_seconds=WINDOW_SECONDS,
                read_at=T0 + self.step * 60.0,
                incidents=incidents_of([(number, self.truth[number]) for number in numbers]),
            ),
        )

    @invariant()
    def everything_adds_up(self) -> None:
        """Read the ledger once, and hold it to all of the rules."""
        state = self.ledger.state(ORG)
        self.totals_are_the_largest_counts(state)
        self.totals_only_grow(state)
        self.bands_fit_into_counts(state)
        self.incidents_count_once(state)
        self.what_comes_late_is_told_once(state)

    def totals_are_the_largest_counts(self, state: OrgState) -> None:
        """Each total is the sum of the largest count shown of each window."""
        expected: dict[tuple[str, str, str], int] = {}
        for (*series, _), count in self.largest.items():
            key = (series[0], series[1], series[2])
            expected[key] = expected.get(key, 0) + count
        found = {key: total.count for key, total in state.totals.items()}
        assert found == expected

    def totals_only_grow(self, state: OrgState) -> None:
        """Neither counts nor durations nor bands of a total ever shrink."""
        for key, total in state.totals.items():
            numbers = (total.count, total.duration_ms, *total.bands)
            before = self.last_totals.get(key, (0,) * len(numbers))
            assert all(new >= old for old, new in zip(before, numbers, strict=True))
            self.last_totals[key] = numbers

    def bands_fit_into_counts(self, state: OrgState) -> None:
        """No more executions are in bands than there are."""
        sums = self.ledger.tallies.sums(ORG, _period(0, WINDOWS), WINDOW_SECONDS)
        counted = [(one.counts.count, one.counts.bands) for one in sums]
        counted += [(total.count, total.bands) for total in state.totals.values()]
        assert all(sum(bands) <= count for count, bands in counted)

    def incidents_count_once(self, state: OrgState) -> None:
        """Each incident ever read is one."""
        counted = sum(total.incidents for total in state.incident_totals)
        assert counted == len(self.incidents_seen)

    def what_comes_late_is_told_once(self, state: OrgState) -> None:
        """Late is what a window shows more that had been read whole; nothing is late twice."""
        lateness = state.lateness
        found = {source: sum(one.executions) for source, one in lateness.items()}
        assert found == {source: count for source, count in self.late.items() if count}

    def read_everything(self) -> None:
        """Read the whole truth."""
        self._record(
            SOURCE,
            Reading(
                covered=_period(0, WINDOWS),
                window_seconds=WINDOW_SECONDS,
                read_at=T0 + 10_000.0,
                tallies=tallied(self.truth),
            ),
        )

    def holds_the_truth(self) -> None:
        """Compare every total and every window with the truth."""
        by_window = {
            (one.key, one.window_start): one
            for one in self.ledger.tallies.sums(ORG, _period(0, WINDOWS), WINDOW_SECONDS)
        }
        assert len(by_window) == len(tallied(self.truth))
        for true in tallied(self.truth):
            found, shown = by_window[true.key, true.window_start].counts, true.counts
            assert (found.count, found.bands) == (shown.count, shown.bands)
            assert (found.min_ms, found.max_ms) == (shown.min_ms, shown.max_ms)
        for series, total in self.ledger.state(ORG).totals.items():
            true_durations = [one.duration_ms for one in self.truth if SERIES[one.series] == series]
            assert (total.count, total.bands) == (len(true_durations), _bands(true_durations))
            assert total.duration_ms == sum(true_durations)

    def _record(self, source: str, read: Reading) -> None:
        self.made.append((source, read))
        grown: Counter[int] = Counter()
        restated = 0
        for tally in read.tallies:
            if tally.window_start >= self.pruned_before:
                key = (
                    tally.key.action_id,
                    tally.key.error_type,
                    tally.key.response_status,
                    tally.window_start,
                )
                known, shown = self.largest.get(key, 0), tally.counts.count
                restated += shown < known
                grown[_window_of(tally.window_start)] += max(0, shown - known)
                self.largest[key] = max(known, shown)
        new: Counter[int] = Counter()
        for one in read.incidents:
            name = one.conversation_id, one.segment_start_ms
            if one.at >= self.pruned_before and name not in self.incidents_seen:
                self.incidents_seen.add(name)
                new[_window_of(one.at)] += 1
        recorded = self.ledger.record(ORG, source, read)
        assert recorded.executions_added == grown.total()
        assert recorded.incidents_added == new.total()
        assert recorded.restatements == restated
        for window, count in (grown + new).items():
            self.late[source] += count * (window in self.covered[source])
        self.covered[source] |= {
            window
            for window in range(WINDOWS)
            if read.covered.start <= T0 + window * WINDOW_SECONDS < read.covered.end
            and T0 + window * WINDOW_SECONDS >= self.pruned_before
        }


def _window_of(at: float) -> int:
    return int((at - T0) // WINDOW_SECONDS)


def _period(first: int, end: int) -> TimeRange:
    return TimeRange(T0 + first * WINDOW_SECONDS, T0 + end * WINDOW_SECONDS)


# Every step is a durable commit to a real file: a profile's number of examples would take minutes.
Readings.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestReadings = Readings.TestCase


@pytest.mark.parametrize("path", CORPUS, ids=lambda one: one.stem)
def test_every_sequence_of_the_corpus(path: Path) -> None:
    """Each was found to matter, and ends with the truth like those that are drawn."""
    kept = json.loads(path.read_text("utf-8"))
    machine = Readings()
    machine.happen([Execution(*one) for one in kept["truth"]])
    try:
        for name, *arguments in kept["steps"]:
            machine.step += 1
            getattr(machine, name)(*arguments)
            machine.everything_adds_up()
        machine.read_everything()
        if machine.pruned_before == 0:
            machine.holds_the_truth()
        counted = sum(total.count for total in machine.ledger.state(ORG).totals.values())
    finally:
        machine.teardown()
    assert 0 < counted == sum(machine.largest.values())
