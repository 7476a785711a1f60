"""What was changed, by this program or by others, and who may change anything.

Changes from their intent to their end, leases, the audit trail, who saved an action outside this
program, and the timeout in force over time. It knows nothing of what is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.journal.change_states import (
    ASKED_FOR,
    GONE,
    HELPED,
    IN_FORCE_STATES,
    NEXT,
    NOT_HELPED,
    NOT_SENT,
    NOT_UNDONE,
    NOTHING_SHOWN,
    PUT_OFF,
    PUTTING_BACK,
    UNSETTLED_STATES,
    ChangeState,
)
from monitor.journal.model import (
    AuditEntry,
    Change,
    DamageFound,
    Intent,
    Lease,
    Quarantine,
    RemediationState,
    Switch,
)
from monitor.journal.outside_changes import OutsideChange, SetBy, stand_down_note, who_overrode
from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.journal.audit import event_times
    from monitor.journal.audit_trail import AuditTrail
    from monitor.journal.journal import Journal
    from monitor.journal.platform_audit import PlatformAudit
    from monitor.journal.timeout_edits import forget_edits
    from monitor.journal.timeouts import (
        date_timeouts,
        note_timeouts,
        own_writes,
        timeouts_over_time,
    )
    from monitor.journal.trail import (
        NOT_MADE,
        Trail,
        TrailKind,
        TrailPiece,
        TrailPlace,
        TrailQuery,
    )

__all__ = [
    "ASKED_FOR",
    "GONE",
    "HELPED",
    "IN_FORCE_STATES",
    "NEXT",
    "NOTHING_SHOWN",
    "NOT_HELPED",
    "NOT_MADE",
    "NOT_SENT",
    "NOT_UNDONE",
    "PUTTING_BACK",
    "PUT_OFF",
    "UNSETTLED_STATES",
    "AuditEntry",
    "AuditTrail",
    "Change",
    "ChangeState",
    "DamageFound",
    "Intent",
    "Journal",
    "Lease",
    "OutsideChange",
    "PlatformAudit",
    "Quarantine",
    "RemediationState",
    "SetBy",
    "Switch",
    "Trail",
    "TrailKind",
    "TrailPiece",
    "TrailPlace",
    "TrailQuery",
    "date_timeouts",
    "event_times",
    "forget_edits",
    "note_timeouts",
    "own_writes",
    "stand_down_note",
    "timeouts_over_time",
    "who_overrode",
]

_LAZY = {
    "audit": ("event_times",),
    "audit_trail": ("AuditTrail",),
    "journal": ("Journal",),
    "platform_audit": ("PlatformAudit",),
    "timeout_edits": ("forget_edits",),
    "trail": ("NOT_MADE", "Trail", "TrailKind", "TrailPiece", "TrailPlace", "TrailQuery"),
    "timeouts": ("date_timeouts", "note_timeouts", "own_writes", "timeouts_over_time"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
