"""What must hold where a change is undone, whoever wants it."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.config import RemediationSettings
from monitor.journal import Change, RemediationState
from monitor.remediation.decision import Initiator
from monitor.remediation.guards import allow_listed


@dataclass(frozen=True, slots=True)
class UndoGuards:
    """What must hold when a change is undone: a pause binds the daemon, and never a person.

    Attributes:
        settings: ``[remediation]``.
        change: What is undone.
        initiator: Who undoes it.
    """

    settings: RemediationSettings
    change: Change
    initiator: Initiator

    def objection(self, state: RemediationState, now: float) -> str:
        """Return the reason code of what forbids it by now; empty where nothing does."""
        del now  # whatever the hour, what did not help is undone
        if self.initiator is Initiator.HUMAN:
            return "mode" if self.settings.mode == "off" else ""
        if state.paused is not None:
            return "paused"
        if self.change.trial_seconds:
            # Whoever began it has asked for its end, too.
            return "mode" if self.settings.mode == "off" else ""
        named = allow_listed(self.settings, self.change.action_id, self.change.action_name)
        return "" if named and self.settings.mode == "auto" else "allow_list"
