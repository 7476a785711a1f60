"""Which timed-out executions our timeout ended, and which ended early: a remote gave up by itself.

It is told from the durations of the executions that timed out. How many end before the timeout in
force is told by the windows under it: under another one they were ended by what may be over by now,
or were not yet ended by what is there today.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.model import BAND_EDGES_MS

EARLY_RATIO = 0.98
"""A timed-out execution that took less than this part of our timeout was not ended by it.

Measured durations stray by less than 1 % around the timeout; the nearest limit that matters apart
from it is a gateway's 29 s below our 30 s, at 0.967.
"""

MIN_CALLS_IN_FORCE = 200.0
"""Fewer calls under the timeout in force don't tell how many end early today."""

_ROUNDING = 1e-6
"""Two counts of the same differ by less."""

_LOWER_EDGES = np.array([0, *BAND_EDGES_MS], dtype=np.float64)
_UPPER_EDGES = np.array([*BAND_EDGES_MS, np.inf], dtype=np.float64)

Windows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class EarlyEnds:
    """Early ends by window and duration: m kinds in n windows whose timeout is known.

    Attributes:
        window: The window of each kind; shape (m,).
        count: How many timed-out executions of it ended so, at least; shape (m,).
        at_ms: After how long; shape (m,).
        today: Whether its window tells how many end early before the timeout in force; shape (m,).
        before: Whether it ended before the timeout in force; shape (m,).
        calls: Successes and timeouts of the windows that tell.
        tells: Which windows do; shape (n,).
    """

    window: npt.NDArray[np.intp]
    count: Floats
    at_ms: Floats
    today: Windows
    before: Windows
    calls: float
    tells: Windows

    @staticmethod
    def of(evidence: ActionEvidence, rows: Windows) -> EarlyEnds:
        """Return those of the chosen windows, whose timeout is known."""
        in_force, current_ms = evidence.timeout_ms[rows], evidence.current_timeout_ms
        window, count, at_ms = _early(evidence, rows)
        tells = np.full(len(in_force), fill_value=True)
        calls = evidence.successes[rows] + evidence.timeouts[rows]
        # Where those under the timeout in force are too few, those under a longer one tell it too.
        for chosen in (in_force == current_ms, in_force >= current_ms):
            if calls[chosen].sum() >= MIN_CALLS_IN_FORCE:
                tells = chosen
                break
        before = at_ms < EARLY_RATIO * current_ms
        return EarlyEnds(
            window, count, at_ms, tells[window], before, float(calls[tells].sum()), tells
        )

    @property
    def by_window(self) -> Floats:
        """How many of each window ended early; shape (n,)."""
        return np.bincount(self.window, weights=self.count, minlength=len(self.tells)).astype(float)

    @property
    def count_before(self) -> float:
        """Those of today that ended before the timeout in force."""
        return float(self.count[self.today & self.before].sum())

    @property
    def variance(self) -> float:
        """Variance of the share of the calls of today that end so."""
        share = self.count_before / max(self.calls, 1.0)
        return share * (1 - share) / max(self.calls, 1.0)

    @property
    def mean_ms_before(self) -> float:
        """Mean duration of those; 0.0 for none."""
        chosen = self.today & self.before
        total = self.count_before
        return float(self.count[chosen] @ self.at_ms[chosen]) / total if total else 0.0

    @property
    def counts(self) -> Windows:
        """The kinds that count as they were counted: others are not of today; shape (m,)."""
        return self.today | ~self.before

    @property
    def mean_ms_by_band(self) -> Floats:
        """Mean duration of those in each latency band; 0.0 where there are none; shape (21,)."""
        total_ms, count = self._in_bands(self.counts, self.at_ms), self.by_band(self.counts)
        return np.divide(total_ms, count, out=np.zeros_like(count), where=count > 0)

    def by_band(self, chosen: Windows) -> Floats:
        """Return how many of the chosen kinds ended in each latency band; shape (21,)."""
        return self._in_bands(chosen, np.ones_like(self.at_ms))

    def by_timeout(
        self, timeout_ms: Floats, group: npt.NDArray[np.intp]
    ) -> tuple[Floats, Floats, Floats]:
        """Return what ended early under each timeout, by band; three of shape (g, 21).

        The first is what counts as it was counted: that of today, and what ended after the timeout
        in force. The second is what is taken to end early as today, as a part of the executions:
        before the timeout in force, and before that timeout would have ended it. The third is what
        ended early then, and is not of today.

        Args:
            timeout_ms: The timeouts, ascending; shape (g,).
            group: Which of them was in force in each window; shape (n,).
        """
        counted, part, over = np.zeros((3, len(timeout_ms), len(_LOWER_EDGES)))
        for one, limit_ms in enumerate(timeout_ms.tolist()):
            own = group[self.window] == one
            counted[one] = self.by_band(own & self.counts)
            over[one] = self.by_band(own & ~self.counts)
            if not self.tells[group == one].any():
                shorter = self.at_ms < EARLY_RATIO * limit_ms
                # Where all of today end early, one more call may yet answer.
                part[one] = self.by_band(self.today & self.before & shorter) / (self.calls + 1)
        return counted, part, over

    def _in_bands(self, chosen: Windows, each: Floats) -> Floats:
        band = np.searchsorted(_UPPER_EDGES, self.at_ms[chosen], side="right")
        weights = self.count[chosen] * each[chosen]
        return np.bincount(band, weights=weights, minlength=len(_LOWER_EDGES)).astype(float)


