"""What has been seen, exactly once: windows, totals, incidents, coverage, names.

Every number is kept under its own key with the largest value seen, so that reading twice, late,
early or in pieces never loses or doubles an execution. Opening it opens the journal of changes too:
both lie in one database, so that one transaction can read both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked
from monitor.ledger.model import (
    LATENESS_EDGES_SECONDS,
    ActionHits,
    FlowErrorTotal,
    IncidentTotal,
    Lateness,
    NearLook,
    OrgState,
    Reading,
    Recorded,
    SourceState,
)

if TYPE_CHECKING:
    from monitor.ledger.backfills import Backfills
    from monitor.ledger.counts_by_hour import HourlyCounts
    from monitor.ledger.diagnoses import Diagnoses, KeptDiagnosis
    from monitor.ledger.history import History
    from monitor.ledger.housekeeping import Housekeeping
    from monitor.ledger.impact import Impact
    from monitor.ledger.inspection import StateCondition, inspect_state
    from monitor.ledger.ledger import Ledger
    from monitor.ledger.near_looks import NearLooks
    from monitor.ledger.reading_leases import ReadingLeases
    from monitor.ledger.tallies import Tallies
    from monitor.ledger.tally_columns import OrgTallies, TallyColumns
    from monitor.ledger.verdict_history import PastVerdict, SaidVerdict

__all__ = [
    "LATENESS_EDGES_SECONDS",
    "ActionHits",
    "Backfills",
    "Diagnoses",
    "FlowErrorTotal",
    "History",
    "HourlyCounts",
    "Housekeeping",
    "Impact",
    "IncidentTotal",
    "KeptDiagnosis",
    "Lateness",
    "Ledger",
    "NearLook",
    "NearLooks",
    "OrgState",
    "OrgTallies",
    "PastVerdict",
    "Reading",
    "ReadingLeases",
    "Recorded",
    "SaidVerdict",
    "SourceState",
    "StateCondition",
    "Tallies",
    "TallyColumns",
    "inspect_state",
]

_LAZY = {
    "backfills": ("Backfills",),
    "counts_by_hour": ("HourlyCounts",),
    "diagnoses": ("Diagnoses", "KeptDiagnosis"),
    "history": ("History",),
    "housekeeping": ("Housekeeping",),
    "impact": ("Impact",),
    "inspection": ("StateCondition", "inspect_state"),
    "ledger": ("Ledger",),
    "near_looks": ("NearLooks",),
    "reading_leases": ("ReadingLeases",),
    "tallies": ("Tallies",),
    "tally_columns": ("OrgTallies", "TallyColumns"),
    "verdict_history": ("PastVerdict", "SaidVerdict"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
