"""Every window of a long period, one after the other, and never all of them in memory at once."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator

import numpy as np
from sqlalchemy import Connection

from monitor.counts import Tally
from monitor.ledger.sums import tallies_of
from monitor.ledger.windows import open_windows, read_packs, windows_by_group, words_of_series
from monitor.store import SERIES_PER_PACK, WindowColumns, joined
from monitor.time_ranges import TimeRange

_MOST_GROUPS = 8
"""Groups of series that are held at a time: what an action has of each way to end lies in a few."""


def past_windows(
    connection: Connection, org_id: int, time_range: TimeRange, *, by_series: bool
) -> Iterator[Tally]:
    """Return the windows that start in a period, one an element.

    Args:
        connection: A read transaction.
        org_id: The org.
        time_range: Which windows; by their start.
        by_series: Whether all windows of one series come together; otherwise those of one action
            do, oldest first.
    """
    words = words_of_series(connection, org_id)
    if by_series:
        for rows in windows_by_group(connection, org_id, time_range):
            yield from tallies_of(rows, words)
        return
    series_of = defaultdict(list)
    for number, (action_id, _, _) in sorted(words.items()):
        series_of[action_id].append(number)
    groups = _Groups(connection, org_id, time_range)
    for numbers in series_of.values():
        rows = groups.windows(numbers)
        yield from tallies_of(rows.take(np.argsort(rows.start, kind="stable")), words)


class _Groups:
    """Windows of groups of series, of which the last few are kept."""

    def __init__(self, connection: Connection, org_id: int, time_range: TimeRange) -> None:
        self._connection = connection
        self._org_id = org_id
        self._time_range = time_range
        self._open = open_windows(connection, org_id, time_range)
        self._kept: OrderedDict[int, WindowColumns] = OrderedDict()

    def windows(self, numbers: list[int]) -> WindowColumns:
        """Return the windows of a few series."""
        groups = sorted({number // SERIES_PER_PACK for number in numbers})
        packed = joined(self._group(group).of_series(numbers) for group in groups)
        return joined([packed, self._open.of_series(numbers)])

    def _group(self, group: int) -> WindowColumns:
        if group not in self._kept:
            packs = read_packs(self._connection, self._org_id, group, self._time_range)
            self._kept[group] = joined(packs)
            if len(self._kept) > _MOST_GROUPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(group)
        return self._kept[group]
