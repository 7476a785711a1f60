"""One data action, looked at closely: its single executions, its flows and whom it hit.

``collect`` asks the platform and the ledger, ``investigate`` works out what that shows,
``action_history`` is what the state alone has of it, and ``action_lookup`` finds the action that a
user means. Each is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.investigation.action_history import (
        ActionHistory,
        FlowHits,
        load_action_history,
        timeout_steps,
    )
    from monitor.investigation.action_lookup import ActionMatch, find_action, known_actions
    from monitor.investigation.collect import InvestigationRequest, collect_investigation
    from monitor.investigation.investigate import (
        DiagnosisInPeriod,
        EndingCount,
        ExecutionStatistics,
        FlowUse,
        Investigation,
        InvestigationData,
        LatencyBand,
        SlowExecution,
        build_investigation,
    )
    from monitor.investigation.timeline import (
        NO_TIMELINES,
        UNTOLD,
        ActionTimeline,
        TimeoutStep,
        load_timelines,
    )

__all__ = [
    "NO_TIMELINES",
    "UNTOLD",
    "ActionHistory",
    "ActionMatch",
    "ActionTimeline",
    "DiagnosisInPeriod",
    "EndingCount",
    "ExecutionStatistics",
    "FlowHits",
    "FlowUse",
    "Investigation",
    "InvestigationData",
    "InvestigationRequest",
    "LatencyBand",
    "SlowExecution",
    "TimeoutStep",
    "build_investigation",
    "collect_investigation",
    "find_action",
    "known_actions",
    "load_action_history",
    "load_timelines",
    "timeout_steps",
]

_LAZY = {
    "action_history": (
        "ActionHistory",
        "FlowHits",
        "load_action_history",
        "timeout_steps",
    ),
    "action_lookup": ("ActionMatch", "find_action", "known_actions"),
    "collect": ("InvestigationRequest", "collect_investigation"),
    "investigate": (
        "DiagnosisInPeriod",
        "EndingCount",
        "ExecutionStatistics",
        "FlowUse",
        "Investigation",
        "InvestigationData",
        "LatencyBand",
        "SlowExecution",
        "build_investigation",
    ),
    "timeline": ("NO_TIMELINES", "UNTOLD", "ActionTimeline", "TimeoutStep", "load_timelines"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
