"""Sentences on what a summary can't know, and why."""

from __future__ import annotations

from monitor.formats import count_of, format_duration
from monitor.model import SOLE_ACTION, UNKNOWN_ACTION, ActionKind
from monitor.summary.model import ErrorsAtTimeout, Summary

_MAX_TIMEOUTS = 3


def notes_on(
    summary: Summary, *, missing_detail_seconds: int, unnamed_hits: int, unset_functions: int
) -> tuple[str, ...]:
    """Return what a reader of this summary has to know.

    Args:
        summary: The summary, without notes.
        missing_detail_seconds: How much of the period no detail records were read for.
        unnamed_hits: Timeouts in detail records that name no data action.
        unset_functions: Function data actions that show no timeout of their own.
    """
    notes: list[str] = []
    if not summary.contract.knows_successes:
        notes.append(
            "The contract flow shows timeouts only: without successes there is no share of "
            "timeouts and no percentile of durations."
        )
    if not summary.complete:
        notes.append(
            f"{format_duration(summary.missing_seconds)} of "
            f"{format_duration(summary.time_range.seconds)} were not read: counts are too low."
        )
    if summary.contract.knows_successes:
        notes.extend(describe_errors_at_timeout(one) for one in summary.errors_at_timeout)
        notes.extend(
            f"{count_of(count, 'error')} of type {error_type} with neither status nor duration: "
            "whether they are timeouts can't be told here; the platform's own performance view "
            f"may, and then add {error_type} to [classify] timeout_error_types."
            for error_type, count in summary.errors_without_a_trace
        )
        notes.extend(_on_kinds(summary, unset_functions))
        notes.extend(_on_details(summary, missing_detail_seconds))
    attributed = sorted(one.action_name for one in summary.actions if one.attributed)
    if attributed:
        notes.append(
            f"attributed: {SOLE_ACTION}: the records of timeouts of {', '.join(attributed)} name "
            "no data action; it is the only one of their flow, or the one that was configured."
        )
    if summary.callers_lost:
        lost = sum(one.callers for one in summary.callers_lost)
        notes.append(
            f"Callers lost in flows: {lost:,}. They are not timeouts: a timeout may or may not be "
            "why a flow ended in an error."
        )
    if unnamed_hits:
        notes.append(
            f"Timeouts in detail records that name no data action: {unnamed_hits:,}; "
            f"they are listed as {UNKNOWN_ACTION!r}."
        )
    return tuple(notes)


def describe_errors_at_timeout(errors: ErrorsAtTimeout) -> str:
    """Return what errors that ended at the timeout in force may be, and what to do about it."""
    *few, last = [f"{seconds:g} s" for seconds in errors.timeouts_seconds]
    timeouts = f"{', '.join(few)} and {last}" if few else last
    if len(few) > _MAX_TIMEOUTS:
        timeouts = f"{few[0]} to {last}"
    return (
        f"{count_of(errors.executions, 'error')} of type {errors.error_type} ended exactly at the "
        f"timeout in force ({timeouts}): they may be timeouts; add {errors.error_type} to "
        "[classify] timeout_error_types."
    )


def _on_kinds(summary: Summary, unset_functions: int) -> list[str]:
    notes: list[str] = []
    untold = sum(1 for action in summary.actions if action.kind is ActionKind.UNDETERMINED)
    if untold:
        notes.append(
            "Data actions whose integration's type is not shown (integrations:integration:view): "
            f"{untold:,}; whether they are functions can't be told, so where none is set no "
            "timeout is guessed, and none is raised."
        )
    if unset_functions:
        notes.append(
            f"Function data actions that show no timeout of their own: {unset_functions:,}; 15 s, "
            "their limit, is taken (integrations:actionFunction:view shows what is set)."
        )
    return notes


def _on_details(summary: Summary, missing_seconds: int) -> list[str]:
    notes: list[str] = []
    bandless = sum(1 for action in summary.actions if action.successes and not action.p50_seconds)
    if bandless:
        notes.append(
            f"Data actions whose executions came without latency bands: {bandless:,}; "
            "their percentiles are not known."
        )
    if missing_seconds >= summary.time_range.seconds:
        notes.append(
            "No conversation detail records were read: which conversations and flows were hit "
            "is not known."
        )
        return notes
    if missing_seconds > 0:
        notes.append(
            "Conversation detail records were not read for "
            f"{format_duration(missing_seconds)}: conversations and flows are too few."
        )
    listed = [action for action in summary.actions if action.kind is not ActionKind.UNKNOWN]
    if listed and all(action.used_by is None for action in listed):
        notes.append(
            "Which flows use a data action is not known: dependency tracking has told of none. "
            "timeout-monitor check says why."
        )
    if summary.flows:
        notes.append(
            "Flows count the timeouts that conversation detail records show, which need not be "
            "all of them."
        )
    return notes
