"""Callers lost in flows beside the timeouts of the actions that they use: rule, alert, panels.

A flow's exit by error has many causes, and a record does not say which. That they rise together
with the timeouts of an action that the flow uses is what makes the action the likely one.
"""

from __future__ import annotations

from typing import Any

from dashboards.source.alerting import ACTION, Alert
from dashboards.source.grafana import STEP, Panel, Target
from dashboards.source.objectives import OBJECTIVES, Objectives, Seconds
from dashboards.source.promql import ACTION as BY_ACTION
from dashboards.source.promql import WATERMARK, grown, joined, named
from dashboards.source.queries import BEFORE, OF_ACTION, OF_ORG, RATE, ended
from dashboards.source.recording import read_on, timeouts

FLOW_ERRORS = "genesys_flow_errors_total"
FLOW_INFO = "genesys_data_action_flow_info"
BY_FLOW = "org, flow_id"


def lost(window: Seconds) -> str:
    """Return the name of the rule that counts callers lost in a flow."""
    return f"flow:genesys_flow_errors:increase{window}"


def lost_rule(aims: Objectives) -> dict[str, Any]:
    """Return the recording rule of callers lost by flow."""
    return {
        "record": lost(aims.spike),
        "expr": grown(FLOW_ERRORS, aims.spike, BY_FLOW),
    }


def callers_lost(aims: Objectives) -> Alert:
    """Return the alert about an action whose timeouts rise together with callers lost."""
    caught_up = round(OBJECTIVES.spike.value) + aims.caught_up
    counted = timeouts(aims.spike)
    return Alert(
        "GenesysDataActionLosesCallers",
        "warning",
        named(
            joined(
                f"sum by ({BY_ACTION}) (",
                f"  max by ({BY_ACTION}, flow_id) ({FLOW_INFO})",
                f"  * on ({BY_FLOW}) group_left () ({_risen(lost(aims.spike), aims)})",
                ")",
                f"and ({_risen(counted, aims)})",
                # A Prometheus younger than that does not know what is usual.
                f"and on (org) present_over_time({WATERMARK}[{aims.hour}] offset "
                f"{aims.spike_recent})",
                f"and on (org) {read_on(aims.spike)} < {caught_up}",
            )
        ),
        aims.hold_soon,
        f"{ACTION}: {{{{ $value | humanize }}}} callers lost while its timeouts rise",
        f"In the last {aims.spike} {{{{ $value | humanize }}}} callers left the flows that use it "
        "by an error, far more than usual, and it times out far more than usual too. The records "
        "do not say that the one is why of the other; that both rise at once does.",
        about_action=True,
    )


def _risen(counted: str, aims: Objectives) -> str:
    """Where something is counted far more often than in the hours and at the day before."""
    recent = f"avg_over_time({counted}[{aims.spike_recent}] offset {aims.spike})"
    back = aims.day - Seconds(aims.spike_around.value / 2)
    day_before = f"max_over_time({counted}[{aims.spike_around}] offset {back})"
    return (
        f"{counted} >= {aims.lost_least} unless {counted} <= {aims.spike_factor:g} * {recent} "
        f"unless {counted} <= {aims.spike_factor:g} * {day_before}"
    )


def panels_of_org() -> tuple[Panel, ...]:
    """Return the overview's panels: callers lost by flow, and the timeouts of its actions."""
    of_flow = f"max by ({BY_ACTION}, flow_id, flow_name) ({FLOW_INFO}{{{OF_ORG}}})"
    return (
        Panel(
            "timeseries",
            "Callers lost by flow",
            f"Callers who left a flow by an error {BEFORE}, by how: FLOW_ERROR_DISCONNECT hung up "
            "on them, FLOW_ERROR_EXIT left the flow. They are no timeouts: look whether the panel "
            "beside it rises at the same time, and open the action that does.",
            (Target(_by_name(OF_ORG), "{{flow_name}}: {{exit_reason}}", step=STEP),),
            "short",
            12,
            no_value="No caller was lost, or no source tells",
        ),
        Panel(
            "timeseries",
            "Timeouts of the actions that a flow uses",
            f"Timeouts {BEFORE} of all actions that the flow uses, whoever called them: a flow "
            "whose line rises in both panels loses callers to a data action.",
            (
                Target(
                    joined(
                        "sum by (flow_name) (",
                        f"  {of_flow}",
                        f"  * on ({BY_ACTION}) group_left ()",
                        f"  ({grown(ended('timeout'), RATE, BY_ACTION)})",
                        ")",
                    ),
                    "{{flow_name}}",
                    step=STEP,
                ),
            ),
            "short",
            12,
            no_value="No flow that uses an action is known",
        ),
    )


def panel_of_action() -> Panel:
    """Return the action dashboard's panel: callers lost in the flows that use it."""
    return Panel(
        "timeseries",
        "Callers lost in its flows",
        f"Callers who left a flow that uses it by an error {BEFORE}, whatever the cause. Where it "
        "rises together with the timeouts above, this action is the likely one.",
        (Target(_by_name(OF_ACTION), "{{flow_name}}: {{exit_reason}}", step=STEP),),
        "short",
        24,
        no_value="No flow that uses it is known, or no source tells",
    )


def _by_name(of_info: str) -> str:
    """Callers lost in flows that use an action, by the flow's name and the exit."""
    return joined(
        f"({grown(f'{FLOW_ERRORS}{{{OF_ORG}}}', RATE, f'{BY_FLOW}, exit_reason')})",
        f"* on ({BY_FLOW}) group_left (flow_name)",
        f"topk by ({BY_FLOW}) (1, max by ({BY_FLOW}, flow_name) ({FLOW_INFO}{{{of_info}}}))",
    )
