"""Rails about how often: each change is measured before the next, and a mistake stays small."""

from __future__ import annotations

from monitor.ledger import Change
from monitor.remediation.case import Case, Guard

DAY_SECONDS = 86_400


def open_change(case: Case) -> Guard:
    """Two changes at once could not be told apart by their effects."""
    found = case.open_change
    return Guard(
        "open_change",
        found is None,
        "no other change is open"
        if found is None
        else f"change {found.change_id} is {found.state}",
    )


def cooldown(case: Case) -> Guard:
    """The hours after a change show what it did; a change on top of it would hide that."""
    newest = max((one.applied_at for one in _of(case) if one.applied_at is not None), default=None)
    if newest is None:
        return Guard("cooldown", passed=True, detail="no change was made lately")
    # A change in the future tells of a clock that was set back: it is as recent as can be.
    left = newest + case.settings.cooldown - case.now
    return Guard(
        "cooldown",
        left <= 0,
        "the last change is long enough ago" if left <= 0 else f"{left / 3600:.1f} h are left",
    )


def daily_budget(case: Case) -> Guard:
    """Whatever goes wrong, it goes wrong this many times a day at most."""
    most = case.settings.max_changes_per_day
    made = sum(counts_today(one, case.now) for one in case.standing.changes)
    return Guard("daily_budget", made < most, f"{made} of {most} changes a day were made")


def one_per_poll(case: Case) -> Guard:
    """After each change the org is looked at once more before another is made."""
    newest = max(
        (one.sent_at for one in case.standing.changes if one.sent_at is not None), default=None
    )
    polled = newest is None or case.data.last_success_at > newest
    return Guard(
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


def _of(case: Case) -> list[Change]:
    latest = [] if case.latest is None else [case.latest]
    own = [one for one in case.standing.changes if one.action_id == case.candidate.action_id]
    return [*latest, *own]
