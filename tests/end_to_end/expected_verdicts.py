"""The verdicts that the simulator's laws deserve, worked out from the laws alone.

Nothing here asks the program: durations are lognormal with known medians, so the shares of calls
that take longer than a timeout are known before a single one is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitor.diagnosis import Verdict
from monitor.model import ActionKind
from monitor.simulator.distributions import day_shape
from monitor.simulator.scenario_types import LatencyLaw, SimulatedAction

STEP_SECONDS = 300
DAY_SECONDS = 86_400
CAP_MS = 30_000.0
FUNCTION_CAP_MS = 15_000.0
TARGET = 0.01
"""The share of calls that may take longer."""

BORDER = 0.005
"""Within half a point of the target both sides are right."""


@dataclass
class Expected:
    """What is to be expected of an action over a period.

    Attributes:
        executions: Executions.
        throttled: Those that the platform refuses.
        outage: Timeouts in outages.
        early: Timeouts that a gateway ends before ours.
        late: Calls that take longer than the timeout, outside outages.
        late_twice: Calls that take longer than twice the timeout, likewise.
        late_capped: Calls that take longer than twice the timeout or the cap, whichever is less.
        never: Calls that never answer.
        slow_answers: Calls that answer only after a third of the timeout.
    """

    executions: float = 0.0
    throttled: float = 0.0
    outage: float = 0.0
    early: float = 0.0
    late: float = 0.0
    late_twice: float = 0.0
    late_capped: float = 0.0
    never: float = 0.0
    slow_answers: float = 0.0


def deserved(action: SimulatedAction, begin: float, end: float) -> frozenset[Verdict]:
    """Every verdict that is right for an action between two moments; more than one at a border."""
    law, timeout_ms = action.law, timeout_of(action)
    seen = expected(action, begin, end)
    if seen.executions < 200:
        return frozenset({Verdict.INSUFFICIENT})
    if seen.throttled >= (TARGET + BORDER) * seen.executions:
        return frozenset({Verdict.THROTTLED})
    all_timeouts = seen.late + seen.early + seen.outage
    if seen.outage >= 0.6 * all_timeouts and seen.outage >= 20:
        return frozenset({Verdict.OUTAGE})
    if seen.early >= 0.6 * all_timeouts and seen.early >= 20:
        return frozenset({Verdict.REMOTE_TIMEOUT})
    right: set[Verdict] = set()
    share = seen.late / seen.executions
    if share <= TARGET + BORDER:
        idle = seen.never >= 10 and seen.slow_answers <= 0.001 * seen.executions
        right.add(Verdict.TOO_LONG if idle else Verdict.HEALTHY)
    if share > TARGET - BORDER:
        if seen.late - seen.late_capped >= 0.5 * seen.late:
            right.add(Verdict.SLOW_TAIL)
        elif seen.late - seen.late_twice >= 0.5 * seen.late:
            right.add(Verdict.AT_CAP)
        else:
            right.add(Verdict.HANGS)
        second_beyond = longer(timeout_ms, law.second_median_ms, law.second_sigma)
        if law.second_share > TARGET and second_beyond >= 0.4:
            # A second kind that mostly lies beyond: split the action, or raise where it is near.
            right.add(Verdict.BIMODAL)
    return frozenset(right)


def expected(action: SimulatedAction, begin: float, end: float) -> Expected:
    """Sum the law over the period, in steps over which load and drift stand still."""
    law, timeout_ms = action.law, timeout_of(action)
    sums = Expected()
    for step in range(int((end - begin) // STEP_SECONDS)):
        at = begin + (step + 0.5) * STEP_SECONDS
        per_second = action.arrivals.per_hour / 3_600
        calls = per_second * STEP_SECONDS * day_shape(at, action.arrivals.night_share)
        sums.executions += calls
        sums.throttled += calls * law.throttled_share * day_shape(at, 0.0)
        if law.outage and law.outage.earliest_hour <= at % DAY_SECONDS / 3_600:
            open_hours = law.outage.latest_hour - law.outage.earliest_hour
            inside = law.outage.minutes / 60 / (open_hours + law.outage.minutes / 60)
            if at % DAY_SECONDS / 3_600 < law.outage.latest_hour + law.outage.minutes / 60:
                sums.outage += calls * inside * law.outage.share
        if law.gateway_ms is not None and law.gateway_ms < timeout_ms:
            sums.early += calls * beyond(law, law.gateway_ms, at)
            continue
        sums.late += calls * beyond(law, timeout_ms, at)
        sums.late_twice += calls * beyond(law, 2 * timeout_ms, at)
        cap_ms = FUNCTION_CAP_MS if action.kind is ActionKind.FUNCTION else CAP_MS
        sums.late_capped += calls * beyond(law, min(2 * timeout_ms, max(cap_ms, timeout_ms)), at)
        sums.never += calls * law.never_share
        sums.slow_answers += calls * (beyond(law, timeout_ms / 3, at) - law.never_share)
    return sums


def beyond(law: LatencyLaw, duration_ms: float, at: float) -> float:
    """The share of the calls at a moment that take longer."""
    age = at % (law.drift_days * DAY_SECONDS) / (law.drift_days * DAY_SECONDS)
    drift = 1.0 + (law.drift_factor - 1.0) * age
    answering = (1 - law.second_share) * longer(duration_ms, law.median_ms * drift, law.sigma)
    answering += law.second_share * longer(
        duration_ms, law.second_median_ms * drift, law.second_sigma
    )
    return law.never_share + (1 - law.never_share) * answering


def longer(duration_ms: float, median_ms: float, sigma: float) -> float:
    """The share of a lognormal law beyond a duration."""
    return 0.5 * math.erfc(math.log(duration_ms / median_ms) / sigma / math.sqrt(2))


def timeout_of(action: SimulatedAction) -> float:
    """The timeout in force, in milliseconds; where none is set, the platform's own."""
    if action.timeout_seconds is not None:
        return action.timeout_seconds * 1_000.0
    return 15_000.0 if action.kind is ActionKind.FUNCTION else 60_000.0
