"""Answers written down: reports, diagnoses, investigations and changes as JSON, CSV and HCL.

Each document is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.render.action_commands import ActionCommand, commands_about
    from monitor.render.action_pictures import ActionPictures, bar_seconds, draw_action
    from monitor.render.changes import (
        change_document,
        history_document,
        outside_document,
        plan_document,
        terraform,
    )
    from monitor.render.diagnosis import diagnosis_document
    from monitor.render.documents import (
        ActionDocument,
        AliveDocument,
        ChangesDocument,
        Document,
        DroppedRecordsDocument,
        ErrorDocument,
        IndexDocument,
        OrgStatusDocument,
        OrgSwitchesDocument,
        ReadinessDocument,
        RefusedDocument,
        ReportDocument,
        RouteDocument,
        SingleActionDocument,
        SourceDocument,
        StandbyDocument,
        StatusDocument,
        UnreadyDocument,
    )
    from monitor.render.effect_documents import curve_document, effect_document
    from monitor.render.effects import (
        RaiseEffects,
        describe_effect,
        describe_raise,
        raise_effects,
        rescued_a_day,
        slots_of,
        waited_a_day,
    )
    from monitor.render.investigation import investigation_document
    from monitor.render.plan import decided_effects, summary_of, why_not_raised, worst_first
    from monitor.render.report import (
        CSV_COLUMNS,
        NO_DIAGNOSES,
        NO_LIMITS,
        describe_limits,
        limit_documents,
        most_severe_first,
        report_csv,
        report_document,
        severity_of_action,
        with_min_severity,
    )

__all__ = [
    "CSV_COLUMNS",
    "NO_DIAGNOSES",
    "NO_LIMITS",
    "ActionCommand",
    "ActionDocument",
    "ActionPictures",
    "AliveDocument",
    "ChangesDocument",
    "Document",
    "DroppedRecordsDocument",
    "ErrorDocument",
    "IndexDocument",
    "OrgStatusDocument",
    "OrgSwitchesDocument",
    "RaiseEffects",
    "ReadinessDocument",
    "RefusedDocument",
    "ReportDocument",
    "RouteDocument",
    "SingleActionDocument",
    "SourceDocument",
    "StandbyDocument",
    "StatusDocument",
    "UnreadyDocument",
    "bar_seconds",
    "change_document",
    "commands_about",
    "curve_document",
    "decided_effects",
    "describe_effect",
    "describe_limits",
    "describe_raise",
    "diagnosis_document",
    "draw_action",
    "effect_document",
    "history_document",
    "investigation_document",
    "limit_documents",
    "most_severe_first",
    "outside_document",
    "plan_document",
    "raise_effects",
    "report_csv",
    "report_document",
    "rescued_a_day",
    "severity_of_action",
    "slots_of",
    "summary_of",
    "terraform",
    "waited_a_day",
    "why_not_raised",
    "with_min_severity",
    "worst_first",
]

_LAZY = {
    "action_commands": ("ActionCommand", "commands_about"),
    "action_pictures": ("ActionPictures", "bar_seconds", "draw_action"),
    "changes": (
        "change_document",
        "history_document",
        "outside_document",
        "plan_document",
        "terraform",
    ),
    "diagnosis": ("diagnosis_document",),
    "documents": (
        "ActionDocument",
        "AliveDocument",
        "ChangesDocument",
        "Document",
        "DroppedRecordsDocument",
        "ErrorDocument",
        "IndexDocument",
        "OrgStatusDocument",
        "OrgSwitchesDocument",
        "ReadinessDocument",
        "RefusedDocument",
        "ReportDocument",
        "RouteDocument",
        "SingleActionDocument",
        "SourceDocument",
        "StandbyDocument",
        "StatusDocument",
        "UnreadyDocument",
    ),
    "effect_documents": ("curve_document", "effect_document"),
    "effects": (
        "RaiseEffects",
        "describe_effect",
        "describe_raise",
        "raise_effects",
        "rescued_a_day",
        "slots_of",
        "waited_a_day",
    ),
    "investigation": ("investigation_document",),
    "plan": ("decided_effects", "summary_of", "why_not_raised", "worst_first"),
    "report": (
        "CSV_COLUMNS",
        "NO_DIAGNOSES",
        "NO_LIMITS",
        "describe_limits",
        "limit_documents",
        "most_severe_first",
        "report_csv",
        "report_document",
        "severity_of_action",
        "with_min_severity",
    ),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
