"""What a longer timeout would do: the tail beyond the timeout, and how surely it is known.

Every law that has any weight is asked the same questions, and the answers are weighed. Nothing is
asked beyond twice the largest timeout observed: there the families part ways, and no data could
tell which is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.near_bound import least_rescued
from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.posterior import Posterior, posterior
from monitor.diagnosis.required_timeout import Objective, first_crossing, required_timeout
from monitor.diagnosis.rescue_bounds import SECOND_MODE_SIDE, SIDE, rescue_bounds
from monitor.diagnosis.survival import SurvivalCurve
from monitor.diagnosis.tail_model import select_tail_model

MAX_EXTRAPOLATION = 2.0
"""Nothing is claimed beyond this multiple of the largest timeout observed."""

RECOMMENDED_QUANTILE = 0.8
"""Weight of the laws for which the recommended value is enough. The benchmark measures what that
costs in milliseconds, and how often it is enough by the true law."""

MIN_RESCUED = 0.5
"""A raise is worth it when it turns this part of the timeouts into successes."""

RESCUE_TARGET = 0.6
"""A recommended value aims a little above ``MIN_RESCUED``, so that it still does so when the
estimate is off."""

NEAR_TIMEOUT_RATIO = 0.8
"""Successes that took this part of the timeout or more are near it."""

MIN_FAMILY_WEIGHT = 0.05
"""A family with less weight than this is not named."""

HALF = 0.5
_POINTS = 41
_MAX_NEAR_RATIO = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The tail, as all laws together see it. Shares are of successes and timeouts together.

    Attributes:
        families: Names of the families that say much, the weightiest first.
        from_ms: Executions that took less were left to another kind of call; 0.0 for none.
        never_share: Share of calls that never answer, by the middle law: half of the weight says
            less; 0.0 where most say that every call answers.
        raw_ms: The smallest timeout that would do, by most of the laws, and that rescues
            ``RESCUE_TARGET`` by the lower bound; the reach where none does.
        low_ms: The smallest that may meet the target.
        high_ms: The smallest that surely does; the reach where more may be needed.
        reach_ms: Nothing is claimed beyond.
        capped_ms: How far the timeout may be raised: to the reach, or to the cap where that is
            less; the timeout in force where that is not below the cap.
        middle_rescued: Share of the timeouts that a raise to ``raise_to_ms`` rescues by the middle
            law; an estimate that is told beside the bounds, and decides nothing.
        near_ratio: Timeouts per success near the timeout.
        at_ms: Durations from the timeout in force to the reach; shape (m,).
        share: Share of calls that take longer, on average over the laws; shape (m,).
        rescued: Share of the timeouts that a raise to each duration rescues, at least and at
            most; shape (2, m).
        seen_closely: Successes that were looked at closely, just below the timeout in force.
        shown_closely: Whether the lower bound of ``rescued`` rests on these.
    """

    families: tuple[str, ...]
    from_ms: float
    never_share: float
    raw_ms: float
    low_ms: float
    high_ms: float
    reach_ms: float
    capped_ms: float
    middle_rescued: float
    near_ratio: float
    at_ms: Floats
    share: Floats
    rescued: Floats
    seen_closely: float = 0.0
    shown_closely: bool = False

    @property
    def raise_to_ms(self) -> float:
        """How far the raise goes that is told of: as far as may be.

        Where nothing may be raised, to the reach, which a call by hand could try.
        """
        return self.capped_ms if self.capped_ms > self.at_ms[0] else self.reach_ms

    def rescued_at(self, timeout_ms: float) -> tuple[float, float]:
        """Return the share of the timeouts that a raise to a timeout rescues, at least and at most.

        Args:
            timeout_ms: At most the reach.
        """
        low, high = (float(np.interp(timeout_ms, self.at_ms, bound)) for bound in self.rescued)
        return low, high


