"""Reading an org: what is due, from which source, into which ledger, and what is shown of it.

What is shown, ``monitor.snapshot``, stays outside: exporter, web and remediation read it, and none
of them asks the platform for what it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.poller.history_reader import BackfillListener
    from monitor.poller.opening import open_pollers
    from monitor.poller.org_poller import OrgPoller
    from monitor.poller.org_reader import OrgReader, open_reader
    from monitor.poller.poll_report import PollReport, PollResult
    from monitor.poller.reconciliation import (
        RECONCILE_LOOK_SECONDS,
        RECONCILED_SECONDS,
        Reconciliation,
    )

__all__ = [
    "RECONCILED_SECONDS",
    "RECONCILE_LOOK_SECONDS",
    "BackfillListener",
    "OrgPoller",
    "OrgReader",
    "PollReport",
    "PollResult",
    "Reconciliation",
    "open_pollers",
    "open_reader",
]

_LAZY = {
    "history_reader": ("BackfillListener",),
    "opening": ("open_pollers",),
    "org_poller": ("OrgPoller",),
    "org_reader": ("OrgReader", "open_reader"),
    "poll_report": ("PollReport", "PollResult"),
    "reconciliation": ("RECONCILED_SECONDS", "RECONCILE_LOOK_SECONDS", "Reconciliation"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
