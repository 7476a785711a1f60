"""What each timeout would do: counted as far as timeouts let us see, by the tail's laws beyond.

Up to the largest timeout that was in force the share of calls that answer is known, whatever their
law; inside a latency band to within what the band holds. Beyond, the tail says how it goes on.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import cast

import numpy as np

from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.load import Load
from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.survival import SurvivalCurve
from monitor.diagnosis.tail import Tail
from monitor.diagnosis.timeout_curve import EffectTable, TimeoutCurve
from monitor.model import BAND_EDGES_MS, CAP_MS

LEAST_RATIO = 0.1
"""No timeout below this part of the one in force is told of."""

ERRORS = 2.0
"""Standard errors that are added to what was counted where a bound rests on it."""

_SECONDS_MS = np.arange(1_000.0, CAP_MS + 1, 1_000.0)
"""What the platform lets be set."""

_POINTS_MS = np.unique(np.concatenate([np.array(BAND_EDGES_MS, dtype=np.float64), _SECONDS_MS]))


def timeout_curve(
    pooled: Pooled, curve: SurvivalCurve, tail: Tail | None, load: Load, timeout_ms: float
) -> TimeoutCurve | None:
    """Return what each timeout would do; None where the timeout or every duration is unknown.

    Args:
        pooled: The steady evidence.
        curve: Its survival.
        tail: What lies beyond the timeout; None where it was not asked for: then nothing is
            claimed beyond the largest timeout that was seen in force.
        load: How often it is called.
        timeout_ms: The timeout in force; 0 where unknown.
    """
    calls = pooled.successes + pooled.timeouts
    if timeout_ms <= 0 or not curve.at_ms.size or calls <= 0:
        return None
    # What ended early succeeds under no timeout of ours, and waits for none.
    early = pooled.early_share * curve.at(timeout_ms)
    ours = _of_the_others(curve, early)
    measured_ms = float(pooled.timeout_ms[-1])
    base_ms = max(measured_ms, timeout_ms)
    reach_ms = base_ms if tail is None else tail.reach_ms
    at_ms = _points(timeout_ms, measured_ms, reach_ms, tail)
    late = (1 - early) * _late(ours, tail, at_ms, base_ms)
    now = int(np.searchsorted(at_ms, timeout_ms))
    rescued = late[now] - late
    bounds = _bounds(pooled, ours, tail, at_ms, now, rescued, early)
    # What ends early does so under each timeout that is not shorter.
    held_early = early * np.minimum(at_ms, pooled.early_at_ms) / 1000
    waited = _area(late, at_ms, now) / 1000 + held_early - held_early[now]
    success = 1 - early - late[now]
    held_now = success * load.success_seconds + late[now] * timeout_ms / 1000 + held_early[now]
    # Each timeout of today holds its slot for all of a longer one, at most.
    held_longer = held_now + late[now] * (at_ms - timeout_ms) / 1000 + held_early - held_early[now]
    # Within a band nothing tells how long a success took: of what is held now, a shorter timeout
    # leaves the part that the curve has below it, and no call holds more than all of it.
    begun = _held_before(float(at_ms[0]), ours, early) + held_early[0]
    below = begun + waited - waited[0]
    held_shorter = np.minimum(held_now * below / max(float(below[now]), 1e-12), at_ms / 1000)
    slots = load.calls_per_second * np.where(at_ms > timeout_ms, held_longer, held_shorter)
    daily = load.calls_per_day
    table = np.stack(
        [
            at_ms,
            *np.clip(success + np.stack([rescued, *bounds]), 0.0, 1.0),
            *(daily * np.stack([rescued, *bounds])),
            daily * waited,
            slots,
        ],
        axis=1,
    )
    effects = EffectTable(array("d", table.tobytes()), measured_ms)
    return TimeoutCurve(timeout_ms, measured_ms, reach_ms, effects, load.busiest_ratio)


def _of_the_others(curve: SurvivalCurve, early: float) -> SurvivalCurve:
    """Return the curve of the calls but for such a share, which take longer than anything."""
    share = np.maximum(curve.share - early, 0.0) / max(1 - early, 1e-12)
    return replace(curve, share=share)


def _points(timeout_ms: float, measured_ms: float, reach_ms: float, tail: Tail | None) -> Floats:
    last_ms = max(timeout_ms, min(reach_ms, CAP_MS))
    places = np.concatenate(
        [
            _POINTS_MS,
            np.array([timeout_ms, measured_ms, last_ms]),
            tail.at_ms if tail is not None else np.zeros(0),
        ]
    )
    return np.unique(places[(places >= LEAST_RATIO * timeout_ms) & (places <= last_ms)])


def _late(curve: SurvivalCurve, tail: Tail | None, at_ms: Floats, base_ms: float) -> Floats:
    """Return the share of calls that take longer, of those that nothing else ends."""
    late = np.interp(at_ms, curve.at_ms, curve.share)
    if tail is None:
        return np.asarray(late)
    # The laws tell the tail's course, what was counted tells where it begins.
    course = np.interp(at_ms, tail.at_ms, tail.share)
    begin = max(float(np.interp(base_ms, tail.at_ms, tail.share)), 1e-12)
    beyond = curve.at(base_ms) * np.minimum(course / begin, 1.0)
    return np.asarray(np.where(at_ms > base_ms, beyond, late))


def _bounds(  # noqa: PLR0913, PLR0917 - what was seen, where, and what is estimated there
    pooled: Pooled,
    curve: SurvivalCurve,
    tail: Tail | None,
    at_ms: Floats,
    now: int,
    rescued: Floats,
    early: float,
) -> Floats:
    """Return the share of calls rescued, at least and at most; shape (2, m)."""
    timeout_ms, measured_ms = float(at_ms[now]), float(pooled.timeout_ms[-1])
    late = (1 - early) * curve.at(timeout_ms)
    # Counted is what lies beyond a point of the curve; in between it is so much at most.
    right = np.searchsorted(curve.at_ms, at_ms)
    left = np.searchsorted(curve.at_ms, at_ms, side="right") - 1
    around = curve.share[[np.maximum(left, 0), np.minimum(right, len(curve.share) - 1)]]
    counted = late - (1 - early) * around
    in_force = np.cumsum((pooled.bands.sum(axis=1) + pooled.ended_by_us)[::-1])[::-1]
    needed = np.minimum(np.maximum(at_ms, timeout_ms), measured_ms)
    calls = np.maximum(in_force[np.searchsorted(pooled.timeout_ms, needed)], 1.0)
    chance = ERRORS * np.sqrt((np.abs(rescued) + 1 / calls) / calls)
    low, high = counted[0] - chance, counted[1] + chance
    if tail is not None:
        # What a raise rescues at least and at most; that is of the timeouts, early ones among them.
        least, most = (late + early) * np.stack(
            [np.interp(at_ms, tail.at_ms, bound) for bound in tail.rescued]
        )
        counted_too = at_ms <= measured_ms
        least = np.where(counted_too, np.maximum(least, low), least)
        most = np.where(counted_too, np.minimum(most, high), most)
        low, high = (
            np.where(at_ms > timeout_ms, raised, seen)
            for raised, seen in ((least, low), (most, high))
        )
    low = np.where(at_ms > timeout_ms, np.maximum(low, 0.0), low)
    high = np.where(at_ms < timeout_ms, np.minimum(high, 0.0), high)
    low[now] = high[now] = 0.0
    # The average over the laws may lie outside of what most of them say; more time rescues no less.
    low = np.maximum.accumulate(np.minimum(low, rescued))
    high = np.minimum(np.maximum.accumulate(np.maximum(high, rescued)), late)
    return np.stack([np.maximum(low, late + early - 1), high])


def _held_before(until_ms: float, curve: SurvivalCurve, early: float) -> float:
    """Return for how many seconds each call goes on until then, of those that nothing else ends."""
    points = np.append(curve.at_ms[curve.at_ms < until_ms], until_ms)
    late = np.interp(points, curve.at_ms, curve.share)
    return float((1 - early) * (np.diff(points) @ (late[1:] + late[:-1])) / 2_000)


def _area(late: Floats, at_ms: Floats, now: int) -> Floats:
    """Return what each call waits longer at each timeout than at the one in force, on average."""
    steps = np.diff(at_ms) * (late[1:] + late[:-1]) / 2
    summed = np.concatenate([[0.0], np.cumsum(steps)])
    return cast("Floats", summed - summed[now])