def early_timeouts(evidence: ActionEvidence) -> Floats:
    """Return how many of each window's timeouts ended before ours, at least; shape (n,)."""
    rows = evidence.timeout_ms > 0
    found = np.zeros(len(evidence.start))
    found[rows] = EarlyEnds.of(evidence, rows).by_window
    return found


def _early(evidence: ActionEvidence, rows: Windows) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Return the window, among the chosen, the count and the duration of each kind of early end."""
    late = np.flatnonzero(evidence.timeouts[rows] > 0)
    # Few windows hold any.
    if not late.size:
        return late, np.zeros(0), np.zeros(0)
    window, count, at_ms = _early_of(evidence, np.flatnonzero(rows)[late])
    return late[window], count, at_ms


def _early_of(
    evidence: ActionEvidence, rows: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Return the same of windows in which calls timed out."""
    count = evidence.timeouts[rows]
    limit = evidence.timeout_ms[rows]
    total_ms = evidence.timeout_duration_ms[rows]
    shortest, longest = evidence.timeout_min_ms[rows], evidence.timeout_max_ms[rows]
    timed = (count > 0) & (total_ms > 0)
    # All of them: the longest is early. Some, but no band tells: were the early ones all as short
    # as the shortest, so many would explain the mean.
    all_early = timed & (longest > 0) & (longest < EARLY_RATIO * limit)
    is_early = _UPPER_EDGES[None, :] <= (EARLY_RATIO * limit)[:, None]
    bands = evidence.timeout_bands[rows] * (is_early | all_early[:, None])
    in_bands = bands.sum(axis=1)
    by_band = np.minimum(in_bands, count)
    average = np.divide(total_ms, count, out=np.zeros_like(limit), where=count > 0)
    known = (shortest > 0) & (shortest < EARLY_RATIO * limit)
    some = timed & ~all_early & known
    gap = np.where(some, limit - shortest, 1.0)
    by_mean = np.where(some, np.clip(count * (limit - average) / gap, 0.0, count), 0.0)
    early = np.where(all_early, count, np.maximum(by_band, by_mean))
    # In several bands each has a middle; in one, the mean tells where, and the shortest at least.
    parted = (by_band >= early * (1 - _ROUNDING)) & ((bands > 0).sum(axis=1) > 1)
    ours_ms = np.where(all_early, 0.0, (count - early) * limit)
    is_timed = timed & (early > 0)
    mean_ms = np.divide(total_ms - ours_ms, early, out=np.zeros_like(limit), where=is_timed)
    band = np.where(in_bands > 0, (bands > 0).argmax(axis=1), -1)
    middle_ms = (_LOWER_EDGES + np.where(np.isfinite(_UPPER_EDGES), _UPPER_EDGES, 0)) / 2
    in_one = (band >= 0) & (by_band >= early * (1 - _ROUNDING))
    at_ms = np.where(in_one & ~timed, middle_ms[band], mean_ms)
    at_ms = np.where(in_one, np.clip(at_ms, _LOWER_EDGES[band], _UPPER_EDGES[band]), at_ms)
    at_ms = np.where(in_one | all_early, at_ms, shortest)
    single = np.flatnonzero((early > 0) & ~parted)
    many, bands_of_many = np.nonzero(bands * parted[:, None])
    scale = np.divide(by_band, in_bands, out=np.zeros_like(limit), where=in_bands > 0)
    least_ms = np.where(known, shortest, 0.0)
    of_many = np.where(least_ms[many] < _UPPER_EDGES[bands_of_many], least_ms[many], 0.0)
    return (
        np.concatenate([single, many]),
        np.concatenate([early[single], bands[many, bands_of_many] * scale[many]]),
        np.concatenate(
            [
                np.maximum(at_ms, least_ms)[single],
                np.maximum(middle_ms[bands_of_many], of_many),
            ]
        ),
    )