def estimate_tail(  # noqa: PLR0913 - what was seen, and what is asked of it
    pooled: Pooled,
    curve: SurvivalCurve,
    *,
    timeout_ms: float,
    cap_ms: float,
    target: float,
    second_mode: bool = False,
) -> Tail | None:
    """Return the tail; None where successes lie in too few bands to have a shape.

    Args:
        pooled: The steady evidence.
        curve: Its survival.
        timeout_ms: The timeout in force now.
        cap_ms: The largest timeout that may be set.
        target: The success share to be reached.
        second_mode: Whether a second kind of call runs into the timeout.
    """
    found = select_tail_model(pooled, curve, second_mode=second_mode)
    if found is None:
        return None
    # What ended early is beyond our rescue: of the others as many more must be rescued.
    ours = curve.ours_share(timeout_ms)
    reach_ms = max(MAX_EXTRAPOLATION * float(pooled.timeout_ms[-1]), timeout_ms * 1.001)
    at_ms = np.geomspace(timeout_ms, reach_ms, _POINTS)
    laws = posterior(found, at_ms)
    beyond = laws.beyond
    rescued = ours * (1 - beyond / np.maximum(beyond[:, :1], 1e-300))
    capped_ms = max(timeout_ms, min(cap_ms, reach_ms))
    objective = Objective(at_ms, target, min(RESCUE_TARGET / ours, 0.98))
    side = SECOND_MODE_SIDE if second_mode else SIDE
    bounds = rescue_bounds(pooled, curve, laws, rescued, at_ms, ours, side)
    by_laws = bounds[0].copy()
    if not second_mode:
        # Of a second kind that runs into the timeout nothing shows where it falls off again.
        near = np.minimum(ours * least_rescued(pooled, curve, at_ms), bounds[1])
        bounds[0] = np.maximum(bounds[0], near)
    low_ms, high_ms = _target_interval(curve.at(timeout_ms), bounds, objective)
    raw_ms = max(
        laws.quantile(RECOMMENDED_QUANTILE, required_timeout(laws, objective)),
        # By the lower bound too, or as far as is claimed where no value does.
        float(first_crossing(1 - bounds[:1], 1 - RESCUE_TARGET, at_ms)[0]),
    )
    raise_to_ms = capped_ms if capped_ms > timeout_ms else reach_ms
    share = np.asarray(laws.weight @ beyond)
    # What all laws together expect, as far as the bounds allow.
    low, high = share[0] * (1 - bounds[::-1] / ours)
    share = np.clip(share, low, high)
    middle = np.array([laws.quantile(HALF, column) for column in rescued.T])
    return Tail(
        families=_main_families(laws),
        from_ms=laws.sample.from_ms,
        never_share=laws.quantile(HALF, laws.never),
        raw_ms=raw_ms,
        low_ms=low_ms,
        high_ms=high_ms,
        reach_ms=reach_ms,
        capped_ms=capped_ms,
        middle_rescued=float(np.interp(raise_to_ms, at_ms, np.clip(middle, bounds[0], bounds[1]))),
        near_ratio=_near_ratio(curve, timeout_ms),
        at_ms=at_ms,
        share=share,
        rescued=bounds,
        seen_closely=float(pooled.near.counts.sum()) if pooled.near else 0.0,
        shown_closely=bool(
            np.interp(raise_to_ms, at_ms, bounds[0]) > np.interp(raise_to_ms, at_ms, by_laws)
        ),
    )


def _target_interval(late: float, bounds: Floats, objective: Objective) -> tuple[float, float]:
    """Return between which timeouts the target is met; the reach where no less may meet it."""
    low, high = bounds
    most_late = 1 - objective.target
    left = late * (1 - np.stack([high, low]))
    found = first_crossing(left, most_late, objective.at_ms)
    return float(found[0]), float(found[1])


def _main_families(laws: Posterior) -> tuple[str, ...]:
    weight = np.bincount(laws.family, weights=laws.weight, minlength=len(laws.families))
    order = np.argsort(-weight, kind="stable")
    return tuple(
        laws.families[at]
        for rank, at in enumerate(order)
        if rank == 0 or weight[at] >= MIN_FAMILY_WEIGHT
    )


def _near_ratio(curve: SurvivalCurve, timeout_ms: float) -> float:
    beyond = curve.at(timeout_ms)
    return float(
        min(beyond / max(curve.at(NEAR_TIMEOUT_RATIO * timeout_ms) - beyond, 1e-9), _MAX_NEAR_RATIO)
    )
