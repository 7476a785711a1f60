"""Which conversations, flows and callers a timeout hit: detail records, filtered by the server.

What an ``errorCode`` holds is mostly the media tier's own. So only sessions that ran a flow are
looked at, and a code that ``[classify] telephony_error_codes`` matches is never a data action's. A
segment is a timeout when its code matches ``timeout_error_types``; its action is what its
properties ``actionId`` or ``actionName`` say, else ``unknown``: with contract ``platform`` it is
never guessed. With contract ``flow``, whose records are all there is, it is the only data action of
its flow, and so marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.errors import TooMuchAskedError
from monitor.genesys import (
    CONVERSATION_DETAILS,
    LARGEST_PAGE,
    MOST_BARREN_PAGES,
    Client,
    Conversation,
    ConversationDetailQuery,
    ConversationPage,
    Paging,
    Segment,
    SegmentClause,
    SegmentFilter,
    SegmentPredicate,
    SessionFlow,
    conversation_details,
    epoch_ms,
    interval,
)
from monitor.model import FLOW_ERRORS, SOLE_ACTION, UNKNOWN_ACTION, Classifier, Incident
from monitor.sanitize import sanitize, sanitize_id
from monitor.sources.source import Evidence
from monitor.time_ranges import TimeRange

LONGEST_CALL_SECONDS = 6 * 3600
"""The query finds conversations by when they began: a deep read asks this much further back."""

USUAL_CALL_SECONDS = 3600
"""A read of the newest windows asks only this much further back: a timeout late in a longer call
is found by the next deep read, and a busy org is not paged through six hours every minute."""

SLICE_SECONDS = 24 * 3600

MOST_PAGES = 500
"""Fifty thousand failed conversations in one question; where there are more, a shorter period is
asked for. It also ends pages that never do."""

_LEFT_BY_AN_ERROR = tuple(SegmentPredicate.matches("exitReason", one) for one in FLOW_ERRORS)


def _in_a_flow(*either: SegmentPredicate) -> SegmentFilter:
    """Sessions that ran a flow and satisfy one condition more."""
    return SegmentFilter(
        type="and",
        predicates=(SegmentPredicate.exists("flowId"),),
        clauses=(SegmentClause(type="or", predicates=either),),
    )


FAILED_IN_A_FLOW = _in_a_flow(SegmentPredicate.exists("errorCode"), *_LEFT_BY_AN_ERROR)
"""Telephony's errors outside flows, by far the most, cost no pages."""

LOST_IN_A_FLOW = _in_a_flow(*_LEFT_BY_AN_ERROR)

_MOST_KEPT = 40
"""Deep reads whose exits are kept for who asks next: a backfill of five weeks, a day a read."""


@dataclass(frozen=True, slots=True)
class FlowExit:
    """A caller whom a flow lost, as a detail record tells it.

    Attributes:
        flow_id: The flow.
        flow_name: Its name; empty where unknown.
        exit_reason: How it ended, in the platform's word.
        at: When; epoch seconds.
    """

    flow_id: str
    flow_name: str
    exit_reason: str
    at: float


class Attribution(Protocol):
    """Knows which action a timeout belongs to when its record does not say."""

    def action_named(self, name: str) -> str | None:
        """Return the id of the only action of this name."""
        ...

    def sole_action(self, flow_id: str) -> str | None:
        """Return the only data action of a flow; None wherever that would be a guess."""
        ...


