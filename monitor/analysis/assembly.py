"""Puts a summary together from what was seen: pure, and the same for rows in any order."""

from __future__ import annotations

from dataclasses import replace

from monitor.analysis import counting, grouping
from monitor.analysis.actions import ActionTable
from monitor.analysis.at_timeout import errors_at_timeout, errors_without_a_trace
from monitor.analysis.callers import callers_lost
from monitor.analysis.notes import notes_on
from monitor.analysis.seen import Seen
from monitor.analysis.timeouts import timeouts_during
from monitor.analysis.values import Summary
from monitor.model import UNKNOWN_ACTION, ActionKind, Classifier


def assemble(seen: Seen, classifier: Classifier) -> Summary:
    """The summary of what was seen, its words read by a classifier."""
    hits = counting.hits(seen.incidents, classifier)
    actions = ActionTable(seen, hits, classifier).summaries()
    at_timeout = errors_at_timeout(
        seen.tallies, timeouts_during(seen.timeouts_in_force, seen.stretch), classifier
    )
    summary = Summary(
        org=seen.org,
        contract=seen.contract,
        stretch=seen.stretch,
        complete=seen.missing_seconds == 0,
        missing_seconds=seen.missing_seconds,
        actions=actions,
        flows=grouping.flows(
            hits, seen.state.flow_names, executions_known=not seen.successes_known
        ),
        integrations=grouping.integrations(
            actions,
            hits,
            details_read=seen.details_read,
            successes_known=seen.successes_known,
        ),
        total=grouping.group(
            seen.org,
            seen.org,
            actions,
            int(hits["conversation_id"].nunique()) if seen.details_read else None,
            successes_known=seen.successes_known,
        ),
        notes=(),
        callers_lost=callers_lost(seen, actions),
        errors_at_timeout=at_timeout if seen.successes_known else (),
        errors_without_a_trace=(
            errors_without_a_trace(seen.tallies, classifier) if seen.successes_known else ()
        ),
    )
    notes = notes_on(
        summary,
        missing_detail_seconds=seen.missing_detail_seconds,
        unnamed_hits=int((hits["action_id"] == UNKNOWN_ACTION).sum()),
        unset_functions=sum(
            one.kind is ActionKind.FUNCTION
            and one.configured_timeout_ms is None
            and one.action_id not in seen.state.gone
            for one in seen.state.actions
        ),
    )
    return replace(summary, notes=notes)
