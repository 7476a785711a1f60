"""Every execution of every action, counted per ending and window: one aggregate query."""

from __future__ import annotations

from dataclasses import replace

from monitor.errors import WrongShapeError
from monitor.genesys import Client
from monitor.genesys.analytics import (
    ACTION_AGGREGATES,
    EXECUTIONS,
    ActionAggregateQuery,
    ActionBucket,
    ActionDimension,
    ActionGroup,
    Range,
    View,
    action_aggregates,
    interval,
)
from monitor.model import (
    BAND_EDGES_MS,
    UNKNOWN_ACTION,
    Action,
    ActionKind,
    Bands,
    Tally,
    TimeRange,
)
from monitor.sources.evidence import Evidence

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

MOST_EXECUTIONS = 10**9
"""In one window; the platform runs 2,500 a minute in an org."""

SLICE_SECONDS = 2 * 3600
"""For 2,000 actions two hours are some ten thousand groups of buckets: an answer that still fits
in memory many times over."""


class ActionsSource:
    """Action aggregates: permission ``integrations:action:view``, one request a read."""

    name = "actions"
    slice_seconds = SLICE_SECONDS

    def __init__(self, client: Client) -> None:
        """Ask through this client."""
        self._client = client

    def read(
        self,
        stretch: TimeRange,
        window_seconds: int,
        *,
        deep: bool,  # noqa: ARG002 - one query gives all there is, at no further cost
    ) -> Evidence:
        """Ask for every execution that ended in a stretch of time.

        Raises:
            BadRequestError: The platform refused the query; it may name the granularity.
            WrongShapeError: The answer counts what can't be.
            GenesysError: The platform did not answer.
        """
        query = ActionAggregateQuery(
            interval=interval(stretch),
            granularity=f"PT{window_seconds // 60}M",
            time_zone="UTC",
            group_by=GROUP_BY,
            metrics=(EXECUTIONS,),
            views=VIEWS,
        )
        tallies: dict[tuple[str, str, str, int], Tally] = {}
        names: dict[str, Action] = {}
        for group in action_aggregates(self._client, query).results:
            action = _action(group)
            names[action.action_id] = action
            for bucket in group.data:
                tally = _tally(group, action.action_id, bucket)
                if tally.count:
                    key = (tally.action_id, tally.error_type, tally.response_status, bucket.start)
                    # An action that was renamed comes as two groups: one key, both counts.
                    tallies[key] = _sum(tallies[key], tally) if key in tallies else tally
        return Evidence(tallies=tuple(tallies.values()), names=names)


def _action(group: ActionGroup) -> Action:
    action_id = group.dimension("actionId") or UNKNOWN_ACTION
    return Action(
        action_id=action_id,
        name=group.dimension("actionName") or action_id,
        integration_id=group.dimension("integrationId"),
        integration_name=group.dimension("integrationName"),
        kind=ActionKind.UNKNOWN,
    )


def _tally(group: ActionGroup, action_id: str, bucket: ActionBucket) -> Tally:
    stats = bucket.stats
    count = _count(action_id, bucket)
    return Tally(
        action_id=action_id,
        error_type=group.dimension("errorType"),
        response_status=group.dimension("responseStatus"),
        window_start=bucket.start,
        count=count,
        duration_ms=max(0.0, stats.sum),
        min_ms=max(0.0, stats.min),
        max_ms=max(0.0, stats.max),
        bands=_bands(bucket, count),
    )


def _count(action_id: str, bucket: ActionBucket) -> int:
    """Executions in a bucket.

    Raises:
        WrongShapeError: More than an org could ever run; the ledger would keep it for ever.
    """
    count = bucket.stats.count
    if count > MOST_EXECUTIONS:
        raise WrongShapeError(
            f"The answer to {ACTION_AGGREGATES.label} counts {count} executions of {action_id} "
            f"in {bucket.interval}, which can't be",
            "Nothing of this answer was kept; report it if it stays so.",
            endpoint=ACTION_AGGREGATES.label,
        )
    return max(0, count)


def _bands(bucket: ActionBucket, count: int) -> Bands:
    """The bands that the views give; they never claim more than were counted.

    What no view counts is in the open band only where something took that long: an answer whose
    views are missing must not pass for executions of half a minute.
    """
    counts = bucket.view_counts
    bands: list[int] = []
    left = count
    for view in VIEWS:
        band = min(max(0, counts.get(view.name, 0)), left)
        bands.append(band)
        left -= band
    return (*bands, left if bucket.stats.max >= BAND_EDGES_MS[-1] else 0)


def _sum(one: Tally, other: Tally) -> Tally:
    return replace(
        one,
        count=one.count + other.count,
        duration_ms=one.duration_ms + other.duration_ms,
        min_ms=min(one.min_ms, other.min_ms),
        max_ms=max(one.max_ms, other.max_ms),
        bands=tuple(a + b for a, b in zip(one.bands, other.bands, strict=True)),
    )
