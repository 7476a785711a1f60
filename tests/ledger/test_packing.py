"""Packed windows count what they counted: for every question, and for whatever is read later."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event

from monitor.counts import Tally
from monitor.ledger import Ledger, OrgTallies
from monitor.model import COARSE_BANDS, NO_ERROR
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, TIMED_OUT, WINDOW_SECONDS, bands, incident, reading
from tests.evidence import tally as one_tally
from tests.evidence import windows as window_range

DAYS = 3
LAST = DAYS * 288
ACTIONS = 40
"""With two ways to end they fill more than two groups of series."""

EVERYTHING = window_range(0, LAST)


def tally(
    count: int, window: int = 0, action: int = 0, error_type: str = NO_ERROR, slower: int = 0
) -> Tally:
    """One that says by its numbers which it is; sums of its durations are exact."""
    return one_tally(
        count,
        window=window,
        action_id=f"a{action:02}",
        error_type=error_type,
        duration_ms=count * 200.125 + action,
        min_ms=100.0 + window / 8,
        max_ms=900.0 + window / 4 + count,
        in_bands=bands(**{f"b{(window + action + slower) % 21}": count}),
    )


_TALLIES = st.lists(
    st.builds(
        tally,
        st.integers(1, 4),
        st.integers(0, 5) | st.integers(0, LAST - 1),
        st.integers(0, ACTIONS - 1),
        st.sampled_from([NO_ERROR, TIMED_OUT]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)
_STEPS = st.lists(
    st.tuples(st.just("read"), _TALLIES)
    | st.tuples(st.just("pack"), st.integers(0, LAST))
    | st.tuples(st.just("prune"), st.integers(0, LAST // 2)),
    min_size=2,
    max_size=8,
)


def answers(ledger: Ledger, org: str, time_range: TimeRange) -> list[object]:
    """What a ledger says of an org and a period, to every question there is."""
    with ledger.history() as history:
        past: list[object] = [
            sorted(history.windows(org, time_range, by_series=True), key=repr),
            sorted(history.windows(org, time_range, by_series=False), key=repr),
            history.sums_since(org, time_range.start),
        ]
    hours = ledger.tallies.counts_by_hour(org, time_range)
    counted = zip(hours.series, hours.hour, hours.count, strict=True)
    return [
        *past,
        ledger.tallies.sums(org, time_range),
        ledger.tallies.executions(org, time_range),
        ledger.tallies.sums(org, time_range, 7_200),
        ledger.tallies.sums(org, time_range, WINDOW_SECONDS, "a01"),
        sorted(ledger.tallies.window_loads(org, time_range), key=repr),
        sorted((hours.words[number], int(hour), int(count)) for number, hour, count in counted),
        shown(ledger.tallies.columns(org, time_range, bucket_seconds=3_600, window_seconds=300)),
        shown(ledger.tallies.columns(org, time_range, bucket_seconds=300, window_seconds=300)),
        shown(
            ledger.tallies.columns(
                org, time_range, bucket_seconds=3_600, window_seconds=300, action_ids=["a01"]
            )
        ),
        ledger.state(org).totals,
    ]


def shown(found: OrgTallies) -> list[object]:
    """Return tallies of an org in one order, under the names of their series."""
    rows = [
        sorted(
            (found.words[int(number)], *map(float, numbers))
            for number, *numbers in zip(
                part.series,
                part.start,
                part.count,
                part.duration_ms,
                part.min_ms,
                part.max_ms,
                *part.bands.T,
                strict=True,
            )
        )
        for part in (found.successes, found.failures)
    ]
    return [*rows, sorted((found.words[row[0]], *row[1:]) for row in found.counts.tolist())]


def differing(one: Sequence[object], other: Sequence[object]) -> list[int]:
    """Return the places of the answers that differ."""
    return [at for at, both in enumerate(zip(one, other, strict=True)) if both[0] != both[1]]


@settings(max_examples=10, deadline=None)
@given(_STEPS, st.integers(0, LAST), st.integers(1, LAST))
def test_a_packed_ledger_answers_like_one_that_is_open(
    steps: list[tuple[str, list[Tally] | int]], first: int, length: int
) -> None:
    """Whatever is read, packed and pruned in whatever order: late, again, restated or fewer."""
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{Path(folder) / name}.db" for name in ("packed", "open")]
        with Ledger.open(urls[0]) as packed, Ledger.open(urls[1]) as still_open:
            for what, of in steps:
                follow(packed, still_open, what, of)
            for time_range in (EVERYTHING, window_range(first, first + length)):
                one, other = (answers(each, ORG, time_range) for each in (packed, still_open))
                assert differing(one, other) == []


def follow(packed: Ledger, still_open: Ledger, what: str, of: list[Tally] | int) -> None:
    """Take a step in both ledgers, but pack only one."""
    if isinstance(of, list):
        read = reading(*of)
        assert packed.record(ORG, SOURCE, read) == still_open.record(ORG, SOURCE, read)
    elif what == "prune":
        before = T0 + of * WINDOW_SECONDS
        assert packed.housekeeping.prune(before) == still_open.housekeeping.prune(before)
    else:
        packed.housekeeping.pack(T0 + of * WINDOW_SECONDS)


def filled(ledger: Ledger) -> None:
    """Two days of twenty actions, in both ways to end."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            *(
                tally(1 + (window + action) % 3, window, action, error_type)
                for window in range(0, 576, 32)
                for action in range(20)
                for error_type in (NO_ERROR, TIMED_OUT)
            ),
            covered=window_range(0, 576),
        ),
    )


