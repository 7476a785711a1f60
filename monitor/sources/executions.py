"""Single executions of one action, on demand: who waited how long, and how it ended.

Action aggregates grouped by ``correlationId`` give one row per execution. For a busy action that
is too much for one request, so it is asked for as a job. What comes back is shown to whoever asked
and then forgotten: correlation ids belong in no metric, ledger or log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from monitor.errors import (
    BadRequestError,
    GenesysError,
    RequestTimeoutError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import (
    ACTION_JOB,
    ACTION_JOB_RESULTS,
    EXECUTIONS,
    ActionAggregateJob,
    ActionBucket,
    ActionDimension,
    ActionFilter,
    ActionGroup,
    ActionPredicate,
    Client,
    Deadline,
    DroppedRecord,
    DropReason,
    JobState,
    JobStatus,
    action_job,
    action_job_page,
    interval,
    submit_action_job,
)
from monitor.model import Execution, ExecutionList, Truncation
from monitor.sanitize import sanitize
from monitor.sources.source import (
    is_granularity_too_fine,
    is_interval_too_long,
    is_page_size_refused,
)
from monitor.time_ranges import TimeRange, floor_to

GROUP_BY: tuple[ActionDimension, ...] = ("correlationId", "errorType", "responseStatus")

GRANULARITIES_SECONDS = (60, 300, 900, 1800, 3600)
"""How exactly executions are dated: to the minute, or as the platform takes it."""

SHORTEST_PIECE_SECONDS = 900
"""Nothing shorter is asked for where the platform finds a time range too long."""

_ABOUT_THE_QUESTION = re.compile(r"(?i)granularity|interval")
_PAUSE_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class ExecutionBounds:
    """How much may be read, and how long that may take.

    Attributes:
        executions: The most that are read; some 20 MB of memory.
        page_size: Rows per request; 50 requests for the most executions.
        seconds: The longest that all of it may take, but for the request that is under way.
        first_pause_seconds: After which a job is asked again how it is doing.
        longest_pause_seconds: To which that pause grows.
    """

    executions: int = 50_000
    page_size: int = 1_000
    seconds: float = 120.0
    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 5.0


class ProgressListener(Protocol):
    """Is told how far reading has come."""

    def job_is(self, state: str) -> None:
        """The job is in this state, in the platform's word."""
        ...

    def have_read(self, executions: int) -> None:
        """So many executions have been read so far."""
        ...


