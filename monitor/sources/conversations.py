"""Which conversations, flows and callers a timeout hit: detail records, filtered by the server.

The published schema has no field that always names the data action. The rule here: a segment is a
timeout when its ``errorCode`` matches ``[classify] timeout_error_types``; its action is what the
segment's properties ``actionId`` or ``actionName`` say, else the only data action of its flow, else
``unknown``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from monitor.genesys import Client
from monitor.genesys.analytics import (
    LARGEST_PAGE,
    Conversation,
    ConversationDetailQuery,
    ConversationPage,
    Paging,
    Segment,
    SegmentFilter,
    SegmentPredicate,
    Session,
    conversation_details,
    epoch_ms,
    interval,
)
from monitor.model import UNKNOWN_ACTION, Classifier, Incident, TimeRange
from monitor.sources.evidence import Evidence
from monitor.texts import tidy, tidy_id

LONGEST_CALL_SECONDS = 6 * 3600
"""The query finds conversations by when they began: a deep read asks this much further back."""

USUAL_CALL_SECONDS = 3600
"""A read of the newest windows asks only this much further back: a timeout late in a longer call
is found by the next deep read, and a busy org is not paged through six hours every minute."""

SLICE_SECONDS = 24 * 3600

FAILED_SEGMENTS = SegmentFilter(
    type="or",
    predicates=(
        SegmentPredicate.exists("errorCode"),
        SegmentPredicate.matches("exitReason", "FLOW_ERROR_DISCONNECT"),
    ),
)


class Attribution(Protocol):
    """Knows which action a timeout belongs to when its record does not say."""

    def action_named(self, name: str) -> str | None:
        """The id of the only action of this name."""
        ...

    def sole_action(self, flow_id: str) -> str | None:
        """The only data action of a flow."""
        ...


class ConversationsSource:
    """Detail records: permission ``analytics:conversationDetail:view``, 100 a request."""

    name = "conversations"
    slice_seconds = SLICE_SECONDS

    def __init__(self, client: Client, classifier: Classifier, attribution: Attribution) -> None:
        """Ask through this client."""
        self._client = client
        self._classifier = classifier
        self._attribution = attribution

    def read(
        self,
        stretch: TimeRange,
        window_seconds: int,  # noqa: ARG002 - an incident has its own time
        *,
        deep: bool,
    ) -> Evidence:
        """Ask for every conversation that a timeout hit in a stretch of time.

        Raises:
            GenesysError: The platform did not answer.
        """
        reach = LONGEST_CALL_SECONDS if deep else USUAL_CALL_SECONDS
        found: dict[tuple[str, int], Incident] = {}
        for conversation in self._conversations(TimeRange(stretch.start - reach, stretch.end)):
            for incident in self._incidents(conversation):
                if stretch.start <= incident.at < stretch.end:
                    found[incident.conversation_id, incident.segment_start_ms] = incident
        return Evidence(incidents=tuple(found.values()))

    def _conversations(self, begun: TimeRange) -> Iterator[Conversation]:
        """Conversations that began in a stretch, newest first, each page once.

        The server returns whole UTC days; newest first, so that paging can end at the first page
        that lies wholly before the stretch. One that arrives meanwhile moves the others back a
        place: they repeat, and none is missed.
        """
        seen: set[str] = set()
        page_number = 1
        while True:
            page = self._page(begun, page_number)
            yield from page.conversations
            ids = {conversation.conversation_id for conversation in page.conversations}
            stood = len(page.conversations) + page.unread
            if stood < LARGEST_PAGE or _began_before(page, begun.start):
                return
            # A platform that ignored the page number would otherwise be asked for ever.
            if ids <= seen and page_number * LARGEST_PAGE >= page.total_hits:
                return
            seen |= ids
            page_number += 1

    def _page(self, begun: TimeRange, page_number: int) -> ConversationPage:
        return conversation_details(
            self._client,
            ConversationDetailQuery(
                interval=interval(begun),
                order="desc",
                order_by="conversationStart",
                paging=Paging(page_size=LARGEST_PAGE, page_number=page_number),
                segment_filters=(FAILED_SEGMENTS,),
            ),
        )

    def _incidents(self, conversation: Conversation) -> Iterator[Incident]:
        for participant in conversation.participants:
            for session in participant.sessions:
                for segment in session.segments:
                    if segment.segment_start and self._is_timeout(segment):
                        yield self._incident(conversation, session, segment)

    def _is_timeout(self, segment: Segment) -> bool:
        return bool(segment.error_code) and self._classifier.is_timeout(segment.error_code or "")

    def _incident(self, conversation: Conversation, session: Session, segment: Segment) -> Incident:
        flow_id = tidy_id((session.flow and session.flow.flow_id) or "")
        named = tidy(segment.properties.get("actionName", ""))
        action_id = (
            tidy_id(segment.properties.get("actionId", ""))
            or (self._attribution.action_named(named) if named else None)
            or (self._attribution.sole_action(flow_id) if flow_id else None)
            or UNKNOWN_ACTION
        )
        began_ms = epoch_ms(segment.segment_start) if segment.segment_start else 0
        ended = segment.segment_end or segment.segment_start
        return Incident(
            conversation_id=tidy_id(conversation.conversation_id),
            segment_start_ms=began_ms,
            at=ended.timestamp() if ended else began_ms / 1000,
            action_id=action_id,
            action_name=named,
            flow_id=flow_id,
            flow_name=tidy((session.flow and session.flow.flow_name) or ""),
            error_type=tidy_id(segment.error_code or ""),
        )


def _began_before(page: ConversationPage, moment: int) -> bool:
    """Whether the last conversation of a page began before a moment, and so all that follow."""
    began = page.conversations[-1].conversation_start if page.conversations else None
    return began is not None and began.timestamp() < moment
