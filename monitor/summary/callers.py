"""Callers lost in flows, beside the timeouts of the data actions that the flows use."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection

from monitor.summary.model import ActionSummary, CallersLost
from monitor.summary.summary_input import SummaryInput


def callers_lost(
    summary_input: SummaryInput, actions: Collection[ActionSummary]
) -> tuple[CallersLost, ...] | None:
    """Return the flows that lost callers, most first; None where that was not read."""
    if not summary_input.flow_errors_read:
        return None
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for one in summary_input.flow_errors:
        lost[one.flow_id][one.exit_reason] += one.callers
    timeouts = {action.action_id: action.timeouts for action in actions}
    used: dict[str, set[str]] = defaultdict(set)
    for action_id, flow_id in summary_input.state.flow_use:
        used[flow_id].add(action_id)
    found = [
        CallersLost(
            flow_id=flow_id,
            flow_name=summary_input.state.flow_names.get(flow_id) or flow_id,
            callers=reasons.total(),
            exit_reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            action_timeouts=(
                sum(timeouts.get(action_id, 0) for action_id in used[flow_id])
                if used[flow_id]
                else None
            ),
        )
        for flow_id, reasons in lost.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.callers, one.flow_name, one.flow_id)))
