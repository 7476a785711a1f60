"""What a diagnosis is asked of: whose, by which settings, of which period; and no credential.

Needs no numpy, for whoever asks may have it made in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from monitor.config import (
    DIAGNOSED_SECONDS,
    ClassifySettings,
    CollectSettings,
    RecommendSettings,
    RemediationSettings,
)
from monitor.contract import Contract
from monitor.errors import TimeoutMonitorError
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

HOUR_SECONDS = 3_600

NoteFailure = Callable[[str, TimeoutMonitorError], None]


def log_failure(action_id: str, failure: TimeoutMonitorError) -> None:
    """Log that the method failed on one action, which it should not."""
    log.error("diagnosis_failed", action_id=action_id, why=failure.message, hint=failure.hint)


class DiagnosisCancelledError(Exception):
    """The diagnosis was cancelled before it was complete."""


class DiagnosedOrg(Protocol):
    """Which org is diagnosed."""

    @property
    def name(self) -> str:
        """Its configured name."""
        ...

    @property
    def contract(self) -> Contract:
        """How it is spoken to."""
        ...


class DiagnosisSections(Protocol):
    """The sections of the settings that a diagnosis depends on."""

    @property
    def collect(self) -> CollectSettings:
        """Which windows have settled."""
        ...

    @property
    def classify(self) -> ClassifySettings:
        """How the platform's words are read."""
        ...

    @property
    def recommend(self) -> RecommendSettings:
        """The target, and the least evidence."""
        ...

    @property
    def remediation(self) -> RemediationSettings:
        """How far and by which steps a timeout may be raised."""
        ...


def diagnosed_range(settings: DiagnosisSections, now: float, window_seconds: int) -> TimeRange:
    """Return the settled windows that a diagnosis looks at: eight days, and the hour begun before.

    Windows leave it at full hours, all those of an hour together: in between nothing is forgotten,
    and what has not changed need not be judged anew.

    Args:
        settings: How old a window is when it has settled.
        now: The time; epoch seconds.
        window_seconds: Length of the windows that the org's executions are counted in.
    """
    end = floor_to(now - settings.collect.settle, window_seconds)
    return TimeRange(floor_to(end - DIAGNOSED_SECONDS, HOUR_SECONDS), end)
