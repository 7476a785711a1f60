"""From the ledger's columns to the evidence of each action, one action at a time.

Successes come summed by bucket. Each window of a bucket gets its part of them, by its own count:
how many there were is exact, how long they took is that of the bucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import BAND_COUNT, ActionEvidence, Floats
from monitor.diagnosis.timeout_history import ObservedTimeouts, timeouts_by_window
from monitor.ledger import OrgTallies, TallyColumns
from monitor.model import Classifier, Outcome

Ints = npt.NDArray[np.int64]
TimeoutHistory = Sequence[tuple[float, int | None]]
"""Since when (epoch seconds) which timeout (ms) is known to be in force; oldest first."""


class OrgEvidence:
    """What the ledger knows of an org, sorted by action."""

    def __init__(
        self,
        tallies: OrgTallies,
        window_seconds: int,
        classifier: Classifier,
        *,
        successes_known: bool = True,
    ) -> None:
        """Sort it.

        Args:
            tallies: The tallies.
            window_seconds: Length of a window.
            classifier: Reads the platform's words for how an execution ended.
            successes_known: False where the platform shows no successes.
        """
        self._window_seconds = window_seconds
        self._bucket_seconds = tallies.bucket_seconds
        self._begin = tallies.time_range.start
        self._successes_known = successes_known
        ids = sorted({words[0] for words in tallies.words.values()})
        self._number = {action_id: number for number, action_id in enumerate(ids)}
        of_series = {key: self._number[words[0]] for key, words in tallies.words.items()}
        self._action_of = {key: words[0] for key, words in tallies.words.items()}
        self._successes = _TalliesByAction.of(tallies.successes, of_series, len(ids))
        self._failures = _TalliesByAction.of(tallies.failures, of_series, len(ids))
        self._outcomes = {
            key: classifier.outcome(words[1], words[2]) for key, words in tallies.words.items()
        }
        counted_by = _action_numbers(tallies.counts[:, 0], of_series)
        order = np.argsort(counted_by, kind="stable")
        self._counts = tallies.counts[order]
        self._counts_at = np.searchsorted(counted_by[order], np.arange(len(ids) + 1))

    @property
    def action_ids(self) -> tuple[str, ...]:
        """Every action that ever had an execution, sorted."""
        return tuple(self._number)

    @property
    def bucket_seconds(self) -> int:
        """Length of the buckets that successes were summed over."""
        return self._bucket_seconds

    def evidence(self, action_id: str, known_timeouts: TimeoutHistory) -> ActionEvidence:
        """Return the evidence of one action, in windows.

        Args:
            action_id: Which action; one without executions has evidence of nothing.
            known_timeouts: What the catalogue knows of its timeout over time.
        """
        number = self._number.get(action_id)
        if number is None:
            return ActionEvidence.from_windows((), successes_known=self._successes_known)
        counts = self._counts[self._counts_at[number] : self._counts_at[number + 1]]
        successes, failures = self._successes.rows(number), self._failures.rows(number)
        starts = np.unique(np.concatenate([counts[:, 1], failures.start]))
        columns = self._successes_by_window(starts, counts, successes)
        columns |= self._failures_by_window(starts, failures)
        timed_out = ObservedTimeouts(
            starts.astype(float), columns["timeout_max_ms"], columns.pop("longest")
        )
        timeout_ms = timeouts_by_window(timed_out, known_timeouts)
        _fill_in_unmeasured(timeout_ms, columns.pop("unmeasured"), columns)
        return ActionEvidence.from_columns(
            start=starts,
            seconds=np.full(len(starts), self._window_seconds),
            timeout_ms=timeout_ms,
            successes_known=self._successes_known,
            **columns,
        )

    def spent_us(
        self, timeout_ms: Mapping[str, float]
    ) -> tuple[npt.NDArray[np.int64], dict[str, float]]:
        """Return the microseconds that what ended in each bucket took together.

        Whole numbers: their sum is the same in whatever order and parts they come.

        Args:
            timeout_ms: The timeout in force by action id: how long an execution held its slot that
                timed out and shows no duration.

        Returns:
            One number for each bucket from the start of the period to the last that holds
            anything; and by action id the timeouts that were of use.
        """
        parts = [self._successes.columns, self._failures.columns]
        bucket = np.concatenate([self._bucket(part.start) for part in parts])
        failures = self._failures.columns
        by_series = {
            key: timeout_ms.get(action_id, 0.0) if self._outcomes[key] is Outcome.TIMEOUT else 0.0
            for key, action_id in self._action_of.items()
        }
        limit = np.array([by_series[key] for key in failures.series.tolist()], dtype=np.float64)
        unmeasured = self._unmeasured(failures)
        held = failures.duration_ms + failures.count * unmeasured * limit
        spent = np.concatenate([self._successes.columns.duration_ms, held]) * 1_000
        sums = np.zeros(int(bucket.max(initial=-1)) + 1, dtype=np.int64)
        np.add.at(sums, bucket, np.rint(spent).astype(np.int64))
        assumed = {self._action_of[key] for key in np.unique(failures.series[unmeasured]).tolist()}
        return sums, {action_id: timeout_ms.get(action_id, 0.0) for action_id in assumed}

    @staticmethod
    def _unmeasured(failures: TallyColumns) -> npt.NDArray[np.bool_]:
        """Return which rows show no duration at all: they say nothing of where they ended."""
        beyond_first = failures.bands[:, 1:].sum(axis=1)
        shown = failures.duration_ms + failures.max_ms + beyond_first
        return np.asarray(shown <= 0, dtype=np.bool_)

    def _bucket(self, starts: Ints) -> Ints:
        return (starts - self._begin) // self._bucket_seconds

    def _successes_by_window(
        self, starts: Ints, counts: Ints, sums: TallyColumns
    ) -> dict[str, Floats]:
        """Return each window's part of what its bucket holds."""
        row = np.searchsorted(starts, counts[:, 1])
        count = _sums(row, counts[:, 2], len(starts))
        buckets, of_window = np.unique(self._bucket(starts), return_inverse=True)
        of_sum = np.searchsorted(buckets, self._bucket(sums.start))
        in_bucket = _sums(of_window, count, len(buckets))
        part = np.divide(count, in_bucket[of_window], out=np.zeros_like(count), where=count > 0)
        bands = _banded_sums(of_sum, sums.bands, len(buckets))
        spent = _sums(of_sum, sums.duration_ms, len(buckets))
        longest = np.zeros(len(buckets))
        np.maximum.at(longest, of_sum, sums.max_ms)
        return {
            "successes": count,
            "bands": bands[of_window] * part[:, None],
            "success_duration_ms": spent[of_window] * part,
            "longest": longest[of_window],
        }

    def _failures_by_window(self, starts: Ints, failures: TallyColumns) -> dict[str, Floats]:
        outcomes = [self._outcomes[key] for key in failures.series.tolist()]
        row = np.searchsorted(starts, failures.start)
        late = np.array([outcome is Outcome.TIMEOUT for outcome in outcomes], dtype=np.bool_)
        timed_out, at = row[late], len(starts)
        unmeasured = self._unmeasured(failures)
        measured_bands = np.where(unmeasured[:, None], 0.0, failures.bands)
        bands = _banded_sums(timed_out, measured_bands[late], at)
        shortest = np.full(at, np.inf)
        known = np.where(failures.min_ms[late] > 0, failures.min_ms[late], np.inf)
        np.minimum.at(shortest, timed_out, known)
        longest = np.zeros(at)
        np.maximum.at(longest, timed_out, failures.max_ms[late])
        found = {
            "timeouts": _sums(timed_out, failures.count[late], at),
            "timeout_bands": bands,
            "timeout_duration_ms": _sums(timed_out, failures.duration_ms[late], at),
            "timeout_min_ms": np.where(np.isfinite(shortest), shortest, 0.0),
            "timeout_max_ms": longest,
            "unmeasured": _sums(timed_out, (failures.count * unmeasured)[late], at),
        }
        for name, outcome in (("errors", Outcome.ERROR), ("throttled", Outcome.THROTTLED)):
            chosen = np.array([one is outcome for one in outcomes], dtype=np.bool_)
            found[name] = _sums(row[chosen], failures.count[chosen], at)
        return found


