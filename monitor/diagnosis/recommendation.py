"""The recommended timeout with its cost: what it avoids, how long callers wait, slots it takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence
from monitor.diagnosis.model import Recommendation
from monitor.diagnosis.tail import Tail
from monitor.model import CAP_MS


@dataclass(frozen=True, slots=True)
class Load:
    """How often the action is called, and how long its successes take.

    Attributes:
        calls_per_second: Successes and timeouts, on average.
        busiest_ratio: The busiest window's calls per second, per average.
        success_seconds: Mean duration of a success.
    """

    calls_per_second: float
    busiest_ratio: float
    success_seconds: float


@dataclass(frozen=True, slots=True)
class CurrentTimeout:
    """The timeout now.

    Attributes:
        timeout_ms: The timeout in force.
        share: Share of the calls that take longer.
    """

    timeout_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class TimeoutBounds:
    """What may be set.

    Attributes:
        cap_ms: The largest timeout; what lies above ``CAP_MS`` counts as that.
        step_ms: Timeouts are set in steps of this size.
    """

    cap_ms: float = float(CAP_MS)
    step_ms: float = 100.0


DEFAULT_BOUNDS = TimeoutBounds()


def load_of(evidence: ActionEvidence) -> Load:
    """Return the load, from steady windows."""
    calls = evidence.successes + evidence.timeouts
    rate = float(calls.sum()) / max(evidence.span_seconds, 1.0)
    busiest = float((calls / np.maximum(evidence.seconds, 1.0)).max(initial=0.0))
    successes = float(evidence.successes.sum())
    seconds = float(evidence.success_duration_ms.sum()) / 1000 / successes if successes else 0.0
    return Load(rate, max(1.0, busiest / rate) if rate > 0 else 1.0, seconds)


def recommend(
    tail: Tail, load: Load, current: CurrentTimeout, bounds: TimeoutBounds = DEFAULT_BOUNDS
) -> Recommendation:
    """Return the timeout to set, with its benefit and its cost.

    Args:
        tail: What lies beyond the timeout.
        load: How often it is called.
        current: The timeout in force, and what it cuts off.
        bounds: What may be set.
    """
    timeout_ms, share = current.timeout_ms, current.share
    capped_ms, guards = clamp(tail.raw_ms, timeout_ms, bounds)
    if tail.raw_ms >= tail.reach_ms * (1 - 1e-6):
        guards = ("reach", *guards)
    new_ms = timeout_ms if capped_ms is None else capped_ms
    # The likeliest law tells the tail's course, what was counted tells where it begins.
    scale = share / max(float(tail.share[0]), 1e-12)
    beyond = np.minimum(tail.share * scale, share)
    expected = float(np.interp(new_ms, tail.at_ms, beyond))
    inside = np.unique(np.append(tail.at_ms[tail.at_ms < new_ms], new_ms))
    waited = float(np.trapezoid(np.interp(inside, tail.at_ms, beyond), inside)) / 1000
    before = _slots(load, share, timeout_ms)
    after = _slots(load, share, new_ms)
    daily = load.calls_per_second * DAY_SECONDS
    avoided = daily * (share - expected)
    low, high = (daily * share * bound for bound in tail.rescued_at(new_ms))
    return Recommendation(
        timeout_ms=timeout_ms,
        raw_ms=tail.raw_ms,
        capped_ms=capped_ms,
        low_ms=min(tail.low_ms, tail.raw_ms),
        high_ms=max(tail.high_ms, tail.raw_ms),
        guards=guards,
        success_share=1 - share,
        expected_success_share=1 - expected,
        never_share=min(max(tail.never_share, 0.0), share),
        timeouts_per_day=daily * share,
        avoided_per_day=avoided,
        # The average over the laws may lie outside of what most of them say.
        avoided_low_per_day=min(low, avoided),
        avoided_high_per_day=max(high, avoided),
        extra_caller_seconds_per_day=daily * waited,
        slots_before=before,
        slots_after=after,
        busiest_slots_before=before * load.busiest_ratio,
        busiest_slots_after=after * load.busiest_ratio,
    )


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


def _slots(load: Load, share: float, timeout_ms: float) -> float:
    """Little's law (Oper. Res. 9, 1961): arrivals per second times mean time in the system."""
    mean = (1 - share) * load.success_seconds + share * timeout_ms / 1000
    return load.calls_per_second * mean
