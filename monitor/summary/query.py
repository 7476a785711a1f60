"""Asks the ledger for a period and gives its summary."""

from __future__ import annotations

from monitor.ledger import Ledger
from monitor.model import Classifier, source_of_executions
from monitor.summary.assembly import assemble_summary
from monitor.summary.model import ActionSummary, GroupSummary, Summary, empty_summary
from monitor.summary.summary_input import SummaryInput
from monitor.time_ranges import TimeRange, floor_to

__all__ = ["ActionSummary", "GroupSummary", "Summary", "empty_summary", "settled", "summarise"]

DAY_SECONDS = 24 * 3600


def settled(now: float, seconds: int, window_seconds: int, settle_seconds: int) -> TimeRange:
    """Return the last settled ``seconds``, on window boundaries.

    Args:
        now: The time; epoch seconds.
        seconds: How much is wanted; rounded up to whole windows.
        window_seconds: Length of a window.
        settle_seconds: Age, counted from its end, from which on a window counts as settled.
    """
    end = floor_to(now - settle_seconds, window_seconds)
    return TimeRange(floor_to(end - seconds, window_seconds), end)


def summarise(
    ledger: Ledger, org: str, contract: str, time_range: TimeRange, classifier: Classifier
) -> Summary:
    """Return the summary of one org over a range of time that begins and ends on window boundaries.

    Args:
        ledger: What has been seen.
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        time_range: The period; ``settled`` gives one.
        classifier: Reads the platform's words for how an execution ended.

    Raises:
        LedgerError: The ledger can't be read.
    """
    # What was read comes first: a poll in between can then only add to what it promises.
    state = ledger.state(org)
    day_before = TimeRange(time_range.start - DAY_SECONDS, time_range.end - DAY_SECONDS)
    comparable = state.missing_seconds(day_before, source_of_executions(contract)) == 0
    summary_input = SummaryInput(
        org=org,
        contract=contract,
        time_range=time_range,
        state=state,
        tallies=ledger.tally_sums(org, time_range),
        tallies_day_before=ledger.tally_sums(org, day_before) if comparable else None,
        incidents=ledger.incidents(org, time_range),
        flow_errors=ledger.flow_errors(org, time_range),
        timeouts_in_force=ledger.timeouts_in_force(org),
    )
    return assemble_summary(summary_input, classifier)
