"""What really happened, by the simulator's own law, whether or not it is visible yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.model import Outcome
from monitor.simulator.endings import ENDINGS
from monitor.simulator.traffic import NOBODY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.simulator.executions import ExecutionColumns
    from monitor.simulator.records import ConversationRecord
    from monitor.simulator.scenario_types import Scenario

Json = dict[str, object]

_OUTCOMES = tuple(Outcome)
_OUTCOME_OF = np.array([_OUTCOMES.index(ending.outcome) for ending in ENDINGS], dtype=np.int64)


def truth(rows: ExecutionColumns, left: Sequence[ConversationRecord], scenario: Scenario) -> Json:
    """Return what happened: executions, timeouts by flow and action, and callers lost in flows.

    ``visible_by`` is when the last of them is visible everywhere, in aggregates and in detail
    records; epoch seconds, None where nothing happened.

    Args:
        rows: The executions.
        left: Conversations that left a flow.
        scenario: Whose names they go by.
    """
    outcome = _OUTCOME_OF[rows.ending]
    shape = (len(scenario.actions), len(_OUTCOMES))
    flat = np.bincount(rows.action * len(_OUTCOMES) + outcome, minlength=shape[0] * shape[1])
    counts = flat.reshape(shape)
    actions = {
        action.action_id: dict(zip((str(one) for one in _OUTCOMES), row, strict=True))
        for action, row in zip(scenario.actions, counts.tolist(), strict=True)
        if any(row)
    }
    errors = [record for record in left if record.is_flow_error]
    visible_ms = max(
        int(rows.visible_ms.max(initial=0)),
        int(rows.record_ms.max(initial=0)),
        *(record.visible_ms for record in errors),
    )
    return {
        "executions": len(rows),
        "actions": actions,
        "flows": _timeouts_by_flow(rows, outcome == _OUTCOMES.index(Outcome.TIMEOUT), scenario),
        "flow_errors": _errors_by_flow(errors, scenario),
        "visible_by": visible_ms / 1_000 if len(rows) or errors else None,
    }


def _errors_by_flow(errors: Sequence[ConversationRecord], scenario: Scenario) -> list[Json]:
    """Callers lost, by flow and by how they left it."""
    groups: dict[tuple[int, str], list[int]] = {}
    for record in errors:
        groups.setdefault((record.flow, record.exit_reason), []).append(record.visible_ms)
    return [
        {
            "flow_id": scenario.flows[flow].flow_id,
            "exit_reason": exit_reason,
            "callers": len(visible),
            "visible_by": max(visible) / 1_000,
        }
        for (flow, exit_reason), visible in sorted(groups.items())
    ]


def _timeouts_by_flow(
    rows: ExecutionColumns,
    timed_out: np.ndarray[tuple[int], np.dtype[np.bool_]],
    scenario: Scenario,
) -> list[Json]:
    """Timeouts that detail records tell of, and the conversations they hit."""
    hit = rows.take(timed_out & (rows.flow != NOBODY))
    pairs: dict[tuple[int, int], list[int]] = {}
    columns = (hit.flow.tolist(), hit.action.tolist(), hit.conversation.tolist())
    for flow, action, conversation in zip(*columns, strict=True):
        pairs.setdefault((flow, action), []).append(conversation)
    return [
        {
            "flow_id": scenario.flows[flow].flow_id,
            "action_id": scenario.actions[action].action_id,
            "timeouts": len(conversations),
            "conversations": len(set(conversations)),
        }
        for (flow, action), conversations in sorted(pairs.items())
    ]
