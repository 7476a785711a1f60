"""How the successes of a few actions lie just below their timeout: one question for many hours.

A single execution's exact duration costs a job of its own, three requests for an hour of one
action. Views below the timeout count every execution of all actions that share it, for a week, in
one request; near the timeout they tell as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.errors import WrongShapeError
from monitor.genesys import (
    EXECUTIONS,
    NEAR_AGGREGATES,
    ActionAggregateQuery,
    ActionAggregates,
    ActionDimension,
    ActionFilter,
    ActionPredicate,
    Client,
    DroppedRecord,
    DropReason,
    Range,
    View,
    interval,
)
from monitor.model import Classifier, Outcome
from monitor.near_edges import near_edges
from monitor.time_ranges import TimeRange, floor_to

HOUR_SECONDS = 3_600
"""Length of a bucket: every platform takes it, and it lies within whatever is looked at."""

GROUP_BY: tuple[ActionDimension, ...] = ("actionId", "errorType", "responseStatus")

NearCounts = Mapping[tuple[str, int], tuple[int, ...]]
"""Action id and start of a period -> successes by near band."""


class NearBandsSource:
    """Action aggregates of some actions alone: permission ``integrations:action:view``."""

    name = "executions"

    def __init__(self, client: Client, classifier: Classifier) -> None:
        """Ask through this client; read its words for how an execution ended."""
        self._client = client
        self._classifier = classifier

    def read(
        self, action_ids: Sequence[str], timeout_ms: int, time_range: TimeRange, step_seconds: int
    ) -> NearCounts:
        """Ask once for the successes of some actions by near band.

        Args:
            action_ids: The actions; what the answer tells of others is left out.
            timeout_ms: The timeout in force of all of them.
            time_range: Begins and ends on a full hour.
            step_seconds: In periods of so many seconds; whole hours.

        Returns:
            What was counted, by period; one without successes is absent.

        Raises:
            WrongShapeError: Hardly anything in the answer can be read.
            GenesysError: The platform did not answer, or refused the question.
        """
        names = [f"from_{edge}" for edge in near_edges(timeout_ms)]
        places = {name: place for place, name in enumerate(names)}
        query = ActionAggregateQuery(
            interval=interval(time_range),
            granularity=f"PT{HOUR_SECONDS // 3_600}H",
            time_zone="UTC",
            group_by=GROUP_BY,
            metrics=(EXECUTIONS,),
            views=_views(names, timeout_ms),
            filter=ActionFilter(
                "or", tuple(ActionPredicate.matches("actionId", one) for one in action_ids)
            ),
        )
        answer = self._client.call(NEAR_AGGREGATES, ActionAggregates, body=query)
        if answer.is_unreadable:
            raise WrongShapeError(
                "Of an answer about executions near a timeout nothing can be read",
                "It is asked again later; report it if it stays so.",
                endpoint=NEAR_AGGREGATES.label,
            )
        asked = frozenset(action_ids)
        hours: dict[tuple[str, str, str, int], tuple[int, ...]] = {}
        for group in answer.results:
            action_id, error_type, status = map(group.dimension, GROUP_BY)
            if (
                action_id not in asked
                or self._classifier.outcome(error_type, status) is not Outcome.SUCCESS
            ):
                continue
            for bucket in group.data:
                if not time_range.start <= bucket.start < time_range.end:
                    self._drop(DropReason.TIME, "a bucket that was not asked for")
                    continue
                key = (action_id, error_type, status, floor_to(bucket.start, HOUR_SECONDS))
                counts = bucket.view_counts(places)
                if key in hours:
                    # Of one that came twice the fuller counts: they are the same executions.
                    self._drop(DropReason.DUPLICATE, "a bucket that came twice")
                    counts = max(counts, hours[key], key=sum)
                hours[key] = counts
        found: dict[tuple[str, int], tuple[int, ...]] = {}
        for (action_id, _, _, start), counts in hours.items():
            begin = time_range.start + floor_to(start - time_range.start, step_seconds)
            before = found.get((action_id, begin), (0,) * len(names))
            found[action_id, begin] = tuple(map(sum, zip(before, counts, strict=True)))
        return {key: counts for key, counts in found.items() if any(counts)}

    def _drop(self, reason: DropReason, why: str) -> None:
        self._client.note_dropped(NEAR_AGGREGATES, DroppedRecord(reason, why))


def _views(names: Sequence[str], timeout_ms: int) -> tuple[View, ...]:
    """Return one view a band; the last one is open, for a success may show a little more."""
    edges = near_edges(timeout_ms)
    return tuple(
        View(name=name, range=Range(gte=low, lt=high))
        for name, low, high in zip(names, edges, (*edges[1:], None), strict=True)
    )
