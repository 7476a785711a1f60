"""Asynchronous analytics jobs: submitted, polled, read page by page through a cursor."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from typing import Final

from monitor.simulator.api_errors import ApiError, bad_request, not_found
from monitor.simulator.timestamps import iso

Json = dict[str, object]

_MOST_JOBS: Final = 200
_DAY_MS: Final = 86_400_000
_CURSOR: Final = "page-"


@dataclass(slots=True)
class _Job:
    """A query whose results are fixed at its submission; epoch milliseconds."""

    results: list[Json]
    page_size: int
    submitted_ms: int
    polls: int = 0


class JobDesk:
    """The jobs of one kind of query. Thread-safe.

    A job is QUEUED when it is submitted, PENDING at its first poll and FULFILLED from the second
    on, so that a client has to wait without anything taking time.
    """

    def __init__(self, entries: str) -> None:
        """Start without jobs.

        Args:
            entries: The field that holds a page's entries: ``results`` or ``conversations``.
        """
        self._entries = entries
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def submit(self, results: list[Json], page_size: int, now_ms: int) -> Json:
        """Keep a query's results; answers with the job's id."""
        name = str(uuid.uuid4())
        with self._lock:
            self._jobs[name] = _Job(results, page_size, now_ms)
            while len(self._jobs) > _MOST_JOBS:
                del self._jobs[next(iter(self._jobs))]
        return {"jobId": name}

    def status(self, job_id: str) -> Json:
        """``AsyncQueryStatus``.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            job = self._get(job_id)
            job.polls += 1
            state = "FULFILLED" if job.polls > 1 else "PENDING"
            status: Json = {
                "state": state,
                "submissionDate": iso(job.submitted_ms),
                "expirationDate": iso(job.submitted_ms + _DAY_MS),
            }
            if state == "FULFILLED":
                status["completionDate"] = iso(job.submitted_ms)
            return status

    def page(self, job_id: str, cursor: str | None, page_size: int | None) -> Json:
        """One page of the results, with the cursor of the next where there is one.

        Raises:
            ApiError: 404 for an unknown job, 400 for one not ready and for a strange cursor.
        """
        with self._lock:
            job = self._get(job_id)
            if job.polls <= 1:
                raise ApiError(400, "job.not.fulfilled", "The job has not been fulfilled yet.")
            start = _read_cursor(cursor)
            size = page_size or job.page_size
            page: Json = {}
            entries = job.results[start : start + size]
            if entries:
                page[self._entries] = entries
            if start + size < len(job.results):
                page["cursor"] = f"{_CURSOR}{start + size}"
            return page

    def _get(self, job_id: str) -> _Job:
        """Return a job, or 404."""
        job = self._jobs.get(job_id)
        if job is None:
            message = f"job {job_id}"
            raise not_found(message)
        return job


def _read_cursor(cursor: str | None) -> int:
    """Where a page begins."""
    if cursor is None:
        return 0
    start = cursor.removeprefix(_CURSOR)
    if start == cursor or not start.isdecimal():
        message = f"The cursor '{cursor}' is not valid"
        raise bad_request(message)
    return int(start)
