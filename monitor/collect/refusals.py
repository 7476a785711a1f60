"""Which sources of an org the platform refuses: switched off with one warning, probed hourly."""

from __future__ import annotations

import structlog

from monitor.clock import Clock
from monitor.errors import GenesysError, NotFoundError, PermissionDeniedError

log = structlog.get_logger()

PROBE_AGAIN_SECONDS = 3600
"""A source that was refused is asked again after an hour: a permission may have been granted."""


class Refusals:
    """What the platform refuses one org."""

    def __init__(self, org: str, clock: Clock) -> None:
        """Begin with nothing refused."""
        self._org = org
        self._clock = clock
        self._refused_at: dict[str, float] = {}

    def answers(self, source: str) -> bool:
        """Return whether a source answered when it was last asked; True before it ever was."""
        return source not in self._refused_at

    def rests(self, source: str) -> bool:
        """Return whether a source was refused so lately that it is not asked."""
        refused_at = self._refused_at.get(source)
        return refused_at is not None and self._clock.now() - refused_at < PROBE_AGAIN_SECONDS

    def note(self, source: str, error: GenesysError) -> None:
        """Keep that a source is refused, where that is what an error says; warn of it once."""
        if not isinstance(error, PermissionDeniedError | NotFoundError):
            return
        if source not in self._refused_at:
            log.warning(
                "source_off",
                org=self._org,
                source=source,
                why=error.message,
                hint=error.hint,
                again_after_seconds=PROBE_AGAIN_SECONDS,
            )
        self._refused_at[source] = self._clock.now()

    def note_answer(self, source: str) -> None:
        """Keep that a source has answered."""
        self._refused_at.pop(source, None)
