"""What one probe found: a line, how much it matters, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.errors import TimeoutMonitorError


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found.

    Attributes:
        subject: What was probed.
        level: How much it matters.
        detail: What was found, in one sentence.
        hint: What to do about it; empty where nothing needs doing.
        exit_code: What the command line exits with because of it.
    """

    subject: str
    level: Level
    detail: str
    hint: str = ""
    exit_code: int = 0


def failed(subject: str, error: TimeoutMonitorError, *, level: Level = Level.FAILED) -> Finding:
    """Return the finding that an error is."""
    code = error.exit_code if level is Level.FAILED else 0
    return Finding(subject, level, error.message, error.hint, code)
