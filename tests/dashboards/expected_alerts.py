"""Which alerts an org's truth calls for, reckoned from its single executions and not from PromQL.

An execution counts from the moment at which the platform shows it: nobody can know it earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dashboards.source.objectives import OBJECTIVES, Burn, Seconds
from monitor.journal import Change, ChangeState
from monitor.model import Outcome
from monitor.simulator import SimulatedOrg
from monitor.simulator.endings import ENDINGS
from monitor.simulator.traffic import NOBODY

STEP_SECONDS = 60
SETTLE_SECONDS = 600
WINDOW_SECONDS = 300

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

TRIP_AFTER = 2
_BY_THEIR_END = {
    "TimeoutMonitorChangeRolledBack": ChangeState.ROLLED_BACK,
    "TimeoutMonitorChangeConflict": ChangeState.CONFLICT,
}

_OUTCOMES = np.array([ending.outcome.value for ending in ENDINGS])


@dataclass(frozen=True)
class Past:
    """One action's executions since the scrapes began.

    Attributes:
        name: The action's name.
        timeouts: Since when which timeout was in force, oldest first; epoch seconds, seconds.
        has_outages: Whether its back end is down now and then, by its law.
        began: When the scrapes began; epoch seconds.
        seen: When each execution became visible; epoch seconds.
        ended: When each ended.
        seconds: How long each took.
        outcome: How each ended.
        in_flow: Whether a flow made it, so that detail records tell of it.
        recorded: When its detail record became visible; epoch seconds.
    """

    name: str
    timeouts: Sequence[tuple[float, float]]
    has_outages: bool
    began: float
    seen: Numbers
    ended: Numbers
    seconds: Numbers
    outcome: np.ndarray[tuple[int], np.dtype[np.str_]]
    in_flow: Flags
    recorded: Numbers

    def count(self, at: float, window: Seconds, outcome: Outcome | None = None) -> int:
        """Executions that became visible in a window that ends at a moment."""
        chosen = (self.seen > max(self.began, at - window.value)) & (self.seen <= at)
        if outcome is not None:
            chosen &= self.outcome == outcome.value
        return int(chosen.sum())

    def share(self, at: float, window: Seconds, outcome: Outcome) -> float:
        """Part of them with an outcome."""
        return self.count(at, window, outcome) / max(1, self.count(at, window))

    def records(self, at: float, window: Seconds) -> int:
        """Timeouts whose detail record became visible in a window that ends at a moment."""
        chosen = self.in_flow & (self.outcome == Outcome.TIMEOUT.value)
        chosen &= (self.recorded > max(self.began, at - window.value)) & (self.recorded <= at)
        return int(chosen.sum())

    def budget_used(self, at: float) -> float:
        """p99 of the last settled hour by the timeout; timed-out ones took all of it."""
        end = (at - SETTLE_SECONDS) // WINDOW_SECONDS * WINDOW_SECONDS
        chosen = (self.ended >= end - 3_600) & (self.ended < end)
        chosen &= np.isin(self.outcome, [Outcome.SUCCESS.value, Outcome.TIMEOUT.value])
        if not chosen.any():
            return 0.0
        timeout = [seconds for since, seconds in self.timeouts if since <= at][-1]
        return float(np.quantile(self.seconds[chosen], 0.99)) / timeout


def pasts(
    org: SimulatedOrg, in_force: Sequence[tuple[str, float, int | None]], began: float, until: float
) -> Iterator[Past]:
    """The past of each action of an org.

    Args:
        org: The org.
        in_force: Action id, since when, and its timeout (ms), where it was changed; oldest first.
        began: When the scrapes began; epoch seconds.
        until: Its end; epoch seconds.
    """
    # What ends now may be seen an hour later.
    span = (int(moment * 1_000) for moment in (began - 2 * 3_600, until, until + 3_600))
    rows = org.visible_executions(*span)
    for place, action in enumerate(org.scenario.actions):
        mine = rows.take(rows.action == place)
        changed = [
            (since, timeout_ms / 1_000)
            for action_id, since, timeout_ms in in_force
            if action_id == action.action_id and timeout_ms
        ]
        yield Past(
            action.name,
            [(0.0, action.timeout_seconds or 60.0), *changed],
            action.law.outage is not None,
            began,
            mine.visible_ms / 1_000,
            mine.end_ms / 1_000,
            mine.duration_ms / 1_000,
            _OUTCOMES[mine.ending],
            mine.flow != NOBODY,
            mine.record_ms / 1_000,
        )


def called_for(past: Past, until: float, contract: str) -> dict[str, float]:
    """The alerts that must fire, by their name, and when each must; epoch seconds."""
    aims = OBJECTIVES
    if contract == "flow":
        conditions: dict[str, tuple[Callable[[float], bool], Seconds]] = {
            "GenesysDataActionTimeoutsAtLowTraffic": (
                lambda at: past.records(at, aims.count) >= aims.count_least_flow,
                aims.hold_long,
            )
        }
    else:
        conditions = {
            "GenesysDataActionTimeoutsBurningFast": (_burns(past, aims.fast), aims.fast.hold),
            "GenesysDataActionTimeoutsBurningSlowly": (_burns(past, aims.slow), aims.slow.hold),
            "GenesysDataActionThrottled": (
                lambda at: (
                    past.count(at, aims.spike, Outcome.THROTTLED) >= aims.throttled_least
                    and past.share(at, aims.spike, Outcome.THROTTLED) >= aims.throttled_share
                ),
                aims.hold_soon,
            ),
            # What is down now and then loses callers in the flows that use it; all else is as ever.
            "GenesysDataActionLosesCallers": (
                lambda at: (
                    past.has_outages
                    and past.count(at, aims.spike, Outcome.TIMEOUT) >= aims.lost_least
                ),
                aims.hold_soon,
            ),
            "GenesysDataActionOutage": (
                lambda at: (
                    past.has_outages
                    and past.count(at, aims.spike, Outcome.TIMEOUT) >= aims.spike_least
                ),
                aims.fast.hold,
            ),
            "GenesysDataActionTimeoutBudgetUsed": (
                lambda at: (
                    past.budget_used(at) > aims.budget
                    and past.count(at, aims.hour) >= aims.budget_executions
                ),
                aims.hold_long,
            ),
        }
    found = {
        name: _fires(holds, hold, past.began, until) for name, (holds, hold) in conditions.items()
    }
    return {name: at for name, at in found.items() if at is not None}


def called_for_by(changes: Sequence[Change]) -> dict[str, float]:
    """The alerts that must fire because of changes that have come to an end since scrapes began.

    Returns:
        When each must, by its name; epoch seconds.
    """
    found = {
        name: min(one.touched_at for one in changes if one.state is end)
        for name, end in _BY_THEIR_END.items()
        if any(one.state is end for one in changes)
    }
    bad = {ChangeState.ROLLED_BACK, ChangeState.FAILED}
    failures = sorted(one.touched_at for one in changes if one.state in bad)
    if len(failures) >= TRIP_AFTER:
        found["TimeoutMonitorRemediationTripped"] = failures[TRIP_AFTER - 1]
    return found


def burns_in_history(past: Past, burn: Burn, since: float) -> float:
    """The end of the first window at which history shows it; epoch seconds.

    History has every execution in the window in which it ended, and a sample at each window's end.
    """
    holds = _burns(replace(past, seen=past.ended, began=0.0), burn)
    at = since
    while not holds(at):
        at += WINDOW_SECONDS
    return at


def _burns(past: Past, burn: Burn) -> Callable[[float], bool]:
    threshold = burn.factor * OBJECTIVES.timeout_share

    def holds(at: float) -> bool:
        return (
            past.share(at, burn.long, Outcome.TIMEOUT) > threshold
            and past.share(at, burn.short, Outcome.TIMEOUT) > threshold
            and past.count(at, burn.long, Outcome.TIMEOUT) >= burn.least_timeouts
        )

    return holds


def _fires(
    holds: Callable[[float], bool], hold: Seconds, began: float, until: float
) -> float | None:
    """When a condition has held for so long; None where it never does."""
    since: float | None = None
    at = began
    while at <= until:
        if not holds(at):
            since = None
        elif since is None:
            since = at
        if since is not None and at - since >= hold.value:
            return at
        at += STEP_SECONDS
    return None
