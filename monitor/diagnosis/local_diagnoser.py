"""Diagnoses orgs in this very process, as a demonstration and tests do."""

from __future__ import annotations

import threading

from monitor.diagnosis.diagnosed import DiagnosedOrg, DiagnosisSections
from monitor.diagnosis.memory import DiagnosisMemory
from monitor.diagnosis.model import OrgDiagnosis
from monitor.ledger import Ledger


class LocalDiagnoser:
    """Diagnoses orgs here; safe to use from several threads.

    Attributes:
        memory: What it has found, which the state can keep.
    """

    def __init__(self, *, goes_on: bool = True) -> None:
        """Remember nothing.

        Args:
            goes_on: Whether a diagnosis goes on from the one before it.
        """
        self.memory = DiagnosisMemory(goes_on=goes_on)

    def diagnose_org(
        self,
        ledger: Ledger,
        org: DiagnosedOrg,
        settings: DiagnosisSections,
        now: float,
        cancelled: threading.Event,
    ) -> OrgDiagnosis:
        """Return a diagnosis of every action of an org; see ``Diagnoser.diagnose_org``.

        Raises:
            DiagnosisCancelledError: ``cancelled`` was set meanwhile.
            LedgerError: The state can't be read.
        """
        # What it takes is loaded for it alone.
        from monitor.diagnosis import org as whole  # noqa: PLC0415

        known = self.memory.recall(ledger, org.name, now)
        update = whole.update_diagnosis(
            ledger,
            org,
            settings,
            now,
            carried=known.carried,
            told=known.told,
            cancelled=cancelled,
        )
        return self.memory.note(org.name, known, update)
