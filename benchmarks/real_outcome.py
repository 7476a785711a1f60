"""What was said of an action with a measured law, held against what is true of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.measured_laws import Case, draw_real
from benchmarks.rivals import HALF, RIVALS, Counted
from monitor.diagnosis import diagnose
from monitor.model import CAP_MS

TOLERANCE = 0.005
"""Half a percentage point."""

CLOSE = 1.001


@dataclass(frozen=True, slots=True)
class Told:
    """One draw, what is true of it, and what was said; NaN where nothing was.

    Attributes:
        family: Of the law.
        law: Its name.
        stretch: By how much it was stretched.
        timeout_ms: The timeout in force.
        executions: Mean number of executions.
        hangs: Share of the calls that never answer.
        slowness: ``calm``, ``drifting`` or ``spells``.
        cut_off: Share of all calls that outlast the timeout.
        at_reach: What the longest raise within reach rescues.
        known: Whether the law is known as far as a raise may reach.
        verdict: What was said.
        value_ms: The recommended value.
        at_value: What that rescues.
        promised: The success share that was promised there.
        success: The true one.
        held: Whether the interval holds; None where none was given.
        bounds: What was said that a raise rescues; None where nothing was.
        rivals: What each rival's raise rescues, its own estimate and its certainty.
    """

    family: str
    law: str
    stretch: int
    timeout_ms: float
    executions: int
    hangs: float
    slowness: str
    cut_off: float
    at_reach: float
    known: bool
    verdict: str
    value_ms: float
    at_value: float
    promised: float
    success: float
    held: bool | None
    bounds: tuple[float, float] | None
    rivals: dict[str, tuple[float, float, float]]

    @property
    def slow_tail(self) -> bool:
        """Whether a raise within reach would rescue half."""
        return self.at_reach >= HALF

    @property
    def within_bounds(self) -> bool:
        """Whether the truth lies within the bounds that were named, give or take half a point."""
        if self.bounds is None:
            return False
        # Where the law is unknown beyond, a raise may rescue more.
        most = self.at_reach if self.known else 1.0
        return self.bounds[0] - TOLERANCE <= most and self.at_reach <= self.bounds[1] + TOLERANCE

    def says(self, verdict: str) -> bool:
        """Whether this was said."""
        return self.verdict == verdict


def judge(case: Case, *, closer_look: bool = True) -> Told:
    """Draw, look closely or not, diagnose, ask the rivals, compare."""
    truth, evidence = draw_real(case, closer_look=closer_look)
    diagnosis = diagnose(evidence)
    value = diagnosis.recommendation
    value_ms = value.capped_ms if value and value.capped_ms else math.nan
    given = not math.isnan(value_ms)
    held = None
    if value is not None:
        # Where none in reach does, "at least" is right, which is an upper end at the reach.
        upper_ms = min(truth.quantile_ms, truth.reach_ms)
        held = value.low_ms <= truth.quantile_ms * CLOSE and value.high_ms * CLOSE >= upper_ms
    seen = Counted(
        bands=evidence.bands.sum(axis=0),
        timeouts=float(evidence.timeouts.sum()),
        timeout_ms=case.timeout_ms,
        reach_ms=min(2 * case.timeout_ms, float(CAP_MS)),
    )
    rivals = {}
    for name, rival in RIVALS.items():
        advice = rival(seen)
        rescued = truth.rescued(advice.value_ms) if advice.value_ms else math.nan
        rivals[name] = (rescued, advice.rescued, advice.certainty)
    return Told(
        family=case.law.family,
        law=case.law.name,
        stretch=case.stretch,
        timeout_ms=case.timeout_ms,
        executions=case.executions,
        hangs=case.never,
        slowness=case.slowness,
        cut_off=float(truth.survival(case.timeout_ms)),
        at_reach=truth.rescued_at_reach,
        known=truth.reach_ms >= seen.reach_ms,
        verdict=str(diagnosis.verdict),
        value_ms=value_ms,
        at_value=truth.rescued(value_ms) if given else math.nan,
        promised=value.expected_success_share if value and given else math.nan,
        success=1 - float(truth.survival(min(value_ms, truth.reach_ms))) if given else math.nan,
        held=held,
        bounds=diagnosis.rescue_bounds,
        rivals=rivals,
    )
