"""How long a time range a source is asked for at once, and in how fine windows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from monitor.errors import BadRequestError, ConfigurationError, GenesysError
from monitor.ledger import Ledger
from monitor.sources import (
    COARSER_WINDOWS_SECONDS,
    Source,
    coarser_window,
    is_interval_too_long,
)
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

TRY_LONGER_AFTER_SECONDS = 3600.0
"""After an hour the full length is tried again: it costs a few refused requests, and a platform
that was only busy would else be asked in small pieces for as long as the process lives."""


@dataclass(frozen=True, slots=True)
class _Shortened:
    """A length that was found by halving, and when; monotonic seconds."""

    seconds: int
    since: float


class AdaptiveSlices:
    """The longest time range that each source of one org is asked for at once.

    What is read in shorter slices is the same, each slice with its own place in the coverage:
    nothing is lost or counted twice.
    """

    def __init__(self, org: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with what the sources themselves say."""
        self._org = org
        self._monotonic = monotonic
        self._shortened: dict[str, _Shortened] = {}
        self._told: set[str] = set()

    def seconds(self, source: Source, window_seconds: int) -> int:
        """Return how long a time range to ask a source for; whole windows, at least one."""
        found = self._shortened.get(source.name)
        if found and self._monotonic() - found.since >= TRY_LONGER_AFTER_SECONDS:
            del self._shortened[source.name]
            found = None
        longest = found.seconds if found else source.slice_seconds
        return max(floor_to(longest, window_seconds), window_seconds)

    def shorten(
        self, source: Source, asked: TimeRange, window_seconds: int, error: GenesysError
    ) -> bool:
        """Halve what a source is asked for, if its refusal asks for that and there is a half.

        Args:
            source: The source.
            asked: What it was asked for when it refused.
            window_seconds: Nothing shorter is ever asked for.
            error: The refusal.

        Returns:
            Whether a shorter time range is worth asking for.
        """
        if not is_interval_too_long(error):
            return False
        if asked.seconds <= window_seconds:
            # Shorter was no help: what was found before still holds, or the full length does.
            self._shortened.pop(source.name, None)
            return False
        half = max(floor_to(asked.seconds / 2, window_seconds), window_seconds)
        self._shortened[source.name] = _Shortened(half, self._monotonic())
        if source.name not in self._told:
            self._told.add(source.name)
            log.warning(
                "shorter_intervals",
                org=self._org,
                source=source.name,
                refused_seconds=asked.seconds,
                why=error.message,
                hint="What is asked for at once is halved until it is answered; nothing is lost.",
            )
        return True


class WindowSizes:
    """The windows that the sources of one org are counted in."""

    def __init__(self, org: str, configured_seconds: int, ledger: Ledger) -> None:
        """Begin with what is configured.

        Args:
            org: The org's name in the configuration.
            configured_seconds: ``[collect] window``.
            ledger: Knows the windows of what was counted before.
        """
        self._org = org
        self._configured = configured_seconds
        self._ledger = ledger
        self._coarser: dict[str, int] = {}

    def seconds(self, source: Source) -> int:
        """Return the windows a source is read in: its ledger's, for two sizes can't be compared."""
        otherwise = self._coarser.get(source.name, self._configured)
        return self._ledger.window_seconds(self._org, source.name, otherwise)

    def check(self, source: Source) -> None:
        """Refuse a state that was kept in other windows.

        Raises:
            ConfigurationError: It was, and the platform did not ask for them.
        """
        kept = self.seconds(source)
        # Coarser ones may be those that the platform asked for; finer ones can only be ours.
        coarser = kept > self._configured and kept in COARSER_WINDOWS_SECONDS
        if kept != self._configured and not coarser:
            raise ConfigurationError(
                f"The state of org {self._org} was kept in windows of {kept // 60} min, "
                f"and collect.window asks for {self._configured // 60} min",
                "Windows of two sizes can't be compared: set it back, or begin with a new state.",
            )

    def coarsen(self, source: Source, window_seconds: int, error: BadRequestError) -> bool:
        """Return whether there is a coarser window to try where the platform refused this one."""
        state = self._ledger.source_state(self._org, source.name)
        coarser = coarser_window(window_seconds, error)
        if coarser is None or (state and state.window_seconds):
            return False
        self._coarser[source.name] = coarser
        log.warning(
            "coarser_windows",
            org=self._org,
            source=source.name,
            refused_seconds=window_seconds,
            window_seconds=coarser,
            why=error.detail,
        )
        return True
