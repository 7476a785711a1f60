"""The guards: each a pure function that looks at a case and says yes or no, and why.

In the order in which the first that refuses gives the reason: from what the action is, over what
the data say and how far a change would go, to how often, and last the switches that people set. So
a reason tells most about the action, and a switch is named only where nothing else stands in the
way.
"""

from __future__ import annotations

from collections.abc import Callable

from monitor.remediation.decision import GuardInput, GuardResult
from monitor.remediation.guards.evidence import (
    complete,
    current,
    evidence,
    fresh,
    in_force,
    recent,
    verdict,
)
from monitor.remediation.guards.pace import cooldown, daily_budget, one_per_poll, open_change
from monitor.remediation.guards.past_changes import back_off, changed_since, quarantine
from monitor.remediation.guards.permission import (
    allow_list,
    allow_listed,
    change_window,
    editable,
    mode,
    paused,
    tripped,
)
from monitor.remediation.guards.size import cap, concurrency, deadband, raise_only, step

Guard = Callable[[GuardInput], GuardResult]

GUARDS: tuple[Guard, ...] = (
    editable,
    verdict,
    evidence,
    current,
    recent,
    in_force,
    fresh,
    complete,
    cap,
    raise_only,
    step,
    deadband,
    concurrency,
    changed_since,
    quarantine,
    back_off,
    open_change,
    cooldown,
    daily_budget,
    one_per_poll,
    change_window,
    allow_list,
    tripped,
    paused,
    mode,
)
"""Every guard, in order of precedence. A guard's name is its reason code."""

GUARD_NAMES: tuple[str, ...] = tuple(guard.__name__ for guard in GUARDS)

__all__ = ["GUARDS", "GUARD_NAMES", "Guard", "allow_listed"]
