"""One read of one org: which of its sources is asked for what, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.errors import (
    GenesysError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.genesys import RequestBudget
from monitor.ledger import Ledger
from monitor.poller.future_timestamps import FutureTimestamps
from monitor.poller.history_reader import BackfillListener, HistoryReader
from monitor.poller.poll_report import PollCount, PollReport, PollResult
from monitor.poller.range_reader import RangeReader, Within
from monitor.poller.read_plan import ReadPlan, plan_reads
from monitor.poller.reconciliation import (
    MOST_SECONDS,
    STEP_SECONDS,
    Reconciliation,
    ask_coarsely,
    comparable_range,
    compare,
)
from monitor.poller.source_availability import SourceAvailability
from monitor.sources import ActionsSource, ConversationsSource, Source
from monitor.time_ranges import TimeRange

log = structlog.get_logger()


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
        self._settings = settings.collect
        self._sources = charged.sources
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._within = charged.within
        self._required = org.contract.execution_source
        self._future = FutureTimestamps(org.name, ledger, clock)
        self._availability = SourceAvailability(org.name, clock, required=self._required)
        self._read_deep: set[str] = set()
        self._gave_way: set[str] = set()
        self._not_asked: set[str] = set()
        self._failed: set[str] = set()
        self._ranges = RangeReader(
            org, settings, charged.within, ledger=ledger, clock=clock, stop=stop
        )
        self._history = HistoryReader(
            org, self._ranges, charged.within, ledger=ledger, clock=clock, stop=stop
        )
        self._turn = threading.Lock()
        for source in self._sources:
            self._ranges.windows.check(source)

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
            self._ranges.detail_reads.note_poll()
            return self._each_source(partial(self._poll_source, now), budget or RequestBudget())

    def backfill(
        self,
        time_range: TimeRange,
        listener: BackfillListener | None = None,
        *,
        again: bool = False,
    ) -> PollReport:
        """Read a period of the past (again); what is counted already stays counted once.

        Each question has a budget for itself: all of them may take as long as they need.

        Args:
            time_range: The period.
            listener: Is told how far it has come.
            again: Whether to read what a backfill has read that was ended within the last day.

        Raises:
            LedgerError: The state can't be read or written.
        """
        shares: dict[str, float] = {}

        def read(source: Source, count: PollCount) -> None:
            def note_share(share: float) -> None:
                shares[source.name] = share
                if listener is not None:
                    listener.have_read(self._org, sum(shares.values()) / len(self._sources))

            self._history.read(time_range, source, count, note_share=note_share, again=again)

        with self._turn:
            report = self._each_source(read, None)
            if not report.errors and not self._stop.is_set():
                for source in self._sources:
                    self._ledger.backfills.forget(self._org, source.name)
            return report

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
            self._ranges.share = budget = RequestBudget(MOST_SECONDS)
            with self._within(budget):
                shown = ask_coarsely(source, time_range)
            counted = self._ledger.tallies.sums(self._org, time_range, STEP_SECONDS)
            found = compare(self._org, time_range, shown, counted)
            count = PollCount()
            is_complete = True
            for differing in found.differing:
                is_complete &= not budget.is_half_spent
                if is_complete:
                    is_complete = self._read_again(differing, source, count)
            return replace(found, added=count.executions, is_complete=is_complete)

    def _read_again(self, time_range: TimeRange, source: Source, count: PollCount) -> bool:
        """Read what differs; whether the platform answered: what came before is told anyway."""
        try:
            self._ranges.read_time_range(time_range, source, count)
        except GenesysError as error:
            log.warning("reconcile_goes_on_later", org=self._org, why=error.message)
            return False
        return True

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
            self._ranges.share = budget and budget.part(len(self._sources) - place)
            try:
                read(source, count)
            except GenesysError as error:
                self._failed.add(source.name)
                errors[source.name] = error
                self._availability.note_refusal(source.name, error)
            except TimeoutMonitorError:
                raise
            except Exception as error:  # noqa: BLE001 - it holds up no other source, whatever it is
                self._failed.add(source.name)
                errors[source.name] = UnforeseenError.of(error)
            else:
                if source.name not in self._not_asked:
                    self._failed.discard(source.name)
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
            if not due.deep and (source.deep_only or self._has_nothing_new(source)):
                self._not_asked.add(source.name)
                self._ranges.note_nothing_owed(source, window)
                return
            if due.deep:
                self._read_deep.add(source.name)
            for time_range in due.skipped:
                self._ranges.skip(source, time_range, window, count)
            # A window is told as finely as it can be from the moment on at which it has settled.
            deep = due.deep or (source.near_is_coarse and due.fine)
            before = self._ranges.share and self._ranges.share.remaining_requests
            self._ranges.read_all(source, due.reads, window, count, deep=deep)
            if source.name == ConversationsSource.name:
                left = self._ranges.share and self._ranges.share.remaining_requests
                asked = max((before or 0) - (left or 0), 1)
                self._ranges.detail_reads.note_details(asked - 1 if due.deep else asked)

        self._ranges.in_windows(source, read)

    def _due(self, source: Source, window_seconds: int, now: float) -> ReadPlan:
        state = self._ledger.source_state(self._org, source.name)
        return plan_reads(
            now=now,
            settings=self._settings,
            window_seconds=window_seconds,
            slice_seconds=self._ranges.slices.seconds(source, window_seconds),
            coverage=self._ledger.coverage(self._org, source.name),
            complete_until=state.complete_until if state else 0,
            near_is_coarse=source.near_is_coarse,
        )

    def _has_nothing_new(self, source: Source) -> bool:
        """Whether aggregates, which tell every timeout, show no new one for a source to explain.

        With contract ``flow``, or while aggregates are not answered, nothing tells that. One that
        failed when it was asked last is asked again.
        """
        return (
            source.name == ConversationsSource.name
            and not self._failed & {source.name, self._required}
            and self._required == ActionsSource.name
            and any(other.name == self._required for other in self._sources)
            and self._availability.is_available(self._required)
            and not self._ranges.detail_reads.is_worth_asking
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
                and self._due(other, self._ranges.windows.seconds(other), now).deep
                for other in self._sources
            )
        if gives_way:
            self._gave_way.add(source.name)
        return gives_way
