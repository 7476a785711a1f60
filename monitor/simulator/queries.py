"""The request bodies of analytics queries, as strict as the SDK's models and enums."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from monitor.json_decoding import decode_json
from monitor.simulator.api_errors import bad_request

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
Connective = Literal["and", "or"]


class _Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """A body whose unknown fields are refused: a misspelt field must not pass for a wish."""


class Bounds(_Body, frozen=True):
    """Both ends of a view's range, each optional; milliseconds."""

    gte: float | None = None
    lt: float | None = None


class NumericRange(_Body, frozen=True):
    """The range of a predicate."""

    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None

    def holds(self, value: float) -> bool:
        """Return whether a number lies in it."""
        return (
            (self.gt is None or value > self.gt)
            and (self.gte is None or value >= self.gte)
            and (self.lt is None or value < self.lt)
            and (self.lte is None or value <= self.lte)
        )


class ActionQueryPredicate(_Body, frozen=True):
    """One condition on an execution."""

    dimension: ActionDimension
    type: Literal["dimension"] = "dimension"
    operator: Operator = "matches"
    value: str | None = None
    range: NumericRange | None = None


class ActionClause(_Body, frozen=True):
    """Conditions joined by ``and`` or ``or``."""

    type: Connective
    predicates: list[ActionQueryPredicate]


class ActionQueryFilter(_Body, frozen=True):
    """Clauses and conditions joined by ``and`` or ``or``."""

    type: Connective
    clauses: list[ActionClause] | None = None
    predicates: list[ActionQueryPredicate] | None = None


class ActionView(_Body, frozen=True):
    """A named count of the executions whose duration lies in a range."""

    target: Literal["tTotalExecution"]
    name: Annotated[str, Meta(min_length=1)]
    function: Literal["rangeBound"]
    range: Bounds


class AggregateQuery(_Body, frozen=True):
    """Body of ``POST /api/v2/analytics/actions/aggregates/query``."""

    interval: str
    metrics: Annotated[list[Literal["tTotalExecution"]], Meta(min_length=1)]
    granularity: str | None = None
    time_zone: str | None = None
    group_by: list[ActionDimension] | None = None
    filter: ActionQueryFilter | None = None
    flatten_multivalued_dimensions: bool | None = None
    views: list[ActionView] | None = None
    alternate_time_dimension: Literal["eventTime"] | None = None


class AggregateJob(AggregateQuery, frozen=True):
    """Body of ``POST /api/v2/analytics/actions/aggregates/jobs``."""

    page_size: Annotated[int, Meta(ge=1, le=1_000)] | None = None


class FlowQueryPredicate(_Body, frozen=True):
    """One condition on a run of a flow."""

    dimension: str
    type: Literal["dimension"] = "dimension"
    operator: Operator = "matches"
    value: str | None = None


class FlowClause(_Body, frozen=True):
    """Conditions joined by ``and`` or ``or``."""

    type: Connective
    predicates: list[FlowQueryPredicate]


class FlowQueryFilter(_Body, frozen=True):
    """Clauses and conditions joined by ``and`` or ``or``."""

    type: Connective
    clauses: list[FlowClause] | None = None
    predicates: list[FlowQueryPredicate] | None = None


class FlowQuery(_Body, frozen=True):
    """Body of ``POST /api/v2/analytics/flows/aggregates/query``."""

    interval: str
    metrics: Annotated[list[Literal["nFlow"]], Meta(min_length=1)]
    granularity: str | None = None
    time_zone: str | None = None
    group_by: list[str] | None = None
    filter: FlowQueryFilter | None = None
    flatten_multivalued_dimensions: bool | None = None
    alternate_time_dimension: Literal["eventTime"] | None = None


class DetailPredicate(_Body, frozen=True):
    """One condition on a conversation or on a segment of it."""

    type: Literal["dimension", "property", "metric"] = "dimension"
    dimension: str | None = None
    property_type: Literal["bool", "integer", "real", "date", "string", "uuid"] | None = None
    property: str | None = None
    metric: str | None = None
    operator: Operator = "matches"
    value: str | None = None
    range: NumericRange | None = None


class DetailClause(_Body, frozen=True):
    """Conditions joined by ``and`` or ``or``."""

    type: Connective
    predicates: list[DetailPredicate]


class DetailFilter(_Body, frozen=True):
    """Clauses and conditions joined by ``and`` or ``or``: two levels, no more."""

    type: Connective
    clauses: list[DetailClause] | None = None
    predicates: list[DetailPredicate] | None = None


class QueryPaging(_Body, frozen=True):
    """Which page of the hits."""

    page_size: Annotated[int, Meta(ge=1, le=100)] = 25
    page_number: Annotated[int, Meta(ge=1)] = 1


Order = Literal["asc", "desc", "unordered"]
OrderBy = Literal["conversationStart", "conversationEnd", "segmentStart", "segmentEnd"]


class ConversationQuery(_Body, frozen=True):
    """Body of ``POST /api/v2/analytics/conversations/details/query``."""

    interval: str
    conversation_filters: list[DetailFilter] | None = None
    segment_filters: list[DetailFilter] | None = None
    order: Order = "asc"
    order_by: OrderBy = "conversationStart"
    paging: QueryPaging = QueryPaging()


class ConversationJob(_Body, frozen=True):
    """Body of ``POST /api/v2/analytics/conversations/details/jobs``."""

    interval: str
    conversation_filters: list[DetailFilter] | None = None
    segment_filters: list[DetailFilter] | None = None
    order: Order = "asc"
    order_by: OrderBy = "conversationStart"
    limit: Annotated[int, Meta(ge=1)] | None = None
    start_of_day_interval_matching: bool | None = None


B = TypeVar("B")


def parse_body(raw: bytes, shape: type[B]) -> B:
    """Read a body.

    Raises:
        ApiError: 400 that names the field which is wrong.
    """
    try:
        return decode_json(raw, shape)
    except msgspec.DecodeError as error:
        message = f"The request body is not valid: {error}"
        raise bad_request(message) from error
