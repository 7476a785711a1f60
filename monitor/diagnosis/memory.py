"""What was diagnosed last, from the state and into it.

A daemon that starts, or takes an org over, goes on from what was written; one that finds that
another has written since does too. What another version has written, or what is damaged, is as
good as none: then everything is judged anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from monitor.config import DIAGNOSED_SECONDS, Settings
from monitor.diagnosis.carried import (
    CarriedOver,
    DiagnosisUpdate,
    completed,
    print_of_settings,
)
from monitor.diagnosis.diagnosed import HOUR_SECONDS, DiagnosedOrg, DiagnosisSections
from monitor.diagnosis.kept import PROGRAM, UnreadableError, action_bytes, org_bytes, org_of
from monitor.diagnosis.model import Diagnosis, OrgDiagnosis, Verdict
from monitor.diagnosis.told import ToldVerdict, advised_ms, all_told_after
from monitor.ledger import KeptDiagnosis, Ledger, PastVerdict, SaidVerdict

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of the last diagnosis of an org.

    Attributes:
        diagnosis: The diagnosis; None where there is none to go on from.
        carried: What it leaves to the next; None where that must judge everything anew.
        told: By action id, what was told until now.
        stamp: Which of those that the state has had it is, or goes on from; empty for none.
        unkept: Actions whose diagnoses the state does not have yet.
    """

    diagnosis: OrgDiagnosis | None
    carried: CarriedOver | None
    told: Mapping[str, ToldVerdict]
    stamp: str = ""
    unkept: frozenset[str] = frozenset()

    def found_by(self, org: DiagnosedOrg, settings: DiagnosisSections) -> OrgDiagnosis | None:
        """Return the diagnosis; None where it was made by other settings, or none can tell."""
        if self.carried is None or self.carried.asked != print_of_settings(org, settings):
            return None
        return self.diagnosis

    def is_of_the_future(self, now: float) -> bool:
        """Return whether it was found by a clock that was ahead.

        Args:
            now: The time; epoch seconds.
        """
        return self.diagnosis is not None and self.diagnosis.taken_at > now

    def after(self, update: DiagnosisUpdate, *, goes_on: bool = True) -> Remembered:
        """Return what is known once an update of it was made.

        Args:
            update: What was found.
            goes_on: Whether the next diagnosis may go on from it.
        """
        found = completed(update, self.diagnosis)
        return replace(
            self,
            diagnosis=found,
            carried=update.carried if goes_on else None,
            told=all_told_after(self.told, found),
            unkept=(self.unkept | update.rest.diagnoses.keys()) & found.diagnoses.keys(),
        )


NOTHING = Remembered(None, None, {})


def remembered(ledger: Ledger, org: str, now: float) -> Remembered:
    """Return what the state knows of the last diagnosis of an org.

    Args:
        ledger: The state.
        org: The org's configured name.
        now: The time, epoch seconds: what was told later was told by a clock that was wrong.

    Raises:
        LedgerError: The state can't be read.
    """
    kept, verdicts = ledger.diagnoses.last(org)
    told = {
        action_id: one
        for action_id, past in verdicts.items()
        if (one := _told(past, now)) is not None
    }
    if kept is None:
        return replace(NOTHING, told=told)
    if kept.program != PROGRAM or kept.taken_at > now:
        return replace(NOTHING, told=told, stamp=kept.stamp)
    try:
        found, carried = org_of(org, kept.content, kept.actions)
    except UnreadableError:
        log.warning(
            "diagnosis_unreadable",
            org=org,
            hint="What is kept of the last diagnosis is damaged: all of it is made anew.",
        )
        return replace(NOTHING, told=told, stamp=kept.stamp)
    return Remembered(found, carried, told, kept.stamp)


