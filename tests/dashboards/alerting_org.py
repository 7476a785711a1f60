"""A simulated org whose truth is plain: what is ill is clearly ill, and what is well is well.

Its clock stands still until it is let go; then it runs many times as fast as the machine's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from monitor.simulator import Scenario
from monitor.simulator.scenario_types import (
    Arrivals,
    Integration,
    LatencyLaw,
    Outage,
    SimulatedAction,
    SimulatedFlow,
)
from monitor.simulator.scenarios import (
    ADDRESS_LOOKUP,
    BRANCH_FINDER,
    CASE_UPDATES,
    GET_CUSTOMER,
    LOYALTY_POINTS,
    MAIN_MENU,
    ORDER_ENQUIRIES,
    ORDER_STATUS,
    SHIPMENT_TRACKING,
    UPDATE_CASE,
)
from tests.clocks import ScaledClock

HOUR = 3_600
SPEED = 36.0
"""An hour in 100 seconds: a day of half an hour is enough for alerts that look back six hours."""

OUTAGE_HOUR, OUTAGE_MINUTES = 13.5, 40.0
DOWN = Outage(OUTAGE_HOUR, OUTAGE_HOUR, OUTAGE_MINUTES)
"""Every day at the same time, with what belongs to the same back end."""


def _busy(
    action: SimulatedAction, per_hour: float, law: LatencyLaw | None = None
) -> SimulatedAction:
    """The same action, as busy by night as by day."""
    return replace(action, law=law or action.law, arrivals=Arrivals(per_hour, night_share=1.0))


SLOW = _busy(ORDER_STATUS, 1_500, LatencyLaw(1_825, 0.7))
"""7.5 of 100 calls time out, all the time, and so many that chance makes it neither 6 nor 14."""
REFUSED = _busy(LOYALTY_POINTS, 800)
"""6 of 100 are refused at 14:00, several times as many as it takes to notice."""
DOWN_1 = _busy(SHIPMENT_TRACKING, 300, LatencyLaw(700, 0.35, outage=DOWN))
DOWN_2 = _busy(ADDRESS_LOOKUP, 300, LatencyLaw(480, 0.4, outage=DOWN))


def _to_change(
    name: str, timeout_seconds: int, per_hour: float, law: LatencyLaw
) -> SimulatedAction:
    """An action that remediation may change. No flow calls it: there is none with contract flow."""
    return replace(
        _busy(ORDER_STATUS, per_hour, law),
        action_id=f"custom_-_{name.lower().replace(' ', '-')}",
        name=name,
        integration=Integration("billing", "Billing"),
        timeout_seconds=timeout_seconds,
    )


TUNED = _to_change("Open Invoices", 2, 3_000, LatencyLaw(900, 0.5))
"""5.5 of 100 calls time out at 2 s, and 0.8 at 3 s: no other change is worth as much."""
USELESS = _to_change("Credit Check", 4, 3_000, LatencyLaw(1_400, 0.6, gateway_ms=4_005))
"""4 of 100 time out, and a gateway gives up just behind our timeout: a longer one helps none."""
CONTESTED = _to_change("Payment Plan", 2, 1_500, LatencyLaw(780, 0.5))
"""3 of 100 time out. What is written to it meets somebody else's edit, and then a refusal."""
QUIET = (_busy(GET_CUSTOMER, 200), _busy(UPDATE_CASE, 100), _busy(BRANCH_FINDER, 100))

IDLE = replace(
    _busy(ORDER_STATUS, 0.0),
    action_id="custom_-_nobody-calls",
    name="Nobody Calls",
    integration=Integration("idle", "Idle"),
)
ACTIONS = (SLOW, REFUSED, DOWN_1, DOWN_2, TUNED, USELESS, CONTESTED, IDLE, *QUIET)
_KNOWN = {one.action_id for one in ACTIONS}


def _flow(flow: SimulatedFlow) -> SimulatedFlow:
    return replace(flow, steps=tuple(step for step in flow.steps if step.action_id in _KNOWN))


PROOF = Scenario("proof", 7, ACTIONS, tuple(map(_flow, (MAIN_MENU, ORDER_ENQUIRIES, CASE_UPDATES))))


def last(hour: float) -> float:
    """When it was last this hour of the UTC day; epoch seconds."""
    now = time.time()
    today = now - now % (24 * HOUR) + hour * HOUR
    return today if today <= now else today - 24 * HOUR


@dataclass
class PausedClock:
    """A clock that stands still until it is let go."""

    origin: float
    running: ScaledClock | None = field(default=None)

    def let_go(self, speed: float) -> ScaledClock:
        """Run from now on; what other processes need to agree."""
        self.running = ScaledClock(self.origin, time.time(), speed)
        return self.running

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        return self.running.now() if self.running else self.origin

    def monotonic(self) -> float:
        """As fast as the clock itself."""
        return self.running.monotonic() if self.running else 0.0

    def machine_seconds(self, seconds: float) -> float:
        """How long the machine waits for ``seconds`` of this clock."""
        return self.running.machine_seconds(seconds) if self.running else seconds
