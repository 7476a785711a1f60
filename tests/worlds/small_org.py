"""A small org that shows every kind of ending and of action, and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from monitor.simulator import RunningSimulator, Scenario
from monitor.simulator.scenario_types import Arrivals, LatenessModel, SimulatedAction
from monitor.simulator.scenarios import (
    ADDRESS_LOOKUP,
    BRANCH_FINDER,
    LOYALTY_POINTS,
    MAIN_MENU,
    ORDER_ENQUIRIES,
    ORDER_STATUS,
    PARTNER_TOKEN,
    PAYMENT_LINE,
    PRICE_QUOTE,
    SEND_CONFIRMATION,
    STOCK_LINE,
    TAKE_PAYMENT,
    UPDATE_CASE,
)
from tests.clocks import NOON
from tests.simulated_org import happened

HOURS = 7
"""One of which is not over: no verdict is given on fewer than six windows, and some are an hour."""

BEGINS = NOON - HOURS * 3_600
ENDS = NOON - 3_600
"""Everything is visible an hour later, however late it is."""

HALF_WAY = NOON - HOURS * 1_800
"""A first poll finds the half of it, and much of that not yet visible."""


def _busy(action: SimulatedAction, per_hour: int = 500) -> SimulatedAction:
    return replace(action, arrivals=Arrivals(per_hour, night_share=1.0))


ACTIONS = (
    _busy(ORDER_STATUS, 700),
    _busy(TAKE_PAYMENT),
    _busy(replace(LOYALTY_POINTS, law=replace(LOYALTY_POINTS.law, throttled_share=0.2))),
    _busy(ADDRESS_LOOKUP),
    _busy(UPDATE_CASE, 200),
    _busy(PRICE_QUOTE, 100),
    _busy(SEND_CONFIRMATION),
    _busy(BRANCH_FINDER, 150),
    _busy(PARTNER_TOKEN, 12),
)

_STEPS = {action.action_id for action in ACTIONS}
FLOWS = tuple(
    replace(
        flow,
        steps=tuple(step for step in flow.steps if step.action_id in _STEPS),
        names_action=True,
    )
    for flow in (ORDER_ENQUIRIES, PAYMENT_LINE, STOCK_LINE, MAIN_MENU)
)

ORG = Scenario(
    "worlds",
    7,
    ACTIONS,
    FLOWS,
    LatenessModel(worst_seconds=1_800.0),
    history_start=float(BEGINS),
    ends=float(ENDS),
)


@dataclass(frozen=True)
class Truth:
    """What really happened, by the simulator's own law.

    Attributes:
        document: All of it.
    """

    document: dict[str, Any]

    @property
    def outcomes(self) -> dict[str, dict[str, int]]:
        """Executions by action and outcome."""
        found: dict[str, dict[str, int]] = self.document["actions"]
        return found

    @property
    def timeouts_by_flow(self) -> dict[tuple[str, str], int]:
        """Timeouts by flow and action."""
        return {
            (one["flow_id"], one["action_id"]): one["timeouts"] for one in self.document["flows"]
        }

    @property
    def callers_lost(self) -> dict[tuple[str, str], int]:
        """Callers lost by flow and exit reason."""
        return {
            (one["flow_id"], one["exit_reason"]): one["callers"]
            for one in self.document["flow_errors"]
        }


def truth_of(simulator: RunningSimulator) -> Truth:
    """Ask what really happened in all the time that the org existed."""
    return Truth(happened(simulator.url, BEGINS - 3_600, NOON))