def test_packing_changes_no_answer(ledger: Ledger) -> None:
    """On SQLite and PostgreSQL; nor does packing the rest later, nor packing again."""
    filled(ledger)
    part = window_range(20, 500)
    before = answers(ledger, ORG, EVERYTHING), answers(ledger, ORG, part)

    for until, packed in ((300, 400), (300, 0), (576, 320)):
        assert ledger.housekeeping.pack(T0 + until * WINDOW_SECONDS) == packed
        now = answers(ledger, ORG, EVERYTHING), answers(ledger, ORG, part)
        assert [differing(*both) for both in zip(before, now, strict=True)] == [[], []]


def test_what_is_read_again_is_counted_once(ledger: Ledger) -> None:
    """A packed window grows by what it shows more; fewer is a restatement, the same is nothing."""
    ledger.record(ORG, SOURCE, reading(tally(3), tally(2, 1), tally(4, 2)))
    ledger.housekeeping.pack(T0 + 900)

    again = ledger.record(ORG, SOURCE, reading(tally(3), tally(5, 1), tally(1, 2)))

    assert (again.executions_added, again.restatements) == (3, 1)
    assert [one.counts.count for one in ledger.tallies.sums(ORG, EVERYTHING, 300)] == [3, 5, 4]
    assert ledger.housekeeping.pack(T0 + 900) == 1
    assert [one.counts.count for one in ledger.tallies.sums(ORG, EVERYTHING, 300)] == [3, 5, 4]


def test_an_incident_that_is_an_execution_grows_a_packed_window(ledger: Ledger) -> None:
    """One by one, on top of what is known."""
    first = reading(incidents=[incident()], incidents_are_executions=True)
    ledger.record(ORG, SOURCE, first)
    ledger.housekeeping.pack(T0 + 900)
    both = reading(incidents=[incident(), incident("c2")], incidents_are_executions=True)

    assert ledger.record(ORG, SOURCE, both).executions_added == 1

    assert [one.counts.count for one in ledger.tallies.sums(ORG, EVERYTHING)] == [2]


def test_a_duration_that_comes_to_be_known_is_taken_into_a_packed_window(ledger: Ledger) -> None:
    """The same executions, of which an earlier reading could not tell how long they took."""
    ledger.record(ORG, SOURCE, reading(one_tally(2, in_bands=bands(b1=1))))
    ledger.housekeeping.pack(T0 + 900)

    again = ledger.record(ORG, SOURCE, reading(one_tally(2, in_bands=bands(b1=2))))

    assert (again.executions_added, again.restatements) == (0, 0)
    [found] = ledger.tallies.sums(ORG, EVERYTHING)
    assert found.counts.bands == bands(b1=2)


