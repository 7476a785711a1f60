"""Action aggregates as a job: for answers that are too large to wait for in one request.

A job is submitted, asked for its state until it has ended, and read page by page. Wire format: the
platform's models ActionAsyncAggregationQuery, AsyncQueryResponse, AsyncQueryStatus and
ActionAsyncAggregateQueryResponse.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from monitor.genesys.api.analytics.aggregates import ActionAggregateQuery, ActionGroup
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import check_id
from monitor.genesys.client.endpoint import Endpoint

_LONGEST_CURSOR = 4_000
"""Characters; it goes back in an address, and servers take no more than some thousands there."""

_PERMISSIONS = ("integrations:action:view", "bridge:actions:view")

SUBMIT_ACTION_JOB = Endpoint(
    "POST", "/api/v2/analytics/actions/aggregates/jobs", _PERMISSIONS, source="executions"
)
"""May be repeated: a job that was submitted twice is one that is never read."""

ACTION_JOB = Endpoint(
    "GET",
    "/api/v2/analytics/actions/aggregates/jobs/{jobId}",
    _PERMISSIONS,
    source="executions",
)
ACTION_JOB_RESULTS = Endpoint(
    "GET",
    "/api/v2/analytics/actions/aggregates/jobs/{jobId}/results",
    _PERMISSIONS,
    source="executions",
)


class JobState(StrEnum):
    """How far a job is, in the platform's words."""

    QUEUED = "QUEUED"
    PENDING = "PENDING"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    FULFILLED = "FULFILLED"
    EXPIRED = "EXPIRED"

    @property
    def is_under_way(self) -> bool:
        """Whether it is worth asking again."""
        return self in {JobState.QUEUED, JobState.PENDING}


class ActionAggregateJob(ActionAggregateQuery, frozen=True, rename="camel", omit_defaults=True):
    """What to count, and in pages of what size (ActionAsyncAggregationQuery).

    Attributes:
        page_size: Groups per page; the platform's own choice where None.
    """

    page_size: int | None = None


class JobStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How a job is doing (AsyncQueryStatus).

    Attributes:
        state: How far it is.
        error_message: Why it failed, in the platform's words; None where it did not.
    """

    state: JobState
    error_message: str | None = None


class ActionJobPage(msgspec.Struct, frozen=True, gc=False):
    """One page of a job's results (ActionAsyncAggregateQueryResponse).

    Attributes:
        results_or_none: As it came; read ``results``.
        cursor: Names the next page; None or empty on the last one.
    """

    results_or_none: tuple[ActionGroup, ...] | None = msgspec.field(default=None, name="results")
    cursor: Annotated[str, msgspec.Meta(max_length=_LONGEST_CURSOR)] | None = None

    def __post_init__(self) -> None:
        """Refuse a page with a record that makes no sense; then each is read by itself."""
        for group in self.results:
            group.check()

    @property
    def results(self) -> tuple[ActionGroup, ...]:
        """One entry per group; none where nothing ran."""
        return self.results_or_none or ()


class SubmittedJob(msgspec.Struct, frozen=True, rename="camel"):
    """The name of a new job (AsyncQueryResponse)."""

    job_id: str

    def __post_init__(self) -> None:
        """Refuse an id that can't be asked for.

        Raises:
            ImplausibleError: It is none.
        """
        check_id(self.job_id)


def submit_action_job(client: Client, query: ActionAggregateJob) -> str:
    """Begin to count executions; returns the job's id.

    Raises:
        BadRequestError: The platform refused the query, for example its granularity.
        GenesysError: Any other error of the tree.
    """
    return client.call(SUBMIT_ACTION_JOB, SubmittedJob, body=query).job_id


def action_job(client: Client, job_id: str) -> JobStatus:
    """Ask how a job is doing.

    Raises:
        NotFoundError: The platform has forgotten it.
        GenesysError: Any other error of the tree.
    """
    return client.call(ACTION_JOB, JobStatus, path={"jobId": job_id})


def action_job_page(client: Client, job_id: str, cursor: str | None = None) -> ActionJobPage:
    """Read one page of a job's results; the first where there is no cursor.

    Raises:
        GenesysError: One of the tree.
    """
    return client.call(
        ACTION_JOB_RESULTS,
        ActionJobPage,
        path={"jobId": job_id},
        params={"cursor": cursor} if cursor else {},
    )
