"""Ask the ledger for one org and one range of time, and put its summary together.

``assemble_summary`` is pure, and the same for rows in any order.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.contract import Contract
from monitor.ledger import Ledger
from monitor.model import UNKNOWN_ACTION, ActionKind, Classifier
from monitor.summary import groups, tables
from monitor.summary.actions import ActionSummaries
from monitor.summary.model import Summary, SummaryInput
from monitor.summary.notes import notes_on
from monitor.summary.suspected_timeouts import errors_at_timeout, errors_without_a_trace
from monitor.summary.timeouts_in_force import timeouts_during
from monitor.time_ranges import TimeRange, floor_to

DAY_SECONDS = 24 * 3600


def settled(now: float, seconds: int, window_seconds: int, settle_seconds: int) -> TimeRange:
    """Return the last settled ``seconds``, on window boundaries.

    Args:
        now: The time; epoch seconds.
        seconds: How long it is; rounded up to whole windows.
        window_seconds: Length of a window.
        settle_seconds: Age, counted from its end, from which on a window counts as settled.
    """
    end = floor_to(now - settle_seconds, window_seconds)
    return TimeRange(floor_to(end - seconds, window_seconds), end)


def summarise(  # noqa: PLR0913 - of what, whose, when, and how it is read
    ledger: Ledger,
    org: str,
    contract: Contract,
    time_range: TimeRange,
    classifier: Classifier,
    *,
    by_hour: bool = False,
) -> Summary:
    """Return the summary of one org over a range of time that begins and ends on window boundaries.

    Args:
        ledger: What has been seen.
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        time_range: The period; ``settled`` gives one.
        classifier: Reads the platform's words for how an execution ended.
        by_hour: Whether each action's hours are summed too.

    Raises:
        LedgerError: The ledger can't be read.
    """
    # What was read comes first: a poll in between can then only add to what it promises.
    state = ledger.state(org)
    day_before = TimeRange(time_range.start - DAY_SECONDS, time_range.end - DAY_SECONDS)
    comparable = state.missing_seconds(day_before, contract.execution_source) == 0
    summary_input = SummaryInput(
        org=org,
        contract=contract,
        time_range=time_range,
        state=state,
        tallies=ledger.tallies.sums(org, time_range),
        executions_day_before=ledger.tallies.executions(org, day_before) if comparable else None,
        incidents=ledger.impact.incidents(org, time_range),
        flow_errors=ledger.impact.flow_errors(org, time_range),
        timeouts_in_force=ledger.timeouts_in_force(org),
        by_hour=ledger.tallies.counts_by_hour(org, time_range) if by_hour else None,
    )
    return assemble_summary(summary_input, classifier)


def assemble_summary(summary_input: SummaryInput, classifier: Classifier) -> Summary:
    """Return the summary of what was seen, its words read by a classifier."""
    hits = tables.hits(summary_input.incidents, classifier)
    actions = ActionSummaries(summary_input, hits, classifier).summaries()
    at_timeout = errors_at_timeout(
        summary_input.tallies,
        timeouts_during(summary_input.timeouts_in_force, summary_input.time_range),
        classifier,
    )
    summary = Summary(
        org=summary_input.org,
        contract=summary_input.contract,
        time_range=summary_input.time_range,
        complete=summary_input.missing_seconds == 0,
        missing_seconds=summary_input.missing_seconds,
        actions=actions,
        flows=groups.flow_summaries(
            hits, summary_input.state.flow_names, executions_known=not summary_input.successes_known
        ),
        integrations=groups.integration_summaries(
            actions,
            hits,
            details_read=summary_input.details_read,
            successes_known=summary_input.successes_known,
        ),
        total=groups.sum_of_actions(
            summary_input.org,
            summary_input.org,
            actions,
            int(hits["conversation_id"].nunique()) if summary_input.details_read else None,
            successes_known=summary_input.successes_known,
        ),
        notes=(),
        callers_lost=groups.callers_lost(summary_input, actions),
        errors_at_timeout=at_timeout if summary_input.successes_known else (),
        errors_without_a_trace=(
            errors_without_a_trace(summary_input.tallies, classifier)
            if summary_input.successes_known
            else ()
        ),
    )
    notes = notes_on(
        summary,
        missing_detail_seconds=summary_input.missing_detail_seconds,
        unnamed_hits=int((hits["action_id"] == UNKNOWN_ACTION).sum()),
        unset_functions=sum(
            one.kind is ActionKind.FUNCTION
            and one.configured_timeout_ms is None
            and one.action_id not in summary_input.state.gone
            for one in summary_input.state.actions
        ),
    )
    return replace(summary, notes=notes)
