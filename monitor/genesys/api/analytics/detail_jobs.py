"""Conversation detail records as a job: for weeks of history, a thousand of them a page.

Unlike the query, a job returns what was active in its interval, whenever it began; but it knows
only what is older than the moment that ``job_data_until`` tells. Wire format: the platform's models
AsyncConversationQuery, AsyncQueryStatus and AnalyticsConversationAsyncQueryResponse.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from monitor.genesys.api.analytics.conversations import Conversation, SegmentFilter
from monitor.genesys.api.analytics.jobs import JobStatus, SubmittedJob
from monitor.genesys.api.analytics.timestamps import Instant
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import RecordPage
from monitor.genesys.client.endpoint import Endpoint
from monitor.platform_limits import MOST_ROWS_A_JOB_PAGE

_PERMISSIONS = ("analytics:conversationDetail:view", "the scope analytics:detail:view")
_JOBS = "/api/v2/analytics/conversations/details/jobs"
_LONGEST_CURSOR = 4_000
"""Characters; it goes back in an address."""

SUBMIT_DETAIL_JOB = Endpoint("POST", _JOBS, _PERMISSIONS, source="conversations")
"""May be repeated: a job that was submitted twice is one that is never read."""

DETAIL_JOB_AVAILABILITY = Endpoint(
    "GET", f"{_JOBS}/availability", _PERMISSIONS, source="conversations"
)
DETAIL_JOB = Endpoint("GET", f"{_JOBS}/{{jobId}}", _PERMISSIONS, source="conversations")
DETAIL_JOB_RESULTS = Endpoint(
    "GET", f"{_JOBS}/{{jobId}}/results", _PERMISSIONS, source="conversations"
)


class ConversationDetailJob(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which conversations to return (AsyncConversationQuery).

    Attributes:
        interval: From ``interval()``.
        segment_filters: All must hold.
        order: Oldest or newest first.
        order_by: By which time.
    """

    interval: str
    segment_filters: tuple[SegmentFilter, ...] = ()
    order: Literal["asc", "desc"] | None = None
    order_by: Literal["conversationStart", "segmentStart"] | None = None


class ConversationJobPage(RecordPage, frozen=True):
    """One page of a job's results (AnalyticsConversationAsyncQueryResponse).

    Attributes:
        conversations_or_none: As it came; read ``conversations``.
        cursor: Names the next page; None or empty on the last one.
    """

    conversations_or_none: tuple[Conversation, ...] | None = msgspec.field(
        default=None, name="conversations"
    )
    cursor: Annotated[str, msgspec.Meta(max_length=_LONGEST_CURSOR)] | None = None

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """The records of this page; none where nothing matched."""
        return self.conversations_or_none or ()


class _Availability(msgspec.Struct, frozen=True, rename="camel"):
    data_availability_date: Instant | None = None


def job_data_until(client: Client) -> float:
    """Return up to when jobs know conversations; epoch seconds, 0.0 where it is not told.

    Raises:
        GenesysError: One of the tree.
    """
    until = client.call(DETAIL_JOB_AVAILABILITY, _Availability).data_availability_date
    return until.timestamp() if until else 0.0


def submit_detail_job(client: Client, query: ConversationDetailJob) -> str:
    """Begin to look for conversations; returns the job's id.

    Raises:
        BadRequestError: The platform refused the query.
        GenesysError: Any other error of the tree.
    """
    return client.call(SUBMIT_DETAIL_JOB, SubmittedJob, body=query).job_id


def detail_job(client: Client, job_id: str) -> JobStatus:
    """Ask how a job is doing.

    Raises:
        GenesysError: One of the tree.
    """
    return client.call(DETAIL_JOB, JobStatus, path={"jobId": job_id})


def detail_job_page(client: Client, job_id: str, cursor: str | None = None) -> ConversationJobPage:
    """Read one page of a job's results; the first where there is no cursor.

    Raises:
        GenesysError: One of the tree.
    """
    params = {"pageSize": str(MOST_ROWS_A_JOB_PAGE)} | ({"cursor": cursor} if cursor else {})
    return client.call(
        DETAIL_JOB_RESULTS, ConversationJobPage, path={"jobId": job_id}, params=params
    )
