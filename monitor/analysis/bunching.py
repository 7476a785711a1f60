"""Whether timeouts come bunched in time: what tells an outage from a steady tail.

A scan statistic (Kulldorff, Commun. Stat. 26, 1997): over stretches of a few lengths, timeouts are
held against those that the rest of the time would lead to expect, under the timeout in force.
The likeliest stretch is taken out and the rest is scanned again, for an outage may come back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.analysis.evidence import ActionEvidence, Floats

LONGEST_SECONDS = 6 * 3600
"""What lasts longer than a quarter of a day is how the back end is, not an incident."""

LEAST_EVIDENCE = 9.0
"""Log-likelihood ratio that a bunch must reach beyond the log of the stretches looked at: chance
alone shows one in fewer than one of 5,000 actions."""

LEAST_SHARE = 0.25
"""In an outage at least every fourth call times out; less is a slow hour."""

LEAST_ODDS_RATIO = 5.0
"""And its odds are at least five times those of the rest: load alone does not do that."""

LARGEST_PART = 0.5
"""A stretch with more than half of the executions is no exception."""

_MOST_BUNCHES = 40
_MOST_CELLS = 12_000
_LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72)


@dataclass(frozen=True, slots=True, eq=False)
class Bunching:
    """Bunches of timeouts.

    Attributes:
        steady: The windows outside every bunch; shape (n,), as in the evidence.
        bunches: Start and end of each bunch; epoch seconds, oldest first.
        timeouts: Timeouts in them beyond those expected anyway.
        share: The same per timeout of the whole evidence.
    """

    steady: np.ndarray
    bunches: tuple[tuple[int, int], ...]
    timeouts: float
    share: float


def bunching(evidence: ActionEvidence) -> Bunching:
    """Find the bunches."""
    rows = len(evidence.start)
    steady = np.ones(rows, dtype=np.bool_)
    total = float(evidence.timeouts.sum())
    if rows < 2 or total <= 0:  # noqa: PLR2004 - one window stands beside none
        return Bunching(steady, (), 0.0, 0.0)
    cell_seconds = max(float(evidence.seconds.min()), evidence.span_seconds / _MOST_CELLS, 1.0)
    first = evidence.start.min()
    cell = ((evidence.start - first) // cell_seconds).astype(np.int64)
    cells = int(cell.max()) + 1
    calls = evidence.successes + evidence.timeouts
    _, group = np.unique(evidence.timeout_ms, return_inverse=True)
    found: list[tuple[int, int]] = []
    bunched = 0.0
    for _ in range(_MOST_BUNCHES):
        rate = _rate(evidence.timeouts * steady, calls * steady, group)
        stretch = _likeliest(
            _by_cell(cell, evidence.timeouts * steady, cells),
            _by_cell(cell, calls * steady, cells),
            _by_cell(cell, calls * rate * steady, cells),
            int(LONGEST_SECONDS // cell_seconds),
        )
        if stretch is None:
            break
        inside = (cell >= stretch[0]) & (cell < stretch[1]) & steady
        steady &= ~inside
        found.append(stretch)
    if found:
        rate = _rate(evidence.timeouts * steady, calls * steady, group)
        outside = ~steady
        bunched = float((evidence.timeouts - calls * rate)[outside].sum())
    return Bunching(
        steady=steady,
        bunches=tuple(
            (int(first + begin * cell_seconds), int(first + end * cell_seconds))
            for begin, end in sorted(found)
        ),
        timeouts=max(0.0, bunched),
        share=min(1.0, max(0.0, bunched / total)),
    )


def _by_cell(cell: npt.NDArray[np.int64], column: Floats, cells: int) -> Floats:
    return np.asarray(np.bincount(cell, weights=column, minlength=cells), dtype=np.float64)


def _rate(timeouts: Floats, calls: Floats, group: np.ndarray) -> Floats:
    """Timeouts per call under the timeout of each window."""
    by_group = np.bincount(group, weights=timeouts)
    of_group = np.bincount(group, weights=calls)
    share = np.divide(by_group, of_group, out=np.zeros_like(by_group), where=of_group > 0)
    return np.asarray(share[group])


def _likeliest(
    timeouts: Floats, calls: Floats, expected: Floats, most_cells: int
) -> tuple[int, int] | None:
    """The stretch of cells that is least like the rest, where one is unlike enough."""
    lengths = [length for length in _LENGTHS if length <= max(1, most_cells)]
    lengths = [length for length in lengths if length < len(timeouts)]
    sums = [np.concatenate([[0.0], np.cumsum(column)]) for column in (timeouts, calls, expected)]
    needed = LEAST_EVIDENCE + np.log(max(1, len(lengths) * len(timeouts)))
    best: tuple[float, int, int] | None = None
    for length in lengths:
        seen, made, wanted = (column[length:] - column[:-length] for column in sums)
        ratio = _unlike(seen, made, wanted, float(timeouts.sum()), float(calls.sum()))
        at = int(np.argmax(ratio))
        if ratio[at] >= needed and (best is None or ratio[at] > best[0]):
            best = (float(ratio[at]), at, at + length)
    return None if best is None else best[1:]


def _unlike(
    seen: Floats, made: Floats, wanted: Floats, all_timeouts: float, all_calls: float
) -> Floats:
    """How unlike the rest each stretch is, as a log-likelihood ratio; -inf where it is no bunch."""
    # Expected from the rest of the time alone, so that a large outage can't hide itself.
    scale = (all_timeouts - seen) / np.maximum(all_timeouts - wanted, 1e-9)
    usual = np.maximum(np.minimum(wanted * scale, made), 1e-9)
    share = np.divide(seen, made, out=np.zeros_like(seen), where=made > 0)
    usual_share = np.minimum(np.divide(usual, made, out=np.ones_like(seen), where=made > 0), 1.0)
    odds = share / np.maximum(1.0 - share, 1e-9)
    usual_odds = usual_share / np.maximum(1.0 - usual_share, 1e-9)
    bunched = (
        (share >= LEAST_SHARE)
        & (odds >= LEAST_ODDS_RATIO * usual_odds)
        & (made <= LARGEST_PART * all_calls)
    )
    ratio = seen * np.log(np.maximum(seen, 1e-9) / usual) - (seen - usual)
    return np.where(bunched, ratio, -np.inf)