def _fill_in_unmeasured(timeout_ms: Floats, unmeasured: Floats, columns: dict[str, Floats]) -> None:
    """Let timeouts that show no duration have ended at the timeout of their window.

    That is what they are: executions that ran as long as they were given. Where the
    timeout is unknown nothing is known of them.
    """
    columns["timeout_duration_ms"] = columns["timeout_duration_ms"] + unmeasured * timeout_ms
    ended = np.where(unmeasured > 0, timeout_ms, 0.0)
    columns["timeout_max_ms"] = np.maximum(columns["timeout_max_ms"], ended)


@dataclass(frozen=True, slots=True, eq=False)
class _TalliesByAction:
    """Tallies in the order of their actions, and where each action's begin."""

    columns: TallyColumns
    at: Ints

    @classmethod
    def of(
        cls, columns: TallyColumns, of_series: Mapping[int, int], actions: int
    ) -> _TalliesByAction:
        number = _action_numbers(columns.series, of_series)
        order = np.argsort(number, kind="stable")
        at = np.searchsorted(number[order], np.arange(actions + 1))
        return cls(columns.take(order), at)

    def rows(self, number: int) -> TallyColumns:
        return self.columns.take(slice(int(self.at[number]), int(self.at[number + 1])))


def _action_numbers(series: Ints, of_series: Mapping[int, int]) -> Ints:
    keys, at = np.unique(series, return_inverse=True)
    return np.array([of_series[key] for key in keys.tolist()], dtype=np.int64)[at]


def _banded_sums(at: npt.NDArray[np.intp], bands: Floats, rows: int) -> Floats:
    found = np.zeros((rows, BAND_COUNT))
    if (at[1:] > at[:-1]).all():
        found[at] = bands
    else:
        np.add.at(found, at, bands)
    return found


def _sums(at: npt.NDArray[np.intp], weights: npt.NDArray[Any], rows: int) -> Floats:
    return np.asarray(np.bincount(at, weights=weights, minlength=rows), dtype=np.float64)
