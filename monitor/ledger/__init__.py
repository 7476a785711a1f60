"""What has been seen, exactly once, and what was changed: windows, totals, incidents, changes.

Every number is kept under its own key with the largest value seen, so that reading twice, late,
early or in pieces never loses or doubles an execution.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from monitor.ledger.care import StateCare
from monitor.ledger.change import (
    ASKED_FOR,
    IN_FORCE_STATES,
    NEXT,
    UNSETTLED_STATES,
    AuditEntry,
    Change,
    ChangeState,
    Intent,
    Lease,
    Quarantine,
    RemediationState,
    Switch,
)
from monitor.ledger.edits import (
    OutsideChange,
    SetBy,
    stand_down_note,
    who_overrode,
)
from monitor.ledger.faults import StateFault
from monitor.ledger.history import History
from monitor.ledger.inspection import StateCondition, inspect_state
from monitor.ledger.journal import Journal
from monitor.ledger.ledger import Ledger
from monitor.ledger.state_clock import StateClock
from monitor.ledger.values import (
    LATENESS_EDGES_SECONDS,
    FirstHit,
    FlowErrorTotal,
    IncidentTotal,
    Lateness,
    OrgState,
    Reading,
    Recorded,
    SourceState,
    TallySum,
    Total,
    WindowLoad,
)

if TYPE_CHECKING:
    from monitor.ledger.columns import OrgTallies, TallyColumns

__all__ = [
    "ASKED_FOR",
    "IN_FORCE_STATES",
    "LATENESS_EDGES_SECONDS",
    "NEXT",
    "UNSETTLED_STATES",
    "AuditEntry",
    "Change",
    "ChangeState",
    "FirstHit",
    "FlowErrorTotal",
    "History",
    "IncidentTotal",
    "Intent",
    "Journal",
    "Lateness",
    "Lease",
    "Ledger",
    "OrgState",
    "OrgTallies",
    "OutsideChange",
    "Quarantine",
    "Reading",
    "Recorded",
    "RemediationState",
    "SetBy",
    "SourceState",
    "StateCare",
    "StateClock",
    "StateCondition",
    "StateFault",
    "Switch",
    "TallyColumns",
    "TallySum",
    "Total",
    "WindowLoad",
    "inspect_state",
    "stand_down_note",
    "who_overrode",
]

_OF_NUMPY = ("OrgTallies", "TallyColumns")
"""What is loaded when it is first asked for: most that open a ledger never do."""


def __getattr__(name: str) -> object:
    """Load a name of the face (PEP 562).

    Raises:
        AttributeError: The face has no such name.
    """
    if name not in _OF_NUMPY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.columns"), name)
    globals()[name] = value
    return value
