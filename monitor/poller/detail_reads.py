"""Whether timeouts, or callers lost in flows, have become more: then detail records are asked.

Detail records tell whom a timeout hit, and cost a request a hundred of them. Where aggregates show
nothing new there is nothing new to be told; what comes late is found by the next deep read.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.counts import Tally, TallyKey
from monitor.model import NO_ERROR, Classifier, Outcome

REQUESTS_A_POLL = 0.1
"""What near reads of detail records may cost on average, with what deep ones cost beyond a page: in
an org where something times out every minute they come every tenth poll, between the deep ones, and
where many conversations fail the deep ones tell."""

MOST_REQUESTS_SAVED = 2.0
"""After a quiet time what times out is told at once."""


class DetailReadPolicy:
    """What aggregates have shown since detail records were last asked for."""

    def __init__(self, classifier: Classifier) -> None:
        """Begin with nothing seen: what is shown first is new."""
        self._classifier = classifier
        self._is_timeout: dict[tuple[str, str], bool] = {}
        self._counted: dict[TallyKey, int] = {}
        self._saved = MOST_REQUESTS_SAVED
        self._has_grown = False

    def note_poll(self) -> None:
        """Save up for a near read of detail records; once a poll."""
        self._saved = min(self._saved + REQUESTS_A_POLL, MOST_REQUESTS_SAVED)

    def note_tallies(self, tallies: Iterable[Tally], begin: int) -> None:
        """Look at the windows of an answer.

        Args:
            tallies: What they count.
            begin: Where the answer begins: what lies before is forgotten.
        """
        self._counted = {key: count for key, count in self._counted.items() if key[1] >= begin}
        for tally in tallies:
            if tally.key.error_type == NO_ERROR or not self._is_one(tally):
                continue
            key = tally.key, tally.window_start
            if tally.counts.count > self._counted.get(key, 0):
                self._counted[key] = tally.counts.count
                self._has_grown = True

    def note_callers_lost(self, callers: int) -> None:
        """Keep that flows have lost callers."""
        self._has_grown |= callers > 0

    def note_details(self, requests: int) -> None:
        """Keep that detail records were read, and what that cost beyond one page of a deep read."""
        self._has_grown = False
        self._saved = max(self._saved - requests, -MOST_REQUESTS_SAVED)

    @property
    def is_worth_asking(self) -> bool:
        """Whether there is something new to be told, and enough was saved to ask for it."""
        return self._has_grown and self._saved >= 1

    def _is_one(self, tally: Tally) -> bool:
        ending = tally.key.error_type, tally.key.response_status
        if ending not in self._is_timeout:
            self._is_timeout[ending] = self._classifier.outcome(*ending) is Outcome.TIMEOUT
        return self._is_timeout[ending]
