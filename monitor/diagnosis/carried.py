"""What a diagnosis of an org leaves to the next one: by what it can tell which verdicts still hold.

Windows only grow, and what an action was ever seen to do is kept as a total. So what lies in the
windows before a moment is the total less what lies after it, and where that is what it was, no
window before that moment has changed: none of them has to be read again.

The verdict on an action follows from its settled windows, the timeouts that the catalogue knew,
its kind, whether it is listed and may be changed, and the settings; beside these only from the
time, for as long as a bunch of its timeouts goes on. Windows that grow too old to be looked at
leave at full hours (``diagnosed_range``), and then all is judged anew.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.diagnosis.diagnosed import DiagnosedOrg, DiagnosisSections
from monitor.diagnosis.model import Concurrency, Diagnosis, OrgDiagnosis, Verdict
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.diagnosis.settled_growth import SettledGrowth

Print = bytes
"""A digest of facts; 8 bytes."""


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What the next diagnosis needs to know of this one.

    Attributes:
        time_range: The settled windows that were looked at.
        bucket_seconds: Over how much successes were summed.
        asked: By which settings, as one digest.
        prints: By action id, of what its verdict follows from beside its windows, and what these
            add up to (``SettledGrowth.settled``); every action that was looked at.
        holds_until: By action id, with windows settled up to when its verdict may be another one
            without anything new; epoch seconds. Those that hold for good are left out.
        settled: Executions and milliseconds of all settled windows, for as long as the state is.
        spent_us: Microseconds that what ended in each bucket took together.
        unmeasured: By action id, the timeout that executions without a duration were taken to
            have held their slot for.
    """

    time_range: TimeRange
    bucket_seconds: int
    asked: Print
    prints: Mapping[str, tuple[Print, int, int]]
    holds_until: Mapping[str, float]
    settled: tuple[int, int]
    spent_us: array[int]
    unmeasured: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DiagnosisUpdate:
    """A diagnosis of an org, but for the verdicts that still hold.

    Attributes:
        rest: All of it but these, and but for what the recommended timeouts add.
        kept: Actions whose verdicts still hold.
        carried: For the next diagnosis.
    """

    rest: OrgDiagnosis
    kept: tuple[str, ...]
    carried: CarriedOver


def print_of(*facts: object) -> Print:
    """Return a digest of values that is the same in every process."""
    return hashlib.blake2b(repr(facts).encode(), digest_size=8).digest()


def print_of_settings(org: DiagnosedOrg, settings: DiagnosisSections) -> Print:
    """Return a digest of all that is the same for every action of an org."""
    return print_of(
        org.contract, settings.collect, settings.classify, settings.recommend, settings.remediation
    )


def changed_actions(
    before: CarriedOver | None,
    prints: Mapping[str, Print],
    growth: SettledGrowth,
    time_range: TimeRange,
) -> frozenset[str]:
    """Return the actions that must be judged anew.

    Args:
        before: What an earlier diagnosis left; None to judge all.
        prints: By action id, of what its verdict follows from now, beside its windows.
        growth: What came in windows since that diagnosis, or before.
        time_range: The settled windows that are looked at now.
    """
    if before is None:
        return frozenset(prints)
    then = before.time_range.end
    same = {
        action_id
        for action_id, now in prints.items()
        if before.prints.get(action_id) == (now, *growth.settled(action_id, then))
    }
    fresh = growth.called_within(TimeRange(then, time_range.end))
    over = {action_id for action_id, at in before.holds_until.items() if at <= time_range.end}
    # No time has passed where both look at the same windows.
    over = over if then < time_range.end else set()
    return frozenset(prints.keys() - same | fresh | over & prints.keys())


def completed(update: DiagnosisUpdate, before: OrgDiagnosis | None) -> OrgDiagnosis:
    """Return the whole diagnosis.

    Args:
        update: What was found.
        before: The diagnosis that it goes on from; None where it is whole.
    """
    diagnoses = dict(update.rest.diagnoses)
    if before is not None:
        was = before.diagnoses
        diagnoses |= {action_id: was[action_id] for action_id in update.kept if action_id in was}
    diagnoses = dict(sorted(diagnoses.items()))
    concurrency = update.rest.concurrency
    return replace(
        update.rest,
        diagnoses=diagnoses,
        concurrency=None if concurrency is None else _with_recommended(concurrency, diagnoses),
    )


def _with_recommended(concurrency: Concurrency, diagnoses: Mapping[str, Diagnosis]) -> Concurrency:
    added = sum(
        one.recommendation.slots_after - one.recommendation.slots_before
        for one in diagnoses.values()
        if one.recommendation is not None and one.verdict is Verdict.SLOW_TAIL
    )
    return replace(concurrency, recommended=added)
