"""Poll one org, then take the snapshot that is shown of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import structlog

from monitor.clock import Clock, is_in_future
from monitor.config import Settings
from monitor.contract import Contract
from monitor.diagnosis import Diagnoser
from monitor.errors import (
    AuthenticationError,
    ConnectionFailedError,
    GenesysError,
    NotLeasedError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.genesys import RequestBudget
from monitor.ledger import Ledger, ReadingLeases
from monitor.poller.catalogue_refresh import CatalogueRefresh
from monitor.poller.closer_look import CloserLook
from monitor.poller.history_reader import BackfillListener
from monitor.poller.org_diagnoses import OrgDiagnoses
from monitor.poller.org_reader import OrgReader
from monitor.poller.poll_health import FreshnessTracker, HealthTracker
from monitor.poller.poll_report import PollReport, PollResult
from monitor.poller.reconciliation import (
    RECONCILE_EVERY_SECONDS,
    RECONCILED_SECONDS,
    Reconciliation,
)
from monitor.poller.state_snapshots import StateSnapshots
from monitor.snapshot import OrgSnapshot
from monitor.time_ranges import TimeRange

log = structlog.get_logger()

_NOBODY_THERE = (AuthenticationError, ConnectionFailedError)
"""What any other question would end with too."""


class OrgPoller:
    """One org: its polls, how they went, and its snapshot; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - what is asked, by which settings, and what it shares
        self,
        reader: OrgReader,
        settings: Settings,
        *,
        ledger: Ledger,
        clock: Clock,
        leases: ReadingLeases | None = None,
        diagnoser: Diagnoser | None = None,
    ) -> None:
        """Begin with a snapshot that knows nothing; neither the platform nor the state is asked.

        Args:
            reader: What is asked, and what it is written to.
            settings: Everything else.
            ledger: What was counted.
            clock: The time of the data.
            leases: Tell which program reads the org; None where no other one could.
            diagnoser: Diagnoses in other processes; None for this one.
        """
        self._reader = reader
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._leases = leases
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._snapshots = StateSnapshots(reader.settings, settings, ledger, clock)
        self._freshness = FreshnessTracker(clock)
        self._diagnoses = OrgDiagnoses(
            reader.settings,
            settings,
            ledger=ledger,
            clock=clock,
            freshness=self._freshness,
            closed=self._closed,
            leased=self._leased,
            diagnoser=diagnoser,
        )
        self._health = HealthTracker(reader, settings.sources_of(reader.settings))
        self._catalogue = CatalogueRefresh(reader, self._health, self._freshness, self._closed)
        self._closer_look = CloserLook(
            reader.settings, settings, client=reader.client, ledger=ledger, clock=clock
        )
        self._snapshot = self._snapshots.empty(self._health.current)

    @property
    def name(self) -> str:
        """The org's name."""
        return self._reader.settings.name

    @property
    def snapshot(self) -> OrgSnapshot:
        """The newest snapshot, with the newest verdicts: neither waits for the other."""
        org_snapshot = self._snapshot
        last = self._freshness.last_reads(org_snapshot.state.sources)
        diagnosis, is_judged_here = self._diagnoses.shown
        return replace(
            org_snapshot,
            diagnosis=diagnosis,
            is_judged_here=is_judged_here,
            last_reads=last.sources,
            polled_at=last.polled_at,
            catalogue_read_at=last.catalogue_at,
            diagnosed_at=last.diagnosed_at,
        )

    @property
    def has_nothing_to_watch(self) -> bool:
        """Whether the org has no data action, as far as its catalogue tells."""
        listed = self._catalogue.is_read and self._reader.settings.contract is Contract.PLATFORM
        return listed and not self._snapshot.state.actions

    @property
    def is_starting(self) -> bool:
        """Whether nothing has been taken from the state yet."""
        return self._snapshot.is_starting

    def carry_over(self, before: OrgSnapshot) -> None:
        """Go on where an earlier poller of the same org, in this process, ended.

        Which sources answer is not taken over: that may be why there is a new one. What that one
        showed, the verdicts too, is shown until there is something new.

        Args:
            before: Its last snapshot.
        """
        with self._turn:
            self._health.carry_over(before.health)
            shown = self._snapshot
            if before.contract is shown.contract:
                self._diagnoses.carry_over(before)
                self._freshness.note_sources(before.state.sources)
                shown = before
            self._snapshot = replace(shown, health=self._health.current)

    def poll(self) -> PollReport:
        """Read what is due, write one line about it, and take the snapshot anew.

        A source that fails is part of the report, and the snapshot keeps its last good data.

        Raises:
            ConfigurationError: The org's address can't be asked.
            NotLeasedError: Another program reads the org: nothing was asked, or what was asked is
                not written down.
            LedgerError: The state can't be read or written; the snapshot says so.
        """
        return self._read(self._poll_and_look, RequestBudget(), self._leased)

    def _poll_and_look(self, budget: RequestBudget) -> PollReport:
        report = self._reader.source_reader.poll(budget)
        if report.result is PollResult.OK and not self._closed.is_set():
            self._closer_look.run(self._diagnoses.newest, budget, self._snapshot.state.gone)
            self._health.note_closer_look(self._closer_look.requests)
        return report

    def follow(self) -> None:
        """Show what another program has read of the org, and judges.

        When its sources were last read is looked at each time. All the rest, which costs as much
        as after a poll, is once for each window that settles: polls come more often.

        Raises:
            LedgerError: The state can't be read.
        """
        with self._turn:
            self._ledger.verify()
            sources = self._ledger.source_states(self.name)
            before = self._snapshot
            if self._snapshots.shows_settled(before, sources):
                self._freshness.note_sources(sources)
                taken = replace(before, state=replace(before.state, sources=sources))
            else:
                taken = self._take_snapshot()
            self._freshness.note_following()
            self._health.note_following()
            # Whoever takes over has to know the timeouts in force.
            self._catalogue.is_read = False
            self._diagnoses.follow()
            self._snapshot = replace(taken, health=self._health.current)

    def catch_up(self) -> None:
        """Take the snapshot anew from the state, verdicts too, whoever has written that until now.

        Raises:
            LedgerError: The state can't be read.
            UnforeseenError: It can't be summed up.
        """
        with self._turn:
            try:
                taken = self._take_snapshot()
                self._diagnoses.recall()
            except TimeoutMonitorError:
                raise
            except Exception as error:
                raise UnforeseenError.of(error) from error
            self._snapshot = replace(taken, health=self._health.current)

    def backfill(
        self,
        time_range: TimeRange,
        listener: BackfillListener | None = None,
        *,
        again: bool = False,
    ) -> PollReport:
        """Read a period of the past, again or for the first time, whoever reads the present.

        Args:
            time_range: The period.
            listener: Is told how far it has come.
            again: Whether to read what a backfill has read that was ended within the last day.

        Raises:
            ConfigurationError: The org's address can't be asked.
            LedgerError: The state can't be read or written.
        """
        return self._read(
            lambda _: self._reader.source_reader.backfill(time_range, listener, again=again),
            RequestBudget(),
            nullcontext,
        )

    def reconcile(self, since_seconds: float) -> Reconciliation:
        """Compare what was counted with one wide question, and read again what differs.

        As for a backfill no lease is needed: reading a window twice adds nothing.

        Args:
            since_seconds: How far back.

        Raises:
            GenesysError: The platform did not answer.
            LedgerError: The state can't be read or written.
        """
        with self._turn:
            self._ledger.verify()
            before = self._requests()
            try:
                found = self._reader.source_reader.reconcile(self._clock.now() - since_seconds)
            except GenesysError:
                if not self._closed.is_set():
                    raise
                # Its connections were closed under it.
                log.info("reconcile_abandoned", org=self.name)
                return Reconciliation(self.name, TimeRange(0, 0), is_complete=False)
            found = replace(found, requests=self._requests() - before)
            if found.is_complete and since_seconds >= RECONCILED_SECONDS:
                self._ledger.note_reconciled(self.name, self._clock.now())
            self._health.note_reconciliation(found.added)
            self._snapshot = replace(self._take_snapshot(), health=self._health.current)
        line = log.warning if found.missing else log.info
        line(
            "reconciled",
            org=self.name,
            platform=found.platform,
            counted=found.counted,
            missing=found.missing,
            surplus=found.surplus,
            executions_added=found.added,
            requests=found.requests,
        )
        return found

    @property
    def is_reconcile_due(self) -> bool:
        """Whether the last whole comparison, by whatever program, is a day ago.

        Raises:
            LedgerError: The state can't be read.
        """
        last, now = self._ledger.reconciled_at(self.name), self._clock.now()
        # One that a wrong clock has dated is none.
        return is_in_future(last, now) or now - last >= RECONCILE_EVERY_SECONDS

    def _leased(self) -> AbstractContextManager[None]:
        return nullcontext() if self._leases is None else self._leases.reading(self.name)

    def _read(
        self,
        read: Callable[[RequestBudget], PollReport],
        budget: RequestBudget,
        leased: Callable[[], AbstractContextManager[None]],
    ) -> PollReport:
        with self._turn:
            started = time.monotonic()
            try:
                # Before anything is asked: what is read into a state that is gone is lost.
                self._ledger.verify()
                with leased():
                    report = self._asked(read, budget, started)
                if self._closed.is_set() and (report.errors or report.is_cut_short):
                    # It was ended, or its connections were closed under it: that is no finding
                    # about the platform.
                    log.info("poll_abandoned", org=self.name)
                    return report
                taken = self._take_snapshot()
            except NotLeasedError:
                raise
            except TimeoutMonitorError as error:
                self._note_failure(error, time.monotonic() - started)
                raise
            except Exception as error:
                # Whatever it is, this poll has failed, and the next one is made all the same.
                failure = UnforeseenError.of(error)
                self._note_failure(failure, time.monotonic() - started)
                raise failure from error
            self._freshness.note_poll()
            self._health.note_poll(report)
            self._snapshot = replace(taken, health=self._health.current)
        return report

    def _asked(
        self, read: Callable[[RequestBudget], PollReport], budget: RequestBudget, started: float
    ) -> PollReport:
        problem = None if self._catalogue.is_read else self._catalogue.run(budget)
        before = self._requests()
        if isinstance(problem, _NOBODY_THERE):
            report = self._not_asked(problem, time.monotonic() - started)
        else:
            report = read(budget)
        return replace(report, requests=self._requests() - before)

    def claim_diagnosis(self) -> bool:
        """Whether a window has settled that no diagnosis has looked at; the caller then diagnoses.

        True once for each window, when it was read finely: where that failed, after the next poll.
        """
        state = self._snapshot.state
        return self._diagnoses.claim(state, self._snapshots.window_seconds(state))

    def diagnose(self) -> None:
        """Diagnose every action anew, and put the verdicts into the snapshot.

        It takes seconds to a minute, and holds up no poll: none waits for it.

        Raises:
            LedgerError: The state can't be read; it is tried again after the next poll.
            WorkerLostError: The process that does it was lost; likewise.
        """
        self._diagnoses.diagnose()

    def refresh_catalogue(self) -> None:
        """Read the catalogue again; what goes wrong is logged, and what was known stays.

        Raises:
            NotLeasedError: Another program reads the org.
            LedgerError: The state can't be read or written.
        """
        with self._turn, self._leased():
            self._catalogue.run(RequestBudget())
            self._health.note_audits()
            self._snapshot = self._take_snapshot()

    def close(self) -> None:
        """End the requests in flight and let go of the connections."""
        self._closed.set()
        self._reader.client.close()

    def _not_asked(self, problem: GenesysError, seconds: float) -> PollReport:
        """A poll that failed before any source was asked: each would only take its time to fail."""
        polled = self._settings.sources_of(self._reader.settings)
        available = {name: self._health.current.source_available.get(name, True) for name in polled}
        return PollReport(
            org=self.name,
            result=PollResult.FAILED,
            duration_seconds=seconds,
            errors=dict.fromkeys(available, problem),
            available=available,
            refused=self._reader.source_reader.refused,
        )

    def _requests(self) -> int:
        return sum(self._reader.client.stats().requests.values())

    def _note_failure(self, error: TimeoutMonitorError, seconds: float) -> None:
        self._freshness.note_poll()
        self._health.note_failure(error, seconds)
        self._snapshot = replace(self._snapshot, health=self._health.current)

    def _take_snapshot(self) -> OrgSnapshot:
        state = self._ledger.state(self.name)
        self._freshness.note_sources(state.sources)
        return self._snapshots.of(state, self._snapshot, self._health.current)
