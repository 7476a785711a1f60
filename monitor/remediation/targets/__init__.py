"""Where a timeout is kept: one Protocol, two targets, the only users of ``writing``.

``flow`` keeps timeouts inside a flow's document, ``integration-action`` inside the action itself.
"""

from __future__ import annotations

from monitor.remediation.targets.action import IntegrationActionTarget
from monitor.remediation.targets.flow import FlowTarget
from monitor.remediation.targets.limits import ASYNCHRONOUS, validate_write
from monitor.remediation.targets.target import (
    NOT_SHOWN,
    PreSendCheck,
    Target,
    TargetState,
    Written,
    is_same_lock,
    shows_the_write,
    versions_between,
    was_answered,
    writes_between,
)

__all__ = [
    "ASYNCHRONOUS",
    "NOT_SHOWN",
    "FlowTarget",
    "IntegrationActionTarget",
    "PreSendCheck",
    "Target",
    "TargetState",
    "Written",
    "is_same_lock",
    "shows_the_write",
    "validate_write",
    "versions_between",
    "was_answered",
    "writes_between",
]
