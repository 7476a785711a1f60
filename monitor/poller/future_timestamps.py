"""Nothing counts as read that lies in the future: see ``Ledger.void_future``."""

from __future__ import annotations

from collections import defaultdict, deque

import structlog

from monitor.clock import Clock, is_in_future
from monitor.ledger import Ledger

log = structlog.get_logger()

MOST_VOIDS = 3
"""So often within ``VOIDS_SECONDS`` a source's future is made void. A clock that is set does not
need more; two hosts that share a state and whose clocks differ would else read the last day again
and again, each for the other's sake."""

VOIDS_SECONDS = 3600.0


class FutureTimestamps:
    """Finds what one org's state has as read in the future, and makes it void."""

    def __init__(self, org: str, ledger: Ledger, clock: Clock) -> None:
        """Look at nothing yet."""
        self._org = org
        self._ledger = ledger
        self._clock = clock
        self._voided_at: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=MOST_VOIDS)
        )

    def void(self, source: str, now: float) -> bool:
        """Return whether there was anything to make void; it is logged then.

        Args:
            source: The source.
            now: Epoch seconds.

        Raises:
            LedgerError: The state can't be read or written.
        """
        state = self._ledger.source_state(self._org, source)
        covered = self._ledger.coverage(self._org, source)
        marks = [state.last_success_at, state.complete_until] if state else []
        marks += [covered[-1].end] if covered else []
        if not marks or not is_in_future(max(marks), now) or self._is_enough(source):
            return False
        ahead_seconds = self._ledger.void_future(self._org, source, now)
        self._voided_at[source].append(self._clock.monotonic())
        log.warning(
            "future_moments_void",
            org=self._org,
            source=source,
            ahead_seconds=round(ahead_seconds),
            hint="The clock of this machine, or of another one that shares the state, was wrong. "
            "The last day is read again; nothing counts twice.",
        )
        return True

    def _is_enough(self, source: str) -> bool:
        before = self._voided_at[source]
        return len(before) == MOST_VOIDS and self._clock.monotonic() - before[0] < VOIDS_SECONDS
