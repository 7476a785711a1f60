"""What is known of one action's executions, window by window, as plain columns.

Nothing is judged here. Numbers that can't be (NaN, negative) count as unknown, and how many there
were is kept, so that a diagnosis can say so. Windows may come in any order and in pieces: rows of
the same window under the same timeout add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.near_bands import NearEvidence
from monitor.model import BAND_EDGES_MS

Floats = npt.NDArray[np.float64]

DAY_SECONDS = 86_400.0

BAND_COUNT = len(BAND_EDGES_MS) + 1


@dataclass(frozen=True, slots=True)
class WindowEvidence:
    """One window of one action, or several windows in a row under one timeout.

    Attributes:
        start: Its start; epoch seconds.
        seconds: Its length.
        timeout_ms: The timeout in force; None where it is unknown.
        successes: Executions that succeeded.
        bands: The same by latency band; ``len(bands) == len(BAND_EDGES_MS) + 1``.
        success_duration_ms: Sum of the successes' durations.
        timeouts: Executions that timed out.
        timeout_bands: The same by latency band.
        timeout_duration_ms: Sum of the timeouts' durations.
        timeout_min_ms: The shortest of them; 0 where unknown.
        timeout_max_ms: The longest of them; 0 where unknown.
        errors: Executions that failed otherwise.
        throttled: Executions that the platform refused to run.
    """

    start: int
    seconds: int
    timeout_ms: float | None
    successes: float = 0
    bands: Sequence[float] = (0,) * BAND_COUNT
    success_duration_ms: float = 0.0
    timeouts: float = 0
    timeout_bands: Sequence[float] = (0,) * BAND_COUNT
    timeout_duration_ms: float = 0.0
    timeout_min_ms: float = 0.0
    timeout_max_ms: float = 0.0
    errors: float = 0
    throttled: float = 0


@dataclass(frozen=True, slots=True, eq=False)
class ActionEvidence:
    """All windows of one action, as columns in order of time; n rows, no row twice.

    Attributes:
        start: Epoch seconds; shape (n,), like every column but the bands.
        seconds: Length of each window.
        timeout_ms: The timeout in force; 0 where unknown.
        successes: Executions that succeeded.
        bands: The same by latency band; shape (n, 21).
        success_duration_ms: Sum of the successes' durations.
        timeouts: Executions that timed out.
        timeout_bands: The same by latency band; shape (n, 21).
        timeout_duration_ms: Sum of the timeouts' durations.
        timeout_min_ms: The shortest of them; 0 where unknown.
        timeout_max_ms: The longest of them; 0 where unknown.
        errors: Executions that failed otherwise.
        throttled: Executions that the platform refused to run.
        unusable: Numbers that were NaN, infinite or negative and count as unknown.
        successes_known: False where the platform shows no successes (contract ``flow``).
        near: The successes of some of the windows by finer bands below the timeout in force; None
            where they were not asked for.
    """

    start: Floats
    seconds: Floats
    timeout_ms: Floats
    successes: Floats
    bands: Floats
    success_duration_ms: Floats
    timeouts: Floats
    timeout_bands: Floats
    timeout_duration_ms: Floats
    timeout_min_ms: Floats
    timeout_max_ms: Floats
    errors: Floats
    throttled: Floats
    unusable: int = 0
    successes_known: bool = True
    near: NearEvidence | None = None

    @classmethod
    def from_windows(
        cls, windows: Sequence[WindowEvidence], *, successes_known: bool = True
    ) -> ActionEvidence:
        """From one value a window."""
        columns = {
            field.name: [getattr(window, field.name) for window in windows]
            for field in fields(WindowEvidence)
        }
        columns["timeout_ms"] = [timeout_ms or 0.0 for timeout_ms in columns["timeout_ms"]]
        return cls.from_columns(successes_known=successes_known, **columns)

    @classmethod
    def from_columns(
        cls, *, successes_known: bool = True, **columns: npt.ArrayLike
    ) -> ActionEvidence:
        """From one sequence a column, all of one length, in any order.

        Args:
            successes_known: False where the platform shows no successes.
            **columns: By the names of the attributes; ``start``, ``seconds`` and ``timeout_ms``
                are needed, what is absent is 0.

        Raises:
            TypeError: A column of another name, or none of a needed one.
            ValueError: Columns of different lengths.
        """
        names = [one.name for one in fields(cls) if one.name not in _NO_COLUMNS]
        unknown = columns.keys() - set(names)
        missing = {"start", "seconds", "timeout_ms"} - columns.keys()
        if unknown or missing:
            reason = f"no such columns: {sorted(unknown)}; missing columns: {sorted(missing)}"
            raise TypeError(reason)
        rows = np.size(columns["start"])
        unusable = 0
        clean: dict[str, Floats] = {}
        for name in names:
            shape = (rows, BAND_COUNT) if name in _BANDED else (rows,)
            given = np.asarray(columns.get(name, np.zeros(shape)), dtype=np.float64)
            column = given.reshape(shape)
            # NaN is the least and the most of any column that holds one.
            if not column.size or (column.min() >= 0 and column.max() < np.inf):
                clean[name] = column
                continue
            bad = ~np.isfinite(column) | (column < 0)
            unusable += int(bad.sum())
            clean[name] = np.where(bad, 0.0, column)
        return cls(**_merged(clean), unusable=unusable, successes_known=successes_known, near=None)

    def where(self, chosen: npt.NDArray[np.bool_]) -> ActionEvidence:
        """Return the chosen windows alone; ``chosen`` has shape (n,)."""
        count, first = int(chosen.sum()), int(chosen.argmax()) if chosen.size else 0
        if count == len(chosen):
            return self
        in_a_row = slice(first, first + count)
        # Windows in a row need no copy.
        rows = in_a_row if chosen[in_a_row].all() else chosen
        columns = {
            name: getattr(self, name)[rows]
            for name in (*_KEYS, *_SUMMED, "timeout_min_ms", "timeout_max_ms")
        }
        return ActionEvidence(
            **columns,
            unusable=self.unusable,
            successes_known=self.successes_known,
            near=None if self.near is None else self.near.without(self.start[~chosen]),
        )

    def with_near(self, near: NearEvidence | None) -> ActionEvidence:
        """Return the same with finer bands; left out where they are of another timeout."""
        if near is not None and near.timeout_ms != self.current_timeout_ms:
            near = None
        return replace(self, near=near)

    @property
    def executions(self) -> float:
        """Executions of any outcome."""
        parts = (self.successes, self.timeouts, self.errors, self.throttled)
        return float(sum(part.sum() for part in parts))

    @property
    def busy_windows(self) -> int:
        """Windows in which anything was executed."""
        busy = self.successes + self.timeouts + self.errors + self.throttled > 0
        return int(busy.sum())

    @property
    def span_seconds(self) -> float:
        """From the start of the first window to the end of the last."""
        if not self.start.size:
            return 0.0
        return float((self.start + self.seconds).max() - self.start.min())

    @property
    def end(self) -> float:
        """The end of the last window; epoch seconds, 0 where there is none."""
        return float((self.start + self.seconds).max()) if self.start.size else 0.0

    @property
    def current_timeout_ms(self) -> float:
        """The timeout in force in the newest window in which it is known; 0 where it never is."""
        known = np.flatnonzero(self.timeout_ms > 0)
        return float(self.timeout_ms[known[-1]]) if known.size else 0.0


_NO_COLUMNS = frozenset({"unusable", "successes_known", "near"})
_KEYS = ("start", "seconds", "timeout_ms")
_BANDED = ("bands", "timeout_bands")
_SUMMED = (
    *_BANDED,
    "successes",
    "success_duration_ms",
    "timeouts",
    "timeout_duration_ms",
    "errors",
    "throttled",
)


def _merged(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Rows of one window under one timeout become one row; rows in order of time."""
    start = columns["start"]
    if (start[1:] > start[:-1]).all():
        return columns
    keys = np.stack([columns[name] for name in _KEYS], axis=1)
    # lexsort's last key counts most. The counts break ties, so that the sums of fractions come
    # out the same whatever order the rows came in.
    ties = [columns[name] for name in ("timeout_duration_ms", "success_duration_ms", "successes")]
    order = np.lexsort((*ties, keys[:, 2], keys[:, 1], keys[:, 0]))
    keys = keys[order]
    first = np.ones(len(keys), dtype=np.bool_)
    first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    at = np.flatnonzero(first)
    merged = {name: columns[name][order][at] for name in _KEYS}
    for name in _SUMMED:
        merged[name] = np.add.reduceat(columns[name][order], at, axis=0)
    shortest = columns["timeout_min_ms"][order]
    shortest = np.minimum.reduceat(np.where(shortest > 0, shortest, np.inf), at)
    merged["timeout_min_ms"] = np.where(np.isfinite(shortest), shortest, 0.0)
    merged["timeout_max_ms"] = np.maximum.reduceat(columns["timeout_max_ms"][order], at)
    return merged
