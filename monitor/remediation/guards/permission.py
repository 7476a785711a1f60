"""What may be changed at all, by whom and when: settings, switches and the platform."""

from __future__ import annotations

from monitor.config import RemediationSettings
from monitor.diagnosis import HOW_TO_CHANGE, Editable
from monitor.name_patterns import is_named
from monitor.remediation.decision import GuardContext, GuardInput, GuardResult, Initiator
from monitor.time_ranges import is_within_hours


def editable(case: GuardInput) -> GuardResult:
    """Some timeouts can't be set, or belong to another program."""
    found = case.candidate.diagnosis.editable
    return GuardResult(
        "editable",
        found is Editable.YES,
        "its timeout can be set" if found is Editable.YES else f"{found}: {HOW_TO_CHANGE[found]}",
    )


def allow_listed(
    settings: RemediationSettings, action_id: str, action_name: str, *, is_trial: bool = False
) -> bool:
    """Whether ``allow``, for a trial ``allow_trials``, names an action by its id or a pattern.

    Wildcards are for names alone: a short one would match the ids of all actions, which begin
    alike, and nobody may be let change more than was meant.
    """
    named = settings.allow_trials if is_trial else settings.allow
    return action_id in named or is_named(named, (action_name,))


def allow_list(case: GuardInput) -> GuardResult:
    """The daemon by itself touches nothing that nobody has named."""
    one = case.candidate
    key, what = ("allow_trials", "try") if case.is_trial else ("allow", "change")
    if allow_listed(case.settings, one.action_id, one.action_name, is_trial=case.is_trial):
        return GuardResult("allow_list", passed=True, detail=f"remediation.{key} names it")
    binds = case.initiator is Initiator.AUTO and case.settings.mode == "auto"
    return GuardResult(
        "allow_list", not binds, f"remediation.{key} does not name it: only a person may {what} it"
    )


def change_window(case: GuardContext) -> GuardResult:
    """A change freeze holds for everybody."""
    hours = case.settings.hours
    inside = is_within_hours(hours, case.now)
    if not hours:
        return GuardResult("change_window", passed=True, detail="changes may be made at any time")
    return GuardResult(
        "change_window",
        inside,
        f"{'inside' if inside else 'outside'} the change window {case.settings.window}",
    )


def tripped(case: GuardContext) -> GuardResult:
    """Failures in a row have a cause that a person has to look at."""
    trip = case.remediation_state.tripped
    return GuardResult(
        "tripped",
        trip is None,
        "not tripped" if trip is None else f"{trip.reason}; timeout-monitor resume lets it go on",
    )


def paused(case: GuardContext) -> GuardResult:
    """Somebody has pulled the switch."""
    pause = case.remediation_state.paused
    return GuardResult(
        "paused",
        pause is None,
        "not paused"
        if pause is None
        else f"paused by {pause.actor}; timeout-monitor resume lets it go on",
    )


def mode(case: GuardContext) -> GuardResult:
    """Off changes nothing; recommend waits for a person; auto may do it by itself."""
    chosen = case.settings.mode
    may = chosen == "auto" or (chosen == "recommend" and case.initiator is Initiator.HUMAN)
    return GuardResult("mode", may, f"remediation.mode is {chosen}")
