"""The timeout in force for each call at each moment, with every change that was ever made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.model import FUNCTION_DEFAULT_TIMEOUT_MS, PLATFORM_DEFAULT_TIMEOUT_MS, ActionKind
from monitor.simulator.scenario_types import STEP_DEFAULT_TIMEOUT_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.simulator.executions import Ints
    from monitor.simulator.scenario_types import Contract, Scenario


@dataclass(frozen=True, slots=True)
class TimeoutChange:
    """A timeout that was changed; it holds for calls that arrive from ``at_ms`` on.

    Attributes:
        at_ms: When; epoch milliseconds.
        action: Position in the org's actions.
        flow: Position in the org's flows; None where it holds for every caller.
        timeout_ms: The new value.
    """

    at_ms: int
    action: int
    flow: int | None
    timeout_ms: int


def action_timeout_ms(kind: ActionKind, timeout_seconds: int | None) -> int:
    """Return what an integration action waits for; unset or 0 is the platform's default."""
    if timeout_seconds:
        return timeout_seconds * 1_000
    if kind is ActionKind.FUNCTION:
        return FUNCTION_DEFAULT_TIMEOUT_MS
    return PLATFORM_DEFAULT_TIMEOUT_MS


class FirstTimeouts:
    """The timeouts that a scenario begins with.

    Contract ``platform``: the action's own, whoever calls. (The waiting time of a flow's step
    neither cancels the execution nor shortens it.) Contract ``flow``: the flow document's.
    """

    def __init__(self, scenario: Scenario, contract: Contract, position: Mapping[str, int]) -> None:
        """Lay them out as a table of callers by actions."""
        self._per_flow = contract == "flow"
        if not self._per_flow:
            row = [action_timeout_ms(one.kind, one.timeout_seconds) for one in scenario.actions]
            self._table = np.array([row], dtype=np.int64)
            return
        shape = (max(1, len(scenario.flows)), len(scenario.actions))
        self._table = np.full(shape, STEP_DEFAULT_TIMEOUT_MS, dtype=np.int64)
        for number, flow in enumerate(scenario.flows):
            for step in flow.steps:
                if step.timeout_ms is not None:
                    self._table[number, position[step.action_id]] = step.timeout_ms

    def in_force(
        self, action: Ints, flow: Ints, arrival_ms: Ints, changes: Sequence[TimeoutChange]
    ) -> Ints:
        """Return the timeout of each call at its own arrival; changes come oldest first."""
        caller = flow if self._per_flow else np.zeros_like(flow)
        timeout: Ints = self._table[caller, action]
        for change in changes:
            hit = (action == change.action) & (arrival_ms >= change.at_ms)
            if change.flow is not None:
                hit &= flow == change.flow
            timeout = np.where(hit, change.timeout_ms, timeout)
        return timeout
