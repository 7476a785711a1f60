"""Action aggregates: every execution of every data action, counted; the main evidence.

Wire format: the platform's models ActionAggregationQuery and ActionAggregateQueryResponse.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from monitor.genesys.api.analytics.timestamps import epoch_seconds
from monitor.genesys.client.coercion import (
    CountResponse,
    ImplausibleError,
    Record,
    number,
    whole_number,
)
from monitor.genesys.client.endpoint import Endpoint
from monitor.sanitize import sanitize, sanitize_id

ACTION_AGGREGATES = Endpoint(
    "POST",
    "/api/v2/analytics/actions/aggregates/query",
    ("integrations:action:view", "bridge:actions:view"),
    source="actions",
    overloads=2,
)

NEAR_AGGREGATES = Endpoint(
    "POST",
    ACTION_AGGREGATES.path_template,
    ACTION_AGGREGATES.permissions,
    source="executions",
    overloads=2,
)
"""The same question of few actions, closely: it belongs to another source, and is asked seldom."""

EXECUTIONS: Literal["tTotalExecution"] = "tTotalExecution"
"""The only metric of action aggregates: executions, and their duration in milliseconds."""

ActionDimension = Literal[
    "actionCategory",
    "actionId",
    "actionName",
    "correlationId",
    "errorType",
    "integrationId",
    "integrationName",
    "responseStatus",
]
Operator = Literal["matches", "exists", "notExists"]


MOST_EXECUTIONS = 10**7
"""In one bucket. The platform runs 2,500 a minute in an org, 150,000 in its longest window; the
ledger would keep what is more for ever."""

LONGEST_EXECUTION_MS = 3_600_000.0
"""Sixty times the longest timeout: an execution of a day is none."""


class Range(msgspec.Struct, frozen=True, omit_defaults=True):
    """A range of durations in milliseconds, ``gte <= duration < lt``; None leaves a side open."""

    gte: float | None = None
    lt: float | None = None


class View(msgspec.Struct, frozen=True):
    """A count of its own: the executions whose duration lies in a range.

    Attributes:
        name: Comes back with the count; unique within a query.
        range: The durations counted.
        target: The metric that is cut.
        function: How it is cut.
    """

    name: str
    range: Range
    target: Literal["tTotalExecution"] = "tTotalExecution"
    function: Literal["rangeBound"] = "rangeBound"


class ActionPredicate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition on a dimension of action aggregates; no value where the operator needs none."""

    dimension: ActionDimension
    value: str | None = None
    operator: Operator | None = None
    type: Literal["dimension"] | None = None

    @classmethod
    def matches(cls, dimension: ActionDimension, value: str) -> ActionPredicate:
        """Return the dimension has this value."""
        return cls(dimension, value, "matches", "dimension")


class ActionFilter(msgspec.Struct, frozen=True):
    """Conditions of which all (``and``) or any (``or``) must hold."""

    type: Literal["and", "or"]
    predicates: tuple[ActionPredicate, ...]


