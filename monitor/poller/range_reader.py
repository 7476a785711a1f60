"""One source's time ranges, read into the ledger in windows that the platform takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.errors import BadRequestError
from monitor.genesys import RequestBudget
from monitor.ledger import Ledger, Reading
from monitor.model import Outcome
from monitor.poller.detail_reads import DetailReadPolicy
from monitor.poller.poll_report import PollCount
from monitor.poller.query_size import AdaptiveSlices, WindowSizes
from monitor.poller.read_plan import END_STEP_SECONDS, PlannedRead
from monitor.sources import Evidence, Source
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

Within = Callable[[RequestBudget], AbstractContextManager[None]]
"""Lets what is asked in a block be charged to a budget."""


class RangeReader:
    """Reads time ranges of an org's sources; one at a time.

    Attributes:
        windows: In which windows each source is read.
        slices: How long a question may be.
        detail_reads: Whether the answers showed enough to ask for detail records.
        share: What the source that is read may still ask for; None where each question has a
            poll's budget for itself.
    """

    def __init__(  # noqa: PLR0913 - the parts it is wired to
        self,
        org: OrgSettings,
        settings: Settings,
        within: Within,
        *,
        ledger: Ledger,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        """Ask nothing yet.

        Args:
            org: The org.
            settings: ``[collect]``, and how endings are read.
            within: Charges what is asked in a block to a budget.
            ledger: Where counts are kept.
            clock: The time of the data.
            stop: Set it to begin no further read.
        """
        self.windows = WindowSizes(org.name, settings.collect.window, ledger)
        self.slices = AdaptiveSlices(org.name)
        self.detail_reads = DetailReadPolicy(settings.classify.classifier())
        self.share: RequestBudget | None = None
        self._org = org.name
        self._contract = org.contract
        self._near_seconds = settings.collect.near
        self._classifier = settings.classify.classifier()
        self._within = within
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._asked = TimeRange(0, 0)
        self._has_told_of_names = False

    def read_time_range(self, time_range: TimeRange, source: Source, count: PollCount) -> None:
        """Read a period of a source, as far as it is past and was not pruned.

        Raises:
            GenesysError: The platform did not answer; what came before is kept.
            LedgerError: The state can't be read or written.
        """

        def read(window: int) -> None:
            whole = self.whole_windows(time_range, window)
            if whole.seconds:
                self.read_slices(whole, source, window, count)

        self.in_windows(source, read)

    def whole_windows(self, time_range: TimeRange, window_seconds: int) -> TimeRange:
        """Return the windows of a period that are past and were not pruned; it may be empty."""
        # Whole windows: half of one would be taken for all of it.
        begin = floor_to(time_range.start, window_seconds)
        end = -floor_to(-time_range.end, window_seconds)
        end = min(end, max(time_range.end, floor_to(self._clock.now(), END_STEP_SECONDS)))
        # What was pruned can't be told from what is new: it is not even asked for.
        begin = max(begin, -floor_to(-self._ledger.housekeeping.pruned_before(), window_seconds))
        return TimeRange(begin, max(begin, end))

    def read_slices(
        self, time_range: TimeRange, source: Source, window_seconds: int, count: PollCount
    ) -> None:
        """Read whole windows of a source, in questions that are short enough.

        Raises:
            GenesysError: The platform did not answer; what came before is kept.
            LedgerError: The state can't be read or written.
        """
        pieces = time_range.slices(self.slices.seconds(source, window_seconds))
        reads = [PlannedRead(piece, None, is_past=self.is_past(time_range)) for piece in pieces]
        self.read_all(source, reads, window_seconds, count, deep=True)

    def is_past(self, time_range: TimeRange) -> bool:
        """Return whether a period lies so far back that it says nothing of now."""
        return time_range.end < self._clock.now() - self._near_seconds

    def in_windows(self, source: Source, read: Callable[[int], None]) -> None:
        """Read in the windows of this source, or in the finest ones that the platform takes."""
        while True:
            window = self.windows.seconds(source)
            try:
                read(window)
            except BadRequestError as error:
                # A 400 may name both: a shorter interval is the smaller price, so it goes first.
                if self.slices.shorten(source, self._asked, window, error):
                    continue
                if not self.windows.coarsen(source, window, error):
                    raise
            else:
                return

    def read_all(
        self,
        source: Source,
        reads: Iterable[PlannedRead],
        window_seconds: int,
        count: PollCount,
        *,
        deep: bool,
    ) -> None:
        """Read what is due, one after the other, until half of the share is spent.

        Args:
            source: What to ask.
            reads: In the order in which they are owed.
            window_seconds: The windows to count in.
            count: What they add is added to it.
            deep: Whether all is to be read that a source can show.

        Raises:
            GenesysError: The platform did not answer; what came before is kept.
            LedgerError: The state can't be read or written.
        """
        is_readable, whole_until = True, None
        for number, one in enumerate(reads):
            if self._stop.is_set():
                return
            if number and self.share is not None and self.share.is_half_spent:
                # What was read is kept, and the next poll goes on from there.
                log.info("history_goes_on_later", org=self._org, source=source.name, read=number)
                return
            mark = _earlier(one.complete_until, whole_until) if is_readable else None
            read = replace(one, complete_until=mark)
            evidence = self._read(source, read, window_seconds, count, deep=deep)
            # There is but one watermark: what follows what could not be read is owed with it.
            is_readable &= not evidence.is_unreadable
            whole_until = _earliest(whole_until, evidence.torn_from)
            # Let go of before the next is read: either may be large.
            del evidence

    def skip(
        self, source: Source, time_range: TimeRange, window_seconds: int, count: PollCount
    ) -> None:
        """Give up what is too far back to be read, and say so."""
        windows = -(-time_range.seconds // window_seconds)
        self._ledger.skip(self._org, source.name, time_range, windows)
        count.skipped_windows += windows
        log.warning(
            "windows_skipped",
            org=self._org,
            source=source.name,
            windows=windows,
            stretch=[time_range.start, time_range.end],
            hint="They are older than collect.max_backfill; a longer one reads further back.",
        )

    def note_nothing_owed(self, source: Source, window_seconds: int) -> None:
        """Keep that a source is up to date though it was not asked."""
        now = self._clock.now()
        end = floor_to(now, END_STEP_SECONDS)
        nothing = Reading(TimeRange(end, end), window_seconds, now)
        self._ledger.record(self._org, source.name, nothing)

    def _read(
        self,
        source: Source,
        read: PlannedRead,
        window_seconds: int,
        count: PollCount,
        *,
        deep: bool,
    ) -> Evidence:
        """Read one time range into the ledger; what its source has answered.

        An answer that could not be read at all is still owed, and so is one that did not agree
        with itself from there on.
        """
        # Taken before the question: what comes to light while it is answered may be missing.
        asked_at = self._clock.now()
        self._asked = read.time_range
        with self._within(self.share or RequestBudget()):
            evidence = source.read(read.time_range, window_seconds, deep=deep)
        self.record(source, read, evidence, window_seconds, asked_at, count)
        return evidence

    def record(  # noqa: PLR0913, PLR0917 - who was asked for what, and what came of it
        self,
        source: Source,
        read: PlannedRead,
        evidence: Evidence,
        window_seconds: int,
        asked_at: float,
        count: PollCount,
    ) -> None:
        """Write an answer down.

        Raises:
            LedgerError: The state can't be read or written.
        """
        mark = None if evidence.is_unreadable else read.complete_until
        recorded = self._ledger.record(
            self._org,
            source.name,
            Reading(
                # What could not be read at all is not marked as read.
                covered=(
                    TimeRange(read.time_range.start, read.time_range.start)
                    if evidence.is_unreadable
                    else read.time_range
                ),
                window_seconds=window_seconds,
                read_at=asked_at,
                tallies=evidence.tallies,
                incidents=evidence.incidents,
                incidents_are_executions=not self._contract.knows_successes,
                complete_until=_earlier(mark, evidence.torn_from),
                is_past=read.is_past,
                names=evidence.names,
                flow_errors=evidence.flow_errors,
                flow_names=evidence.flow_names,
                flow_error_basis=evidence.flow_error_basis,
            ),
        )
        count.add(source.name, recorded)
        if not read.is_past:
            self.detail_reads.note_tallies(evidence.tallies, read.time_range.start)
            self.detail_reads.note_callers_lost(recorded.flow_errors_added)
        if recorded.folded and not self._has_told_of_names:
            self._has_told_of_names = True
            log.warning(
                "too_many_names",
                org=self._org,
                source=source.name,
                records=recorded.folded,
                hint="They are counted under a name for many, such as OTHER; an id in an error "
                "type makes a name of every execution.",
            )
        count.unreadable += evidence.is_unreadable
        for error_type in recorded.new_error_types:
            self._log_new_word(error_type, evidence)

    def _log_new_word(self, error_type: str, evidence: Evidence) -> None:
        """Say once how a word is read; what comes with it later is read by the same rule."""
        statuses = {
            one.key.response_status for one in evidence.tallies if one.key.error_type == error_type
        }
        outcomes = {
            status: self._classifier.outcome(error_type, status) for status in statuses or {""}
        }
        if Outcome.ERROR in outcomes.values():
            log_it, hint = log.warning, "If it is a timeout or a throttle, add it to [classify]."
        else:
            log_it, hint = log.info, "If that is wrong, change the patterns of [classify]."
        log_it(
            "new_error_type",
            org=self._org,
            error_type=error_type,
            counted_as=_told(outcomes),
            hint=hint,
        )


def _earlier(mark: int | None, limit: int | None) -> int | None:
    """Return a watermark that goes no further than a limit; None where there is no mark."""
    return mark if mark is None or limit is None else min(mark, limit)


def _earliest(one: int | None, other: int | None) -> int | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _told(outcomes: Mapping[str, Outcome]) -> str:
    """Return one outcome as its word, several with the status that each came with."""
    if len(set(outcomes.values())) == 1:
        return str(next(iter(outcomes.values())))
    return ", ".join(
        f"{outcome} ({status or 'no status'})" for status, outcome in sorted(outcomes.items())
    )
