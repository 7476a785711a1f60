"""How much lies in the windows before a moment: the totals less what lies in those after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from monitor.counts import EDGES_ABOVE, Counts, SeriesKey
from monitor.ledger import OrgTallies, TallyColumns
from monitor.time_ranges import TimeRange

Settled = tuple[int, int]
"""Executions, and how finely it is told how long they took (``fineness``). What changes a window
adds to one of them."""


class SettledGrowth:
    """What every action was seen to do, and the windows in which it did so lately."""

    def __init__(self, totals: Mapping[SeriesKey, Counts], newest: OrgTallies) -> None:
        """Sum it.

        Args:
            totals: All executions, by series, whenever they were.
            newest: All windows from some moment on; nothing can be told of moments before it.
        """
        self._newest = newest
        self._action_of = {number: words[0] for number, words in newest.words.items()}
        self._totals: dict[str, Settled] = {}
        self._milliseconds = 0.0
        bands = np.array([counts.bands for counts in totals.values()], dtype=np.int64)
        how_finely = (bands.reshape(len(totals), len(EDGES_ABOVE)) @ np.array(EDGES_ABOVE)).tolist()
        for (key, counts), fine in zip(totals.items(), how_finely, strict=True):
            count, so_far = self._totals.get(key.action_id, (0, 0))
            self._totals[key.action_id] = count + counts.count, so_far + fine
            self._milliseconds += counts.duration_ms
        for action_id in self._action_of.values():
            self._totals.setdefault(action_id, (0, 0))
        self._after: dict[int, dict[str, Settled]] = {}

    @property
    def action_ids(self) -> dict[str, None]:
        """Every action that ever had an execution."""
        return dict.fromkeys(self._totals)

    def in_order_of_series(self, action_ids: Iterable[str], most: int) -> Iterator[list[str]]:
        """Yield actions, so many at a time, in the order in which the state keeps their windows."""
        first: dict[str, int] = {}
        for number in sorted(self._action_of):
            first.setdefault(self._action_of[number], number)
        ordered = sorted(action_ids, key=lambda one: (first.get(one, 0), one))
        for begin in range(0, len(ordered), most):
            yield ordered[begin : begin + most]

    def settled(self, action_id: str, until: int) -> Settled:
        """Return how much of an action lies in windows that began before a moment."""
        if until not in self._after:
            self._after[until] = self._sums(until)
        count, finely = self._totals.get(action_id, (0, 0))
        later, later_finely = self._after[until].get(action_id, (0, 0))
        return count - later, finely - later_finely

    def settled_in_all(self, until: int) -> tuple[int, int]:
        """Return the executions of all windows that began before a moment, and milliseconds."""
        parts = [
            part.take(part.start >= until)
            for part in (self._newest.successes, self._newest.failures)
        ]
        count = sum(count for count, _ in self._totals.values())
        later_ms = sum(float(part.duration_ms.sum()) for part in parts)
        later = sum(int(part.count.sum()) for part in parts)
        return count - later, round(self._milliseconds - later_ms)

    def called_within(self, time_range: TimeRange) -> set[str]:
        """Return the actions that were called in windows of a period."""
        found = self.tallies_within(time_range)
        numbers = np.concatenate([found.successes.series, found.failures.series])
        return {self._action_of[number] for number in np.unique(numbers).tolist()}

    def tallies_within(self, time_range: TimeRange) -> OrgTallies:
        """Return the windows of a period."""

        def inside(columns: TallyColumns) -> TallyColumns:
            return columns.take(
                (columns.start >= time_range.start) & (columns.start < time_range.end)
            )

        starts = self._newest.counts[:, 1]
        return replace(
            self._newest,
            successes=inside(self._newest.successes),
            failures=inside(self._newest.failures),
            counts=self._newest.counts[(starts >= time_range.start) & (starts < time_range.end)],
        )

    def _sums(self, since: int) -> dict[str, Settled]:
        found: dict[str, Settled] = {}
        for part in (self._newest.successes, self._newest.failures):
            chosen = part.take(part.start >= since)
            finely = chosen.bands @ np.array(EDGES_ABOVE, dtype=np.float64)
            for number, count, how_finely in zip(
                chosen.series.tolist(), chosen.count.tolist(), finely.tolist(), strict=True
            ):
                action_id = self._action_of[number]
                so_far = found.get(action_id, (0, 0))
                found[action_id] = so_far[0] + int(count), so_far[1] + int(how_finely)
        return found
