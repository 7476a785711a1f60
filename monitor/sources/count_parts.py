"""The parts that a question for counts is asked in, and their answers as one.

The platform takes few views in a query, and a latency band is a view: each part asks for some of
the bands. What becomes visible between two of these queries is in the answer to one of them alone.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from monitor.counts import Counts, SeriesKey, Tally, TallyKey
from monitor.genesys import MOST_VIEWS, Range, Stats, View
from monitor.model import BAND_EDGES_MS, COARSE_BANDS, COARSE_EDGES_MS, NO_BANDS, Bands

VIEWS: tuple[View, ...] = tuple(
    View(name=f"below_{upper}", range=Range(gte=lower, lt=upper))
    for lower, upper in zip((0, *BAND_EDGES_MS[:-1]), BAND_EDGES_MS, strict=True)
)
"""One view a band; the open last band is what the others leave of the count."""

COARSE_VIEWS: tuple[View, ...] = tuple(
    View(name=f"coarse_{upper}", range=Range(gte=lower, lt=upper))
    for lower, upper in zip((0, *COARSE_EDGES_MS[:-1]), COARSE_EDGES_MS, strict=True)
)
"""One view for the bands between two coarse edges: all that a query takes, and so one query."""

PARTS = tuple(VIEWS[at : at + MOST_VIEWS] for at in range(0, len(VIEWS), MOST_VIEWS))
"""As many views as a query takes; a query each."""


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What was counted under one key.

    Attributes:
        stats: Executions with their durations.
        views: Executions in each of the views that were asked for, in their order.
    """

    stats: Stats
    views: tuple[int, ...]

    def plus(self, other: Counted) -> Counted:
        """With other executions of the same answer."""
        if not (self.stats.count and other.stats.count):
            return self if self.stats.count else other
        one, two = self.stats, other.stats
        stats = Stats(
            one.count + two.count, one.sum + two.sum, min(one.min, two.min), max(one.max, two.max)
        )
        return Counted(stats, tuple(map(operator.add, self.views, other.views)))

    def tally(self, key: TallyKey, *, has_all: bool = True) -> Tally:
        """Return the same as the ledger keeps it, by all views; whether each was shown."""
        stats = self.stats
        bands = self._bands(has_all=has_all)
        return Tally(*key, Counts(stats.count, stats.sum, stats.min, stats.max, bands))

    def _bands(self, *, has_all: bool) -> Bands:
        """Return the bands that the views give; they never claim more than were counted.

        What no view counts is in the open band only where every view was shown and something
        took that long: an answer whose views are missing, or a bucket that one of the queries
        could not show, must not pass for executions of half a minute.
        """
        count, bands = self.stats.count, self.views
        left = count - sum(bands)
        if left < 0:
            fitting, left = [], count
            for claimed in bands:
                fitting.append(min(claimed, left))
                left -= fitting[-1]
            bands = tuple(fitting)
        bands = (*bands, left if has_all and self.stats.max >= BAND_EDGES_MS[-1] else 0)
        if len(bands) != len(_COARSE_PLACES):
            return bands
        spread = list(NO_BANDS)
        for place, counted in zip(_COARSE_PLACES, bands, strict=True):
            spread[place] = counted
        return tuple(spread)


_COARSE_PLACES = tuple(band[-1] for band in COARSE_BANDS)
"""In which band the executions of each coarse one are counted."""


_NOTHING = tuple(Counted(Stats(), (0,) * len(views)) for views in PARTS)
"""What each part counts of which it shows nothing."""


Part = dict[SeriesKey, dict[int, Counted]]
"""What one query counted, by series and start of the window: few values that refer to others, for
the garbage collector looks at each of those."""


def all_found(parts: Sequence[Part]) -> Iterator[tuple[TallyKey, list[Counted]]]:
    """Yield what each part counted, under every key of any."""
    for series in dict.fromkeys(chain.from_iterable(parts)):
        shown = [
            (part.get(series, {}), nothing) for part, nothing in zip(parts, _NOTHING, strict=True)
        ]
        for start in dict.fromkeys(chain.from_iterable(windows for windows, _ in shown)):
            yield (series, start), [windows.get(start, nothing) for windows, nothing in shown]


def found_in(parts: Sequence[Part], series: SeriesKey, start: int) -> list[Counted]:
    """Return what each part counted under a key."""
    return [
        part.get(series, {}).get(start, nothing)
        for part, nothing in zip(parts, _NOTHING, strict=True)
    ]


def join_parts(
    counted: Iterable[tuple[TallyKey, list[Counted]]], tallies: list[Tally]
) -> set[TallyKey]:
    """Add what the parts agree on to tallies, and return the keys that they disagree on."""
    torn = set()
    for key, found in counted:
        joined = beside(found)
        total = _common_total(found, joined)
        if total is None:
            torn.add(key)
        elif total.count:
            whole = joined if total is joined.stats else Counted(total, joined.views)
            tallies.append(whole.tally(key))
    return torn


def _common_total(found: Sequence[Counted], joined: Counted) -> Stats | None:
    """Return the total that all bands belong to; None where there is none.

    Where the totals differ, executions came to light in between. If all of those are in the bands
    of one part, the bands of both are those of one moment still, and sum to its total: counts do
    not shrink. What lies beyond the last band has no view, and can't be told so.
    """
    if all(one.stats.count == joined.stats.count for one in found):
        return joined.stats
    banded = sum(joined.views)
    is_all_banded = max(one.stats.max for one in found) < BAND_EDGES_MS[-1]
    # A total of nothing may be a record that was left out, and not a moment at which nothing was.
    fitting = (one.stats for one in found if is_all_banded and one.stats.count == banded > 0)
    return next(fitting, None)


def beside(found: Sequence[Counted]) -> Counted:
    """Return the views of all parts of a count, under the total of the fullest."""
    fullest, views = found[0].stats, found[0].views
    for one in found[1:]:
        views += one.views
        if one.stats.count > fullest.count:
            fullest = one.stats
    return Counted(fullest, views)