class ConversationsSource:
    """Detail records: permission ``analytics:conversationDetail:view``, 100 a request."""

    name = "conversations"
    slice_seconds = SLICE_SECONDS
    deep_only = False
    near_is_coarse = False
    yields_to = ""

    def __init__(self, client: Client, classifier: Classifier, attribution: Attribution) -> None:
        """Ask through this client."""
        self._client = client
        self._classifier = classifier
        self._attribution = attribution
        self._kept: dict[TimeRange, tuple[FlowExit, ...]] = {}

    def read(
        self,
        time_range: TimeRange,
        window_seconds: int,  # noqa: ARG002 - an incident has its own time
        *,
        deep: bool,
    ) -> Evidence:
        """Ask for every conversation that a timeout hit in a period.

        Raises:
            TooMuchAskedError: There are more pages than one question may have.
            GenesysError: The platform did not answer.
        """
        reach = LONGEST_CALL_SECONDS if deep else USUAL_CALL_SECONDS
        found: dict[tuple[str, int], Incident] = {}
        exits: dict[tuple[str, str, int], FlowExit] = {}
        begun = TimeRange(time_range.start - reach, time_range.end)
        for conversation in self._conversations(begun, FAILED_IN_A_FLOW):
            exits.update(_exits(conversation))
            for incident in self._incidents(conversation):
                if time_range.start <= incident.at < time_range.end:
                    found[incident.conversation_id, incident.segment_start_ms] = incident
        if deep:
            self._keep(time_range, exits)
        return Evidence(incidents=tuple(found.values()))

    def flow_exits(self, time_range: TimeRange) -> tuple[FlowExit, ...]:
        """Return the callers whom flows lost in a period.

        What the deep read of the same period has brought is asked for no second time.

        Raises:
            GenesysError: The platform did not answer.
        """
        if time_range not in self._kept:
            exits: dict[tuple[str, str, int], FlowExit] = {}
            begun = TimeRange(time_range.start - LONGEST_CALL_SECONDS, time_range.end)
            for conversation in self._conversations(begun, LOST_IN_A_FLOW):
                exits.update(_exits(conversation))
            self._keep(time_range, exits)
        return self._kept.pop(time_range)

    def _keep(self, time_range: TimeRange, exits: Mapping[tuple[str, str, int], FlowExit]) -> None:
        self._kept.pop(time_range, None)
        self._kept[time_range] = tuple(
            one for one in exits.values() if time_range.start <= one.at < time_range.end
        )
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _conversations(
        self, begun: TimeRange, segment_filter: SegmentFilter
    ) -> Iterator[Conversation]:
        """Conversations that began in a period, newest first, each page once.

        The server returns whole UTC days; newest first, so that paging can end at the first page
        that lies wholly before the period. One that arrives meanwhile moves the others back a
        place: they repeat, and none is missed.
        """
        seen: set[str] = set()
        page_number, barren = 1, 0
        while True:
            if page_number > MOST_PAGES:
                raise TooMuchAskedError(
                    f"The detail records of one period fill more than {MOST_PAGES} pages",
                    "A shorter period is asked for from now on; nothing of it was counted.",
                    endpoint=CONVERSATION_DETAILS.label,
                )
            page = self._page(begun, segment_filter, page_number)
            yield from page.conversations
            ids = {conversation.conversation_id for conversation in page.conversations}
            if _began_before(page, begun.start):
                return
            # A page that is not full is the last only where the platform counts no more. One that
            # is empty always is, and a platform that repeats itself is not asked for ever.
            stood = len(page.conversations) + page.unread
            barren = barren + 1 if ids <= seen else 0
            if not stood or barren >= MOST_BARREN_PAGES:
                return
            more_may_come = stood >= LARGEST_PAGE and not ids <= seen
            if page_number * LARGEST_PAGE >= page.total_hits and not more_may_come:
                return
            seen |= ids
            page_number += 1

    def _page(
        self, begun: TimeRange, segment_filter: SegmentFilter, page_number: int
    ) -> ConversationPage:
        return conversation_details(
            self._client,
            ConversationDetailQuery(
                interval=interval(begun),
                order="desc",
                order_by="conversationStart",
                paging=Paging(page_size=LARGEST_PAGE, page_number=page_number),
                segment_filters=(segment_filter,),
            ),
        )

    def _incidents(self, conversation: Conversation) -> Iterator[Incident]:
        for participant in conversation.participants:
            for session in participant.sessions:
                if session.flow is None or not session.flow.flow_id:
                    continue
                for segment in session.segments:
                    if segment.segment_start and self._is_timeout(segment):
                        yield self._incident(conversation, session.flow, segment)

    def _is_timeout(self, segment: Segment) -> bool:
        return bool(segment.error_code) and self._classifier.is_timeout(segment.error_code or "")

    def _incident(
        self, conversation: Conversation, flow: SessionFlow, segment: Segment
    ) -> Incident:
        flow_id = sanitize_id(flow.flow_id or "")
        named = sanitize(segment.properties.get("actionName", ""))
        told = sanitize_id(segment.properties.get("actionId", "")) or (
            self._attribution.action_named(named) if named else None
        )
        sole = None if told else self._attribution.sole_action(flow_id)
        began_ms = epoch_ms(segment.segment_start) if segment.segment_start else 0
        ended = segment.segment_end or segment.segment_start
        return Incident(
            conversation_id=sanitize_id(conversation.conversation_id),
            segment_start_ms=began_ms,
            at=ended.timestamp() if ended else began_ms / 1000,
            action_id=told or sole or UNKNOWN_ACTION,
            action_name=named,
            flow_id=flow_id,
            flow_name=sanitize(flow.flow_name or ""),
            error_type=sanitize_id(segment.error_code or ""),
            attributed=SOLE_ACTION if sole else "",
        )


def _exits(conversation: Conversation) -> Iterator[tuple[tuple[str, str, int], FlowExit]]:
    """Yield each flow that lost the caller, under what names it: pages may repeat it.

    While a segment is open it is not known when the caller left, and one who was dated too early
    would be dated, and so counted, again.
    """
    for participant in conversation.participants:
        for session in participant.sessions:
            flow = session.flow
            if flow is None or not flow.flow_id or flow.exit_reason not in FLOW_ERRORS:
                continue
            begun = [one.segment_start for one in session.segments if one.segment_start]
            ended = [one.segment_end for one in session.segments if one.segment_end]
            if conversation.conversation_end is None and len(ended) < len(session.segments):
                continue
            left = max(ended, default=conversation.conversation_end)
            if left is None or not begun:
                continue
            key = conversation.conversation_id, flow.flow_id, epoch_ms(min(begun))
            yield (
                key,
                FlowExit(
                    sanitize_id(flow.flow_id),
                    sanitize(flow.flow_name or ""),
                    flow.exit_reason,
                    left.timestamp(),
                ),
            )


def _began_before(page: ConversationPage, moment: int) -> bool:
    """Whether the last conversation of a page began before a moment, and so all that follow."""
    began = page.conversations[-1].conversation_start if page.conversations else None
    return began is not None and began.timestamp() < moment
