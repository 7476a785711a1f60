"""What has been seen, exactly once: windows, totals, incidents, coverage, names.

Every number is kept under its own key with the largest value seen, so that reading twice, late,
early or in pieces never loses or doubles an execution. Opening it opens the journal of changes too:
both lie in one database, so that one transaction can read both.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from monitor.ledger.model import (
    LATENESS_EDGES_SECONDS,
    FlowErrorTotal,
    IncidentTotal,
    Lateness,
    OrgState,
    Reading,
    Recorded,
    SourceState,
)

if TYPE_CHECKING:
    from monitor.ledger.history import History
    from monitor.ledger.inspection import StateCondition, inspect_state
    from monitor.ledger.ledger import Ledger
    from monitor.ledger.tally_columns import OrgTallies, TallyColumns

__all__ = [
    "LATENESS_EDGES_SECONDS",
    "FlowErrorTotal",
    "History",
    "IncidentTotal",
    "Lateness",
    "Ledger",
    "OrgState",
    "OrgTallies",
    "Reading",
    "Recorded",
    "SourceState",
    "StateCondition",
    "TallyColumns",
    "inspect_state",
]

_LAZY = {
    "history": ("History",),
    "inspection": ("StateCondition", "inspect_state"),
    "ledger": ("Ledger",),
    "tally_columns": ("OrgTallies", "TallyColumns"),
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
