"""Reading an org: what is due, from which source, into which ledger, and what is shown of it.

What is shown, ``monitor.snapshot``, stays outside: exporter, web and remediation read it, and none
of them asks the platform for what it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.poller.org_reader import OrgReader, open_reader
from monitor.poller.poll_report import PollReport, PollResult

if TYPE_CHECKING:
    from monitor.poller.org_poller import OrgPoller

__all__ = [
    "OrgPoller",
    "OrgReader",
    "PollReport",
    "PollResult",
    "open_reader",
]


def __getattr__(name: str) -> object:
    """Import the poller of an org where it is asked for: it diagnoses, which loads pandas."""
    if name != "OrgPoller":
        reason = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(reason)
    from monitor.poller.org_poller import OrgPoller  # noqa: PLC0415 - see above

    return OrgPoller
