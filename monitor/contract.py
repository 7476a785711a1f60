"""What an org's host offers, and with that what executions are counted from.

By itself, for the commands name it in their options, and ``--help`` loads nothing else.
"""

from __future__ import annotations

from enum import StrEnum

DETAIL_SOURCE = "conversations"


class Contract(StrEnum):
    """What an org's host offers."""

    PLATFORM = "platform"
    """Genesys Cloud's own API."""
    FLOW = "flow"
    """A gateway with flow documents and detail records alone."""

    @property
    def execution_source(self) -> str:
        """The source that executions are counted from: without it nothing else says much."""
        return "actions" if self.knows_successes else DETAIL_SOURCE

    @property
    def knows_successes(self) -> bool:
        """Whether every execution is counted; under the other contract only timeouts are seen."""
        return self is Contract.PLATFORM
