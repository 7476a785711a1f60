"""What one poll of one org did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.errors import GenesysError, UnforeseenError
from monitor.ledger import Recorded


class PollResult(StrEnum):
    """How reading went."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll of one org did.

    Attributes:
        org: The org's name.
        result: ``ok``, ``partial`` where a source failed, ``failed`` where all did, or the one
            that executions are counted from is refused.
        duration_seconds: How long it took, by the machine's clock.
        requests: API requests it cost.
        executions_added: Executions counted for the first time.
        incidents_added: Timeouts in conversations counted for the first time.
        flow_errors_added: Callers lost in flows counted for the first time.
        restatements: Tallies that showed fewer executions than before.
        skipped_windows: Windows given up because they were too far back.
        forgotten: Tallies and incidents left out because their windows were pruned.
        shown: What the platform showed at all, known or not.
        unreadable: Answers of which no record could be read: what they hold is still owed.
        folded: Records that are counted under a name for many, by source.
        errors: What went wrong, by source.
        available: Whether each source answers at all.
        refused: Why each source that does not answer was refused, also where this poll did not ask
            it again.
        voided: Sources that were read to in the future, by a clock that was wrong then: their last
            day is read again.
        is_cut_short: Whether it was ended before every source had been asked.
    """

    org: str
    result: PollResult
    duration_seconds: float
    requests: int = 0
    executions_added: int = 0
    incidents_added: int = 0
    flow_errors_added: int = 0
    restatements: int = 0
    skipped_windows: int = 0
    forgotten: int = 0
    shown: int = 0
    unreadable: int = 0
    folded: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, GenesysError | UnforeseenError] = field(default_factory=dict)
    available: Mapping[str, bool] = field(default_factory=dict)
    refused: Mapping[str, GenesysError] = field(default_factory=dict)
    voided: int = 0
    is_cut_short: bool = False


@dataclass(slots=True)
class PollCount:
    """What a poll has added up so far."""

    executions: int = 0
    incidents: int = 0
    flow_errors: int = 0
    restatements: int = 0
    skipped_windows: int = 0
    forgotten: int = 0
    shown: int = 0
    unreadable: int = 0
    voided: int = 0
    folded: Counter[str] = field(default_factory=Counter)

    def add(self, source: str, recorded: Recorded) -> None:
        """Add what one reading of a source brought."""
        if recorded.folded:
            self.folded[source] += recorded.folded
        self.executions += recorded.executions_added
        self.incidents += recorded.incidents_added
        self.flow_errors += recorded.flow_errors_added
        self.restatements += recorded.restatements
        self.forgotten += recorded.forgotten
        self.shown += recorded.shown
