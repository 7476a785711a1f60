"""A period of the past, read with few questions: as jobs, in slices, and from where it was ended.

Executions and detail records are asked for as jobs of days, callers lost in flows three days at a
time; where the platform takes no jobs, in the slices of polls. What has come is written a few hours
at a time, so that the daemon beside it never waits for long, and after each slice is remembered how
far it has come: whoever is killed begins with the slice that was under way.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings
from monitor.counts import Tally
from monitor.errors import BadRequestError, GenesysError, NotFoundError, PermissionDeniedError
from monitor.genesys import RequestBudget
from monitor.ledger import Ledger
from monitor.poller.poll_report import PollCount
from monitor.poller.range_reader import RangeReader
from monitor.poller.read_plan import PlannedRead
from monitor.sources import (
    ActionsSource,
    ConversationsSource,
    Evidence,
    FlowErrorsSource,
    Source,
    is_granularity_too_fine,
    is_interval_too_long,
)
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

DAY = 86_400
FIRST_SLICE_SECONDS = DAY
LONGEST_SLICE_SECONDS = 7 * DAY
"""What a kill may cost is read again: a week at most."""

FLOW_ERRORS_SLICE_SECONDS = 3 * DAY

MOST_COUNTS = 100_000
"""Counts of one slice, by ending and window: some 80 MB while both halves of the bands are put
together. A slice of two hundred actions is four or five days long."""

MOST_BUCKETS_A_PAGE = 40_000
"""Some ten megabytes of an answer; half of it where the platform, or this program, finds one too
large."""

LEAST_BUCKETS_A_PAGE = 1_000

MOST_ROWS_A_PAGE = 1_000
WRITTEN_AT_ONCE = 10_000
"""Counts in one transaction: what waits for it waits for a second."""

JOB_SECONDS = 3_600.0
"""What the jobs of one slice may take, waiting included."""

_REFUSALS = (BadRequestError, NotFoundError, PermissionDeniedError)


class BackfillListener(Protocol):
    """Is told how far a backfill has come."""

    def have_read(self, org: str, share: float) -> None:
        """So much of all that is asked of an org has been read, from 0 to 1."""
        ...


class HistoryReader:
    """Reads the past of one org's sources."""

    def __init__(  # noqa: PLR0913 - the parts it is wired to
        self,
        org: OrgSettings,
        ranges: RangeReader,
        within: Callable[[RequestBudget], AbstractContextManager[None]],
        *,
        ledger: Ledger,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        """Ask nothing yet.

        Args:
            org: The org; one that speaks the flow contract alone is asked for no job.
            ranges: Writes down what has come, and asks where there are no jobs.
            within: Charges what is asked in a block to a budget.
            ledger: Where counts are kept, and how far a backfill has come.
            clock: The time of the data.
            stop: Set it to begin no further slice.
        """
        self._org = org.name
        self._ranges = ranges
        self._within = within
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._slice_seconds = {
            ActionsSource.name: FIRST_SLICE_SECONDS,
            ConversationsSource.name: LONGEST_SLICE_SECONDS,
            FlowErrorsSource.name: FLOW_ERRORS_SLICE_SECONDS,
        }
        self._longest_seconds = LONGEST_SLICE_SECONDS
        self._buckets_a_page = MOST_BUCKETS_A_PAGE
        self._buckets_a_group = 0.0
        knows_jobs = org.contract.knows_successes
        self._without_jobs = set[str]() if knows_jobs else {ConversationsSource.name}

    def read(
        self,
        time_range: TimeRange,
        source: Source,
        count: PollCount,
        *,
        note_share: Callable[[float], None],
        again: bool,
    ) -> None:
        """Read a period of a source, as far as it is past and was not pruned.

        Args:
            time_range: The period.
            source: What to ask.
            count: What it adds is added to it.
            note_share: Told how much of it has been read, from 0 to 1.
            again: Whether to read what a backfill that was ended has read as well.

        Raises:
            GenesysError: The platform did not answer; what came before is kept.
            LedgerError: The state can't be read or written.
        """

        def read(window: int) -> None:
            whole = self._ranges.whole_windows(time_range, window)
            first = begin = whole.start
            done = None if again else self._ledger.backfills.done(self._org, source.name, self._now)
            if done is not None and done.start <= begin < done.end:
                first, begin = done.start, done.end
                log.info("backfill_goes_on", org=self._org, source=source.name, read=[first, begin])
            while begin < whole.end and not self._stop.is_set():
                begin = self._read_from(begin, whole.end, source, window, count)
                done = TimeRange(first, begin)
                # What could not be read at all is told again when it is run again.
                if not count.unreadable:
                    self._ledger.backfills.note(self._org, source.name, done, self._now)
                note_share((begin - whole.start) / whole.seconds)

        self._ranges.in_windows(source, read)
        note_share(1.0)

    @property
    def _now(self) -> float:
        return self._clock.now()

    def _read_from(
        self, begin: int, end: int, source: Source, window: int, count: PollCount
    ) -> int:
        """Read one slice; where it ends."""
        while True:
            is_known = isinstance(source, ActionsSource | ConversationsSource | FlowErrorsSource)
            longest = self._slice_seconds[source.name] if is_known else source.slice_seconds
            longest = max(floor_to(min(longest, self._longest_seconds), window), window)
            one = TimeRange(begin, min(begin + longest, end))
            try:
                self._read_slice(one, source, window, count)
            except GenesysError as error:
                if not is_interval_too_long(error) or one.seconds <= window:
                    raise
                self._longest_seconds = max(one.seconds // 2, window)
                self._buckets_a_page = max(self._buckets_a_page // 2, LEAST_BUCKETS_A_PAGE)
            else:
                return one.end

    def _read_slice(self, one: TimeRange, source: Source, window: int, count: PollCount) -> None:
        is_counted_from_records = isinstance(source, FlowErrorsSource) and not source.yields_to
        asked_with = ConversationsSource.name if is_counted_from_records else source.name
        if asked_with in self._without_jobs:
            self._ranges.read_slices(one, source, window, count)
            return
        try:
            if isinstance(source, ActionsSource):
                self._read_executions(one, source, window, count)
            elif isinstance(source, ConversationsSource):
                self._read_conversations(one, source, window, count)
            elif isinstance(source, FlowErrorsSource):
                self._write(one, source, self._asked(one, source, window), window, count)
            else:
                self._ranges.read_slices(one, source, window, count)
        except _REFUSALS as error:
            is_of_question = is_interval_too_long(error) or is_granularity_too_fine(error)
            if is_of_question or not isinstance(source, ActionsSource | ConversationsSource):
                raise
            self._without_jobs.add(source.name)
            log.warning(
                "backfill_without_jobs",
                org=self._org,
                source=source.name,
                why=error.message,
                hint="It is asked in the small slices of polls: it takes more requests.",
            )
            self._ranges.read_slices(one, source, window, count)

    def _asked(self, one: TimeRange, source: Source, window: int) -> Evidence:
        with self._within(RequestBudget()):
            return source.read(one, window, deep=True)

    def _read_executions(
        self, one: TimeRange, source: ActionsSource, window: int, count: PollCount
    ) -> None:
        most_buckets = max(one.seconds / window, 1.0)
        buckets_a_group = min(self._buckets_a_group * one.seconds or most_buckets, most_buckets)
        rows = max(1, min(MOST_ROWS_A_PAGE, int(self._buckets_a_page / buckets_a_group)))
        asked_at = self._now
        with self._within(RequestBudget(JOB_SECONDS)):
            evidence = source.read_by_job(one, window, rows)
        counts = len(evidence.tallies)
        series = len({tally.key for tally in evidence.tallies})
        if series:
            self._buckets_a_group = counts / series / one.seconds
        fitting_seconds = one.seconds * MOST_COUNTS / counts if counts else LONGEST_SLICE_SECONDS
        self._slice_seconds[source.name] = int(min(fitting_seconds, LONGEST_SLICE_SECONDS))
        self._write(one, source, evidence, window, count, asked_at)

    def _read_conversations(
        self, one: TimeRange, source: ConversationsSource, window: int, count: PollCount
    ) -> None:
        with self._within(RequestBudget(JOB_SECONDS)):
            until = floor_to(min(source.known_to_jobs_until(), one.end), window)
            known = TimeRange(one.start, max(until, one.start))
            if known.seconds:
                self._write(known, source, source.read_by_job(known), window, count)
        # Jobs may know nothing yet of the last day.
        if known.end < one.end:
            self._ranges.read_slices(TimeRange(known.end, one.end), source, window, count)

    def _write(  # noqa: PLR0913, PLR0917 - who was asked for what, and what came of it
        self,
        one: TimeRange,
        source: Source,
        evidence: Evidence,
        window: int,
        count: PollCount,
        asked_at: float | None = None,
    ) -> None:
        """Write an answer down, few windows at a time."""
        pieces = -(-len(evidence.tallies) // WRITTEN_AT_ONCE) or 1
        length = -(-one.seconds // pieces // window) * window or window
        by_piece: dict[int, list[Tally]] = defaultdict(list)
        for tally in evidence.tallies:
            by_piece[(tally.window_start - one.start) // length].append(tally)
        rest = evidence
        for number, piece in enumerate(one.slices(length)):
            part = replace(rest, tallies=tuple(by_piece[number]))
            read = PlannedRead(piece, None, is_past=self._ranges.is_past(one))
            self._ranges.record(
                source, read, part, window, self._now if asked_at is None else asked_at, count
            )
            # What has no window of its own is written with the first of them.
            rest = Evidence(flow_error_basis=evidence.flow_error_basis)
