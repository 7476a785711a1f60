"""Whether an action has become slower: the last 24 hours against the week before."""

from __future__ import annotations

from math import sqrt

from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.model import LatencyDrift
from monitor.diagnosis.pooling import pool
from monitor.diagnosis.survival import SurvivalCurve, survival_curve

RECENT_SECONDS = 24 * 3600
BEFORE_SECONDS = 7 * 24 * 3600

MIN_CALLS = 200.0
"""Fewer calls on either side have no median worth comparing."""

MIN_RATIO = 1.25
"""A median that moved by less than a quarter moves so with the load of a day."""

MIN_STANDARD_ERRORS = 5.0
"""Standard errors that chance does not reach, however many actions are looked at."""


def latency_drift(evidence: ActionEvidence) -> LatencyDrift | None:
    """Return how the latency moved.

    None where either side is too thin or its median lies among timeouts.
    """
    border = evidence.end - RECENT_SECONDS
    recent = evidence.where(evidence.start >= border)
    before = evidence.where((evidence.start < border) & (evidence.start >= border - BEFORE_SECONDS))
    calls = [float((part.successes + part.timeouts).sum()) for part in (before, recent)]
    if min(calls) < MIN_CALLS:
        return None
    old, new = (survival_curve(pool(part)) for part in (before, recent))
    medians = old.quantile_ms(0.5), new.quantile_ms(0.5)
    if medians[0] is None or medians[1] is None or medians[0] <= 0:
        return None
    ratio = medians[1] / medians[0]
    moved = _standard_errors(old, new, medians[0], calls) >= MIN_STANDARD_ERRORS
    changed = max(ratio, 1 / max(ratio, 1e-9)) >= MIN_RATIO
    return LatencyDrift(medians[0], medians[1], ratio, bool(moved and changed))


def _standard_errors(
    old: SurvivalCurve, new: SurvivalCurve, at_ms: float, calls: list[float]
) -> float:
    """Return how far the shares beyond the earlier median are apart, in standard errors."""
    shares = old.at(at_ms), new.at(at_ms)
    mean = (shares[0] * calls[0] + shares[1] * calls[1]) / sum(calls)
    error = sqrt(max(mean * (1 - mean), 1e-12) * (1 / calls[0] + 1 / calls[1]))
    return abs(shares[1] - shares[0]) / error
