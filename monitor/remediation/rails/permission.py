"""Rails about what may be changed at all, by whom and when: settings, switches and the platform."""

from __future__ import annotations

from fnmatch import fnmatchcase

from monitor.analysis.editable import HOW, Editable
from monitor.config import RemediationSettings
from monitor.hours import within
from monitor.remediation.case import Case, Circumstances, Guard, Who


def editable(case: Case) -> Guard:
    """Some timeouts can't be set, or belong to another program."""
    found = case.candidate.diagnosis.editable
    return Guard(
        "editable",
        found is Editable.YES,
        "its timeout can be set" if found is Editable.YES else f"{found}: {HOW[found]}",
    )


def allow_listed(settings: RemediationSettings, action_id: str, action_name: str) -> bool:
    """Whether ``remediation.allow`` names an action, by its id or by a pattern for its name."""
    return any(
        pattern == action_id or fnmatchcase(action_name, pattern) for pattern in settings.allow
    )


def allow_list(case: Case) -> Guard:
    """The daemon by itself touches nothing that nobody has named."""
    one = case.candidate
    if allow_listed(case.settings, one.action_id, one.action_name):
        return Guard("allow_list", passed=True, detail="remediation.allow names it")
    binds = case.who is Who.AUTO and case.settings.mode == "auto"
    return Guard(
        "allow_list", not binds, "remediation.allow does not name it: only a person may change it"
    )


def change_window(case: Circumstances) -> Guard:
    """A change freeze holds for everybody."""
    hours = case.settings.hours
    inside = within(hours, case.now)
    if not hours:
        return Guard("change_window", passed=True, detail="changes may be made at any time")
    return Guard(
        "change_window",
        inside,
        f"{'inside' if inside else 'outside'} the change window {case.settings.window}",
    )


def tripped(case: Circumstances) -> Guard:
    """Failures in a row have a cause that a person has to look at."""
    trip = case.standing.tripped
    return Guard(
        "tripped",
        trip is None,
        "not tripped" if trip is None else f"{trip.reason}; timeout-monitor resume lets it go on",
    )


def paused(case: Circumstances) -> Guard:
    """Somebody has pulled the switch."""
    pause = case.standing.paused
    return Guard(
        "paused",
        pause is None,
        "not paused"
        if pause is None
        else f"paused by {pause.actor}; timeout-monitor resume lets it go on",
    )


def mode(case: Circumstances) -> Guard:
    """Off changes nothing; recommend waits for a person; auto may do it by itself."""
    chosen = case.settings.mode
    may = chosen == "auto" or (chosen == "recommend" and case.who is Who.HUMAN)
    return Guard("mode", may, f"remediation.mode is {chosen}")
