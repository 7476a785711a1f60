"""Analytics: action aggregates, the main evidence, and conversation detail records.

Requests hold the platform's own field names and enums; answers hold the fields that are used and
no others. Empty lists, groups and statistics are left out or null in answers: that is normal, and
reads as empty here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from monitor.genesys.client import Client
from monitor.genesys.endpoint import Endpoint
from monitor.model import TimeRange

ACTION_AGGREGATES = Endpoint(
    "POST",
    "/api/v2/analytics/actions/aggregates/query",
    ("integrations:action:view", "bridge:actions:view"),
)
CONVERSATION_DETAILS = Endpoint(
    "POST",
    "/api/v2/analytics/conversations/details/query",
    ("analytics:conversationDetail:view", "the scope analytics:detail:view"),
)

EXECUTIONS = "tTotalExecution"
"""The only metric of action aggregates: executions, and their duration in milliseconds."""

LARGEST_PAGE = 100
"""Conversations per page, at most."""

Granularity = Literal["PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT1H", "P1D"]
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
SegmentDimension = Literal["disconnectType", "errorCode", "exitReason", "flowId", "flowName"]
Operator = Literal["matches", "exists", "notExists"]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


def interval(stretch: TimeRange) -> str:
    """A stretch of time as the platform writes it, ``2026-01-01T00:00:00.000Z/...``."""
    return f"{_instant(stretch.start)}/{_instant(stretch.end)}"


def _instant(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def epoch_seconds(text: str) -> float:
    """Epoch seconds of an ISO 8601 instant that names its zone.

    Raises:
        ValueError: Not an instant, or one without a zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        reason = f"{text!r} names no time zone"
        raise ValueError(reason)
    return instant.timestamp()


def epoch_ms(instant: datetime) -> int:
    """Epoch milliseconds of an instant."""
    return round(instant.timestamp() * 1000)


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
        """The dimension has this value."""
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
        views: Further counts by duration.
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


class Stats(msgspec.Struct, frozen=True):
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


class StatsAnswer(msgspec.Struct, frozen=True):
    """Statistics as they came (StatisticalSummary); each may be left out or null."""

    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None


class MetricAnswer(msgspec.Struct, frozen=True):
    """One metric of a bucket as it came."""

    metric: str
    stats: StatsAnswer | None = None


class ViewAnswer(msgspec.Struct, frozen=True):
    """One view of a bucket as it came."""

    name: str
    stats: StatsAnswer | None = None


class ActionBucket(msgspec.Struct, frozen=True):
    """What one group did in one stretch of time.

    Attributes:
        interval: The stretch; it may be cut at the query's end, so key it by its start.
        metrics_or_none: As it came; read ``stats``.
        views_or_none: As it came; read ``view_counts``.
    """

    interval: str
    metrics_or_none: tuple[MetricAnswer, ...] | None = msgspec.field(default=None, name="metrics")
    views_or_none: tuple[ViewAnswer, ...] | None = msgspec.field(default=None, name="views")

    def __post_init__(self) -> None:
        """Refuse an interval that can't be read while its place in the answer is known.

        Raises:
            ValueError: Which the decoder turns into an error that names the field's path.
        """
        self.start  # noqa: B018 - read for its error

    @property
    def start(self) -> int:
        """When it begins, in epoch seconds."""
        return int(epoch_seconds(self.interval.partition("/")[0]))

    @property
    def stats(self) -> Stats:
        """Executions and durations; zeros where the platform left them out."""
        for metric in self.metrics_or_none or ():
            if metric.metric == EXECUTIONS and metric.stats is not None:
                came = metric.stats
                return Stats(came.count or 0, came.sum or 0.0, came.min or 0.0, came.max or 0.0)
        return Stats()

    @property
    def view_counts(self) -> dict[str, int]:
        """Name of each view -> executions in it; empty views are left out."""
        return {
            view.name: view.stats.count
            for view in self.views_or_none or ()
            if view.stats is not None and view.stats.count
        }


class ActionGroup(msgspec.Struct, frozen=True):
    """Executions that share the dimensions of ``group_by``.

    Attributes:
        group_or_none: As it came; read ``dimension``.
        data_or_none: As it came; read ``data``.
    """

    group_or_none: dict[str, str | None] | None = msgspec.field(default=None, name="group")
    data_or_none: tuple[ActionBucket, ...] | None = msgspec.field(default=None, name="data")

    @property
    def data(self) -> tuple[ActionBucket, ...]:
        """Its buckets in time; empty ones are left out by the platform."""
        return self.data_or_none or ()

    def dimension(self, name: ActionDimension) -> str:
        """The value of a dimension; empty where the platform left it out."""
        return (self.group_or_none or {}).get(name) or ""


class ActionAggregates(msgspec.Struct, frozen=True):
    """The answer to an aggregate query (ActionAggregateQueryResponse).

    Attributes:
        results_or_none: As it came; read ``results``.
    """

    results_or_none: tuple[ActionGroup, ...] | None = msgspec.field(default=None, name="results")

    @property
    def results(self) -> tuple[ActionGroup, ...]:
        """One entry per group; none where nothing ran."""
        return self.results_or_none or ()


def action_aggregates(client: Client, query: ActionAggregateQuery) -> ActionAggregates:
    """Count executions.

    Raises:
        BadRequestError: The platform refused the query, for example its granularity.
        GenesysError: Any other error of the tree.
    """
    return client.call(ACTION_AGGREGATES, ActionAggregates, body=query)