def test_a_duration_that_comes_to_be_told_more_finely_is_taken_into_a_packed_window(
    ledger: Ledger,
) -> None:
    """The same executions, of which an earlier reading knew the coarse band alone."""
    coarse = COARSE_BANDS[3]
    ledger.record(ORG, SOURCE, reading(one_tally(2, in_bands=bands(**{f"b{coarse[-1]}": 2}))))
    ledger.housekeeping.pack(T0 + 900)
    finely = bands(**{f"b{coarse[0]}": 1, f"b{coarse[-1]}": 1})

    again = ledger.record(ORG, SOURCE, reading(one_tally(2, in_bands=finely)))

    assert (again.executions_added, again.restatements) == (0, 0)
    [found] = ledger.tallies.sums(ORG, EVERYTHING)
    assert found.counts.bands == finely


def test_packing_can_be_left_for_another_time(ledger: Ledger) -> None:
    """Between two transactions; what is done is done."""
    filled(ledger)
    before = answers(ledger, ORG, EVERYTHING)
    left = iter([False, True])

    done = ledger.housekeeping.pack(T0 + 10 * 86_400, lambda: next(left))

    assert 0 < done < 720
    assert differing(before, answers(ledger, ORG, EVERYTHING)) == []
    assert ledger.housekeeping.pack(T0 + 10 * 86_400) == 720 - done


def test_numbers_beyond_what_doubles_tell_apart_stay_as_they_are(ledger: Ledger) -> None:
    """To the last of 2 to the power of 62 executions, and to the last bit of a duration."""
    odd = one_tally(2**62 + 1, duration_ms=0.1 + 0.2, min_ms=0.1, max_ms=0.2)
    ledger.record(ORG, SOURCE, reading(odd))
    before = ledger.tallies.sums(ORG, EVERYTHING, 300)

    assert ledger.housekeeping.pack(T0 + 900) == 1

    [found] = ledger.tallies.sums(ORG, EVERYTHING, 300)
    assert [found] == before
    assert np.float64(found.counts.duration_ms).tobytes() == np.float64(0.1 + 0.2).tobytes()


@pytest.mark.parametrize("edge", [96, 288])
def test_pruning_cuts_a_packed_day_where_it_is_told_to(ledger: Ledger, edge: int) -> None:
    """Whole days go at once, and the day of the edge loses what is older; nothing comes back."""
    filled(ledger)
    ledger.housekeeping.pack(T0 + 10 * 86_400)
    totals = ledger.state(ORG).totals

    removed = ledger.housekeeping.prune(T0 + edge * WINDOW_SECONDS)

    left = ledger.tallies.sums(ORG, EVERYTHING, 300)
    assert removed == 720 - len(left) == 40 * edge // 32
    assert min(one.window_start for one in left) == T0 + edge * WINDOW_SECONDS
    filled(ledger)
    assert ledger.state(ORG).totals == totals


class _PowerCutError(Exception):
    """What a test raises in the middle of a transaction."""


@contextmanager
def cut_before(statements: int) -> Iterator[None]:
    """Let the transactions of a block end before a statement of this number, or the commit."""
    left = statements

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _PowerCutError

    def count_commit(_: Connection) -> None:
        count()

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count_commit)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)
        event.remove(Engine, "commit", count_commit)


def cuts_until_done(ledger: Ledger, work: Callable[[], object]) -> tuple[int, set[str]]:
    """Do some work, cut one statement later each time; how often, and all that the windows were."""
    found, cuts = set[str](), 0
    while True:
        try:
            with cut_before(cuts):
                work()
        except _PowerCutError:
            cuts += 1
            found.add(repr(ledger.tallies.sums(ORG, EVERYTHING, 300)))
        else:
            return cuts, found


def test_packing_that_is_broken_off_changes_no_window(ledger: Ledger) -> None:
    """Before whichever statement; nor does a reading that lets packed windows grow."""

    def read(count: int) -> object:
        found = [tally(count, window, action) for action in range(33) for window in (0, 3)]
        return ledger.record(ORG, SOURCE, reading(*found))

    read(1)
    before = repr(ledger.tallies.sums(ORG, EVERYTHING, 300))

    packing = cuts_until_done(ledger, lambda: ledger.housekeeping.pack(T0 + 86_400))
    growing = cuts_until_done(ledger, lambda: read(2))

    assert packing[1] == growing[1] == {before}
    assert packing[0] > 10
    assert growing[0] > 20
    assert {one.counts.count for one in ledger.tallies.sums(ORG, EVERYTHING, 300)} == {2}
    assert ledger.housekeeping.pack(T0 + 86_400) == 66
