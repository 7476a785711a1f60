"""A question that the platform answers as a job: begun, waited for, and read page by page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from monitor.errors import (
    BadRequestError,
    GenesysError,
    RequestTimeoutError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import Deadline, Endpoint, JobState, JobStatus
from monitor.sanitize import sanitize

_ABOUT_THE_QUESTION = re.compile(r"(?i)granularity|interval")
_PAUSE_GROWTH = 1.5

MOST_SUBMISSIONS = 2
"""A job that fails, is cancelled or expires is begun once more."""


@dataclass(frozen=True, slots=True)
class JobPatience:
    """How long a job is waited for.

    Attributes:
        seconds: Until it is fulfilled.
        first_pause_seconds: After which it is asked again how it is doing.
        longest_pause_seconds: To which that pause grows: a long job costs few requests.
        pages: The most of its results.
    """

    seconds: float = 1_800.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 15.0
    pages: int = 2_000


class JobPage(Protocol):
    """One page of results."""

    @property
    def cursor(self) -> str | None:
        """Names the next page; None or empty on the last one."""
        ...


P_co = TypeVar("P_co", bound=JobPage, covariant=True)


@dataclass(frozen=True, slots=True)
class Job:
    """The three questions of a job, but for its pages.

    Attributes:
        endpoint: Where it is begun, to be named in errors.
        submit: Begins it; returns its id.
        status: Asks how it is doing.
    """

    endpoint: Endpoint
    submit: Callable[[], str]
    status: Callable[[str], JobStatus]


def job_pages(
    job: Job, page: Callable[[str, str | None], P_co], patience: JobPatience
) -> Iterator[P_co]:
    """Yield each page of a job's results, as soon as it has come.

    Args:
        job: The question.
        page: Reads the page that a cursor names, the first where that is None.
        patience: How long to wait.

    Raises:
        BadRequestError: The platform refused it, or failed it for its interval or granularity.
        RequestTimeoutError: It did not end in time.
        ServerFaultError: It failed, was cancelled or has expired, twice.
        WrongShapeError: Its pages do not end.
        GenesysError: Any other error of the tree.
    """
    job_id = _fulfilled(job, patience)
    cursors: set[str] = set()
    cursor: str | None = None
    while True:
        found = page(job_id, cursor)
        yield found
        cursor = found.cursor
        if not cursor:
            return
        if cursor in cursors or len(cursors) >= patience.pages:
            raise WrongShapeError(
                f"The results of {job.endpoint.label} do not end",
                "Ask again; if it stays so, report it to the platform's support.",
                endpoint=job.endpoint.label,
            )
        cursors.add(cursor)


def _fulfilled(job: Job, patience: JobPatience) -> str:
    for submission in range(1, MOST_SUBMISSIONS + 1):
        job_id = job.submit()
        status = _ended(job, job_id, patience)
        if status.state is JobState.FULFILLED:
            return job_id
        error = _unfulfilled(job.endpoint, status)
        if submission == MOST_SUBMISSIONS or isinstance(error, BadRequestError):
            raise error
    raise AssertionError


def _ended(job: Job, job_id: str, patience: JobPatience) -> JobStatus:
    deadline = Deadline.after(patience.seconds)
    pause = patience.first_pause_seconds
    while True:
        status = job.status(job_id)
        if not status.state.is_under_way:
            return status
        if deadline.remaining_seconds <= pause:
            raise RequestTimeoutError(
                f"The platform was still at work ({status.state}) on {job.endpoint.label} when the "
                f"{patience.seconds:g} s for it were over",
                "Run it again later; what was read stays.",
                endpoint=job.endpoint.label,
            )
        time.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, patience.longest_pause_seconds)


def _unfulfilled(endpoint: Endpoint, status: JobStatus) -> GenesysError:
    words = sanitize(" ".join((status.error_message or "").split()).rstrip("."))
    said = f": {words}" if words else ""
    message = f"A job of {endpoint.label} ended as {status.state}{said}"
    if status.state is JobState.FAILED and _ABOUT_THE_QUESTION.search(words):
        hint = "A shorter period is asked for."
        return BadRequestError(message, hint, endpoint=endpoint.label, detail=words)
    return ServerFaultError(message, "Run it again; what was read stays.", endpoint=endpoint.label)