class Paging(msgspec.Struct, frozen=True, rename="camel"):
    """Which page; the first is 1."""

    page_size: int = LARGEST_PAGE
    page_number: int = 1


class SegmentPredicate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition on a segment; no value where the operator needs none."""

    dimension: SegmentDimension
    value: str | None = None
    operator: Operator | None = None
    type: Literal["dimension"] | None = None

    @classmethod
    def matches(cls, dimension: SegmentDimension, value: str) -> SegmentPredicate:
        """The dimension has this value."""
        return cls(dimension, value, "matches", "dimension")

    @classmethod
    def exists(cls, dimension: SegmentDimension) -> SegmentPredicate:
        """The dimension has any value."""
        return cls(dimension, None, "exists", "dimension")


class SegmentFilter(msgspec.Struct, frozen=True):
    """Conditions of which all (``and``) or any (``or``) must hold for one segment."""

    type: Literal["and", "or"]
    predicates: tuple[SegmentPredicate, ...]


class ConversationDetailQuery(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which conversations to return (the platform's ConversationQuery).

    The platform returns conversations that *started* on a UTC day that the interval touches.

    Attributes:
        interval: From ``interval()``; at most 31 days.
        segment_filters: All must hold.
        paging: Which page.
        order: Oldest or newest first.
        order_by: By which time.
    """

    interval: str
    segment_filters: tuple[SegmentFilter, ...] = ()
    paging: Paging | None = None
    order: Literal["asc", "desc"] | None = None
    order_by: Literal["conversationStart", "segmentStart"] | None = None


class SegmentProperty(msgspec.Struct, frozen=True):
    """A property that a participant's flow or system put on a segment."""

    property: str | None = None
    value: str | None = None


class Segment(msgspec.Struct, frozen=True, rename="camel"):
    """A stretch of a session; times are instants with a zone.

    Attributes:
        segment_start: When it began.
        segment_end: When it ended; None while it goes on.
        segment_type: For example ``ivr``.
        error_code: Why it failed; None where it did not.
        disconnect_type: How it was cut.
        properties_or_none: As it came; read ``properties``.
    """

    segment_start: Instant | None = None
    segment_end: Instant | None = None
    segment_type: str | None = None
    error_code: str | None = None
    disconnect_type: str | None = None
    properties_or_none: tuple[SegmentProperty, ...] | None = msgspec.field(
        default=None, name="properties"
    )

    @property
    def properties(self) -> dict[str, str]:
        """Its properties by name; those without a value are left out."""
        return {
            item.property: item.value
            for item in self.properties_or_none or ()
            if item.property is not None and item.value is not None
        }


class SessionFlow(msgspec.Struct, frozen=True, rename="camel"):
    """The flow that a session ran through; None or empty where the record does not say."""

    flow_id: str | None = None
    flow_name: str | None = None
    flow_type: str | None = None
    flow_version: str | None = None
    exit_reason: str | None = None


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """One medium of a participant.

    Attributes:
        flow: The flow it ran through, if any.
        media_type: For example ``voice``.
        segments_or_none: As it came; read ``segments``.
    """

    flow: SessionFlow | None = None
    media_type: str | None = None
    segments_or_none: tuple[Segment, ...] | None = msgspec.field(default=None, name="segments")

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Its stretches."""
        return self.segments_or_none or ()


class Participant(msgspec.Struct, frozen=True):
    """A party to a conversation.

    Attributes:
        purpose: For example ``ivr`` or ``customer``.
        sessions_or_none: As it came; read ``sessions``.
    """

    purpose: str | None = None
    sessions_or_none: tuple[Session, ...] | None = msgspec.field(default=None, name="sessions")

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Its media."""
        return self.sessions_or_none or ()


class Conversation(msgspec.Struct, frozen=True, rename="camel"):
    """One conversation (AnalyticsConversationWithoutAttributes).

    Attributes:
        conversation_id: Its id.
        conversation_start: When it began.
        conversation_end: When it ended; None while it goes on.
        participants_or_none: As it came; read ``participants``.
    """

    conversation_id: str
    conversation_start: Instant | None = None
    conversation_end: Instant | None = None
    participants_or_none: tuple[Participant, ...] | None = msgspec.field(
        default=None, name="participants"
    )

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Its parties."""
        return self.participants_or_none or ()


class ConversationPage(msgspec.Struct, frozen=True):
    """One page of detail records (AnalyticsConversationQueryResponse).

    A page can repeat or miss a conversation while new ones arrive: key by ``conversation_id``.

    Attributes:
        total_hits: Conversations on all pages.
        conversations_or_none: As it came; read ``conversations``.
    """

    total_hits: int = msgspec.field(default=0, name="totalHits")
    conversations_or_none: tuple[Conversation, ...] | None = msgspec.field(
        default=None, name="conversations"
    )

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """The records of this page; none where nothing matched."""
        return self.conversations_or_none or ()


def conversation_details(client: Client, query: ConversationDetailQuery) -> ConversationPage:
    """Read one page of conversation detail records.

    Raises:
        BadRequestError: The platform refused the query, for example its interval.
        GenesysError: Any other error of the tree.
    """
    return client.call(CONVERSATION_DETAILS, ConversationPage, body=query)
