"""Diagnoses orgs in this very process, as a demonstration and tests do."""

from __future__ import annotations

import threading

from monitor.diagnosis.diagnosed import DiagnosedOrg, DiagnosisSections
from monitor.diagnosis.memory import DiagnosisMemory
from monitor.diagnosis.model import OrgDiagnosis
from monitor.ledger import Ledger


class LocalDiagnoser:
    """Diagnoses orgs here, and remembers; safe to use from several threads."""

    def __init__(self, *, goes_on: bool = True) -> None:
        """Remember nothing.

        Args:
            goes_on: Whether a diagnosis goes on from the one before it.
        """
        self._memory = DiagnosisMemory(goes_on=goes_on)

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

        known = self._memory.recall(ledger, org.name, now)
        update = whole.update_diagnosis(
            ledger,
            org,
            settings,
            now,
            carried=known.carried,
            told=known.told,
            cancelled=cancelled,
        )
        return self._memory.note(org.name, known, update)

    def last_diagnosis(
        self, ledger: Ledger, org: DiagnosedOrg, settings: DiagnosisSections, now: float
    ) -> OrgDiagnosis | None:
        """Return the last diagnosis of an org, whoever has made it; see ``DiagnosisMemory.last``.

        Raises:
            LedgerError: The state can't be read.
        """
        return self._memory.last(ledger, org, settings, now)

    def keep(self, ledger: Ledger, org: str) -> None:
        """Write the last diagnosis of an org into the state.

        Raises:
            NotLeasedError: Another program reads the org by now.
            LedgerError: The state can't be written; it is written with the next one.
        """
        self._memory.keep(ledger, org)
