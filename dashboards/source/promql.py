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


def grown(selector: str, window: object, by: str) -> str:
    """Return what a counter grew by, summed by labels.

    Of several daemons of one state only the one that reads an org exports it, and where another
    one takes the org over, the series of each shows its own part. So the parts are summed. An org
    that comes back to a daemon within the window counts what the other one read meanwhile twice:
    the first one's series goes on at the total then.

    Args:
        selector: Name and matchers.
        window: Length of time.
        by: Labels of the result.
    """
    return f"sum by ({by}) (increase({selector}[{window}]))"


def per_minute(selector: str, window: object, by: str) -> str:
    """The same per minute."""
    return f"sum by ({by}) (rate({selector}[{window}])) * 60"


def named(expression: str, names: str = NAMES) -> str:
    """An expression about actions, with their names as labels.

    One name an action, also while it is being renamed or two daemons show it.
    """
    return joined(
        f"({expression})" if "\n" in expression else expression,
        f"* on ({ACTION}) group_left ({names})",
        "  action:genesys_data_action:info",
    )
