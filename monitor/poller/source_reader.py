"""One read of one org: plan, ask each source, write the ledger, advance the watermark."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.errors import (
    BadRequestError,
    GenesysError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.genesys import RequestBudget
from monitor.ledger import Ledger, Reading
from monitor.model import Outcome
from monitor.poller.future_timestamps import FutureTimestamps
from monitor.poller.poll_report import PollCount, PollReport, PollResult
from monitor.poller.query_size import AdaptiveSlices, WindowSizes
from monitor.poller.read_plan import END_STEP_SECONDS, PlannedRead, ReadPlan, plan_reads
from monitor.poller.reconciliation import (
    MOST_SECONDS,
    STEP_SECONDS,
    Reconciliation,
    ask_coarsely,
    comparable_range,
    compare,
)
from monitor.poller.source_availability import SourceAvailability
from monitor.sources import ActionsSource, Evidence, Source
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

Within = Callable[[RequestBudget], AbstractContextManager[None]]
"""Lets what is asked in a block be charged to a budget."""


@dataclass(frozen=True, slots=True)
class ChargedSources:
    """What one org is asked through one client, and who is charged for it.

    Attributes:
        sources: What to ask, in this order.
        within: Charges what is asked in a block to a budget.
    """

    sources: tuple[Source, ...]
    within: Within = lambda _budget: nullcontext()


class SourceReader:
    """Reads one org; polls of one collector never overlap."""

    def __init__(  # noqa: PLR0913 - the parts it is wired to
        self,
        org: OrgSettings,
        settings: Settings,
        charged: ChargedSources,
        *,
        ledger: Ledger,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        """Wire the parts together; nothing is asked yet.

        Args:
            org: The org.
            settings: Everything else: ``[collect]``, and how endings are read.
            charged: What to ask.
            ledger: Where counts are kept.
            clock: The time of the data.
            stop: Set it to begin no further read.

        Raises:
            ConfigurationError: The ledger was kept in other windows than ``[collect] window``.
        """
        self._org = org.name
        self._contract = org.contract
        self._settings = settings.collect
        self._sources = charged.sources
        self._ledger = ledger
        self._classifier = settings.classify.classifier()
        self._clock = clock
        self._stop = stop
        self._within = charged.within
        self._share: RequestBudget | None = None
        self._required = org.contract.execution_source
        self._future = FutureTimestamps(org.name, ledger, clock)
        self._availability = SourceAvailability(org.name, clock, required=self._required)
        self._read_deep: set[str] = set()
        self._gave_way: set[str] = set()
        self._has_told_of_names = False
        self._not_asked: set[str] = set()
        self._windows = WindowSizes(org.name, settings.collect.window, ledger)
        self._slices = AdaptiveSlices(org.name)
        self._asked = TimeRange(0, 0)
        self._turn = threading.Lock()
        for source in self._sources:
            self._windows.check(source)

    @property
    def refused(self) -> Mapping[str, GenesysError]:
        """Why each source that is switched off was refused, by its name."""
        return self._availability.off

    def poll(self, budget: RequestBudget | None = None) -> PollReport:
        """Read what is due from every source.

        A source that fails holds up no other one, and advances nothing: what it owes is asked
        again at the next poll. So is the history for which no time was left.

        Args:
            budget: What the poll may ask for; the usual where None. Each source has its share.

        Raises:
            LedgerError: The state can't be read or written.
        """
        with self._turn:
            # One moment for all sources, so that they speak of the same windows.
            now = self._clock.now()
            self._read_deep.clear()
            return self._each_source(partial(self._poll_source, now), budget or RequestBudget())

    def backfill(self, time_range: TimeRange) -> PollReport:
        """Read a period of the past (again); what is counted already stays counted once.

        Each question has a poll's budget for itself: all of them may take as long as they need.

        Raises:
            LedgerError: The state can't be read or written.
        """
        with self._turn:
            return self._each_source(partial(self._read_time_range, time_range), None)

    def reconcile(self, since: float) -> Reconciliation:
        """Compare what was counted with one wide question, and read again what differs.

        Of the source that counts all executions; an org without it has nothing to compare.

        Args:
            since: How far back; epoch seconds.

        Raises:
            GenesysError: The platform did not answer.
            LedgerError: The state can't be read or written.
        """
        with self._turn:
            source = next((one for one in self._sources if isinstance(one, ActionsSource)), None)
            if source is None:
                return Reconciliation(self._org, TimeRange(0, 0))
            time_range = comparable_range(self._ledger, self._org, source.name, since)
            if not time_range.seconds:
                return Reconciliation(self._org, time_range)
            self._share = budget = RequestBudget(MOST_SECONDS)
            with self._within(budget):
                shown = ask_coarsely(source, time_range)
            counted = self._ledger.tally_sums(self._org, time_range, STEP_SECONDS)
            found = compare(self._org, time_range, shown, counted)
            count = PollCount()
            for differing in found.differing:
                if not budget.is_half_spent:
                    self._read_time_range(differing, source, count)
            is_complete = not (found.differing and budget.is_half_spent)
            return replace(found, added=count.executions, is_complete=is_complete)

    def _each_source(
        self, read: Callable[[Source, PollCount], None], budget: RequestBudget | None
    ) -> PollReport:
        started = time.monotonic()
        count = PollCount()
        errors: dict[str, GenesysError | UnforeseenError] = {}
        self._not_asked.clear()
        is_cut_short = False
        for place, source in enumerate(self._sources):
            if self._stop.is_set():
                is_cut_short = True
                break
            if self._availability.is_backing_off(source.name):
                continue
            # What one source leaves is there for those that follow, and none takes it all.
            self._share = budget and budget.part(len(self._sources) - place)
            try:
                read(source, count)
            except GenesysError as error:
                errors[source.name] = error
                self._availability.note_refusal(source.name, error)
            except TimeoutMonitorError:
                raise
            except Exception as error:  # noqa: BLE001 - it holds up no other source, whatever it is
                errors[source.name] = UnforeseenError.of(error)
            else:
                if source.name not in self._not_asked:
                    self._availability.note_answer(source.name)
        available = {one.name: self._availability.is_available(one.name) for one in self._sources}
        return PollReport(
            org=self._org,
            result=self._result(errors, available),
            duration_seconds=time.monotonic() - started,
            executions_added=count.executions,
            incidents_added=count.incidents,
            flow_errors_added=count.flow_errors,
            restatements=count.restatements,
            skipped_windows=count.skipped_windows,
            forgotten=count.forgotten,
            shown=count.shown,
            unreadable=count.unreadable,
            folded=dict(count.folded),
            errors=errors,
            available=available,
            refused=self._availability.off,
            voided=count.voided,
            is_cut_short=is_cut_short,
        )

    def _result(
        self, errors: Mapping[str, TimeoutMonitorError], available: Mapping[str, bool]
    ) -> PollResult:
        failed = errors.keys() | {name for name, answers in available.items() if not answers}
        # One that this poll did not ask has not answered either.
        answered = available.keys() - failed - self._not_asked
        is_off = not available.get(self._required, True)
        if is_off or (failed and not answered):
            return PollResult.FAILED
        # A source that is switched off was warned of once; it does not make every poll partial.
        return PollResult.PARTIAL if any(available[name] for name in errors) else PollResult.OK

    def _poll_source(self, now: float, source: Source, count: PollCount) -> None:
        count.voided += self._future.void(source.name, now)
        gives_way: list[bool] = []

        def read(window: int) -> None:
            due = self._due(source, window, now)
            # Whose turn it is was decided when it was first asked, not at a shorter question.
            gives_way[:] = gives_way or [self._gives_way(source, due, now)]
            if gives_way[0]:
                self._not_asked.add(source.name)
                return
            if source.deep_only and not due.deep:
                self._not_asked.add(source.name)
                self._note_nothing_owed(source, window)
                return
            if due.deep:
                self._read_deep.add(source.name)
            for time_range in due.skipped:
                self._skip(source, time_range, window, count)
            self._read_all(source, due.reads, window, count, deep=due.deep)

        self._in_windows(source, read)

    def _due(self, source: Source, window_seconds: int, now: float) -> ReadPlan:
        state = self._ledger.source_state(self._org, source.name)
        return plan_reads(
            now=now,
            settings=self._settings,
            window_seconds=window_seconds,
            slice_seconds=self._slices.seconds(source, window_seconds),
            coverage=self._ledger.coverage(self._org, source.name),
            complete_until=state.complete_until if state else 0,
        )

    def _gives_way(self, source: Source, due: ReadPlan, now: float) -> bool:
        """Whether a source leaves this poll to another one, so that no poll costs more than others.

        One that is asked in deep polls alone waits where the source whose turn it takes reads deep,
        and takes its turn at the next poll. None gives way twice in a row, or at the first time.
        """
        if source.name in self._gave_way:
            self._gave_way.discard(source.name)
            return False
        if source.deep_only:
            known = self._ledger.source_state(self._org, source.name) is not None
            gives_way = known and due.deep and source.yields_to in self._read_deep
        else:
            gives_way = not due.deep and any(
                other.yields_to == source.name
                and not self._availability.is_backing_off(other.name)
                and self._due(other, self._windows.seconds(other), now).deep
                for other in self._sources
            )
        if gives_way:
            self._gave_way.add(source.name)
        return gives_way

    def _note_nothing_owed(self, source: Source, window_seconds: int) -> None:
        """Keep that a source is up to date though it was not asked."""
        now = self._clock.now()
        end = floor_to(now, END_STEP_SECONDS)
        nothing = Reading(TimeRange(end, end), window_seconds, now)
        self._ledger.record(self._org, source.name, nothing)

    def _read_time_range(self, time_range: TimeRange, source: Source, count: PollCount) -> None:
        def read(window: int) -> None:
            # Whole windows: half of one would be taken for all of it.
            begin, end = floor_to(time_range.start, window), -floor_to(-time_range.end, window)
            now = self._clock.now()
            end = min(end, max(time_range.end, floor_to(now, END_STEP_SECONDS)))
            # What was pruned can't be told from what is new: it is not even asked for.
            begin = max(begin, -floor_to(-self._ledger.pruned_before(), window))
            if begin >= end:
                return
            is_past = end < now - self._settings.near
            pieces = TimeRange(begin, end).slices(self._slices.seconds(source, window))
            reads = [PlannedRead(piece, None, is_past=is_past) for piece in pieces]
            self._read_all(source, reads, window, count, deep=True)

        self._in_windows(source, read)

    def _in_windows(self, source: Source, read: Callable[[int], None]) -> None:
        """Read in the windows of this source, or in the finest ones that the platform takes."""
        while True:
            window = self._windows.seconds(source)
            try:
                read(window)
            except BadRequestError as error:
                # A 400 may name both: a shorter interval is the smaller price, so it goes first.
                if self._slices.shorten(source, self._asked, window, error):
                    continue
                if not self._windows.coarsen(source, window, error):
                    raise
            else:
                return

    def _read_all(
        self,
        source: Source,
        reads: Iterable[PlannedRead],
        window_seconds: int,
        count: PollCount,
        *,
        deep: bool,
    ) -> None:
        is_readable = True
        for number, one in enumerate(reads):
            if self._stop.is_set():
                return
            if number and self._share is not None and self._share.is_half_spent:
                # What was read is kept, and the next poll goes on from there.
                log.info("history_goes_on_later", org=self._org, source=source.name, read=number)
                return
            read = replace(one, complete_until=one.complete_until if is_readable else None)
            is_readable &= self._read(source, read, window_seconds, count, deep=deep)

    def _read(
        self,
        source: Source,
        read: PlannedRead,
        window_seconds: int,
        count: PollCount,
        *,
        deep: bool,
    ) -> bool:
        """Read one time range into the ledger; whether nothing of it is still owed.

        An answer that could not be read at all, or not in parts that agree, is still owed, and so
        is what follows it: there is but one watermark.
        """
        # Taken before the question: what comes to light while it is answered may be missing.
        asked_at = self._clock.now()
        self._asked = read.time_range
        with self._within(self._share or RequestBudget()):
            evidence = source.read(read.time_range, window_seconds, deep=deep)
        is_whole = not (evidence.is_unreadable or evidence.is_torn)
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
                complete_until=read.complete_until if is_whole else None,
                is_past=read.is_past,
                names=evidence.names,
                flow_errors=evidence.flow_errors,
                flow_names=evidence.flow_names,
                flow_error_basis=evidence.flow_error_basis,
            ),
        )
        count.add(source.name, recorded)
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
        return is_whole

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

    def _skip(
        self, source: Source, time_range: TimeRange, window_seconds: int, count: PollCount
    ) -> None:
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


def _told(outcomes: Mapping[str, Outcome]) -> str:
    """Return one outcome as its word, several with the status that each came with."""
    if len(set(outcomes.values())) == 1:
        return str(next(iter(outcomes.values())))
    return ", ".join(
        f"{outcome} ({status or 'no status'})" for status, outcome in sorted(outcomes.items())
    )
