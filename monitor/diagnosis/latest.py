"""The diagnosis of an org as a report has it: that of the daemon where there is one, else anew.

A report speaks of the windows that the daemon has diagnosed last, as its page and its metrics do,
as long as these are few windows old: until a window is diagnosed, and in the first minutes of an
hour, in which all is judged anew, nobody waits for what the daemon is about to say. What has
changed in these windows since, or in the catalogue, is judged anew all the same.
"""

from __future__ import annotations

from monitor.diagnosis.carried import completed
from monitor.diagnosis.diagnosed import DiagnosedOrg, DiagnosisSections, diagnosed_range
from monitor.diagnosis.memory import Remembered, remembered
from monitor.diagnosis.model import Diagnosis, OrgDiagnosis
from monitor.diagnosis.org import diagnose_action, update_diagnosis
from monitor.ledger import Ledger
from monitor.time_ranges import TimeRange

MOST_WINDOWS_BEHIND = 2
"""Windows that may have settled since a diagnosis that is still shown: the daemon makes one for
each, minutes later where it has many orgs."""


def latest_diagnosis(
    ledger: Ledger, org: DiagnosedOrg, settings: DiagnosisSections, now: float
) -> OrgDiagnosis:
    """Return a diagnosis of every action of an org, of now or of the last windows told.

    It goes on from what the state has, where that was found by the same settings and the same
    version of the program; nothing is written.

    Args:
        ledger: The state.
        org: The org.
        settings: What is asked for, and how long windows are.
        now: The time; epoch seconds.

    Returns:
        What ``diagnose_org`` says at ``taken_at``, which is the daemon's or ``now``.

    Raises:
        LedgerError: The state can't be read.
    """
    known = remembered(ledger, org.name, now)
    at = _taken_at(ledger, org, settings, known, now)
    update = update_diagnosis(ledger, org, settings, at, carried=known.carried, told=known.told)
    return completed(update, known.diagnosis)


def latest_action_diagnosis(
    ledger: Ledger, org: DiagnosedOrg, settings: DiagnosisSections, now: float, action_id: str
) -> tuple[Diagnosis, TimeRange]:
    """Return what ``latest_diagnosis`` says of one action, and of which settled windows.

    No other action is judged for it; one that nothing is told of has a diagnosis, too.

    Args:
        ledger: The state.
        org: The org.
        settings: What is asked for, and how long windows are.
        now: The time; epoch seconds.
        action_id: The action.

    Raises:
        LedgerError: The state can't be read.
    """
    known = remembered(ledger, org.name, now)
    at = _taken_at(ledger, org, settings, known, now)
    return diagnose_action(ledger, org, settings, at, action_id, known.told)


def _taken_at(
    ledger: Ledger,
    org: DiagnosedOrg,
    settings: DiagnosisSections,
    known: Remembered,
    now: float,
) -> float:
    """Return when the diagnosis is of: as the last one, if that is not old."""
    found = known.found_by(org, settings)
    if found is None:
        return now
    source = org.contract.execution_source
    window_seconds = ledger.window_seconds(org.name, source, settings.collect.window)
    newest = diagnosed_range(settings, now, window_seconds)
    behind = newest.end - found.time_range.end
    is_recent = 0 <= behind <= MOST_WINDOWS_BEHIND * window_seconds
    return found.taken_at if is_recent else now
