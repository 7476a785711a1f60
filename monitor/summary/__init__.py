"""What times out, how often, how slowly, and whom it hits: the ledger's tallies, summarised.

``model`` holds the answers, ``query`` asks the ledger for them. Each is loaded when it is first
asked for: to name a summary takes no pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.summary.limit_usage import LIMIT_LABELS, LimitUse, limits_in_use
    from monitor.summary.model import (
        ActionSummary,
        CallersLost,
        ErrorsAtTimeout,
        GroupSummary,
        Summary,
        empty_summary,
    )
    from monitor.summary.notes import describe_errors_at_timeout
    from monitor.summary.query import settled, summarise
    from monitor.summary.timeouts_in_force import TimeoutsInForce, timeouts_during

__all__ = [
    "LIMIT_LABELS",
    "ActionSummary",
    "CallersLost",
    "ErrorsAtTimeout",
    "GroupSummary",
    "LimitUse",
    "Summary",
    "TimeoutsInForce",
    "describe_errors_at_timeout",
    "empty_summary",
    "limits_in_use",
    "settled",
    "summarise",
    "timeouts_during",
]

_LAZY = {
    "limit_usage": ("LIMIT_LABELS", "LimitUse", "limits_in_use"),
    "model": (
        "ActionSummary",
        "CallersLost",
        "ErrorsAtTimeout",
        "GroupSummary",
        "Summary",
        "empty_summary",
    ),
    "notes": ("describe_errors_at_timeout",),
    "query": ("settled", "summarise"),
    "timeouts_in_force": ("TimeoutsInForce", "timeouts_during"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
