"""What times out, how often, how slowly, and whom it hits: the ledger's tallies, summarised.

``model`` holds the answers, ``query`` asks the ledger for them. Each is loaded when it is first
asked for: to name a summary takes no pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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


def __getattr__(name: str) -> object:
    """Load a name of the face (PEP 562).

    Raises:
        AttributeError: The face has no such name.
    """
    for module, names in _LAZY.items():
        if name in names:
            value: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
