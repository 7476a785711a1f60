"""Pieces of PromQL that rules and panels share."""

from __future__ import annotations

EXECUTIONS = "genesys_data_action_executions_total"
INFO = "genesys_data_action_info"
WATERMARK = "timeout_monitor_watermark_timestamp_seconds"
ACTION = "org, action_id"
NAMES = "action_name, integration_id, integration_name"


def joined(*lines: str) -> str:
    """Lines of one expression, without the empty ones."""
    return "\n".join(line for line in lines if line)


def grown(selector: str, window: object, by: str, *also: str) -> str:
    """What a counter grew by, summed by labels.

    Several daemons of one state show the same totals, each in a series of its own: the largest
    of them counts, not their sum.

    Args:
        selector: Name and matchers.
        window: Length of time.
        by: Labels of the result.
        also: Labels that tell series apart which are then summed.
    """
    if not also:
        return f"max by ({by}) (increase({selector}[{window}]))"
    apart = ", ".join((by, *also))
    return f"sum by ({by}) (max by ({apart}) (increase({selector}[{window}])))"


def per_minute(selector: str, window: object, by: str, *also: str) -> str:
    """The same per minute."""
    if not also:
        return f"max by ({by}) (rate({selector}[{window}])) * 60"
    apart = ", ".join((by, *also))
    return f"sum by ({by}) (max by ({apart}) (rate({selector}[{window}]))) * 60"


def named(expression: str, names: str = NAMES) -> str:
    """An expression about actions, with their names as labels.

    One name an action, also while it is being renamed or two daemons show it.
    """
    return joined(
        f"({expression})" if "\n" in expression else expression,
        f"* on ({ACTION}) group_left ({names})",
        "  action:genesys_data_action:info",
    )
