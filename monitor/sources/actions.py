"""Every execution of every action, counted per ending and window, however many actions there are.

The platform takes few views in a query, and a latency band is a view. A near read asks once, for
ten coarse bands; a deep one asks the same question once for every so many of all bands. What
becomes visible between two of these queries is in the answer to one of them alone: such counts are
told by their totals, and asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import partial

from monitor.counts import SeriesKey, Tally, TallyKey
from monitor.errors import BadRequestError
from monitor.genesys import (
    ACTION_AGGREGATES,
    EXECUTIONS,
    SUBMIT_ACTION_JOB,
    ActionAggregateJob,
    ActionAggregateQuery,
    ActionAggregates,
    ActionDimension,
    ActionGroup,
    Client,
    DroppedRecord,
    DropReason,
    View,
    action_job,
    action_job_page,
    interval,
    submit_action_job,
)
from monitor.model import UNKNOWN_ACTION, Action, ActionKind
from monitor.sources.count_parts import (
    COARSE_VIEWS,
    PARTS,
    Counted,
    Part,
    all_found,
    beside,
    found_in,
    join_parts,
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
        parts: list[Part] = []
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
        parts: list[Part],
        names: dict[str, Action],
        *,
        is_unreadable: bool,
    ) -> Evidence:
        tallies: list[Tally] = []
        torn = join_parts(all_found(parts), tallies)
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
            torn = join_parts([(key, found_in(parts, *key)) for key in torn], tallies)
        # What one of the parts never showed is not new but unreadable there.
        half = {
            (series, start)
            for series, start in torn
            if not all(start in part.get(series, {}) for part in parts)
        }
        tallies += (beside(found_in(parts, *key)).tally(key, has_all=False) for key in half)
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
    ) -> tuple[Part, bool]:
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
    ) -> Part:
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
    ) -> Part:
        groups: dict[tuple[str, ...], dict[int, Counted]] = {}
        places = {view.name: place for place, view in enumerate(views)}
        for group in answered:
            dimensions = tuple(map(group.dimension, GROUP_BY))
            buckets = groups.setdefault(dimensions, {})
            for bucket in group.data:
                start = bucket.start
                if not time_range.start <= start < time_range.end:
                    self._drop(DropReason.TIME, "a bucket that was not asked for")
                    continue
                found = Counted(bucket.stats, bucket.view_counts(places))
                if start in buckets:
                    # Of one that came twice the fuller counts: they are the same executions.
                    self._drop(DropReason.DUPLICATE, "a bucket that came twice")
                    if buckets[start].stats.count >= found.stats.count:
                        continue
                buckets[start] = found
        counted: Part = {}
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
