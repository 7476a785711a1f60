"""Questions that the platform answers as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from monitor.errors import BadRequestError, ServerFaultError, WrongShapeError
from monitor.genesys import SUBMIT_ACTION_JOB, JobState, JobStatus
from monitor.sources.jobs import Job, JobPatience, job_pages

SOON = JobPatience(first_pause_seconds=0.0)


@dataclass(frozen=True)
class Page:
    """A page of results."""

    cursor: str | None


def read(states: list[JobStatus], cursors: dict[str | None, str | None]) -> list[Page]:
    """Read a job that goes through these states, each submission as far as one that ends it."""
    told: Iterator[JobStatus] = iter(states)
    job = Job(SUBMIT_ACTION_JOB, lambda: "id", lambda _: next(told))
    return list(job_pages(job, lambda _, cursor: Page(cursors[cursor]), SOON))


QUEUED, PENDING = JobStatus(JobState.QUEUED), JobStatus(JobState.PENDING)
FULFILLED, EXPIRED = JobStatus(JobState.FULFILLED), JobStatus(JobState.EXPIRED)


def test_it_is_waited_for_and_read_to_its_last_page() -> None:
    """A cursor leads from each page to the next."""
    pages = read([QUEUED, PENDING, FULFILLED], {None: "two", "two": "three", "three": None})
    assert [page.cursor for page in pages] == ["two", "three", None]


def test_one_that_expires_is_begun_once_more() -> None:
    """The platform may have been restarted."""
    assert len(read([PENDING, EXPIRED, FULFILLED], {None: None})) == 1


@pytest.mark.parametrize("state", [JobState.EXPIRED, JobState.CANCELLED, JobState.FAILED])
def test_one_that_ends_without_results_twice_is_a_fault(state: JobState) -> None:
    """It says how it ended, and why."""
    with pytest.raises(ServerFaultError, match=f"ended as {state}: too busy"):
        read([JobStatus(state, "too busy.")] * 2, {})


def test_one_that_fails_for_its_interval_is_a_refusal_of_it() -> None:
    """A shorter period may be answered: it is not begun again as it was."""
    with pytest.raises(BadRequestError, match="interval"):
        read([JobStatus(JobState.FAILED, "The interval is too long")], {})


def test_pages_that_lead_back_are_an_end() -> None:
    """Nobody reads for ever."""
    with pytest.raises(WrongShapeError, match="do not end"):
        read([FULFILLED], {None: "a", "a": "b", "b": "a"})
