"""What has been seen, exactly once: windows, totals, incidents, and how far each source was read.

Every number is kept under its own key with the largest value seen, so that reading twice, late,
early or in pieces never loses or doubles an execution.
"""

from __future__ import annotations

from monitor.ledger.ledger import Ledger
from monitor.ledger.values import (
    LATENESS_EDGES_SECONDS,
    IncidentTotal,
    Lateness,
    OrgState,
    Reading,
    Recorded,
    SourceState,
    TallySum,
    Total,
)

__all__ = [
    "LATENESS_EDGES_SECONDS",
    "IncidentTotal",
    "Lateness",
    "Ledger",
    "OrgState",
    "Reading",
    "Recorded",
    "SourceState",
    "TallySum",
    "Total",
]
