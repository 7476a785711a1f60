"""Outages: ranges of time in which timeouts come together, apart from a steady tail.

A scan statistic (Kulldorff, Commun. Stat. 26, 1997): over ranges of a few lengths, timeouts are
held against those that the rest of the time would lead to expect, under the timeout in force.
The most significant range is taken out and the rest is scanned again, for it may come back.

Where those calls that answer are slower there too, the back end was not down but slow, and its
timeouts are the tail of that slowness: such a range is a slow spell, and stays with the rest. That
is looked for in the core of the range, for at its borders calls came as ever. Where nothing
answers, nothing tells; then it is an outage, unless another range of the same action was shown to
be a slow spell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence, Floats
from monitor.model import BAND_EDGES_MS

MAX_OUTAGE_SECONDS = 6 * 3600
"""What lasts longer than a quarter of a day is how the back end is, not an incident."""

MAX_LASTING = 1.5
"""What was found in pieces lasts so many times as long before it is no outage: some of them may be
apart, and their borders are blurred."""

MIN_LOG_LIKELIHOOD_RATIO = 9.0
"""Log-likelihood ratio that an outage must reach beyond the log of the ranges looked at: chance
alone shows one in fewer than one of 5,000 actions."""

MIN_TIMEOUT_SHARE = 0.25
"""In an outage at least every fourth call times out; less is a slow hour."""

MIN_ODDS_RATIO = 5.0
"""And its odds are at least five times those of the rest: load alone does not do that."""

MAX_CALL_SHARE = 0.5
"""A range with more than half of the executions is no exception."""

MAX_OUTAGES_A_DAY = 2
"""More than these, and more than ``FEW_OUTAGES`` in all, are no incidents but how the back end is:
then none of them is taken out."""

FEW_OUTAGES = 4

MIN_SLOWER_LOG_LIKELIHOOD_RATIO = 2.0
"""Slow spell: that all of its calls were slower explains it better by this than that some did not
answer. Outage: the other way round. In between nothing tells."""

_SLOWER = np.geomspace(1.2, 8.0, 24)
"""Factors by which the calls of a spell may be slower; less makes no bunch of timeouts."""

UNSEEN = 0.5
"""Calls that a band in which none was counted is taken to hold."""

_EDGES_MS = np.array([0, *BAND_EDGES_MS], dtype=np.float64)
_MAX_OUTAGES = 40
_MAX_CELLS = 12_000
_SCANNED_LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72)


@dataclass(frozen=True, slots=True, eq=False)
class Outages:
    """The outages of one action.

    Attributes:
        steady: The windows outside every outage; shape (n,), as in the evidence.
        outages: Start and end of each; epoch seconds, oldest first.
        timeouts: Timeouts in them beyond those expected anyway.
        share: The same per timeout of the whole evidence.
        slow_spells: Start and end of each range in which the answers were slower too; these are
            no outages, and their windows are steady.
        is_slow: The windows of these; shape (n,).
        is_untold: The windows of those outages of which nothing tells whether the back end was
            down or slower than the timeout; shape (n,).
        slow_share: Timeouts in slow spells per timeout of the whole evidence.
        untold_share: Timeouts of ``is_untold``, likewise.
    """

    steady: np.ndarray
    outages: tuple[tuple[int, int], ...]
    is_slow: np.ndarray
    is_untold: np.ndarray
    timeouts: float = 0.0
    share: float = 0.0
    slow_spells: tuple[tuple[int, int], ...] = ()
    slow_share: float = 0.0
    untold_share: float = 0.0


def find_outages(evidence: ActionEvidence) -> Outages:
    """Return the outages of one action."""
    rows = len(evidence.start)
    steady = np.ones(rows, dtype=np.bool_)
    if rows < 2 or evidence.timeouts.sum() <= 0:  # noqa: PLR2004 - one window stands beside none
        return Outages(steady, (), is_slow=~steady, is_untold=~steady)
    cell_seconds = max(float(evidence.seconds.min()), evidence.span_seconds / _MAX_CELLS, 1.0)
    first = evidence.start.min()
    cell = ((evidence.start - first) // cell_seconds).astype(np.int64)
    cells = int(cell.max()) + 1
    calls = evidence.successes + evidence.timeouts
    _, group = np.unique(evidence.timeout_ms, return_inverse=True)
    found: list[tuple[int, int]] = []
    slow: list[tuple[int, int]] = []
    bunches: list[tuple[tuple[int, int], np.ndarray, float]] = []
    quiet = steady.copy()
    for _ in range(_MAX_OUTAGES):
        rate = _rate(evidence.timeouts * quiet, calls * quiet, group)
        bunched = _most_significant(
            _by_cell(cell, evidence.timeouts * quiet, cells),
            _by_cell(cell, calls * quiet, cells),
            _by_cell(cell, calls * rate * quiet, cells),
            int(MAX_OUTAGE_SECONDS // cell_seconds),
        )
        if bunched is None:
            break
        inside = (cell >= bunched[0]) & (cell < bunched[1]) & quiet
        quiet &= ~inside
        core = _core(inside, evidence.timeouts, calls * rate)
        bunches.append(
            (bunched, inside, slowness_evidence(_counts(evidence, core), _counts(evidence, quiet)))
        )
    shown = any(slower >= MIN_SLOWER_LOG_LIKELIHOOD_RATIO for _, _, slower in bunches)
    needed = MIN_SLOWER_LOG_LIKELIHOOD_RATIO * (-1 if shown else 1)
    is_slow, is_untold = ~steady, ~steady
    down = [bunched for bunched, _, slower in bunches if slower < needed]
    lasting = _lasting(down, MAX_OUTAGE_SECONDS / cell_seconds)
    for bunched, inside, slower in bunches:
        if bunched in lasting:
            continue
        if slower >= needed:
            slow.append(bunched)
            is_slow |= inside
        else:
            steady &= ~inside
            found.append(bunched)
            if slower > -MIN_SLOWER_LOG_LIKELIHOOD_RATIO:
                is_untold |= inside
    if len(found) > max(FEW_OUTAGES, MAX_OUTAGES_A_DAY * evidence.span_seconds / DAY_SECONDS):
        found.clear()
        steady[:] = True
        is_untold[:] = False

    def moments(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        return tuple(
            (int(first + begin * cell_seconds), int(first + end * cell_seconds))
            for begin, end in sorted(ranges)
        )

    return _counted(
        evidence,
        Outages(
            steady=steady,
            outages=moments(found),
            slow_spells=moments(slow),
            is_slow=is_slow,
            is_untold=is_untold,
        ),
    )


def _lasting(ranges: list[tuple[int, int]], most_cells: float) -> frozenset[tuple[int, int]]:
    """Return the ranges that together last longer than an outage does.

    They are found in pieces, with windows between them in which by chance fewer calls timed out.

    Args:
        ranges: First cell, and the one after the last, of each.
        most_cells: How long an outage lasts at most, and how far such pieces are apart.
    """
    runs: list[list[tuple[int, int]]] = []
    for one in sorted(ranges):
        if runs and one[0] - runs[-1][-1][1] <= most_cells:
            runs[-1].append(one)
        else:
            runs.append([one])
    return frozenset(
        one
        for run in runs
        if sum(end - begin for begin, end in run) > MAX_LASTING * most_cells
        for one in run
    )


def _counted(evidence: ActionEvidence, outages: Outages) -> Outages:
    """Return the same with what part of the timeouts is what, going by some windows."""
    total = max(float(evidence.timeouts.sum()), 1e-12)
    excess = 0.0
    if not outages.steady.all():
        calls = evidence.successes + evidence.timeouts
        _, group = np.unique(evidence.timeout_ms, return_inverse=True)
        rate = _rate(evidence.timeouts * outages.steady, calls * outages.steady, group)
        excess = float((evidence.timeouts - calls * rate)[~outages.steady].sum())
    return replace(
        outages,
        timeouts=max(0.0, excess),
        share=min(1.0, max(0.0, excess / total)),
        slow_share=float(evidence.timeouts[outages.is_slow].sum()) / total,
        untold_share=float(evidence.timeouts[outages.is_untold].sum()) / total,
    )


def outages_among(
    evidence: ActionEvidence, outages: Outages, chosen: npt.NDArray[np.bool_]
) -> Outages:
    """Return what outages come to among some windows alone.

    Args:
        evidence: All windows; n of them.
        outages: Those of all windows.
        chosen: Some of the windows; shape (n,).
    """
    if chosen.all():
        return outages
    return _counted(
        evidence.where(chosen),
        replace(
            outages,
            steady=outages.steady[chosen],
            is_slow=outages.is_slow[chosen],
            is_untold=outages.is_untold[chosen],
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class RangeCounts:
    """What was counted in some windows.

    Attributes:
        bands: Successes by latency band; shape (21,).
        timeouts: Timeouts.
        timeout_ms: The timeout in force, on average over the calls.
    """

    bands: Floats
    timeouts: float
    timeout_ms: float


def _counts(evidence: ActionEvidence, rows: np.ndarray) -> RangeCounts:
    calls = (evidence.successes + evidence.timeouts)[rows]
    return RangeCounts(
        bands=evidence.bands[rows].sum(axis=0),
        timeouts=float(evidence.timeouts[rows].sum()),
        timeout_ms=float(evidence.timeout_ms[rows] @ calls / max(float(calls.sum()), 1.0)),
    )


def slowness_evidence(inside: RangeCounts, outside: RangeCounts) -> float:
    """Return the log-likelihood ratio of slow calls against lost ones, for a bunch of timeouts.

    Two ways to explain it, each with one number to fit, are held against each other: all calls
    took so many times longer than the others do; or some did not answer, and the rest was as ever.
    The former says how many time out, and that the successes come later, as far as the timeout
    lets them.

    Args:
        inside: The range.
        outside: What is like it nowhere.
    """
    calls, successes = outside.bands.sum() + outside.timeouts, inside.bands.sum()
    if not calls or not inside.timeouts or inside.timeout_ms <= 0:
        return 0.0
    late = np.append(1.0, 1.0 - np.cumsum(outside.bands[:-1]) / calls)
    last = int(np.searchsorted(_EDGES_MS, inside.timeout_ms))
    edges_ms = np.append(_EDGES_MS[:last], inside.timeout_ms)
    counted = np.append(inside.bands[: last - 1], inside.bands[last - 1 :].sum())

    def cells(slower: float) -> Floats:
        """Return the share of calls in each band and beyond the timeout."""
        beyond = np.interp(
            np.log(np.maximum(edges_ms / slower, 1.0)), np.log(np.maximum(_EDGES_MS, 1.0)), late
        )
        # That a band was never seen to be taken does not say that it never is.
        return np.asarray(np.maximum(np.append(-np.diff(beyond), beyond[-1]), UNSEEN / calls))

    every = np.append(counted, inside.timeouts)
    slow = max(float(every @ np.log(cells(slower))) for slower in _SLOWER)
    as_ever, lost = cells(1.0)[:-1], inside.timeouts / (successes + inside.timeouts)
    down = float(counted @ np.log(np.maximum(as_ever / as_ever.sum() * (1 - lost), 1e-300)))
    down += inside.timeouts * log(lost)
    return slow - down


def _core(inside: np.ndarray, timeouts: Floats, expected: Floats) -> np.ndarray:
    """Return the windows of a range, in a row, that are least like the rest.

    Args:
        inside: The windows of the range; shape (n,).
        timeouts: Timeouts of each window.
        expected: Those that would be expected of it.
    """
    rows = np.flatnonzero(inside)
    observed, usual = (
        np.concatenate([[0.0], np.cumsum(column[rows])]) for column in (timeouts, expected)
    )
    # From each window, down, to each, across.
    seen = np.maximum(observed - observed[:, None], 1e-9)
    usually = np.maximum(usual - usual[:, None], 1e-9)
    ratio = np.triu(seen * np.log(seen / usually) - (seen - usually), 1)
    begin, end = np.unravel_index(np.argmax(np.where(seen > usually, ratio, 0.0)), ratio.shape)
    core = np.zeros_like(inside)
    core[rows[begin:end]] = True
    return core


def _by_cell(cell: npt.NDArray[np.int64], column: Floats, cells: int) -> Floats:
    return np.asarray(np.bincount(cell, weights=column, minlength=cells), dtype=np.float64)


def _rate(timeouts: Floats, calls: Floats, group: np.ndarray) -> Floats:
    """Return timeouts per call under the timeout of each window."""
    by_group = np.bincount(group, weights=timeouts)
    of_group = np.bincount(group, weights=calls)
    share = np.divide(by_group, of_group, out=np.zeros_like(by_group), where=of_group > 0)
    return np.asarray(share[group])


def _most_significant(
    timeouts: Floats, calls: Floats, expected: Floats, most_cells: int
) -> tuple[int, int] | None:
    """Return the range of cells that is least like the rest; None where none is unlike enough."""
    lengths = [length for length in _SCANNED_LENGTHS if length <= max(1, most_cells)]
    lengths = [length for length in lengths if length < len(timeouts)]
    sums = [np.concatenate([[0.0], np.cumsum(column)]) for column in (timeouts, calls, expected)]
    needed = MIN_LOG_LIKELIHOOD_RATIO + np.log(max(1, len(lengths) * len(timeouts)))
    best: tuple[float, int, int] | None = None
    for length in lengths:
        observed, calls_in, expected_in = (column[length:] - column[:-length] for column in sums)
        ratio = _log_likelihood_ratio(
            observed, calls_in, expected_in, float(timeouts.sum()), float(calls.sum())
        )
        at = int(np.argmax(ratio))
        if ratio[at] >= needed and (best is None or ratio[at] > best[0]):
            best = (float(ratio[at]), at, at + length)
    return None if best is None else best[1:]


def _log_likelihood_ratio(
    observed: Floats, calls_in: Floats, expected_in: Floats, all_timeouts: float, all_calls: float
) -> Floats:
    """Return how unlike the rest each range is; -inf where it is no outage."""
    # Expected from the rest of the time alone, so that a large outage can't hide itself.
    scale = (all_timeouts - observed) / np.maximum(all_timeouts - expected_in, 1e-9)
    expected = np.maximum(np.minimum(expected_in * scale, calls_in), 1e-9)
    share = np.divide(observed, calls_in, out=np.zeros_like(observed), where=calls_in > 0)
    expected_share = np.minimum(
        np.divide(expected, calls_in, out=np.ones_like(observed), where=calls_in > 0), 1.0
    )
    odds = share / np.maximum(1.0 - share, 1e-9)
    expected_odds = expected_share / np.maximum(1.0 - expected_share, 1e-9)
    is_outage = (
        (share >= MIN_TIMEOUT_SHARE)
        & (odds >= MIN_ODDS_RATIO * expected_odds)
        & (calls_in <= MAX_CALL_SHARE * all_calls)
    )
    # Few ranges are, and no others are asked for.
    at = np.flatnonzero(is_outage)
    observed, expected = observed[at], expected[at]
    ratio = np.full(is_outage.shape, -np.inf)
    ratio[at] = observed * np.log(np.maximum(observed, 1e-9) / expected) - (observed - expected)
    return ratio
