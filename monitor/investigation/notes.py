"""Sentences on what an investigation can't know, and why."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.contract import Contract
from monitor.formats import exact_seconds, format_duration
from monitor.model import ExecutionList, Truncation
from monitor.summary import TimeoutsInForce
from monitor.time_ranges import TimeRange

_MINUTE = 60
_NORMAL_GAP_SECONDS = 300
"""The newest minutes are not read yet: a poll is no failure for being a minute old."""

_TRUNCATION_REASONS = {
    Truncation.ROWS: "there are more than are read at once",
    Truncation.TIME: "reading more would have taken too long",
    Truncation.INTERRUPTED: "reading was interrupted",
}


def notes_on(  # noqa: PLR0913 - each is something that may be unknown
    *,
    contract: Contract,
    time_range: TimeRange,
    execution_list: ExecutionList | None,
    in_force: TimeoutsInForce,
    flows_problem: str,
    missing_detail_seconds: int,
) -> tuple[str, ...]:
    """Return what a reader of this investigation has to know."""
    notes = [*_on_executions(contract, execution_list)]
    if in_force.at_end_ms is None:
        notes.append("The timeout in force is not known.")
    elif len(in_force.during_ms) > 1:
        values = ", ".join(exact_seconds(value) for value in sorted(in_force.during_ms))
        notes.append(
            f"More than one timeout was in force: {values}; the picture shows the newest, "
            f"{exact_seconds(in_force.at_end_ms)}."
        )
    if flows_problem:
        notes.append(f"{flows_problem.rstrip('.')}.")
    if missing_detail_seconds >= time_range.seconds:
        notes.append(
            "No conversation detail records were read: which conversations were hit is not known."
        )
    elif missing_detail_seconds > _NORMAL_GAP_SECONDS:
        notes.append(
            "Conversation detail records were not read for "
            f"{format_duration(missing_detail_seconds)}: conversations are too few."
        )
    return tuple(notes)


def _on_executions(contract: Contract, execution_list: ExecutionList | None) -> Iterator[str]:
    if execution_list is None:
        if not contract.knows_successes:
            yield (
                "Single executions can't be seen under the contract flow; what can be seen is "
                "which conversations and flows its timeouts hit."
            )
        return
    if not execution_list.executions:
        yield "No execution was seen in this period."
        return
    if execution_list.truncation:
        yield (
            f"Not all executions were read, only {len(execution_list.executions):,}: "
            f"{_TRUNCATION_REASONS[execution_list.truncation]}. All counts are too low, and slower "
            "ones may be missing; ask for a shorter period."
        )
    if not all(one.correlation_id for one in execution_list.executions):
        yield "The platform named no correlation id for some executions."
    if not all(one.is_exact for one in execution_list.executions):
        yield (
            "Some executions share a correlation id and can't be told apart: apart from the "
            "shortest and the longest they are shown with their mean duration."
        )
    if execution_list.granularity_seconds > _MINUTE:
        yield (
            "The platform dates executions to "
            f"{format_duration(execution_list.granularity_seconds)} here, not to the minute."
        )
