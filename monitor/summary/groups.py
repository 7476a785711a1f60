"""Flows, integrations and the whole org, from the actions and from the conversations they hit.

Callers lost in flows stand beside the timeouts of the data actions that the flows use.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

import pandas as pd

from monitor.model import UNKNOWN_ACTION
from monitor.summary import tables
from monitor.summary.model import ActionSummary, CallersLost, GroupSummary, SummaryInput

UNKNOWN_GROUP = "unknown"
"""Name of the group of what belongs to no known flow or integration."""


def most_timeouts_first(groups: Collection[GroupSummary]) -> tuple[GroupSummary, ...]:
    """Return groups with the most timeouts first, then by name."""
    return tuple(sorted(groups, key=lambda group: (-group.timeouts, group.name, group.group_id)))


def sum_of_actions(
    group_id: str,
    name: str,
    actions: Collection[ActionSummary],
    conversations: int | None,
    *,
    successes_known: bool,
) -> GroupSummary:
    """Return the sum of some actions."""
    executions = sum(action.executions for action in actions)
    successes = sum(action.successes or 0 for action in actions) if successes_known else None
    timeouts = sum(action.timeouts for action in actions)
    return GroupSummary(
        group_id=group_id,
        name=name or group_id or UNKNOWN_GROUP,
        executions=executions,
        successes=successes,
        timeouts=timeouts,
        errors=sum(action.errors or 0 for action in actions) if successes_known else None,
        throttled=sum(action.throttled or 0 for action in actions) if successes_known else None,
        timeout_share=timeout_share_of(timeouts, executions, successes),
        actions=sum(1 for action in actions if action.action_id != UNKNOWN_ACTION),
        conversations=conversations,
    )


def integration_summaries(
    actions: Collection[ActionSummary],
    hits: pd.DataFrame,
    *,
    details_read: bool,
    successes_known: bool,
) -> tuple[GroupSummary, ...]:
    """Return one group an integration; actions of no known integration are a group of their own.

    Args:
        actions: All actions.
        hits: ``tables.hits`` of the same period.
        details_read: Whether conversations can be known.
        successes_known: Whether anything but timeouts can be.
    """
    members: dict[str, list[ActionSummary]] = defaultdict(list)
    for action in actions:
        members[action.integration_id].append(action)
    integration_of = {action.action_id: action.integration_id for action in actions}
    conversations = tables.conversations_by(
        hits.assign(integration_id=hits["action_id"].map(integration_of)), "integration_id"
    )
    return most_timeouts_first(
        [
            sum_of_actions(
                integration_id,
                max(action.integration_name for action in inside),
                inside,
                conversations.get(integration_id, 0) if details_read else None,
                successes_known=successes_known,
            )
            for integration_id, inside in members.items()
        ]
    )


def flow_summaries(
    hits: pd.DataFrame, flow_names: Mapping[str, str], *, executions_known: bool
) -> tuple[GroupSummary, ...]:
    """Return one group a flow that timeouts hit; those of no known flow are a group of their own.

    Args:
        hits: ``tables.hits`` of a period.
        flow_names: Names by flow id.
        executions_known: Whether these timeouts are all the executions there are.
    """
    return most_timeouts_first(
        [
            GroupSummary(
                group_id=flow_id,
                name=flow_names.get(flow_id) or flow_id or UNKNOWN_GROUP,
                executions=timeouts if executions_known else None,
                successes=None,
                timeouts=timeouts,
                errors=None,
                throttled=None,
                timeout_share=None,
                actions=actions,
                conversations=conversations,
            )
            for flow_id, timeouts, actions, conversations in tables.counts_by_flow(hits)
        ]
    )


def timeout_share_of(timeouts: int, executions: int, successes: int | None) -> float | None:
    """Return timeouts per execution; None without executions, or where successes can't be seen."""
    return timeouts / executions if executions and successes is not None else None


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
