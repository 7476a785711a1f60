"""Reads from the ledger what a change is judged by: settled windows before it and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.config import CollectSettings
from monitor.counts import Tally
from monitor.journal import Change
from monitor.ledger import Ledger
from monitor.model import Classifier, Outcome
from monitor.remediation.effect import (
    Measured,
    held_against,
    is_out_of_patience,
    windows_to_look_at,
)
from monitor.remediation.trials import is_trial_over
from monitor.time_ranges import TimeRange, floor_to

DAY_SECONDS = 86_400
"""What a change is held against at least: a day has quiet hours and busy ones."""

BEFORE_DAYS = 7
"""How far back at most."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How windows are cut and read.

    Attributes:
        collect: ``[collect]``; its windows, unless the platform asked for others.
        classifier: Reads how executions ended.
        source: The source whose coverage says whether executions are all there.
        first: The least number of windows after a change.
    """

    collect: CollectSettings
    classifier: Classifier
    source: str
    first: int


def measure(
    ledger: Ledger,
    change: Change,
    how: Measuring,
    now: float,
    outages: Sequence[tuple[int, int]],
) -> tuple[Measured, Measured]:
    """What was measured before a change and after it.

    Windows in which the back end was down are left out: no timeout helps against an outage, and
    none is to blame for one. So are those after it that were not read completely. The last look, at
    the end of a trial or of all patience, takes all that there are.

    Args:
        ledger: What has been seen.
        change: A change that is in force.
        how: How windows are cut and read.
        now: Epoch seconds.
        outages: Start and end of each outage; epoch seconds.

    Raises:
        LedgerError: The ledger can't be read.
    """
    window = ledger.window_seconds(change.org, how.source, how.collect.window)
    began = change.began_at if change.sent_at is None else change.sent_at
    applied = began if change.applied_at is None else change.applied_at
    after = TimeRange(-floor_to(-applied, window), floor_to(now - how.collect.settle, window))
    covered = ledger.coverage(change.org, how.source)

    def usable_in(part: TimeRange) -> list[int]:
        return [
            start
            for start in range(part.start, part.end, window)
            if _within(start, start + window, covered) and not _overlaps(start, window, outages)
        ]

    usable = usable_in(after)
    is_last = is_trial_over(change, now) or is_out_of_patience(now - applied)
    chosen = usable if is_last else usable[: windows_to_look_at(len(usable), how.first)]
    if not chosen:
        return Measured(), Measured(windows=len(usable))
    before = TimeRange(_begin(ledger, change, began, window), floor_to(began, window))
    days = (_count(ledger, change, how, window, usable_in(day)) for day in _days(before))
    return held_against(days), _count(ledger, change, how, window, chosen)


def _days(before: TimeRange) -> Iterator[TimeRange]:
    """Yield the days of a period, the newest first; the oldest may be shorter."""
    for end in range(before.end, before.start, -DAY_SECONDS):
        yield TimeRange(max(before.start, end - DAY_SECONDS), end)


def _begin(ledger: Ledger, change: Change, began: float, window: int) -> int:
    """From when on the action behaved alike under the timeout before; at the earliest a week."""
    earliest = floor_to(began, window) - BEFORE_DAYS * DAY_SECONDS
    # What lies after it was dated by a clock that was wrong.
    if change.alike_since < began:
        earliest = max(earliest, -floor_to(-change.alike_since, window))
    history = [
        since
        for action_id, since, _ in ledger.timeouts_in_force(change.org)
        if action_id == change.action_id and since < began
    ]
    # What was in force before it was first seen is taken to be what was seen.
    return max(earliest, -floor_to(-history[-1], window)) if len(history) > 1 else earliest


def _count(
    ledger: Ledger, change: Change, how: Measuring, window: int, starts: Sequence[int]
) -> Measured:
    if not starts:
        return Measured()
    chosen = set(starts)
    time_range = TimeRange(min(starts), max(starts) + window)
    counts: Counter[Outcome] = Counter()
    for tally in ledger.tallies.sums(change.org, time_range, window, change.action_id):
        if tally.window_start in chosen:
            counts[_outcome(tally, how.classifier)] += tally.counts.count
    return Measured(
        windows=len(starts),
        successes=counts[Outcome.SUCCESS],
        timeouts=counts[Outcome.TIMEOUT],
        throttled=counts[Outcome.THROTTLED],
    )


def _outcome(tally: Tally, classifier: Classifier) -> Outcome:
    return classifier.outcome(tally.key.error_type, tally.key.response_status)


def _within(start: int, end: int, covered: Iterable[TimeRange]) -> bool:
    return any(piece.start <= start and end <= piece.end for piece in covered)


def _overlaps(start: int, window: int, outages: Iterable[tuple[int, int]]) -> bool:
    return any(begin < start + window and start < end for begin, end in outages)
