"""Guards about how often: each change is measured before the next, and a mistake stays small."""

from __future__ import annotations

from monitor.journal import Change
from monitor.remediation.decision import GuardInput, GuardResult

DAY_SECONDS = 86_400


def open_change(case: GuardInput) -> GuardResult:
    """Two changes at once could not be told apart by their effects."""
    found = case.open_change
    return GuardResult(
        "open_change",
        found is None,
        "no other change is open"
        if found is None
        else f"change {found.change_id} is {found.state}",
    )


def cooldown(case: GuardInput) -> GuardResult:
    """The hours after a change show what it did; a change on top of it would hide that."""
    newest = max((one.applied_at for one in _of(case) if one.applied_at is not None), default=None)
    if newest is None:
        return GuardResult("cooldown", passed=True, detail="no change was made lately")
    # A change in the future tells of a clock that was set back: it is as recent as can be.
    left = newest + case.settings.cooldown - case.now
    return GuardResult(
        "cooldown",
        left <= 0,
        "the last change is long enough ago" if left <= 0 else f"{left / 3600:.1f} h are left",
    )


def daily_budget(case: GuardInput) -> GuardResult:
    """Whatever goes wrong, it goes wrong this many times a day at most."""
    most = case.settings.max_changes_per_day
    made = sum(counts_today(one, case.now) for one in case.remediation_state.changes)
    return GuardResult("daily_budget", made < most, f"{made} of {most} changes a day were made")


def one_per_poll(case: GuardInput) -> GuardResult:
    """After each change the org is looked at once more before another is made."""
    newest = max(
        (one.sent_at for one in case.remediation_state.changes if one.sent_at is not None),
        default=None,
    )
    polled = newest is None or case.data.last_success_at > newest
    return GuardResult(
        "one_per_poll",
        polled,
        "the org was read since the last change"
        if polled
        else "a change was made since the org was last read",
    )


def counts_today(change: Change, now: float) -> bool:
    """Whether a change counts for the day: it was sent, or is about to be.

    A raise counts when it is sent, whatever came of it; one in the future, which tells of a clock
    that was set back, counts too.
    """
    if change.sent_at is None:
        return change.is_open
    return change.sent_at > now - DAY_SECONDS


def _of(case: GuardInput) -> list[Change]:
    latest = [] if case.latest is None else [case.latest]
    own = [
        one for one in case.remediation_state.changes if one.action_id == case.candidate.action_id
    ]
    return [*latest, *own]
