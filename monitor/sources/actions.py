"""Every execution of every action, counted per ending and window, however many actions there are.

The platform takes few views in a query, and a latency band is a view. A near read asks once, for
ten coarse bands; a deep one asks the same question once for every so many of all bands. What
becomes visible between two of these queries is in the answer to one of them alone: such counts are
told by their totals, and asked for again.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain

import msgspec

from monitor.counts import Counts, SeriesKey, Tally, TallyKey
from monitor.errors import BadRequestError
from monitor.genesys import (
    ACTION_AGGREGATES,
    EXECUTIONS,
    MOST_VIEWS,
    SUBMIT_ACTION_JOB,
    ActionAggregateJob,
    ActionAggregateQuery,
    ActionAggregates,
    ActionDimension,
    ActionGroup,
    Client,
    DroppedRecord,
    DropReason,
    Range,
    Stats,
    View,
    action_job,
    action_job_page,
    interval,
    submit_action_job,
)
from monitor.model import (
    BAND_EDGES_MS,
    COARSE_BANDS,
    COARSE_EDGES_MS,
    NO_BANDS,
    UNKNOWN_ACTION,
    Action,
    ActionKind,
    Bands,
)
from monitor.sources.jobs import Job, JobPatience, job_pages
from monitor.sources.source import Evidence, is_page_size_refused
from monitor.time_ranges import TimeRange, floor_to

GROUP_BY: tuple[ActionDimension, ...] = (
    "actionId",
    "actionName",
    "integrationId",
    "integrationName",
    "errorType",
    "responseStatus",
)

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

MOST_REPEATS = 3
"""How often a part is asked again while the parts of a count disagree. Each time it is for the
windows that disagree alone, and executions must come to light between all of the queries, in both
halves of the bands, for it not to suffice."""

SLICE_SECONDS = 2 * 3600
"""For 2,000 actions two hours are some ten thousand groups of buckets: an answer that still fits
in memory many times over."""


class ActionsSource:
    """Action aggregates: permission ``integrations:action:view``.

    Attributes:
        near_is_coarse: Whether a near read asks once, for coarse bands; else as a deep one does.
    """

    name = "actions"
    slice_seconds = SLICE_SECONDS
    deep_only = False
    yields_to = ""

    def __init__(
        self, client: Client, *, near_is_coarse: bool = True, patience: JobPatience | None = None
    ) -> None:
        """Ask through this client; wait so long for a job."""
        self._client = client
        self._patience = patience or JobPatience()
        self._own_pages = False
        self.near_is_coarse = near_is_coarse

    def read(
        self,
        time_range: TimeRange,
        window_seconds: int,
        *,
        deep: bool,
    ) -> Evidence:
        """Ask for every execution that ended in a period.

        Of a near read executions stand in the last of the bands that a coarse one holds.

        Counts whose parts still disagree after ``MOST_REPEATS`` are left out: the next reading
        shows them whole.

        Raises:
            BadRequestError: The platform refused the query; it may name the granularity.
            WrongShapeError: Hardly anything in the answer can be read.
            GenesysError: The platform did not answer.
        """
        if self.near_is_coarse and not deep:
            return self._read_coarsely(time_range, window_seconds)
        names: dict[str, Action] = {}
        parts: list[_Part] = []
        is_unreadable = False
        for views in PARTS:
            part, is_bad = self._ask(time_range, window_seconds, views, names)
            is_unreadable |= is_bad
            parts.append(part)
        return self._joined(time_range, window_seconds, parts, names, is_unreadable=is_unreadable)

    def read_by_job(self, time_range: TimeRange, window_seconds: int, rows: int) -> Evidence:
        """Ask for every execution that ended in a period, as two jobs: for history.

        Args:
            time_range: Begins on a window boundary.
            window_seconds: The windows to count in.
            rows: How many groups of buckets a page of the results may hold.

        Raises:
            BadRequestError: The platform refused the jobs; it may name interval or granularity.
            GenesysError: The platform did not answer.
        """
        names: dict[str, Action] = {}
        try:
            parts = [
                self._ask_job(time_range, window_seconds, views, names, rows) for views in PARTS
            ]
        except BadRequestError as error:
            if self._own_pages or not is_page_size_refused(error):
                raise
            self._own_pages = True
            return self.read_by_job(time_range, window_seconds, rows)
        return self._joined(time_range, window_seconds, parts, names, is_unreadable=False)

    def _joined(
        self,
        time_range: TimeRange,
        window_seconds: int,
        parts: list[_Part],
        names: dict[str, Action],
        *,
        is_unreadable: bool,
    ) -> Evidence:
        tallies: list[Tally] = []
        torn = _join(_all_found(parts), tallies)
        for turn in range(MOST_REPEATS):
            if not torn:
                break
            # The oldest answer first: what was asked one after the other agrees most likely.
            number = turn % len(PARTS)
            again, _ = self._ask(
                _within(time_range, torn, window_seconds), window_seconds, PARTS[number], names
            )
            for series, start in torn:
                if start in again.get(series, {}):
                    parts[number].setdefault(series, {})[start] = again[series][start]
            torn = _join([(key, _found(parts, *key)) for key in torn], tallies)
        # What one of the parts never showed is not new but unreadable there.
        half = {
            (series, start)
            for series, start in torn
            if not all(start in part.get(series, {}) for part in parts)
        }
        tallies += (_beside(_found(parts, *key)).tally(key, has_all=False) for key in half)
        return Evidence(
            tallies=tuple(tallies),
            names=names,
            is_unreadable=is_unreadable,
            torn_from=min((start for *_, start in torn - half), default=None),
        )

    def _read_coarsely(self, time_range: TimeRange, window_seconds: int) -> Evidence:
        names: dict[str, Action] = {}
        counted, is_unreadable = self._ask(time_range, window_seconds, COARSE_VIEWS, names)
        tallies = [
            found.tally((series, start))
            for series, windows in counted.items()
            for start, found in windows.items()
            if found.stats.count
        ]
        return Evidence(tallies=tuple(tallies), names=names, is_unreadable=is_unreadable)

    def executions(self, time_range: TimeRange, step_seconds: int) -> dict[TallyKey, int]:
        """Ask for nothing but counts, in one request: executions by ending and bucket.

        Raises:
            GenesysError: The platform did not answer, or refused the question.
        """
        counted, _ = self._ask(time_range, step_seconds, (), {})
        return {
            (series, start): found.stats.count
            for series, windows in counted.items()
            for start, found in windows.items()
            if found.stats.count
        }

    def _ask(
        self,
        time_range: TimeRange,
        window_seconds: int,
        views: tuple[View, ...],
        names: dict[str, Action],
    ) -> tuple[_Part, bool]:
        """One query: everything that ended in the period, with some of the bands.

        ``names`` learns the names of the actions. Also tells whether nothing could be read.
        """
        query = ActionAggregateQuery(
            interval=interval(time_range),
            granularity=f"PT{window_seconds // 60}M",
            time_zone="UTC",
            group_by=GROUP_BY,
            metrics=(EXECUTIONS,),
            views=views,
        )
        answer = self._client.call(ACTION_AGGREGATES, ActionAggregates, body=query)
        part = self._count(answer.results, time_range, window_seconds, views, names)
        return part, answer.is_unreadable

    def _ask_job(
        self,
        time_range: TimeRange,
        window_seconds: int,
        views: tuple[View, ...],
        names: dict[str, Action],
        rows: int,
    ) -> _Part:
        """Ask the same as a job, whose results come in pages of so many rows."""
        query = ActionAggregateJob(
            interval=interval(time_range),
            granularity=f"PT{window_seconds // 60}M",
            time_zone="UTC",
            group_by=GROUP_BY,
            metrics=(EXECUTIONS,),
            views=views,
            page_size=None if self._own_pages else rows,
        )
        job = Job(
            SUBMIT_ACTION_JOB,
            partial(submit_action_job, self._client, query),
            partial(action_job, self._client),
        )
        pages = job_pages(job, partial(action_job_page, self._client), self._patience)
        groups = (group for page in pages for group in page.results)
        return self._count(groups, time_range, window_seconds, views, names)

    def _count(
        self,
        answered: Iterable[ActionGroup],
        time_range: TimeRange,
        window_seconds: int,
        views: tuple[View, ...],
        names: dict[str, Action],
    ) -> _Part:
        groups: dict[tuple[str, ...], dict[int, _Counted]] = {}
        places = {view.name: place for place, view in enumerate(views)}
        for group in answered:
            dimensions = tuple(map(group.dimension, GROUP_BY))
            buckets = groups.setdefault(dimensions, {})
            for bucket in group.data:
                start = bucket.start
                if not time_range.start <= start < time_range.end:
                    self._drop(DropReason.TIME, "a bucket that was not asked for")
                    continue
                found = _Counted(bucket.stats, bucket.view_counts(places))
                if start in buckets:
                    # Of one that came twice the fuller counts: they are the same executions.
                    self._drop(DropReason.DUPLICATE, "a bucket that came twice")
                    if buckets[start].stats.count >= found.stats.count:
                        continue
                buckets[start] = found
        counted: _Part = {}
        for dimensions, buckets in groups.items():
            action = _action(*dimensions[:4])
            names[action.action_id] = action
            windows = counted.setdefault(SeriesKey(action.action_id, *dimensions[4:]), {})
            for start, found in buckets.items():
                window = floor_to(start, window_seconds)
                # An action that was renamed comes as two groups: one key, both counts.
                windows[window] = windows[window].plus(found) if window in windows else found
        return counted

    def _drop(self, reason: DropReason, why: str) -> None:
        self._client.note_dropped(ACTION_AGGREGATES, DroppedRecord(reason, why))


class _Counted(msgspec.Struct, frozen=True, gc=False):
    """What was counted under one key.

    Attributes:
        stats: Executions with their durations.
        views: Executions in each of the views that were asked for, in their order.
    """

    stats: Stats
    views: tuple[int, ...]

    def plus(self, other: _Counted) -> _Counted:
        """With other executions of the same answer."""
        if not (self.stats.count and other.stats.count):
            return self if self.stats.count else other
        one, two = self.stats, other.stats
        stats = Stats(
            one.count + two.count, one.sum + two.sum, min(one.min, two.min), max(one.max, two.max)
        )
        return _Counted(stats, tuple(map(operator.add, self.views, other.views)))

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


_NOTHING = tuple(_Counted(Stats(), (0,) * len(views)) for views in PARTS)
"""What each part counts of which it shows nothing."""


_Part = dict[SeriesKey, dict[int, _Counted]]
"""What one query counted, by series and start of the window: few values that refer to others, for
the garbage collector looks at each of those."""


def _all_found(parts: Sequence[_Part]) -> Iterator[tuple[TallyKey, list[_Counted]]]:
    """Yield what each part counted, under every key of any."""
    for series in dict.fromkeys(chain.from_iterable(parts)):
        shown = [
            (part.get(series, {}), nothing) for part, nothing in zip(parts, _NOTHING, strict=True)
        ]
        for start in dict.fromkeys(chain.from_iterable(windows for windows, _ in shown)):
            yield (series, start), [windows.get(start, nothing) for windows, nothing in shown]


def _found(parts: Sequence[_Part], series: SeriesKey, start: int) -> list[_Counted]:
    """Return what each part counted under a key."""
    return [
        part.get(series, {}).get(start, nothing)
        for part, nothing in zip(parts, _NOTHING, strict=True)
    ]


def _join(
    counted: Iterable[tuple[TallyKey, list[_Counted]]], tallies: list[Tally]
) -> set[TallyKey]:
    """Add what the parts agree on to tallies, and return the keys that they disagree on."""
    torn = set()
    for key, found in counted:
        joined = _beside(found)
        total = _common_total(found, joined)
        if total is None:
            torn.add(key)
        elif total.count:
            whole = joined if total is joined.stats else _Counted(total, joined.views)
            tallies.append(whole.tally(key))
    return torn


def _common_total(found: Sequence[_Counted], joined: _Counted) -> Stats | None:
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


def _beside(found: Sequence[_Counted]) -> _Counted:
    """Return the views of all parts of a count, under the total of the fullest."""
    fullest, views = found[0].stats, found[0].views
    for one in found[1:]:
        views += one.views
        if one.stats.count > fullest.count:
            fullest = one.stats
    return _Counted(fullest, views)


def _within(time_range: TimeRange, torn: AbstractSet[TallyKey], window_seconds: int) -> TimeRange:
    """Return the windows of these counts, as far as they were asked for."""
    starts = [start for *_, start in torn]
    return TimeRange(
        max(time_range.start, min(starts)), min(time_range.end, max(starts) + window_seconds)
    )


def _action(action_id: str, name: str, integration_id: str, integration_name: str) -> Action:
    action_id = action_id or UNKNOWN_ACTION
    return Action(
        action_id=action_id,
        name=name or action_id,
        integration_id=integration_id,
        integration_name=integration_name,
        kind=ActionKind.UNKNOWN,
    )
