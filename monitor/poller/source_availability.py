"""Which sources of an org the platform refuses, and when each is asked again.

One refusal alone is believed of nothing that has answered before: a gateway, a deployment or a
permission that is just being saved may say no once. So it is asked again at the next poll, and is
switched off when that refuses too.

==================================  ================  ==========================================
a source that is refused            it is off         it is asked again
==================================  ================  ==========================================
optional, answered before: once     no: it failed     at the next poll
optional, never answered: once      yes               at the next poll
optional, twice in a row            yes               an hour after each refusal
required, once                      yes               at the next poll
required, again and again           yes               after 1 min, 2 min, 4 min, then every 5 min
==================================  ================  ==========================================

Times are those of the monotonic clock: a wall clock that is set costs no source its turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from monitor.clock import Clock
from monitor.errors import GenesysError, NotFoundError, PermissionDeniedError

log = structlog.get_logger()

PROBE_AGAIN_SECONDS = 3600.0
"""An optional source that was refused is asked again after an hour: a permission may have been
granted, and an org that grants none must not be asked at every poll."""

REQUIRED_AGAIN_SECONDS = 60.0
"""The first rest of the required source, doubled with each further refusal: without it nothing is
counted, so it is missed at once when it answers again."""

REQUIRED_AGAIN_MOST_SECONDS = 300.0
"""The longest rest of the required source: a granted permission counts within five minutes, and
twelve refused requests an hour are no burden."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Refusals of one source in a row: the newest, when it came, and how many there were."""

    error: GenesysError
    at: float
    times: int
    is_off: bool


class SourceAvailability:
    """What the platform refuses one org."""

    def __init__(self, org: str, clock: Clock, *, required: str = "") -> None:
        """Begin with nothing refused.

        Args:
            org: The org's configured name.
            clock: Measures rests.
            required: The source without which nothing is counted; empty where there is none.
        """
        self._org = org
        self._clock = clock
        self._required = required
        self._refused: dict[str, _Refusal] = {}
        self._answered: set[str] = set()

    @property
    def off(self) -> Mapping[str, GenesysError]:
        """Why each source that is switched off was refused, by its name."""
        return {source: one.error for source, one in self._refused.items() if one.is_off}

    def is_available(self, source: str) -> bool:
        """Return whether a source is not switched off; True before it was ever asked."""
        refused = self._refused.get(source)
        return refused is None or not refused.is_off

    def is_backing_off(self, source: str) -> bool:
        """Return whether a source was refused so lately that it is not asked."""
        refused = self._refused.get(source)
        if refused is None:
            return False
        return self._clock.monotonic() - refused.at < self._rest_seconds(source, refused.times)

    def note_refusal(self, source: str, error: GenesysError) -> None:
        """Keep that a source is refused, where that is what an error says.

        Where that switches it off, it is warned of once.
        """
        if not isinstance(error, PermissionDeniedError | NotFoundError):
            return
        before = self._refused.get(source)
        times = 1 if before is None else before.times + 1
        is_off = times > 1 or source == self._required or source not in self._answered
        if is_off and (before is None or not before.is_off):
            log.warning(
                "source_off",
                org=self._org,
                source=source,
                required=source == self._required,
                why=error.message,
                hint=error.hint,
                again_after_seconds=self._rest_seconds(source, times),
            )
        self._refused[source] = _Refusal(error, self._clock.monotonic(), times, is_off)

    def note_answer(self, source: str) -> None:
        """Keep that a source has answered."""
        self._answered.add(source)
        refused = self._refused.pop(source, None)
        if refused is not None and refused.is_off:
            log.info("source_on", org=self._org, source=source)

    def _rest_seconds(self, source: str, times: int) -> float:
        if times < 2:  # noqa: PLR2004 - one refusal may be a stray one
            return 0.0
        if source != self._required:
            return PROBE_AGAIN_SECONDS
        # An exponent without a bound would be a number without one.
        doubled = REQUIRED_AGAIN_SECONDS * 2.0 ** min(times - 2, 16)
        return min(doubled, REQUIRED_AGAIN_MOST_SECONDS)
