"""What is asked of the engine that writes, and what it answers: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.errors import TimeoutMonitorError
from monitor.journal import AuditEntry, Change, Intent, RemediationState
from monitor.remediation.put_back import Damage, PutBack
from monitor.remediation.targets import TargetState, Written


class Guards(Protocol):
    """What must hold when a write is sent: values, and the guards that look at them."""

    def objection(self, state: RemediationState, now: float) -> str:
        """Return the reason code of the guard that objects by now, empty where none does.

        Args:
            state: What was changed, and what stands in the way.
            now: Epoch seconds.
        """
        ...


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One timeout that is to be written.

    Attributes:
        intent: Which, by whom, from what to what, and whether its effect is measured.
        entry: The intent's line in the audit trail.
        guards: What must hold when it is sent.
        reading: What it was decided upon; None where it is to be read once the intent is recorded.
        wait_seconds: How long a rate limit is waited out.
    """

    intent: Intent
    entry: AuditEntry
    guards: Guards
    reading: TargetState | None = None
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What came of a request to write or to undo.

    Attributes:
        change: The change as far as it has come; None where nothing was recorded.
        refused: The reason code of the guard that objected; empty where none did.
        error: What the platform, or the way to it, said to the write; None where it took it.
        unread: Why it could not be read back; None where it was, or was not tried.
        written: What the platform said to a write that it carried out; None without such an answer.
        after: What was read after it; None where nothing was.
        also_changed: Where somebody else has changed the action meanwhile.
        damage: What the write has changed besides.
        put_back: How putting that back has ended; None where it was not tried.
    """

    change: Change | None
    refused: str = ""
    error: BaseException | None = None
    unread: TimeoutMonitorError | None = None
    written: Written | None = None
    after: TargetState | None = None
    also_changed: tuple[str, ...] = ()
    damage: Damage | None = None
    put_back: PutBack | None = None

    def reached(self) -> Change | str:
        """Return the change as far as it has come, else the reason code of what stood in its way.

        Raises:
            KeyboardInterrupt: Somebody pressed Ctrl-C in the middle of it; what became of it is
                recorded, and nothing follows.
        """
        if isinstance(self.error, KeyboardInterrupt):
            raise self.error
        return self.refused if self.change is None else self.change
