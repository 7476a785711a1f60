"""Puts a summary together from what was seen: pure, and the same for rows in any order."""

from __future__ import annotations

from dataclasses import replace

from monitor.model import UNKNOWN_ACTION, ActionKind, Classifier
from monitor.summary import groups as grouping
from monitor.summary import tables as counting
from monitor.summary.actions import ActionSummaries
from monitor.summary.callers import callers_lost
from monitor.summary.model import Summary
from monitor.summary.notes import notes_on
from monitor.summary.summary_input import SummaryInput
from monitor.summary.suspected_timeouts import errors_at_timeout, errors_without_a_trace
from monitor.summary.timeouts_in_force import timeouts_during


def assemble_summary(summary_input: SummaryInput, classifier: Classifier) -> Summary:
    """The summary of what was seen, its words read by a classifier."""
    hits = counting.hits(summary_input.incidents, classifier)
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
        flows=grouping.flow_summaries(
            hits, summary_input.state.flow_names, executions_known=not summary_input.successes_known
        ),
        integrations=grouping.integration_summaries(
            actions,
            hits,
            details_read=summary_input.details_read,
            successes_known=summary_input.successes_known,
        ),
        total=grouping.sum_of_actions(
            summary_input.org,
            summary_input.org,
            actions,
            int(hits["conversation_id"].nunique()) if summary_input.details_read else None,
            successes_known=summary_input.successes_known,
        ),
        notes=(),
        callers_lost=callers_lost(summary_input, actions),
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
