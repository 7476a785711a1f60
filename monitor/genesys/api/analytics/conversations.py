"""Conversation detail records: which conversations and flows were hit.

Wire format: the platform's models ConversationQuery and AnalyticsConversationQueryResponse.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from monitor.genesys.api.analytics.timestamps import Instant
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import Record, RecordPage
from monitor.genesys.client.endpoint import Endpoint
from monitor.platform_limits import MOST_CONVERSATIONS_A_PAGE

CONVERSATION_DETAILS = Endpoint(
    "POST",
    "/api/v2/analytics/conversations/details/query",
    ("analytics:conversationDetail:view", "the scope analytics:detail:view"),
    source="conversations",
)

LARGEST_PAGE = MOST_CONVERSATIONS_A_PAGE
"""Conversations per page, at most."""

SegmentDimension = Literal["disconnectType", "errorCode", "exitReason", "flowId", "flowName"]
Operator = Literal["matches", "exists", "notExists"]


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
        """Return the dimension has this value."""
        return cls(dimension, value, "matches", "dimension")

    @classmethod
    def exists(cls, dimension: SegmentDimension) -> SegmentPredicate:
        """Return the dimension has any value."""
        return cls(dimension, None, "exists", "dimension")


class SegmentClause(msgspec.Struct, frozen=True):
    """Conditions of which all (``and``) or any (``or``) must hold for one segment."""

    type: Literal["and", "or"]
    predicates: tuple[SegmentPredicate, ...]


class SegmentFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Conditions and clauses of which all (``and``) or any (``or``) must hold for one segment."""

    type: Literal["and", "or"]
    predicates: tuple[SegmentPredicate, ...]
    clauses: tuple[SegmentClause, ...] = ()


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


class SegmentProperty(Record, frozen=True):
    """A property that a participant's flow or system put on a segment."""

    property: str | None = None
    value: str | None = None


class Segment(Record, frozen=True, rename="camel"):
    """A part of a session; times are instants with a zone.

    Attributes:
        segment_start: When it began.
        segment_end: When it ended; None while it goes on.
        error_code: Why it failed; None where it did not.
        properties_or_none: As it came; read ``properties``.
    """

    segment_start: Instant | None = None
    segment_end: Instant | None = None
    error_code: str | None = None
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


class SessionFlow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The flow that a session ran through; None or empty where the record does not say."""

    flow_id: str | None = None
    flow_name: str | None = None
    exit_reason: str | None = None


class Session(Record, frozen=True, rename="camel"):
    """One medium of a participant.

    Attributes:
        flow: The flow it ran through, if any.
        segments_or_none: As it came; read ``segments``.
    """

    flow: SessionFlow | None = None
    segments_or_none: tuple[Segment, ...] | None = msgspec.field(default=None, name="segments")

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Its parts."""
        return self.segments_or_none or ()


class Participant(Record, frozen=True):
    """A party to a conversation.

    Attributes:
        sessions_or_none: As it came; read ``sessions``.
    """

    sessions_or_none: tuple[Session, ...] | None = msgspec.field(default=None, name="sessions")

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Its media."""
        return self.sessions_or_none or ()


class Conversation(Record, frozen=True, rename="camel"):
    """One conversation (AnalyticsConversationWithoutAttributes).

    Attributes:
        conversation_id: Its id.
        conversation_start: When it began.
        conversation_end: When it ended; None while it goes on.
        participants_or_none: As it came; read ``participants``.
    """

    conversation_id: Annotated[str, msgspec.Meta(min_length=1)]
    conversation_start: Instant | None = None
    conversation_end: Instant | None = None
    participants_or_none: tuple[Participant, ...] | None = msgspec.field(
        default=None, name="participants"
    )

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Its parties."""
        return self.participants_or_none or ()


class ConversationPage(RecordPage, frozen=True):
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
