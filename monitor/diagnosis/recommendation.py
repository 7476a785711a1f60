"""The recommended timeout with its cost: what it avoids, how long callers wait, slots it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor

from monitor.config import LARGEST_STEP
from monitor.diagnosis.load import Load
from monitor.diagnosis.model import Recommendation
from monitor.diagnosis.next_timeout import next_timeout_ms
from monitor.diagnosis.tail import MIN_RESCUED, Tail
from monitor.diagnosis.timeout_curve import TimeoutCurve
from monitor.diagnosis.verdict import TOLD_EASE
from monitor.model import CAP_MS


@dataclass(frozen=True, slots=True)
class TimeoutBounds:
    """What may be set.

    Attributes:
        cap_ms: The largest timeout; what lies above ``CAP_MS`` counts as that.
        step_ms: Timeouts are set in steps of this size.
        max_step: The largest raise at a time, as a multiple of the timeout in force.
    """

    cap_ms: float = float(CAP_MS)
    step_ms: float = 100.0
    max_step: float = LARGEST_STEP


_TINY = 1e-9
"""What floating-point numbers may be off by."""

DEFAULT_BOUNDS = TimeoutBounds()


MIN_KEPT_SHARE = 0.005
"""A value that was advised before stays while it is short of the target, or of what the one that is
found now reaches of it, by no more than this part of the calls: what is advised should not change
with every hour that is looked at, and more than the target was not asked for."""


def advise(  # noqa: PLR0913 - what was seen, what may be set, and what was told
    tail: Tail,
    curve: TimeoutCurve,
    load: Load,
    bounds: TimeoutBounds,
    *,
    target: float,
    told_ms: float | None,
) -> Recommendation:
    """Return what ``recommend`` does, or the same of the value that was advised before.

    Args:
        tail: What lies beyond the timeout.
        curve: What each timeout would do; to the reach of the tail.
        load: How often it is called.
        bounds: What may be set.
        target: The success share to be reached.
        told_ms: The value that was advised before; None where none was.
    """
    found = recommend(tail, curve, load, bounds)
    if told_ms is None or not _may_stay(told_ms, found, tail, bounds.step_ms):
        return found
    kept = recommend(replace(tail, raw_ms=told_ms), curve, load, bounds)
    needed = min(found.expected_success_share, target) - MIN_KEPT_SHARE
    return kept if kept.expected_success_share >= needed else found


def _may_stay(told_ms: float, found: Recommendation, tail: Tail, step_ms: float) -> bool:
    """Return whether a value is one that could be found now, and rescues enough."""
    if found.capped_ms in {None, told_ms} or not found.timeout_ms < told_ms <= tail.capped_ms:
        return False
    # The interval, a tenth wider for what was told and rounded up to the next step as a value is.
    if not found.low_ms * TOLD_EASE <= told_ms < found.high_ms / TOLD_EASE + step_ms:
        return False
    return tail.rescued_at(told_ms)[0] >= MIN_RESCUED * TOLD_EASE


def recommend(
    tail: Tail, curve: TimeoutCurve, load: Load, bounds: TimeoutBounds = DEFAULT_BOUNDS
) -> Recommendation:
    """Return the timeout to set, with its benefit and its cost as the curve has them.

    Args:
        tail: What lies beyond the timeout.
        curve: What each timeout would do; to the reach of the tail.
        load: How often it is called.
        bounds: What may be set.
    """
    timeout_ms = curve.timeout_ms
    capped_ms, guards = clamp(tail.raw_ms, timeout_ms, bounds)
    if capped_ms is not None and capped_ms > max(tail.reach_ms, timeout_ms):
        # A step up from within the reach may lead beyond it.
        capped_ms = max(timeout_ms, floor(tail.reach_ms / bounds.step_ms) * bounds.step_ms)
        guards = ("reach", *guards)
    elif tail.raw_ms >= tail.reach_ms * (1 - 1e-6):
        guards = ("reach", *guards)
    now = curve.at(timeout_ms)
    then = curve.at(timeout_ms if capped_ms is None else capped_ms)
    assert now is not None  # noqa: S101 - the timeout in force is on every curve
    assert then is not None  # noqa: S101 - the cap and the reach, and less, are too
    share = 1 - now.success_share
    return Recommendation(
        timeout_ms=timeout_ms,
        raw_ms=tail.raw_ms,
        capped_ms=capped_ms,
        low_ms=min(tail.low_ms, tail.raw_ms),
        high_ms=max(tail.high_ms, tail.raw_ms),
        guards=guards,
        success_share=now.success_share,
        expected_success_share=then.success_share,
        never_share=min(max(tail.never_share, 0.0), share),
        timeouts_per_day=load.calls_per_day * share,
        avoided_per_day=then.rescued_per_day,
        avoided_low_per_day=then.rescued_low_per_day,
        avoided_high_per_day=then.rescued_high_per_day,
        extra_caller_seconds_per_day=then.extra_wait_seconds_per_day,
        slots_before=now.slots,
        slots_after=then.slots,
        busiest_slots_before=now.slots * curve.busiest_ratio,
        busiest_slots_after=then.slots * curve.busiest_ratio,
        next_ms=None if capped_ms is None else _next(timeout_ms, capped_ms, bounds),
    )


def _next(timeout_ms: float, capped_ms: float, bounds: TimeoutBounds) -> float | None:
    """Return what would be set now; None where no more is to be set, or no step is allowed."""
    if capped_ms <= timeout_ms:
        return None
    next_ms = next_timeout_ms(
        round(timeout_ms),
        capped_ms,
        step_ms=max(1, round(bounds.step_ms)),
        max_step=bounds.max_step,
        max_timeout_ms=round(bounds.cap_ms),
    )
    is_allowed = timeout_ms < next_ms <= timeout_ms * (bounds.max_step + _TINY)
    return next_ms if is_allowed else None


def clamp(
    raw_ms: float, timeout_ms: float, bounds: TimeoutBounds
) -> tuple[float | None, tuple[str, ...]]:
    """Return what the bounds allow of a value, and which of them spoke."""
    cap_ms, step_ms = min(bounds.cap_ms, CAP_MS), bounds.step_ms
    if timeout_ms > cap_ms:
        return None, ("above_cap",)
    stepped = ceil(raw_ms / step_ms - 1e-9) * step_ms if step_ms > 0 else raw_ms
    if stepped > cap_ms:
        return cap_ms, ("cap",)
    if stepped < timeout_ms:
        return timeout_ms, ("in_force",)
    return stepped, ()
