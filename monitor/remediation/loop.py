"""The daemon's half of remediation at one org: a turn after each poll, and the snapshot of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.diagnosis import OrgDiagnosis
from monitor.errors import BusyError
from monitor.ledger import Ledger
from monitor.remediation.actor import daemon
from monitor.remediation.decide import OK
from monitor.remediation.decision import DecisionKind
from monitor.remediation.guards import GUARD_NAMES
from monitor.remediation.org import OrgRemediation
from monitor.remediation.put_back import why_set_back
from monitor.remediation.reconcile import ReconcileReport
from monitor.snapshot import SHOWN_CHANGES, RemediationSnapshot

log = structlog.get_logger()


class RemediationLoop:
    """Takes the daemon's turns at one org, one at a time; safe to use from several threads."""

    def __init__(
        self,
        org: OrgSettings,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        """Know nothing of what was changed before ``refresh_snapshot``, and do nothing yet.

        Args:
            org: The org.
            settings: Everything else.
            ledger: What was seen and changed.
            clock: The time of the data.
            stop: Set where every wait is to end, and no change is to begin.
        """
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._mode = settings.remediation.mode
        self._remediation = OrgRemediation(org, settings, ledger, clock, actor=daemon(), stop=stop)
        self._turn = threading.Lock()
        self._voided = 0
        self._counts: Counter[tuple[str, str]] = Counter(
            dict.fromkeys(
                [
                    (str(DecisionKind.RAISE), OK),
                    (str(DecisionKind.RECOMMEND), "mode"),
                    *((str(DecisionKind.KEEP), name) for name in GUARD_NAMES),
                ],
                0,
            )
        )
        self._snapshot = RemediationSnapshot(mode=self._mode, decisions=dict(self._counts))

    @property
    def name(self) -> str:
        """The org's name."""
        return self._remediation.name

    def run_once(self, diagnosis: OrgDiagnosis | None) -> ReconcileReport:
        """Go on with what is open, decide, and change one timeout at most, as the mode allows.

        In mode ``off`` it is only found out what became of a write that was cut short, and before
        the first diagnosis nothing is known. While a turn is under way, here or in another program,
        this one is left out: the next comes soon.

        Raises:
            LedgerError: The state can't be used.
        """
        if self._stop.is_set() or (self._mode != "off" and diagnosis is None):
            return ReconcileReport()
        if not self._turn.acquire(blocking=False):
            return ReconcileReport()
        try:
            self._void_future()
            if self._mode == "off" or diagnosis is None:
                self._remediation.settle()
                return ReconcileReport()
            return self._counted(self._remediation.reconcile(diagnosis))
        except BusyError as error:
            log.info("turn_left_out", org=self.name, why=error.message)
            return ReconcileReport()
        finally:
            self._turn.release()

    def _void_future(self) -> None:
        """Bring back to now what a wrong clock has written of changes; the clock is right by now.

        Raises:
            LedgerError: The state can't be used.
        """
        ahead_seconds = self._ledger.journal.bring_back_from_future(self.name, self._clock.now())
        if ahead_seconds:
            self._voided += 1
            log.warning(
                "future_moments_void",
                org=self.name,
                source="remediation",
                ahead_seconds=round(ahead_seconds),
                hint="The clock of this machine, or of another one that shares the state, was "
                "wrong. Changes, quarantines and switches of that time count as made just now.",
            )

    @property
    def snapshot(self) -> RemediationSnapshot:
        """Return the newest snapshot of what was decided and changed."""
        return self._snapshot

    def refresh_snapshot(self) -> None:
        """Take the snapshot anew.

        Raises:
            LedgerError: The state can't be read; the snapshot stays as it was.
        """
        journal = self._ledger.journal
        remediation_state = journal.remediation_state(self.name, self._clock.now())
        self._snapshot = RemediationSnapshot(
            mode=self._mode,
            paused=remediation_state.paused is not None,
            tripped=remediation_state.tripped is not None,
            voided=self._voided,
            decisions=dict(self._counts),
            results=journal.audit.event_counts(self.name),
            set_back=Counter(
                why_set_back(asked=asked, reason=reason, detail=detail)
                for asked, reason, detail in journal.audit.undone_changes(self.name)
            ),
            changes=journal.changes(self.name, SHOWN_CHANGES),
            outside=tuple(
                self._ledger.journal.platform_audit.outside_changes(self.name, SHOWN_CHANGES)
            ),
        )

    def carry_over(self, decisions: Mapping[tuple[str, str], int], voided: int = 0) -> None:
        """Go on counting where an earlier loop of the same org, in this process, ended.

        Raises:
            LedgerError: The state can't be read.
        """
        with self._turn:
            self._counts.update(decisions)
            self._voided += voided
        self.refresh_snapshot()

    def _counted(self, report: ReconcileReport) -> ReconcileReport:
        for decision in report.decisions:
            self._counts[str(decision.kind), decision.reason] += 1
        tripped = self._ledger.journal.remediation_state(self.name, self._clock.now()).tripped
        if tripped is not None:
            self._counts[str(DecisionKind.KEEP), "tripped"] += 1
        return report

    def close(self) -> None:
        """Send nothing more, whatever a turn under way waits for, and let go of connections."""
        self._remediation.close()
