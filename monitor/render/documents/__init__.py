"""The documents of the program as types: what every answer in JSON holds, key by key.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what can't be known is null.
"""

from __future__ import annotations

from monitor.render.documents.actions import (
    ActionDocument,
    CallersLostDocument,
    ConcurrencyDocument,
    CountsDocument,
    DiagnosedDocument,
    ErrorTypeDocument,
    ExitReasonDocument,
    FlowCountsDocument,
    IntegrationCountsDocument,
    LimitDocument,
    OrgDocument,
    ReportDocument,
)
from monitor.render.documents.api import IndexDocument, RouteDocument, SingleActionDocument
from monitor.render.documents.changes import (
    AuditEntryDocument,
    ChangeDocument,
    ChangesDocument,
    DecisionDocument,
    GuardDocument,
    HistoryDocument,
    OrgSwitchesDocument,
    OutsideChangeDocument,
    PlanDocument,
)
from monitor.render.documents.diagnosis import (
    BunchDocument,
    DiagnosisDocument,
    DriftDocument,
    EvidenceDocument,
    IncidentDocument,
    RaiseDocument,
    RecommendedTimeoutDocument,
    SlotsDocument,
)
from monitor.render.documents.effects import CurveDocument, EffectDocument, RaiseEffectsDocument
from monitor.render.documents.investigation import (
    EndingDocument,
    ExecutionDocument,
    FlowUseDocument,
    HitDocument,
    InvestigationDocument,
    LatencyBandDocument,
)
from monitor.render.documents.status import (
    AliveDocument,
    DroppedRecordsDocument,
    ErrorDocument,
    OrgStatusDocument,
    ReadinessDocument,
    RefusedDocument,
    SourceDocument,
    StandbyDocument,
    StatusDocument,
    UnreadyDocument,
)
from monitor.render.documents.timeline import (
    TimelineDocument,
    TimeoutStepDocument,
    ToldVerdictDocument,
)
from monitor.render.documents.units import Document, LowHighDocument

__all__ = [
    "ActionDocument",
    "AliveDocument",
    "AuditEntryDocument",
    "BunchDocument",
    "CallersLostDocument",
    "ChangeDocument",
    "ChangesDocument",
    "ConcurrencyDocument",
    "CountsDocument",
    "CurveDocument",
    "DecisionDocument",
    "DiagnosedDocument",
    "DiagnosisDocument",
    "Document",
    "DriftDocument",
    "DroppedRecordsDocument",
    "EffectDocument",
    "EndingDocument",
    "ErrorDocument",
    "ErrorTypeDocument",
    "EvidenceDocument",
    "ExecutionDocument",
    "ExitReasonDocument",
    "FlowCountsDocument",
    "FlowUseDocument",
    "GuardDocument",
    "HistoryDocument",
    "HitDocument",
    "IncidentDocument",
    "IndexDocument",
    "IntegrationCountsDocument",
    "InvestigationDocument",
    "LatencyBandDocument",
    "LimitDocument",
    "LowHighDocument",
    "OrgDocument",
    "OrgStatusDocument",
    "OrgSwitchesDocument",
    "OutsideChangeDocument",
    "PlanDocument",
    "RaiseDocument",
    "RaiseEffectsDocument",
    "ReadinessDocument",
    "RecommendedTimeoutDocument",
    "RefusedDocument",
    "ReportDocument",
    "RouteDocument",
    "SingleActionDocument",
    "SlotsDocument",
    "SourceDocument",
    "StandbyDocument",
    "StatusDocument",
    "TimelineDocument",
    "TimeoutStepDocument",
    "ToldVerdictDocument",
    "UnreadyDocument",
]
