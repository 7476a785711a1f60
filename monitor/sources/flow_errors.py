"""Callers lost in a flow, by how it ended: counted as what they are, and never as timeouts.

Flow aggregates count them in one request. Where the platform does not group by ``exitReason``, has
no such endpoint or grants no permission, and with contract ``flow``, they are counted from the
detail records that the deep reads of conversations bring anyway. The two may date a caller
differently, so one stray refusal is no reason to go over from the one to the other.
"""

from __future__ import annotations

from collections import Counter

import structlog

from monitor.clock import Clock
from monitor.contract import Contract
from monitor.errors import BadRequestError, GenesysError, NotFoundError, PermissionDeniedError
from monitor.genesys import (
    FLOW_AGGREGATES,
    Client,
    DroppedRecord,
    DropReason,
    FlowAggregateQuery,
    FlowAggregates,
    FlowFilter,
    FlowPredicate,
    flow_aggregates,
    interval,
)
from monitor.model import BY_AGGREGATES, FLOW_ERRORS, FlowErrorTally
from monitor.sources.conversations import LONGEST_CALL_SECONDS, ConversationsSource
from monitor.sources.source import Evidence, is_interval_too_long
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

SLICE_SECONDS = 24 * 3600

ASK_AGAIN_SECONDS = 3600
"""A permission may have been granted meanwhile."""

BY_RECORDS = "records"

_REFUSALS = (BadRequestError, NotFoundError, PermissionDeniedError)
_LOST = FlowFilter(
    type="or", predicates=tuple(FlowPredicate.matches("exitReason", one) for one in FLOW_ERRORS)
)


class FlowErrorsSource:
    """Flow aggregates: permission ``analytics:flowAggregate:view``, one request."""

    name = "flow-errors"
    slice_seconds = SLICE_SECONDS
    deep_only = True
    near_is_coarse = False

    def __init__(
        self,
        client: Client,
        conversations: ConversationsSource,
        clock: Clock,
        *,
        org: str,
        contract: Contract,
    ) -> None:
        """Ask through this client, or count what the other source's records tell."""
        self._client = client
        self._conversations = conversations
        self._clock = clock
        self._org = org
        self._contract = contract
        self._refused_at: float | None = None
        self._answered = False

    @property
    def yields_to(self) -> str:
        """Conversations, unless their own records are counted: no poll asks both for more."""
        return "" if self._counts_records else ConversationsSource.name

    def read(
        self,
        time_range: TimeRange,
        window_seconds: int,
        *,
        deep: bool,  # noqa: ARG002 - it is asked in deep polls alone
    ) -> Evidence:
        """Count the callers whom flows lost.

        Flow aggregates may count a caller in the window in which the flow began: they are asked for
        as far back as the longest call, and what lies before the period is told too.

        Raises:
            TooMuchAskedError: A shorter period may be answered.
            GenesysError: The platform did not answer, or refused for the first time what it has
                answered before.
        """
        if not self._counts_records:
            try:
                counted = self._unless_refused_twice(time_range, window_seconds)
            except _REFUSALS as error:
                if is_interval_too_long(error) and time_range.seconds > window_seconds:
                    raise
                self._note_refusal(error)
            else:
                self._refused_at, self._answered = None, True
                return counted
        return self._from_records(time_range, window_seconds)

    def _unless_refused_twice(self, period: TimeRange, window_seconds: int) -> Evidence:
        """Ask for the platform's own count, and believe no refusal that stands alone.

        What was answered before is left for the next poll, and nothing advances meanwhile. What was
        never answered is asked again at once: a program that polls once has no next poll.
        """
        try:
            return self.aggregated(period, window_seconds)
        except _REFUSALS as error:
            if is_interval_too_long(error) and period.seconds > window_seconds:
                raise
            if self._answered:
                self._answered = False
                raise _as_transient(error) from error
        return self.aggregated(period, window_seconds)

    @property
    def _counts_records(self) -> bool:
        if self._contract is Contract.FLOW:
            return True
        refused_at = self._refused_at
        return refused_at is not None and self._clock.monotonic() - refused_at < ASK_AGAIN_SECONDS

    def _note_refusal(self, error: GenesysError) -> None:
        if self._refused_at is None:
            log.warning(
                "flow_errors_from_records",
                org=self._org,
                why=error.message,
                hint=error.hint,
                again_after_seconds=ASK_AGAIN_SECONDS,
            )
        self._refused_at = self._clock.monotonic()

    def aggregated(self, time_range: TimeRange, window_seconds: int) -> Evidence:
        """Ask for the platform's own count.

        Raises:
            BadRequestError: It does not group flows by how they were left.
            NotFoundError: It has no flow aggregates.
            PermissionDeniedError: They may not be read.
            GenesysError: It did not answer.
        """
        begin = floor_to(time_range.start - LONGEST_CALL_SECONDS, window_seconds)
        query = FlowAggregateQuery(
            interval=interval(TimeRange(begin, time_range.end)),
            granularity=f"PT{window_seconds // 60}M",
            time_zone="UTC",
            group_by=("flowId", "exitReason"),
            metrics=("nFlow",),
            filter=_LOST,
        )
        answer = flow_aggregates(self._client, query)
        if _is_ungrouped(answer):
            raise BadRequestError(
                f"The answer to {FLOW_AGGREGATES.label} is not grouped by exit reason",
                "Callers lost in flows are counted from detail records.",
                endpoint=FLOW_AGGREGATES.label,
            )
        counts: Counter[tuple[str, str, int]] = Counter()
        for group in answer.results:
            for bucket in group.data:
                if not begin <= bucket.start < time_range.end or bucket.start % window_seconds:
                    self._drop(DropReason.TIME, "a bucket that was not asked for")
                elif group.flow_id and group.exit_reason in FLOW_ERRORS:
                    key = group.flow_id, group.exit_reason, bucket.start
                    if key in counts:
                        self._drop(DropReason.DUPLICATE, "a bucket that came twice")
                    counts[key] = max(counts[key], bucket.runs)
        return Evidence(
            flow_errors=_tallies(counts),
            flow_error_basis=BY_AGGREGATES,
            is_unreadable=answer.is_unreadable,
        )

    def _drop(self, reason: DropReason, why: str) -> None:
        self._client.note_dropped(FLOW_AGGREGATES, DroppedRecord(reason, why))

    def _from_records(self, time_range: TimeRange, window_seconds: int) -> Evidence:
        counts: Counter[tuple[str, str, int]] = Counter()
        names: dict[str, str] = {}
        for one in self._conversations.flow_exits(time_range):
            counts[one.flow_id, one.exit_reason, floor_to(one.at, window_seconds)] += 1
            names[one.flow_id] = one.flow_name
        return Evidence(flow_errors=_tallies(counts), flow_names=names, flow_error_basis=BY_RECORDS)


def _tallies(counts: Counter[tuple[str, str, int]]) -> tuple[FlowErrorTally, ...]:
    return tuple(FlowErrorTally(*key, callers) for key, callers in counts.items() if callers)


def _is_ungrouped(answer: FlowAggregates) -> bool:
    """Return whether flows were left and not one group says how: that is no zero."""
    left = any(bucket.runs for group in answer.results for bucket in group.data)
    return left and not any(group.exit_reason for group in answer.results)


def _as_transient(error: GenesysError) -> GenesysError:
    """Return a refusal as a failure: none that switches the source off, or makes it ask less."""
    return GenesysError(
        error.message,
        error.hint,
        endpoint=error.endpoint,
        status=error.status,
        correlation_id=error.correlation_id,
    )
