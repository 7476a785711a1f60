"""Which conversations, flows and callers a timeout hit: detail records, filtered by the server.

What an ``errorCode`` holds is mostly the media tier's own. So only sessions that ran a flow are
looked at, and a code that ``[classify] telephony_error_codes`` matches is never a data action's. A
segment is a timeout when its code matches ``timeout_error_types``; its action is what its
properties ``actionId`` or ``actionName`` say, else ``unknown``: with contract ``platform`` it is
never guessed. With contract ``flow``, whose records are all there is, it is the only data action of
its flow, and so marked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Protocol

from msgspec import structs

from monitor.errors import TooMuchAskedError
from monitor.genesys import (
    CONVERSATION_DETAILS,
    LARGEST_PAGE,
    MOST_BARREN_PAGES,
    SUBMIT_DETAIL_JOB,
    Client,
    Conversation,
    ConversationDetailJob,
    ConversationDetailQuery,
    ConversationPage,
    Paging,
    Segment,
    SegmentClause,
    SegmentFilter,
    SegmentPredicate,
    Session,
    SessionFlow,
    conversation_details,
    detail_job,
    detail_job_page,
    epoch_ms,
    interval,
    job_data_until,
    submit_detail_job,
)
from monitor.model import FLOW_ERRORS, SOLE_ACTION, UNKNOWN_ACTION, Classifier, Incident
from monitor.sanitize import sanitize, sanitize_id
from monitor.sources.jobs import Job, JobPatience, job_pages
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


_Timeout = tuple[str, int]
"""What names a timeout: its conversation, and when its segment began, in epoch milliseconds."""

_MOST_KNOWN = 5_000
"""Timeouts that are known for sure when a page repeats them: those of fifty pages, if each
conversation has one. What is repeated later than that the ledger knows."""

_MOST_CODES = 1_000
"""Error codes of which it is remembered whether they say that time ran out."""


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

    def __init__(
        self,
        client: Client,
        classifier: Classifier,
        attribution: Attribution,
        patience: JobPatience | None = None,
    ) -> None:
        """Ask through this client; wait so long for a job."""
        self._client = client
        self._patience = patience or JobPatience()
        self._is_timeout = lru_cache(maxsize=_MOST_CODES)(classifier.is_timeout)
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
        begun = TimeRange(time_range.start - reach, time_range.end)
        return self._evidence(time_range, self._pages(begun, FAILED_IN_A_FLOW), deep=deep)

    def read_by_job(self, time_range: TimeRange) -> Evidence:
        """Ask for the same as a deep read, as a job: for weeks of history.

        A job returns what was active in its interval, however long before it began.

        Args:
            time_range: The period; nothing that is newer than ``known_to_jobs_until`` tells.

        Raises:
            BadRequestError: The platform refused the job.
            GenesysError: The platform did not answer.
        """
        query = ConversationDetailJob(
            interval=interval(time_range),
            segment_filters=(FAILED_IN_A_FLOW,),
            order="asc",
            order_by="conversationStart",
        )
        job = Job(
            SUBMIT_DETAIL_JOB,
            partial(submit_detail_job, self._client, query),
            partial(detail_job, self._client),
        )
        pages = job_pages(job, partial(detail_job_page, self._client), self._patience)
        return self._evidence(time_range, (page.conversations for page in pages), deep=True)

    def known_to_jobs_until(self) -> float:
        """Return up to when jobs know conversations; epoch seconds.

        Raises:
            GenesysError: The platform did not answer, or has no jobs.
        """
        return job_data_until(self._client)

    def _evidence(
        self, time_range: TimeRange, pages: Iterable[Sequence[Conversation]], *, deep: bool
    ) -> Evidence:
        found = _Found(time_range, self._is_timeout, self._attribution, with_exits=deep)
        for page in pages:
            found.add(page)
            # Its records go before those of the next one come, which then take their place.
            del page
        if deep:
            self._keep(time_range, found)
        return Evidence(incidents=tuple(found.incidents))

    def flow_exits(self, time_range: TimeRange) -> tuple[FlowExit, ...]:
        """Return the callers whom flows lost in a period.

        What the deep read of the same period has brought is asked for no second time.

        Raises:
            GenesysError: The platform did not answer.
        """
        if time_range not in self._kept:
            begun = TimeRange(time_range.start - LONGEST_CALL_SECONDS, time_range.end)
            found = _Found(time_range, self._is_timeout, self._attribution, with_exits=True)
            for page in self._pages(begun, LOST_IN_A_FLOW):
                found.add(page)
                del page
            self._keep(time_range, found)
        return self._kept.pop(time_range)

    def _keep(self, time_range: TimeRange, found: _Found) -> None:
        self._kept.pop(time_range, None)
        self._kept[time_range] = tuple(
            one for one in found.exits.values() if time_range.start <= one.at < time_range.end
        )
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _pages(
        self, begun: TimeRange, segment_filter: SegmentFilter
    ) -> Iterator[Sequence[Conversation]]:
        """Yield the conversations that began in a period, newest first, each page once.

        The server returns whole UTC days; newest first, so that paging can end at the first page
        that lies wholly before the period. One that arrives meanwhile moves the others back a
        place: they repeat, and none is missed.
        """
        recent: deque[set[str]] = deque(maxlen=MOST_BARREN_PAGES)
        page_number, barren = 1, 0
        question = ConversationDetailQuery(
            interval=interval(begun),
            order="desc",
            order_by="conversationStart",
            segment_filters=(segment_filter,),
        )
        while True:
            if page_number > MOST_PAGES:
                raise TooMuchAskedError(
                    f"The detail records of one period fill more than {MOST_PAGES} pages",
                    "A shorter period is asked for from now on; nothing of it was counted.",
                    endpoint=CONVERSATION_DETAILS.label,
                )
            paging = Paging(page_size=LARGEST_PAGE, page_number=page_number)
            page = conversation_details(self._client, structs.replace(question, paging=paging))
            yield page.conversations
            ids = {conversation.conversation_id for conversation in page.conversations}
            if _began_before(page, begun.start):
                return
            # A page that is not full is the last only where the platform counts no more. One that
            # is empty always is, and a platform that repeats itself is not asked for ever.
            stood = len(page.conversations) + page.unread
            is_known = all(any(one in ids_before for ids_before in recent) for one in ids)
            barren = barren + 1 if is_known else 0
            if not stood or barren >= MOST_BARREN_PAGES:
                return
            more_may_come = stood >= LARGEST_PAGE and not is_known
            if page_number * LARGEST_PAGE >= page.total_hits and not more_may_come:
                return
            recent.append(ids)
            page_number += 1
            del page


class _Found:
    """What detail records tell of a period: each timeout and each caller lost once.

    Attributes:
        incidents: Timeouts that ended in the period.
        exits: Flows that lost the caller, whenever they did, by what names them.
    """

    def __init__(
        self,
        time_range: TimeRange,
        is_timeout: Callable[[str], bool],
        attribution: Attribution,
        *,
        with_exits: bool,
    ) -> None:
        """Begin with nothing.

        Args:
            time_range: In which a timeout must have ended.
            is_timeout: Whether an ``errorCode`` says that time ran out.
            attribution: Knows which action it was.
            with_exits: Whether to look for callers lost, too.
        """
        self._exit_reasons = FLOW_ERRORS if with_exits else ()
        self._start = datetime.fromtimestamp(time_range.start, UTC)
        self._end = datetime.fromtimestamp(time_range.end, UTC)
        self._is_timeout = is_timeout
        self._attribution = attribution
        # The same few flows, actions and codes come again and again.
        self._fit_id, self._fit_name = cache(sanitize_id), cache(sanitize)
        # A page repeats what was on the one before it: to know the newest is enough.
        self._known: tuple[set[_Timeout], set[_Timeout]] = set(), set()
        self.incidents: list[Incident] = []
        self.exits: dict[tuple[str, str, int], FlowExit] = {}

    def add(self, conversations: Iterable[Conversation]) -> None:
        """Look through conversations."""
        is_timeout, exit_reasons = self._is_timeout, self._exit_reasons
        start, end = self._start, self._end
        for conversation in conversations:
            for participant in conversation.participants_or_none or ():
                for session in participant.sessions_or_none or ():
                    flow = session.flow
                    if flow is None or not flow.flow_id:
                        continue
                    if flow.exit_reason in exit_reasons:
                        self._add_exit(conversation, session, flow)
                    for segment in session.segments_or_none or ():
                        code, began = segment.error_code, segment.segment_start
                        if code and began and is_timeout(code):
                            ended = segment.segment_end or began
                            if start <= ended < end:
                                self._add_incident(conversation, flow, segment, began, ended)

    def _add_incident(
        self,
        conversation: Conversation,
        flow: SessionFlow,
        segment: Segment,
        began: datetime,
        ended: datetime,
    ) -> None:
        flow_id = self._fit_id(flow.flow_id or "")
        told, named = "", ""
        for one in segment.properties_or_none or ():
            if one.value is None:
                continue
            if one.property == "actionId":
                told = self._fit_id(one.value)
            elif one.property == "actionName":
                named = self._fit_name(one.value)
        action_id = told or (self._attribution.action_named(named) if named else None)
        sole = None if action_id else self._attribution.sole_action(flow_id)
        # The id as it came: whoever keeps it makes it fit, and nothing is looked up by it before.
        conversation_id, began_ms = conversation.conversation_id, epoch_ms(began)
        key = conversation_id, began_ms
        newest, newer = self._known
        if key in newest or key in newer:
            return
        newest.add(key)
        if len(newest) >= _MOST_KNOWN:
            self._known = set(), newest
        self.incidents.append(
            Incident(
                conversation_id,
                began_ms,
                ended.timestamp(),
                action_id or sole or UNKNOWN_ACTION,
                named,
                flow_id,
                self._fit_name(flow.flow_name or ""),
                self._fit_id(segment.error_code or ""),
                SOLE_ACTION if sole else "",
            )
        )

    def _add_exit(self, conversation: Conversation, session: Session, flow: SessionFlow) -> None:
        """Note that a flow lost the caller.

        While a segment is open it is not known when the caller left, and one who was dated too
        early would be dated, and so counted, again.
        """
        begun = [one.segment_start for one in session.segments if one.segment_start]
        ended = [one.segment_end for one in session.segments if one.segment_end]
        if conversation.conversation_end is None and len(ended) < len(session.segments):
            return
        left = max(ended, default=conversation.conversation_end)
        if left is None or not begun:
            return
        flow_id = flow.flow_id or ""
        self.exits[conversation.conversation_id, flow_id, epoch_ms(min(begun))] = FlowExit(
            self._fit_id(flow_id),
            self._fit_name(flow.flow_name or ""),
            flow.exit_reason or "",
            left.timestamp(),
        )


def _began_before(page: ConversationPage, moment: int) -> bool:
    """Whether the last conversation of a page began before a moment, and so all that follow."""
    began = page.conversations[-1].conversation_start if page.conversations else None
    return began is not None and began.timestamp() < moment
