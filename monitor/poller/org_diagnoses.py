"""The diagnoses of one org, made anew as its windows settle; the last one until there is one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.diagnosis import (
    Diagnoser,
    DiagnosisCancelledError,
    LocalDiagnoser,
    OrgDiagnosis,
    diagnosed_range,
    may_go_on,
)
from monitor.errors import LedgerError, NotLeasedError, WorkerLostError
from monitor.ledger import Ledger, OrgState
from monitor.poller.poll_health import FreshnessTracker
from monitor.poller.read_plan import END_STEP_SECONDS
from monitor.snapshot import OrgSnapshot
from monitor.time_ranges import floor_to

log = structlog.get_logger()


class OrgDiagnoses:
    """Says when an org is to be diagnosed, diagnoses it, and keeps the newest verdicts.

    Attributes:
        newest: The verdicts that this process has found; None before there are any.
    """

    def __init__(  # noqa: PLR0913 - what is judged, by which settings, and what it shares
        self,
        org: OrgSettings,
        settings: Settings,
        *,
        ledger: Ledger,
        clock: Clock,
        freshness: FreshnessTracker,
        closed: threading.Event,
        leased: Callable[[], AbstractContextManager[None]],
        diagnoser: Diagnoser | None = None,
    ) -> None:
        """Begin without verdicts.

        Args:
            org: Whose actions are diagnosed.
            settings: Everything else.
            ledger: What was counted.
            clock: The time of the data.
            freshness: Is told when a diagnosis ended well.
            closed: Set it to cancel the diagnosis in hand.
            leased: Holds the org's reading lease as long as the block lasts.
            diagnoser: Diagnoses in other processes; None for this one.
        """
        self._org = org
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._freshness = freshness
        self._closed = closed
        self._leased = leased
        self._diagnoser = diagnoser or LocalDiagnoser(goes_on=may_go_on(settings))
        self._until: int | None = None
        self._last: OrgDiagnosis | None = None
        self.newest: OrgDiagnosis | None = None

    @property
    def shown(self) -> tuple[OrgDiagnosis | None, bool]:
        """The verdicts to show, None before there are any, and whether this process found them."""
        newest = self.newest
        return (self._last, False) if newest is None else (newest, True)

    def carry_over(self, before: OrgSnapshot) -> None:
        """Go on with what an earlier one of the same org, in this process, has shown."""
        if before.is_judged_here:
            self.newest = before.diagnosis
        else:
            self._last = before.diagnosis

    def recall(self) -> None:
        """Show what was last told of the org, by whatever program, until there is something newer.

        Raises:
            LedgerError: The state can't be read.
        """
        if self.newest is None:
            self._last = self._last_told()

    def follow(self) -> None:
        """Show what another program tells: ours would stay what it was for good.

        Raises:
            LedgerError: The state can't be read.
        """
        self._last = self._last_told()
        self.newest = self._until = None

    def _last_told(self) -> OrgDiagnosis | None:
        now = self._clock.now()
        found = self._diagnoser.memory.last(self._ledger, self._org, self._settings, now)
        if found is not None:
            self._freshness.note_diagnosis(now - found.taken_at)
        return found

    def claim(self, state: OrgState, window_seconds: int) -> bool:
        """Whether a window has settled that no diagnosis has looked at; the caller then diagnoses.

        True once for each window, when it was read finely: where that failed, after the next poll.

        Args:
            state: The org as it was last read.
            window_seconds: How long the windows are that its executions are counted in.
        """
        now = self._clock.now()
        end = diagnosed_range(self._settings, now, window_seconds).end
        if self._until == end or not state.sources:
            return False
        source = state.sources.get(self._org.contract.execution_source)
        read_at = source.last_success_at if source else 0.0
        if now - read_at <= self._settings.collect.stale_after_seconds:
            read_until = floor_to(read_at, END_STEP_SECONDS)
            if diagnosed_range(self._settings, read_until, window_seconds).end < end:
                return False
        self._until = end
        return True

    def diagnose(self) -> None:
        """Diagnose every action anew.

        Raises:
            LedgerError: The state can't be read; it is tried again after the next poll.
            WorkerLostError: The process that does it was lost; likewise.
        """
        started = time.monotonic()
        claimed = self._until
        try:
            found = self._diagnoser.diagnose_org(
                self._ledger, self._org, self._settings, self._clock.now(), self._closed
            )
        except DiagnosisCancelledError:
            return
        except (LedgerError, WorkerLostError):
            self._until = None
            raise
        if claimed is not None and self._until is None:
            return  # Another program has taken over meanwhile.
        self.newest, self._last = found, None
        self._freshness.note_diagnosis()
        log.info(
            "diagnosis",
            org=self._org.name,
            actions=len(found.diagnoses),
            duration_seconds=round(time.monotonic() - started, 3),
        )
        self._keep()

    def _keep(self) -> None:
        """Write what was diagnosed into the state; where that fails, with the next one."""
        if self._closed.is_set():
            return  # The lease may have been given back.
        try:
            with self._leased():
                self._diagnoser.memory.keep(self._ledger, self._org.name)
        except NotLeasedError:
            log.info("diagnosis_not_kept", org=self._org.name, why="another program reads the org")
        except LedgerError as error:
            log.warning(
                "diagnosis_not_kept", org=self._org.name, why=error.message, hint=error.hint
            )
