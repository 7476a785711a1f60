"""Answers written down: reports, diagnoses, investigations and changes as JSON, CSV and HCL.

Each document is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.render.action_commands import ActionCommand, commands_about
    from monitor.render.action_pictures import ActionPictures, bar_seconds, draw_action
    from monitor.render.action_words import (
        RAISE_COLUMNS,
        Fact,
        action_facts,
        raise_rows,
        verdict_evidence,
    )
    from monitor.render.changes import (
        change_document,
        history_document,
        outside_document,
        plan_document,
        terraform,
        trial_words,
    )
    from monitor.render.charts import Picture
    from monitor.render.diagnosis import diagnosed_document, diagnosis_document
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
    from monitor.render.html_report import ReportAssets, report_html
    from monitor.render.investigation import investigation_document
    from monitor.render.mailed_report import (
        MOST_PICTURED,
        ReportAction,
        ReportContent,
        worst_actions,
    )
    from monitor.render.markdown_report import report_markdown
    from monitor.render.plan import decided_effects, summary_of, why_not_raised, worst_first
    from monitor.render.report import (
        CSV_COLUMNS,
        NO_DIAGNOSES,
        NO_LIMITS,
        action_document,
        describe_limits,
        limit_documents,
        most_severe_first,
        report_csv,
        report_document,
        severity_of_action,
        with_min_severity,
    )
    from monitor.render.timeline import describe_timelines

__all__ = [
    "CSV_COLUMNS",
    "MOST_PICTURED",
    "NO_DIAGNOSES",
    "NO_LIMITS",
    "RAISE_COLUMNS",
    "ActionCommand",
    "ActionDocument",
    "ActionPictures",
    "AliveDocument",
    "ChangesDocument",
    "Document",
    "DroppedRecordsDocument",
    "ErrorDocument",
    "Fact",
    "IndexDocument",
    "OrgStatusDocument",
    "OrgSwitchesDocument",
    "Picture",
    "RaiseEffects",
    "ReadinessDocument",
    "RefusedDocument",
    "ReportAction",
    "ReportAssets",
    "ReportContent",
    "ReportDocument",
    "RouteDocument",
    "SingleActionDocument",
    "SourceDocument",
    "StandbyDocument",
    "StatusDocument",
    "UnreadyDocument",
    "action_document",
    "action_facts",
    "bar_seconds",
    "change_document",
    "commands_about",
    "curve_document",
    "decided_effects",
    "describe_effect",
    "describe_limits",
    "describe_raise",
    "describe_timelines",
    "diagnosed_document",
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
    "raise_rows",
    "report_csv",
    "report_document",
    "report_html",
    "report_markdown",
    "rescued_a_day",
    "severity_of_action",
    "slots_of",
    "summary_of",
    "terraform",
    "trial_words",
    "verdict_evidence",
    "waited_a_day",
    "why_not_raised",
    "with_min_severity",
    "worst_actions",
    "worst_first",
]

_LAZY = {
    "action_commands": ("ActionCommand", "commands_about"),
    "action_words": ("RAISE_COLUMNS", "Fact", "action_facts", "raise_rows", "verdict_evidence"),
    "action_pictures": ("ActionPictures", "bar_seconds", "draw_action"),
    "charts": ("Picture",),
    "changes": (
        "change_document",
        "history_document",
        "outside_document",
        "plan_document",
        "terraform",
        "trial_words",
    ),
    "diagnosis": ("diagnosed_document", "diagnosis_document"),
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
    "html_report": ("ReportAssets", "report_html"),
    "mailed_report": ("MOST_PICTURED", "ReportAction", "ReportContent", "worst_actions"),
    "markdown_report": ("report_markdown",),
    "report": (
        "CSV_COLUMNS",
        "NO_DIAGNOSES",
        "NO_LIMITS",
        "action_document",
        "describe_limits",
        "limit_documents",
        "most_severe_first",
        "report_csv",
        "report_document",
        "severity_of_action",
        "with_min_severity",
    ),
    "timeline": ("describe_timelines",),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
