"""Guards about how far a change goes, and what it costs the org."""

from __future__ import annotations

from monitor.formats import exact_seconds
from monitor.model import CAP_MS
from monitor.remediation.decision import GuardInput, GuardResult

LEAST_MS = 1_000
LEAST_SHARE = 0.1
"""A smaller raise is within what a back end varies by from one day to the next, and every change
has its risk."""

_TINY = 1e-9
_NOTHING = "the data ask for nothing more"


def raise_only(case: GuardInput) -> GuardResult:
    """A timeout that is lowered by a program could cut off calls that succeed today."""
    if case.from_ms is None or case.to_ms is None:
        return GuardResult("raise_only", passed=False, detail=_NOTHING)
    return GuardResult(
        "raise_only", case.to_ms > case.from_ms, f"{_change(case.from_ms, case.to_ms)}"
    )


def cap(case: GuardInput) -> GuardResult:
    """Beyond half a minute of silence callers are gone, whatever the back end says then."""
    largest_ms = min(case.settings.max_timeout_ms, CAP_MS)
    above = [one for one in (case.from_ms, case.to_ms) if one is not None and one > largest_ms]
    return GuardResult(
        "cap", not above, f"the largest timeout allowed is {exact_seconds(largest_ms)}"
    )


def step(case: GuardInput) -> GuardResult:
    """A step is small enough for its effect to be measured before the next one."""
    if not case.from_ms or case.to_ms is None:
        return GuardResult("step", passed=True, detail=_NOTHING)
    ratio, largest = case.to_ms / case.from_ms, case.settings.max_step
    return GuardResult(
        "step",
        ratio <= largest + _TINY,
        f"{_change(case.from_ms, case.to_ms)} is x{ratio:.2f}, of x{largest:g} at most",
    )


def deadband(case: GuardInput) -> GuardResult:
    """A change that hardly changes anything is not worth its risk."""
    if case.from_ms is None or case.to_ms is None:
        return GuardResult("deadband", passed=False, detail=_NOTHING)
    least_ms = max(LEAST_MS, case.from_ms * LEAST_SHARE)
    more_ms = case.to_ms - case.from_ms
    return GuardResult(
        "deadband",
        more_ms >= least_ms - _TINY,
        f"{exact_seconds(more_ms)} more, and less than {exact_seconds(least_ms)} is not worth a "
        "change",
    )


def concurrency(case: GuardInput) -> GuardResult:
    """Calls that wait longer hold slots longer; the platform refuses calls when these run out."""
    more = _more_slots(case)
    if more is None:
        words = "nobody knows how many slots it takes" if case.is_trial else _NOTHING
        return GuardResult("concurrency", passed=not case.is_trial, detail=words)
    if case.data.limit is None or case.data.slots is None:
        what = "limit" if case.data.limit is None else "concurrency"
        return GuardResult("concurrency", passed=False, detail=f"the org's {what} is not known")
    after, allowed = case.data.slots + more, case.settings.max_concurrency_share * case.data.limit
    return GuardResult(
        "concurrency",
        after <= allowed,
        f"{after:.1f} executions at a time afterwards, of {allowed:.1f} allowed "
        f"({case.data.limit} is the org's limit)",
    )


def _more_slots(case: GuardInput) -> float | None:
    """Return by how many executions at a time the busiest window grows; None where unknown."""
    recommendation, curve = case.candidate.diagnosis.recommendation, case.candidate.diagnosis.curve
    if not case.is_trial:
        if recommendation is None:
            return None
        return recommendation.busiest_slots_after - recommendation.busiest_slots_before
    if curve is None or case.from_ms is None or case.to_ms is None:
        return None
    before, after = curve.at(case.from_ms), curve.at(case.to_ms)
    if before is None or after is None:
        return None
    return (after.slots - before.slots) * curve.busiest_ratio


def _change(from_ms: int, to_ms: int) -> str:
    return f"{exact_seconds(from_ms)} to {exact_seconds(to_ms)}"