class ExecutionsSource:
    """Action aggregates by correlation id: permission ``integrations:action:view``."""

    name = "executions"

    def __init__(self, client: Client, bounds: ExecutionBounds | None = None) -> None:
        """Ask through this client, within bounds."""
        self._client = client
        self._bounds = bounds or ExecutionBounds()
        self._own_pages = False

    def read(
        self, action_id: str, time_range: TimeRange, listener: ProgressListener
    ) -> ExecutionList:
        """Read the executions of one action that ended in a period.

        An interrupt while results come in ends reading: what has come is given back as cut.

        Raises:
            RequestTimeoutError: The job did not end in time.
            ServerFaultError: The job failed, was cancelled or has expired.
            GenesysError: Any other error of the tree.
        """
        deadline = Deadline.after(self._bounds.seconds)
        found: list[Execution] = []
        granularities = list(GRANULARITIES_SECONDS)
        pieces = [time_range]
        truncation: Truncation | None = None
        while pieces and truncation is None:
            asked = pieces[0]
            try:
                job_id = self._submit(action_id, asked, granularities[0])
                self._await(job_id, deadline, listener)
            except BadRequestError as error:
                # A shorter time range is the smaller price, so it is tried first.
                if is_interval_too_long(error) and asked.seconds > SHORTEST_PIECE_SECONDS:
                    half = max(floor_to(asked.seconds / 2, 60), SHORTEST_PIECE_SECONDS)
                    pieces[:1] = asked.slices(half)
                elif is_granularity_too_fine(error) and len(granularities) > 1:
                    del granularities[0]
                    if not found:
                        pieces = [time_range]
                else:
                    raise
            else:
                truncation = self._read(job_id, asked, found, deadline, listener)
                del pieces[0]
                if pieces and truncation is None and deadline.remaining_seconds <= 0:
                    truncation = Truncation.TIME
        return ExecutionList(tuple(found), granularities[0], truncation)

    def _submit(self, action_id: str, time_range: TimeRange, granularity_seconds: int) -> str:
        """Begin a job; in pages of our size, unless the platform says that it takes no such."""
        page_size = None if self._own_pages else self._bounds.page_size
        try:
            return submit_action_job(
                self._client, self._query(action_id, time_range, granularity_seconds, page_size)
            )
        except BadRequestError as error:
            if page_size is None or not is_page_size_refused(error):
                raise
        self._own_pages = True
        return submit_action_job(
            self._client, self._query(action_id, time_range, granularity_seconds, None)
        )

    @staticmethod
    def _query(
        action_id: str, time_range: TimeRange, granularity_seconds: int, page_size: int | None
    ) -> ActionAggregateJob:
        return ActionAggregateJob(
            interval=interval(time_range),
            granularity=f"PT{granularity_seconds // 60}M",
            time_zone="UTC",
            group_by=GROUP_BY,
            metrics=(EXECUTIONS,),
            filter=ActionFilter("and", (ActionPredicate.matches("actionId", action_id),)),
            page_size=page_size,
        )

    def _await(self, job_id: str, deadline: Deadline, listener: ProgressListener) -> None:
        """Wait until the job is fulfilled."""
        pause = self._bounds.first_pause_seconds
        while True:
            status = action_job(self._client, job_id)
            listener.job_is(status.state)
            if not status.state.is_under_way:
                break
            if deadline.remaining_seconds <= pause:
                raise RequestTimeoutError(
                    f"The platform was still listing the executions ({status.state}) when the "
                    f"{self._bounds.seconds:g} s for it were over",
                    "Ask for a shorter period, or wait longer.",
                    endpoint=ACTION_JOB.label,
                )
            time.sleep(pause)
            pause = min(pause * _PAUSE_GROWTH, self._bounds.longest_pause_seconds)
        if status.state is not JobState.FULFILLED:
            raise _unfulfilled(status)

    def _read(
        self,
        job_id: str,
        asked: TimeRange,
        executions: list[Execution],
        deadline: Deadline,
        listener: ProgressListener,
    ) -> Truncation | None:
        """Add what a job found; returns why it is not all."""
        cursors: set[str] = set()
        cursor: str | None = None
        try:
            while True:
                page = action_job_page(self._client, job_id, cursor)
                fresh = (one for group in page.results for one in self._executions(group, asked))
                executions.extend(islice(fresh, self._bounds.executions - len(executions)))
                listener.have_read(len(executions))
                cursor = page.cursor
                if next(fresh, None) is not None:
                    return Truncation.ROWS
                if not cursor:
                    return None
                if len(executions) >= self._bounds.executions:
                    return Truncation.ROWS
                if deadline.remaining_seconds <= 0:
                    return Truncation.TIME
                if cursor in cursors:
                    raise WrongShapeError(
                        "The list of executions leads back to a page that has been read",
                        "Ask again; if it stays so, report it to the platform's support.",
                        endpoint=ACTION_JOB_RESULTS.label,
                    )
                cursors.add(cursor)
        except KeyboardInterrupt:
            if not executions:
                raise
            return Truncation.INTERRUPTED

    def _executions(self, group: ActionGroup, asked: TimeRange) -> Iterator[Execution]:
        """Yield the executions of one row: one, as long as each has an id of its own."""
        for bucket in group.data:
            if not asked.start <= bucket.start < asked.end:
                why = "a bucket that was not asked for"
                self._client.note_dropped(ACTION_JOB_RESULTS, DroppedRecord(DropReason.TIME, why))
                continue
            for duration_ms, is_exact in _durations_ms(bucket):
                yield Execution(
                    correlation_id=group.dimension("correlationId"),
                    error_type=group.dimension("errorType"),
                    response_status=group.dimension("responseStatus"),
                    at=bucket.start,
                    duration_ms=max(0.0, duration_ms),
                    is_exact=is_exact,
                )


def _unfulfilled(status: JobStatus) -> GenesysError:
    """Return the error for a job that ended without results."""
    words = sanitize(" ".join((status.error_message or "").split()).rstrip("."))
    said = f": {words}" if words else ""
    if status.state is JobState.FAILED and _ABOUT_THE_QUESTION.search(words):
        return BadRequestError(
            f"The platform refused to list the executions{said}",
            "The request does not fit this org's API; report it.",
            endpoint=ACTION_JOB.label,
            detail=words,
        )
    what = {
        JobState.FAILED: "The platform failed to list the executions",
        JobState.CANCELLED: "The list of executions was cancelled on the platform",
        JobState.EXPIRED: "The list of executions expired before it could be read",
    }[status.state]
    return ServerFaultError(
        f"{what}{said}",
        "Ask again, or for a shorter period.",
        endpoint=ACTION_JOB.label,
    )


def _durations_ms(bucket: ActionBucket) -> Iterator[tuple[float, bool]]:
    """Durations in milliseconds, and whether each is exact."""
    stats = bucket.stats
    if stats.count == 1:
        yield stats.sum, True
    if stats.count > 1:
        yield stats.max, True
        yield stats.min, True
        others = stats.count - 2
        for _ in range(others):
            yield (stats.sum - stats.min - stats.max) / others, False
