"""Reading an org: what is due, from which source, into which ledger, and what is shown of it.

What is shown, ``monitor.snapshot``, stays outside: exporter, web and remediation read it, and none
of them asks the platform for what it shows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.poller.org_poller import OrgPoller
    from monitor.poller.org_reader import OrgReader, open_reader
    from monitor.poller.poll_report import PollReport, PollResult

__all__ = [
    "OrgPoller",
    "OrgReader",
    "PollReport",
    "PollResult",
    "open_reader",
]

_LAZY = {
    "org_poller": ("OrgPoller",),
    "org_reader": ("OrgReader", "open_reader"),
    "poll_report": ("PollReport", "PollResult"),
}
"""Names by the module that each is loaded from when it is first asked for."""


def __getattr__(name: str) -> object:
    """Load a name of the face (PEP 562).

    Raises:
        AttributeError: The face has no such name.
    """
    for module, names in _LAZY.items():
        if name in names:
            value: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