class ActionAggregateQuery(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What to count (the platform's ActionAggregationQuery).

    Attributes:
        interval: From ``interval()``.
        granularity: Length of a bucket as an ISO 8601 duration.
        group_by: Dimensions that keep counts apart.
        metrics: What is counted.
        views: Further counts by duration; at most ``platform_limits.MOST_VIEWS``.
        filter: Which executions count; all where None.
        time_zone: For buckets of a day and longer.
    """

    interval: str
    granularity: str | None = None
    group_by: tuple[ActionDimension, ...] = ()
    metrics: tuple[Literal["tTotalExecution"], ...] = ()
    views: tuple[View, ...] = ()
    filter: ActionFilter | None = None
    time_zone: str | None = None


class Stats(msgspec.Struct, frozen=True, gc=False):
    """Executions of a bucket and their durations.

    Attributes:
        count: Executions.
        sum: All durations together, in milliseconds.
        min: The shortest duration, in milliseconds.
        max: The longest duration, in milliseconds.
    """

    count: int = 0
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0


_Number = int | float | str | None
"""A number as it may come: ``3``, ``3.0`` and ``"3"`` are one."""


class CountAnswer(msgspec.Struct, frozen=True, gc=False):
    """A count as it came; it may be left out or null."""

    count: _Number = None

    def executions(self) -> int:
        """Return how many were counted.

        Raises:
            ImplausibleError: No whole number, negative, or more than an org could ever run.
        """
        count = self.count
        if type(count) is float and 0.0 <= count <= MOST_EXECUTIONS and count.is_integer():
            # As nearly all of them come, and an answer has a hundred thousand.
            return int(count)
        if count is None:
            return 0
        found = whole_number(count)
        if found is None or not 0 <= found <= MOST_EXECUTIONS:
            reason = f"counts {str(count)[:40]!r} executions, which can't be"
            raise ImplausibleError("number", reason)
        return found


class StatsAnswer(CountAnswer, frozen=True):
    """Statistics as they came (StatisticalSummary); each may be left out or null."""

    sum: _Number = None
    min: _Number = None
    max: _Number = None

    def checked(self) -> Stats:
        """Return the same as numbers; what was left out, and a duration below zero, is zero.

        Raises:
            ImplausibleError: No numbers, or more than an org could ever run.
        """
        count, total, shortest, longest = self.executions(), self.sum, self.min, self.max
        if (
            type(total) is type(shortest) is type(longest) is float
            and 0.0 < shortest <= longest <= LONGEST_EXECUTION_MS
            and 0.0 < total <= LONGEST_EXECUTION_MS * count
        ):
            return Stats(count, total, shortest, longest)
        return Stats(count, _duration(total, count or 1), _duration(shortest), _duration(longest))


def _duration(value: _Number, executions: int = 1) -> float:
    if value is None:
        return 0.0
    most_ms = LONGEST_EXECUTION_MS * executions
    if type(value) is float and 0.0 < value <= most_ms:
        return value
    duration_ms = number(value)
    if duration_ms is None or duration_ms > most_ms:
        reason = f"{executions} executions of {str(value)[:40]!r} ms, which can't be"
        raise ImplausibleError("number", reason)
    return max(0.0, float(duration_ms))


class MetricAnswer(msgspec.Struct, frozen=True, gc=False):
    """One metric of a bucket as it came."""

    metric: str
    stats: StatsAnswer | None = None


class ViewAnswer(msgspec.Struct, frozen=True, gc=False):
    """One view of a bucket as it came: of its statistics the count alone is of use."""

    name: str
    stats: CountAnswer | None = None


@lru_cache(maxsize=4_096)
def _epoch_seconds(begin: str) -> int:
    """Return the whole epoch seconds of a text; an answer has few of them, and each often."""
    return int(epoch_seconds(begin))


class Bucket(Record, frozen=True):
    """What one group did in one period.

    Attributes:
        interval: The period; it may be cut at the query's end, so key it by its start.
        metrics_or_none: As it came.
    """

    interval: str
    metrics_or_none: tuple[MetricAnswer, ...] | None = msgspec.field(default=None, name="metrics")

    def check(self) -> None:
        """Refuse a beginning that is none, and numbers that can't be.

        Raises:
            ImplausibleError: One can't.
        """
        try:
            _epoch_seconds(self.interval.partition("/")[0])
        except (ValueError, OverflowError) as error:
            raise ImplausibleError("time", str(error)) from error
        self.check_numbers()

    def check_numbers(self) -> None:
        """Refuse numbers that can't be.

        Raises:
            ImplausibleError: One can't.
        """

    @property
    def start(self) -> int:
        """When it begins, in epoch seconds."""
        return _epoch_seconds(self.interval.partition("/")[0])

    def answer(self, metric: str) -> StatsAnswer | None:
        """Return the statistics of a metric as they came; None where it was left out."""
        for one in self.metrics_or_none or ():
            if one.metric == metric and one.stats is not None:
                return one.stats
        return None


class ActionBucket(Bucket, frozen=True):
    """Executions of one group in one period.

    Attributes:
        views_or_none: As it came; read ``view_counts``.
    """

    views_or_none: tuple[ViewAnswer, ...] | None = msgspec.field(default=None, name="views")

    def check_numbers(self) -> None:
        """Refuse numbers that can't be.

        Raises:
            ImplausibleError: One can't.
        """
        answer = self.answer(EXECUTIONS)
        if answer is not None:
            answer.checked()
        for view in self.views_or_none or ():
            if view.stats is not None:
                view.stats.executions()

    @property
    def stats(self) -> Stats:
        """Executions and durations; zeros where the platform left them out."""
        answer = self.answer(EXECUTIONS)
        return Stats() if answer is None else answer.checked()

    def view_counts(self, places: Mapping[str, int]) -> tuple[int, ...]:
        """Return the executions in each of some views; 0 in those that were left out.

        Args:
            places: Names of the views -> their places in the result, from 0.
        """
        counts = [0] * len(places)
        for view in self.views_or_none or ():
            if view.stats is not None and view.name in places:
                counts[places[view.name]] = view.stats.executions()
        return tuple(counts)


class _ActionDimensions(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The dimensions of a group as they came; each may be left out or null."""

    action_category: str | None = None
    action_id: str | None = None
    action_name: str | None = None
    correlation_id: str | None = None
    error_type: str | None = None
    integration_id: str | None = None
    integration_name: str | None = None
    response_status: str | None = None


_FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(_ActionDimensions)}
_NAMES = frozenset({"actionCategory", "actionName", "integrationName"})


class Group(Record, frozen=True):
    """Buckets that share their dimensions."""

    @property
    def data(self) -> tuple[Bucket, ...]:
        """Its buckets."""
        return ()

    def check(self) -> None:
        """Refuse a group in which a bucket makes no sense.

        Raises:
            ImplausibleError: One does not.
        """
        for bucket in self.data:
            bucket.check()


class ActionGroup(Group, frozen=True):
    """Executions that share the dimensions of ``group_by``.

    Attributes:
        group_or_none: As it came; read ``dimension``.
        data_or_none: As it came; read ``data``.
    """

    group_or_none: _ActionDimensions | None = msgspec.field(default=None, name="group")
    data_or_none: tuple[ActionBucket, ...] | None = msgspec.field(default=None, name="data")

    @property
    def data(self) -> tuple[ActionBucket, ...]:
        """Its buckets in time; empty ones are left out by the platform."""
        return self.data_or_none or ()

    def dimension(self, name: ActionDimension) -> str:
        """Return the value of a dimension, fit to be kept; empty where the platform left it out."""
        value: str | None = getattr(self.group_or_none, _FIELDS[name], None)
        if not value:
            return ""
        return sanitize(value) if name in _NAMES else sanitize_id(value)


class ActionAggregates(CountResponse, frozen=True):
    """The answer to an aggregate query (ActionAggregateQueryResponse).

    Attributes:
        results_or_none: As it came; read ``results``.
    """

    results_or_none: tuple[ActionGroup, ...] | None = msgspec.field(default=None, name="results")

    def __post_init__(self) -> None:
        """Refuse an answer with a record that makes no sense; then each is read by itself."""
        for group in self.results:
            group.check()

    @property
    def results(self) -> tuple[ActionGroup, ...]:
        """One entry per group; none where nothing ran."""
        return self.results_or_none or ()
