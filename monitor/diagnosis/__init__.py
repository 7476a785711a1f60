"""Why each action times out, and whether a longer timeout would help: from evidence to a verdict.

``evidence`` is what was counted, ``action`` judges one action by it, ``org`` all of an org. What a
diagnosis says (``model``, ``severity``, ``explain``, ``editable``) needs no numpy; what finds it
does, and is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.diagnosis.diagnosed import DiagnosisCancelledError, diagnosed_range
from monitor.diagnosis.editable import HOW_TO_CHANGE, Editable
from monitor.diagnosis.explain import NO_STEP, advised_raise, explanation, format_raise
from monitor.diagnosis.model import (
    Concurrency,
    Diagnosis,
    JudgedEvidence,
    LatencyDrift,
    OrgDiagnosis,
    Recommendation,
    Verdict,
)
from monitor.diagnosis.next_timeout import next_timeout_ms
from monitor.diagnosis.severity import CRITICAL_SHARE, Severity, severity_of, usual_severity
from monitor.diagnosis.timeout_curve import TimeoutCurve, TimeoutEffect
from monitor.diagnosis.verdict_period import VerdictPeriod, describe_period
from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.diagnosis.action import DiagnosisSettings, diagnose
    from monitor.diagnosis.cluster import DaskCluster
    from monitor.diagnosis.diagnoser import Diagnoser
    from monitor.diagnosis.evidence import ActionEvidence, WindowEvidence
    from monitor.diagnosis.latest import latest_action_diagnosis, latest_diagnosis
    from monitor.diagnosis.local_diagnoser import LocalDiagnoser
    from monitor.diagnosis.memory import may_go_on
    from monitor.diagnosis.near_bands import NearEvidence
    from monitor.diagnosis.org import (
        diagnose_org,
        load_evidence,
        load_timeout_history,
    )
    from monitor.diagnosis.required_timeout import ANSWERED_TARGET
    from monitor.diagnosis.verdict import TOO_LONG_RATIO

__all__ = [
    "ANSWERED_TARGET",
    "CRITICAL_SHARE",
    "HOW_TO_CHANGE",
    "NO_STEP",
    "TOO_LONG_RATIO",
    "ActionEvidence",
    "Concurrency",
    "DaskCluster",
    "Diagnoser",
    "Diagnosis",
    "DiagnosisCancelledError",
    "DiagnosisSettings",
    "Editable",
    "JudgedEvidence",
    "LatencyDrift",
    "LocalDiagnoser",
    "NearEvidence",
    "OrgDiagnosis",
    "Recommendation",
    "Severity",
    "TimeoutCurve",
    "TimeoutEffect",
    "Verdict",
    "VerdictPeriod",
    "WindowEvidence",
    "advised_raise",
    "describe_period",
    "diagnose",
    "diagnose_org",
    "diagnosed_range",
    "explanation",
    "format_raise",
    "latest_action_diagnosis",
    "latest_diagnosis",
    "load_evidence",
    "load_timeout_history",
    "may_go_on",
    "next_timeout_ms",
    "severity_of",
    "usual_severity",
]

_LAZY = {
    "action": ("DiagnosisSettings", "diagnose"),
    "cluster": ("DaskCluster",),
    "diagnoser": ("Diagnoser",),
    "evidence": ("ActionEvidence", "WindowEvidence"),
    "latest": ("latest_action_diagnosis", "latest_diagnosis"),
    "local_diagnoser": ("LocalDiagnoser",),
    "memory": ("may_go_on",),
    "near_bands": ("NearEvidence",),
    "org": (
        "diagnose_org",
        "load_evidence",
        "load_timeout_history",
    ),
    "required_timeout": ("ANSWERED_TARGET",),
    "verdict": ("TOO_LONG_RATIO",),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