def remember(ledger: Ledger, org: str, known: Remembered) -> Remembered:
    """Write what is known of the last diagnosis of an org: what is new since its stamp.

    Returns:
        The same, with its new stamp.

    Raises:
        NotLeasedError: Another program reads the org by now.
        LedgerError: The state can't be written.
    """
    found = known.diagnosis
    if found is None:
        return known
    said = {action_id: _said(one) for action_id, one in found.diagnoses.items()}
    content = org_bytes(found, known.carried)
    stamp = ""
    for action_ids in (known.unkept, found.diagnoses):
        kept = KeptDiagnosis(
            PROGRAM,
            found.taken_at,
            content,
            {action_id: action_bytes(found.diagnoses[action_id]) for action_id in action_ids},
            known.stamp,
        )
        stamp = ledger.diagnoses.keep(org, kept, frozenset(found.diagnoses), said)
        if stamp:
            break
    return replace(known, stamp=stamp, unkept=frozenset())


def _told(past: PastVerdict, now: float) -> ToldVerdict | None:
    try:
        verdict = Verdict(past.verdict)
    except ValueError:
        return None  # of another version
    return ToldVerdict(verdict, min(past.told_from, now), past.advised_ms)


def _said(found: Diagnosis) -> SaidVerdict:
    period, advised = found.period, advised_ms(found)
    if period is None:
        return SaidVerdict(found.verdict.value, advised_ms=advised)
    until = None if period.until is None else float(period.until)
    return SaidVerdict(found.verdict.value, float(period.since), until, advised)


def may_go_on(settings: Settings) -> bool:
    """Whether a diagnosis may go on from an earlier one."""
    # What is pruned before it is too old to be looked at leaves without a trace.
    return settings.state.retention >= (
        DIAGNOSED_SECONDS + settings.collect.settle + 2 * HOUR_SECONDS
    )


class DiagnosisMemory:
    """What one process remembers of its orgs, as long as nobody else has written since.

    Safe to use from several threads, as long as each org is diagnosed by one at a time.
    """

    def __init__(self, *, goes_on: bool = True) -> None:
        """Remember nothing.

        Args:
            goes_on: Whether a diagnosis goes on from the one before it.
        """
        self._goes_on = goes_on
        self._known = dict[str, Remembered]()

    def recall(self, ledger: Ledger, org: str, now: float) -> Remembered:
        """Return what is known of the last diagnosis of an org, whoever has made it.

        Args:
            ledger: The state.
            org: The org's configured name.
            now: The time; epoch seconds.

        Raises:
            LedgerError: The state can't be read.
        """
        known = self._known.get(org)
        stamp = ledger.diagnoses.stamp(org)
        if known is None or known.stamp != stamp or known.is_of_the_future(now):
            known = self._known[org] = remembered(ledger, org, now)
        return known

    def last(
        self, ledger: Ledger, org: DiagnosedOrg, settings: DiagnosisSections, now: float
    ) -> OrgDiagnosis | None:
        """Return the last diagnosis of an org, whoever has made it, as it was made.

        Args:
            ledger: The state.
            org: The org.
            settings: What is asked for now.
            now: The time; epoch seconds.

        Returns:
            The diagnosis; None where there is none, or only one of another version of the program
            or by other settings.

        Raises:
            LedgerError: The state can't be read.
        """
        return self.recall(ledger, org.name, now).found_by(org, settings)

    def note(self, org: str, before: Remembered, update: DiagnosisUpdate) -> OrgDiagnosis:
        """Remember an update of what was known; the whole diagnosis."""
        known = self._known[org] = before.after(update, goes_on=self._goes_on)
        assert known.diagnosis is not None  # noqa: S101 - an update makes one
        return known.diagnosis

    def keep(self, ledger: Ledger, org: str) -> None:
        """Write the last diagnosis of an org, if there is one.

        Raises:
            NotLeasedError: Another program reads the org by now.
            LedgerError: The state can't be written; it is written with the next one.
        """
        known = self._known.get(org)
        if known is not None:
            self._known[org] = remember(ledger, org, known)
