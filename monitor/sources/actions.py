"""Every execution of every action, counted per ending and window, however many actions there are.

The platform takes few views in a query, and a latency band is a view: so the same question is
asked once for every so many bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.counts import Counts, SeriesKey, Tally
from monitor.genesys import (
    ACTION_AGGREGATES,
    EXECUTIONS,
    MOST_VIEWS,
    ActionAggregateQuery,
    ActionAggregates,
    ActionBucket,
    ActionDimension,
    ActionGroup,
    Client,
    DroppedRecord,
    DropReason,
    Range,
    Stats,
    View,
    interval,
)
from monitor.model import BAND_EDGES_MS, UNKNOWN_ACTION, Action, ActionKind, Bands
from monitor.sources.source import Evidence
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

PARTS = tuple(VIEWS[at : at + MOST_VIEWS] for at in range(0, len(VIEWS), MOST_VIEWS))
"""As many views as a query takes; a query each."""

_Key = tuple[str, str, str, int]
"""Action id, error type, response status, start of the window (epoch seconds)."""

SLICE_SECONDS = 2 * 3600
"""For 2,000 actions two hours are some ten thousand groups of buckets: an answer that still fits
in memory many times over."""


class ActionsSource:
    """Action aggregates: permission ``integrations:action:view``, a request for each part."""

    name = "actions"
    slice_seconds = SLICE_SECONDS
    deep_only = False
    yields_to = ""

    def __init__(self, client: Client) -> None:
        """Ask through this client."""
        self._client = client

    def read(
        self,
        time_range: TimeRange,
        window_seconds: int,
        *,
        deep: bool,  # noqa: ARG002 - a query gives all there is, at no further cost
    ) -> Evidence:
        """Ask for every execution that ended in a period.

        Raises:
            BadRequestError: The platform refused the query; it may name the granularity.
            WrongShapeError: Hardly anything in the answer can be read.
            GenesysError: The platform did not answer.
        """
        counted: dict[_Key, _Counted] = {}
        names: dict[str, Action] = {}
        is_unreadable = False
        for views in PARTS:
            part, is_bad = self._ask(time_range, window_seconds, views, names)
            is_unreadable |= is_bad
            for key, found in part.items():
                counted[key] = counted[key].beside(found) if key in counted else found
        tallies = (found.tally(key) for key, found in counted.items() if found.stats.count)
        return Evidence(tallies=tuple(tallies), names=names, is_unreadable=is_unreadable)

    def _ask(
        self,
        time_range: TimeRange,
        window_seconds: int,
        views: tuple[View, ...],
        names: dict[str, Action],
    ) -> tuple[dict[_Key, _Counted], bool]:
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
        buckets: dict[tuple[object, ...], tuple[_Key, _Counted]] = {}
        answer = self._client.call(ACTION_AGGREGATES, ActionAggregates, body=query)
        for group in answer.results:
            action = _action(group)
            names[action.action_id] = action
            for bucket in group.data:
                if not time_range.start <= bucket.start < time_range.end:
                    self._drop(DropReason.TIME, "a bucket that was not asked for")
                    continue
                found = _Counted.of(bucket, views)
                place = (*(group.dimension(name) for name in GROUP_BY), bucket.start)
                if place in buckets:
                    # Of one that came twice the fuller counts: they are the same executions.
                    self._drop(DropReason.DUPLICATE, "a bucket that came twice")
                    if buckets[place][1].stats.count >= found.stats.count:
                        continue
                key = (
                    action.action_id,
                    group.dimension("errorType"),
                    group.dimension("responseStatus"),
                    floor_to(bucket.start, window_seconds),
                )
                buckets[place] = key, found
        counted: dict[_Key, _Counted] = {}
        for key, found in buckets.values():
            # An action that was renamed comes as two groups: one key, both counts.
            counted[key] = counted[key].plus(found) if key in counted else found
        return counted, answer.is_unreadable

    def _drop(self, reason: DropReason, why: str) -> None:
        self._client.note_dropped(ACTION_AGGREGATES, DroppedRecord(reason, why))


@dataclass(frozen=True, slots=True)
class _Counted:
    """What was counted under one key: executions with their durations, and some by view."""

    stats: Stats
    by_view: Mapping[str, int]

    @classmethod
    def of(cls, bucket: ActionBucket, views: tuple[View, ...]) -> _Counted:
        """Return a bucket of an answer to a query with these views."""
        counts = bucket.view_counts
        return cls(bucket.stats, {view.name: counts.get(view.name, 0) for view in views})

    def plus(self, other: _Counted) -> _Counted:
        """With other executions of the same answer."""
        if not (self.stats.count and other.stats.count):
            return self if self.stats.count else other
        one, two = self.stats, other.stats
        stats = Stats(
            one.count + two.count, one.sum + two.sum, min(one.min, two.min), max(one.max, two.max)
        )
        return _Counted(
            stats, {name: self.by_view[name] + other.by_view[name] for name in self.by_view}
        )

    def beside(self, other: _Counted) -> _Counted:
        """With other views of the same executions.

        They were counted at two moments: the one that saw more of them tells how many there are.
        """
        fuller = self.stats if self.stats.count >= other.stats.count else other.stats
        return _Counted(fuller, {**self.by_view, **other.by_view})

    def tally(self, key: _Key) -> Tally:
        """Return the same as the ledger keeps it."""
        action_id, error_type, response_status, window_start = key
        return Tally(
            SeriesKey(action_id, error_type, response_status),
            window_start,
            Counts(self.stats.count, self.stats.sum, self.stats.min, self.stats.max, self._bands()),
        )

    def _bands(self) -> Bands:
        """Return the bands that the views give; they never claim more than were counted.

        What no view counts is in the open band only where every view was asked for and something
        took that long: an answer whose views are missing, or a bucket that one of the queries
        could not show, must not pass for executions of half a minute.
        """
        bands: list[int] = []
        left = self.stats.count
        for view in VIEWS:
            band = min(self.by_view.get(view.name, 0), left)
            bands.append(band)
            left -= band
        has_all = self.by_view.keys() >= {view.name for view in VIEWS}
        return (*bands, left if has_all and self.stats.max >= BAND_EDGES_MS[-1] else 0)


def _action(group: ActionGroup) -> Action:
    action_id = group.dimension("actionId") or UNKNOWN_ACTION
    return Action(
        action_id=action_id,
        name=group.dimension("actionName") or action_id,
        integration_id=group.dimension("integrationId"),
        integration_name=group.dimension("integrationName"),
        kind=ActionKind.UNKNOWN,
    )
