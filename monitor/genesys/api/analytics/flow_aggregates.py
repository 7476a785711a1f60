"""Flow aggregates: how often callers left flows, and how, counted by the platform.

Wire format: the platform's models FlowAggregationQuery and FlowAggregateQueryResponse.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from monitor.genesys.api.analytics.aggregates import Bucket, Group
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import CountResponse
from monitor.genesys.client.endpoint import Endpoint
from monitor.sanitize import sanitize_id

FLOW_AGGREGATES = Endpoint(
    "POST",
    "/api/v2/analytics/flows/aggregates/query",
    ("analytics:flowAggregate:view",),
    source="flow-errors",
)

FlowDimension = Literal["flowId", "exitReason"]


class FlowPredicate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition on a dimension of flow aggregates."""

    dimension: FlowDimension
    value: str | None = None
    operator: Literal["matches"] | None = None
    type: Literal["dimension"] | None = None

    @classmethod
    def matches(cls, dimension: FlowDimension, value: str) -> FlowPredicate:
        """Return the condition that a dimension has this value."""
        return cls(dimension, value, "matches", "dimension")


class FlowFilter(msgspec.Struct, frozen=True):
    """Conditions of which all (``and``) or any (``or``) must hold."""

    type: Literal["and", "or"]
    predicates: tuple[FlowPredicate, ...]


class FlowAggregateQuery(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What to count (the platform's FlowAggregationQuery).

    Attributes:
        interval: From ``interval()``.
        granularity: Length of a bucket as an ISO 8601 duration.
        group_by: Dimensions that keep counts apart.
        metrics: What is counted.
        filter: Which runs count; all where None.
        time_zone: For buckets of a day and longer.
    """

    interval: str
    granularity: str | None = None
    group_by: tuple[FlowDimension, ...] = ()
    metrics: tuple[Literal["nFlow"], ...] = ()
    filter: FlowFilter | None = None
    time_zone: str | None = None


class FlowBucket(Bucket, frozen=True):
    """Runs of one group in one period."""

    def check_numbers(self) -> None:
        """Refuse numbers that can't be.

        Raises:
            ImplausibleError: One can't.
        """
        self.runs  # noqa: B018 - read for its error

    @property
    def runs(self) -> int:
        """How often a flow was left; 0 where the platform left the count out."""
        answer = self.answer("nFlow")
        return 0 if answer is None else answer.executions()


class _FlowDimensions(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The dimensions of a group as they came; each may be left out or null."""

    flow_id: str | None = None
    exit_reason: str | None = None


class FlowGroup(Group, frozen=True):
    """Runs that share a flow and the way it was left.

    Attributes:
        group_or_none: As it came; read ``flow_id`` and ``exit_reason``.
        data_or_none: As it came; read ``data``.
    """

    group_or_none: _FlowDimensions | None = msgspec.field(default=None, name="group")
    data_or_none: tuple[FlowBucket, ...] | None = msgspec.field(default=None, name="data")

    @property
    def data(self) -> tuple[FlowBucket, ...]:
        """Its buckets in time; empty ones are left out by the platform."""
        return self.data_or_none or ()

    @property
    def flow_id(self) -> str:
        """The flow, fit to be kept; empty where the platform left it out."""
        return sanitize_id((self.group_or_none and self.group_or_none.flow_id) or "")

    @property
    def exit_reason(self) -> str:
        """How it was left, fit to be kept; empty where the platform left it out."""
        return sanitize_id((self.group_or_none and self.group_or_none.exit_reason) or "")


class FlowAggregates(CountResponse, frozen=True):
    """The answer to a query (FlowAggregateQueryResponse).

    Attributes:
        results_or_none: As it came; read ``results``.
    """

    results_or_none: tuple[FlowGroup, ...] | None = msgspec.field(default=None, name="results")

    def __post_init__(self) -> None:
        """Refuse an answer with a record that makes no sense; then each is read by itself."""
        for group in self.results:
            group.check()

    @property
    def results(self) -> tuple[FlowGroup, ...]:
        """One entry per group; none where no flow ran."""
        return self.results_or_none or ()


def flow_aggregates(client: Client, query: FlowAggregateQuery) -> FlowAggregates:
    """Count how flows were left.

    Raises:
        BadRequestError: The platform refused the query, for example its grouping.
        GenesysError: Any other error of the tree.
    """
    return client.call(FLOW_AGGREGATES, FlowAggregates, body=query)
