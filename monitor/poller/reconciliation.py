"""The ledger against one wide, coarse question: what came later than every read is found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.counts import Tally, TallyKey
from monitor.errors import GenesysError
from monitor.ledger import Ledger
from monitor.sources import ActionsSource, is_interval_too_long
from monitor.time_ranges import TimeRange, floor_to, merged

RECONCILED_SECONDS = 2 * 86_400
"""How far back the daily reconcile looks: twice its own interval, so that none can be missed."""

RECONCILE_LOOK_SECONDS = 3_600.0
"""How often is looked whether a comparison is due: an hour after the start for the first time, and
an hour after one that failed."""

RECONCILE_EVERY_SECONDS = 86_400.0 - RECONCILE_LOOK_SECONDS / 2
"""Half a look less than a day, so that no look comes a moment too early."""

STEP_SECONDS = 3_600
"""The buckets that are compared: the coarsest windows that anything is counted in, and no more than
48 of each ending in two days. A bucket that differs is read again, in its ledger's windows."""


MOST_SECONDS = 60.0
"""The most that a comparison takes, for polls wait for it: with one more poll that is far from
stale. What differs beyond half of it is left to the next comparison."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison of the ledger with the platform found.

    Attributes:
        org: The org's name.
        time_range: What was compared; empty where there was nothing to compare.
        platform: Executions that the platform shows in it.
        counted: Executions that the ledger had counted in it before.
        missing: Executions that the platform showed and the ledger had not.
        surplus: Executions that the ledger had counted and the platform shows no more; they stay.
        differing: Buckets of an hour that were read again, merged.
        added: Executions that this added to the totals.
        requests: What all of it cost.
        is_complete: Whether all that differs was read again; else the rest waits for the next time.
    """

    org: str
    time_range: TimeRange
    platform: int = 0
    counted: int = 0
    missing: int = 0
    surplus: int = 0
    differing: tuple[TimeRange, ...] = ()
    added: int = 0
    requests: int = 0
    is_complete: bool = True


def comparable_range(ledger: Ledger, org: str, source: str, since: float) -> TimeRange:
    """Return the whole hours from ``since`` that were read for good, and are still known.

    What is newer is read again anyway; what is older than the first reading was never asked for.

    Args:
        ledger: What has been counted.
        org: The org's name.
        source: The source.
        since: Epoch seconds.
    """
    state = ledger.source_state(org, source)
    coverage = ledger.coverage(org, source)
    if state is None or not coverage:
        return TimeRange(0, 0)
    # What lies before a hole was read by hand, and the hole never.
    unbroken = (one.start for one in reversed(coverage) if one.start < state.complete_until)
    read_from = next(unbroken, state.complete_until)
    begin = max(int(since), read_from, ledger.housekeeping.pruned_before())
    begin, end = -floor_to(-begin, STEP_SECONDS), floor_to(state.complete_until, STEP_SECONDS)
    return TimeRange(begin, max(begin, end))


def ask_coarsely(source: ActionsSource, time_range: TimeRange) -> dict[TallyKey, int]:
    """Return the executions of each ending by hour: one request, where the platform answers it.

    Raises:
        GenesysError: The platform did not answer, not even a question for one hour.
    """
    found: dict[TallyKey, int] = {}
    length, begin = time_range.seconds, time_range.start
    while begin < time_range.end:
        piece = TimeRange(begin, min(begin + length, time_range.end))
        try:
            found |= source.executions(piece, STEP_SECONDS)
        except GenesysError as error:
            if piece.seconds <= STEP_SECONDS or not is_interval_too_long(error):
                raise
            length = max(floor_to(piece.seconds / 2, STEP_SECONDS), STEP_SECONDS)
        else:
            begin = piece.end
    return found


def compare(
    org: str, time_range: TimeRange, shown: Mapping[TallyKey, int], counted: Iterable[Tally]
) -> Reconciliation:
    """Return in what the platform and the ledger differ; pure.

    Ending by ending: an execution too few beside one too many is two differences. But endings that
    only one of them has in an hour are held against each other as a whole: the ledger counts some
    under another name, such as one for many.
    """
    known = {(one.key, one.window_start): one.counts.count for one in counted}
    missing: Counter[int] = Counter()
    surplus: Counter[int] = Counter()
    renamed: Counter[int] = Counter()
    for key in shown.keys() | known.keys():
        _, start = key
        more = shown.get(key, 0) - known.get(key, 0)
        if key in shown and key in known:
            missing[start] += max(0, more)
            surplus[start] += max(0, -more)
        else:
            renamed[start] += more
    for start, more in renamed.items():
        missing[start] += max(0, more)
        surplus[start] += max(0, -more)
    starts = sorted(start for start, count in missing.items() if count)
    return Reconciliation(
        org=org,
        time_range=time_range,
        platform=sum(shown.values()),
        counted=sum(known.values()),
        missing=missing.total(),
        surplus=surplus.total(),
        differing=merged(TimeRange(start, start + STEP_SECONDS) for start in starts),
    )
