"""Asynchronous analytics jobs: submitted, polled, read page by page through a cursor."""

from __future__ import annotations

import threading
import uuid
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.simulator.api_errors import ApiError, bad_request, not_found
from monitor.simulator.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, object]

_MOST_JOBS: Final = 200
_DAY_MS: Final = 86_400_000
_CURSOR: Final = "page-"
_REFUSED_WITHIN_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 10.0
"""A client waits longer than that for the answer to a question."""


@dataclass(slots=True)
class _Job:
    """A query whose results are those of its submission; epoch milliseconds."""

    answering: futures.Future[list[Json]]
    page_size: int
    submitted_ms: int
    polls: int = 0


class JobDesk:
    """The jobs of one kind of query. Thread-safe.

    A job is QUEUED when it is submitted, PENDING at its first poll and FULFILLED from the second
    on, so that a client has to wait without anything taking time. One of weeks is worked on
    meanwhile, and PENDING for as long as that takes.
    """

    def __init__(self, entries: str) -> None:
        """Start without jobs.

        Args:
            entries: The field that holds a page's entries: ``results`` or ``conversations``.
        """
        self._entries = entries
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def submit(self, answer: Callable[[], list[Json]], page_size: int, now_ms: int) -> Json:
        """Begin to answer a query; answers with the job's id.

        Raises:
            ApiError: The query is refused, which shows at once.
        """
        name = str(uuid.uuid4())
        answering: futures.Future[list[Json]] = futures.Future()
        threading.Thread(target=_answer, args=(answering, answer), daemon=True).start()
        with suppress(TimeoutError):
            answering.result(_REFUSED_WITHIN_SECONDS)
        with self._lock:
            self._jobs[name] = _Job(answering, page_size, now_ms)
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
        if job.polls > 1:
            futures.wait([job.answering], _LOOK_SECONDS)
        with self._lock:
            is_done = job.polls > 1 and job.answering.done()
            state = "FULFILLED" if is_done else "PENDING"
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
            if job.polls <= 1 or not job.answering.done():
                raise ApiError(400, "job.not.fulfilled", "The job has not been fulfilled yet.")
            start = _read_cursor(cursor)
            size = page_size or job.page_size
            page: Json = {}
            results = job.answering.result()
            entries = results[start : start + size]
            if entries:
                page[self._entries] = entries
            if start + size < len(results):
                page["cursor"] = f"{_CURSOR}{start + size}"
            return page

    def _get(self, job_id: str) -> _Job:
        """Return a job, or 404."""
        job = self._jobs.get(job_id)
        if job is None:
            message = f"job {job_id}"
            raise not_found(message)
        return job


def _answer(answering: futures.Future[list[Json]], answer: Callable[[], list[Json]]) -> None:
    try:
        answering.set_result(answer())
    except BaseException as error:  # noqa: BLE001 - it is raised to who asks for the result
        answering.set_exception(error)


def _read_cursor(cursor: str | None) -> int:
    """Where a page begins."""
    if cursor is None:
        return 0
    start = cursor.removeprefix(_CURSOR)
    if start == cursor or not start.isdecimal():
        message = f"The cursor '{cursor}' is not valid"
        raise bad_request(message)
    return int(start)
