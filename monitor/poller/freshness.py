"""How long ago an org was read, by the monotonic clock: a clock that is set changes no age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.clock import Clock, lies_ahead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.ledger import SourceState


@dataclass(frozen=True, slots=True)
class LastReads:
    """When an org was last read, each as a moment of the wall clock as it is set now.

    Attributes:
        sources: By source; 0.0 where it never was, or only the future knows of it.
        polled_at: When the newest poll ended, or watching began.
        catalogue_at: When the catalogue was last read, or watching began.
        diagnosed_at: When a diagnosis last ended well, or watching began.
    """

    sources: Mapping[str, float]
    polled_at: float
    catalogue_at: float
    diagnosed_at: float


class FreshnessTracker:
    """Remembers when one org was read in this process."""

    def __init__(self, clock: Clock) -> None:
        """Begin now."""
        self._clock = clock
        self._polled_at = self._catalogue_at = self._diagnosed_at = clock.monotonic()
        self._read_at: dict[str, float] = {}
        self._known: dict[str, float] | None = None

    def note_poll(self) -> None:
        """A poll has ended, whatever its result."""
        self._polled_at = self._clock.monotonic()

    def note_catalogue(self) -> None:
        """The catalogue was read."""
        self._catalogue_at = self._clock.monotonic()

    def note_diagnosis(self) -> None:
        """The actions were diagnosed."""
        self._diagnosed_at = self._clock.monotonic()

    def note_sources(self, states: Mapping[str, SourceState]) -> None:
        """Take the time of what was read since the last look, by whichever program.

        What the state knew at the first look is dated by the state alone.
        """
        before = self._known
        self._known = {source: one.last_success_at for source, one in states.items()}
        if before is None:
            return
        for source, at in self._known.items():
            # What is void was not read; what has moved was read just now.
            if at and at != before.get(source):
                self._read_at[source] = self._clock.monotonic()

    def last_reads(self, states: Mapping[str, SourceState]) -> LastReads:
        """Return when everything was last read."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        told = {
            source: 0.0 if lies_ahead(one.last_success_at, now) else min(one.last_success_at, now)
            for source, one in states.items()
        }
        seen = {source: now - (monotonic - at) for source, at in tuple(self._read_at.items())}
        return LastReads(
            told | seen,
            now - (monotonic - self._polled_at),
            now - (monotonic - self._catalogue_at),
            now - (monotonic - self._diagnosed_at),
        )
