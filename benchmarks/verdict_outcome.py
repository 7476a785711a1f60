"""What was said of one draw, held against what is true of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.verdict_truth import TARGET, Truth
from monitor.diagnosis import Verdict
from monitor.model import CAP_MS

HALF = 0.5
TOLERANCE = 0.005
"""Half a percentage point: what the success share at the recommended value may lack."""

CLOSE = 1.001
_OF_THE_TAIL = frozenset({Verdict.SLOW_TAIL, Verdict.AT_CAP, Verdict.HANGS, Verdict.BIMODAL})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One draw and what was said of it; NaN where no value was recommended.

    Attributes:
        seed: Of the run.
        index: Of the draw.
        strange: Whether its law is out of the range of the priors.
        truth: What is true.
        said: The verdict.
        expected: The one that is true.
        right: Whether it was right.
        in_order: The same, and never ``bimodal`` where a raise reaches the mode.
        strict: Whether the one true verdict was said, or ``unclear`` with bounds that hold.
        executions: Executions that were seen.
        rescued: What the recommended value rescues.
        raw_ms: What the data ask for.
        capped_ms: What may be set of it.
        low_ms: Lower end of its interval.
        high_ms: Upper end.
        promised: The success share that is promised at the recommended value.
        bounds: What a raise rescues at least and at most, as it was said; None where it was not.
    """

    seed: int
    index: int
    strange: bool
    truth: Truth
    said: Verdict
    expected: Verdict
    right: bool
    in_order: bool
    strict: bool
    executions: float
    rescued: float
    raw_ms: float
    capped_ms: float
    low_ms: float
    high_ms: float
    promised: float
    bounds: tuple[float, float] | None

    @property
    def needs_tail(self) -> bool:
        """Whether what is true is a matter of the tail."""
        return self.expected in _OF_THE_TAIL

    @property
    def hang(self) -> bool:
        """Whether no raise in reach rescues half: one that never answers, or a mode too far."""
        return self.expected in {Verdict.HANGS, Verdict.BIMODAL}

    @property
    def within_bounds(self) -> bool:
        """Whether what a raise would rescue lies in the bounds, give or take half a point."""
        if self.bounds is None:
            return False
        low, high = self.bounds
        # The bounds speak of a raise to the cap, where there is one, else to the reach.
        reach_ms = 2 * self.truth.timeout_ms
        to_ms = min(reach_ms, CAP_MS) if self.truth.timeout_ms < CAP_MS else reach_ms
        return low - TOLERANCE <= self.truth.rescued(to_ms) <= high + TOLERANCE

    @property
    def reach_ms(self) -> float:
        """What a raise may reach."""
        return min(2 * self.truth.timeout_ms, float(CAP_MS))

    @property
    def holds_quantile(self) -> bool:
        """Whether the interval holds the plain quantile, or ends at the reach if that is less."""
        wanted_ms = min(self.truth.quantile_ms, self.reach_ms)
        return self.low_ms <= wanted_ms * CLOSE and self.high_ms * CLOSE >= wanted_ms

    @property
    def reachable(self) -> bool:
        """Whether the target is missed now, and met by some timeout in reach."""
        return self.truth.timeout_ms < self.truth.quantile_ms <= self.reach_ms

    @property
    def met(self) -> bool:
        """Whether the target is met after the raise, within half a point."""
        at_ms = self.truth.timeout_ms if math.isnan(self.capped_ms) else self.capped_ms
        return float(self.truth.survival(at_ms)) <= 1 - TARGET + TOLERANCE


def promised_too_much(outcome: Outcome) -> bool:
    """Whether half a point more of success was promised than there is after the raise."""
    return outcome.promised > 1 - float(outcome.truth.survival(outcome.capped_ms)) + TOLERANCE


def mistaken(outcome: Outcome) -> bool:
    """Whether ``slow_tail`` was said where no raise helps: a hang, an outage or throttling."""
    others = {Verdict.HANGS, Verdict.BIMODAL, Verdict.OUTAGE, Verdict.THROTTLED}
    said = outcome.said is Verdict.SLOW_TAIL and not outcome.right
    return said and outcome.expected in others
