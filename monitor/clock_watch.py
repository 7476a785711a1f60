"""The machine's clock, looked at every second: when it was set, and what waits for it then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import structlog

from monitor.clock import Clock, ClockSteps
from monitor.jobs import failures_logged
from monitor.store import StateClock

log = structlog.get_logger()

CLOCK_LOOK_SECONDS = 1.0
"""How often the clock is looked at: a step is mended before the next poll is missed."""

CHANGE_NOTHING_SECONDS = 900.0
"""For so long after a step of the clock no timeout is changed: windows that a wrong clock has
called settled are settled by then, or are known not to have been read."""

PRUNE_NOTHING_SECONDS = 7200.0
"""For so long after a step of the clock nothing is forgotten: what is forgotten can't be read
again, and a wrong clock calls everything old."""


class ClockWatch:
    """Notices that the clock was set; safe to share between threads."""

    def __init__(self, clock: Clock, tell: Callable[[], None]) -> None:
        """Take the time as it is.

        Args:
            clock: The time of the data.
            tell: Called after each step.
        """
        self._clock = clock
        self._steps = ClockSteps(clock)
        self._tell = tell
        self._looking = threading.Lock()

    @property
    def counts(self) -> Mapping[str, int]:
        """How often it was set ``ahead``, and how often ``back``."""
        return dict(self._steps.counts)

    def look(self) -> None:
        """Look at the clock now, and log where it was set since the last look."""
        if isinstance(self._clock, StateClock):
            self._clock.synchronize()
        with self._looking:
            seconds = self._steps.look()
        if seconds:
            log.warning(
                "clock_stepped",
                seconds=round(seconds, 1),
                hint="Nothing is lost or counted twice; let the time service correct clocks "
                "slowly. A machine that was suspended looks the same.",
            )
            self._tell()

    def keep_looking(self, stop: threading.Event, after: Callable[[], None]) -> None:
        """Look until it is time to stop: jobs that wait can't look themselves.

        Args:
            stop: Set it to end.
            after: Called after each look.
        """
        while not stop.wait(CLOCK_LOOK_SECONDS):
            with failures_logged("clock"):
                self.look()
                after()

    def why_nothing_changes(self, *, is_off: bool) -> str:
        """Why no timeout may be changed at the moment, in words; empty where one may.

        Args:
            is_off: Whether the platform's clock disagrees.
        """
        if self._steps.stepped_within(CHANGE_NOTHING_SECONDS):
            return "the clock was set lately"
        return "the clock is wrong" if is_off else ""

    def may_prune(self, *, is_off: bool) -> bool:
        """Whether what looks old may be forgotten.

        Args:
            is_off: Whether the platform's clock disagrees.
        """
        return not is_off and not self._steps.stepped_within(PRUNE_NOTHING_SECONDS)
