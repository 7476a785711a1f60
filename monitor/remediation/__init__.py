"""What changes timeouts: guards that decide, one engine that writes, and the record of it all.

``decide`` says whether and how far, ``reconcile`` takes a turn at an org, ``write`` is the only
engine, ``send`` sends for it and proves it, ``resolve`` finds out what became of a write, and
``targets`` is the only door through which anything is written to the platform. Each name is loaded
when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.remediation.actor import person
    from monitor.remediation.audit_file import AuditFile, audit_path
    from monitor.remediation.decision import Decision, DecisionKind, Initiator
    from monitor.remediation.flow_setting import FlowOrder, FlowSettings, set_flow_timeout
    from monitor.remediation.loop import RemediationLoop
    from monitor.remediation.org import OrgRemediation
    from monitor.remediation.put_back import is_damaged
    from monitor.remediation.set_timeout import BUDGET_SECONDS, SetTimeoutResult
    from monitor.remediation.targets import TargetState
    from monitor.remediation.trials import (
        LONGEST_TRIAL_SECONDS,
        SHORTEST_TRIAL_SECONDS,
        usual_trial_seconds,
    )

__all__ = [
    "BUDGET_SECONDS",
    "LONGEST_TRIAL_SECONDS",
    "SHORTEST_TRIAL_SECONDS",
    "AuditFile",
    "Decision",
    "DecisionKind",
    "FlowOrder",
    "FlowSettings",
    "Initiator",
    "OrgRemediation",
    "RemediationLoop",
    "SetTimeoutResult",
    "TargetState",
    "audit_path",
    "is_damaged",
    "person",
    "set_flow_timeout",
    "usual_trial_seconds",
]

_LAZY = {
    "actor": ("person",),
    "audit_file": ("AuditFile", "audit_path"),
    "decision": ("Decision", "DecisionKind", "Initiator"),
    "flow_setting": ("FlowOrder", "FlowSettings", "set_flow_timeout"),
    "loop": ("RemediationLoop",),
    "org": ("OrgRemediation",),
    "put_back": ("is_damaged",),
    "set_timeout": ("BUDGET_SECONDS", "SetTimeoutResult"),
    "targets": ("TargetState",),
    "trials": ("LONGEST_TRIAL_SECONDS", "SHORTEST_TRIAL_SECONDS", "usual_trial_seconds"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
