"""Whether an action has become slower: the last 24 hours against the week before."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from monitor.analysis.evidence import ActionEvidence
from monitor.analysis.pooling import pool
from monitor.analysis.survival import Survival, survival

RECENT_SECONDS = 24 * 3600
BEFORE_SECONDS = 7 * 24 * 3600

LEAST_CALLS = 200.0
"""Fewer calls on either side have no median worth comparing."""

LEAST_CHANGE = 1.25
"""A median that moved by less than a quarter moves so with the load of a day."""

SIGNIFICANCE = 5.0
"""Standard errors that chance does not reach, however many actions are looked at."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the latency moved.

    Attributes:
        median_before_ms: Half of the calls took at most this long in the week before.
        median_recent_ms: The same in the last 24 hours.
        ratio: The latter per the former.
        drifting: Whether it moved, beyond chance and beyond the load of a day.
    """

    median_before_ms: float
    median_recent_ms: float
    ratio: float
    drifting: bool


def drift(evidence: ActionEvidence) -> Drift | None:
    """Compare; None where either side is too thin or its median lies among timeouts."""
    border = evidence.end - RECENT_SECONDS
    recent = evidence.where(evidence.start >= border)
    before = evidence.where((evidence.start < border) & (evidence.start >= border - BEFORE_SECONDS))
    calls = [float((part.successes + part.timeouts).sum()) for part in (before, recent)]
    if min(calls) < LEAST_CALLS:
        return None
    old, new = (survival(pool(part)) for part in (before, recent))
    medians = old.quantile_ms(0.5), new.quantile_ms(0.5)
    if medians[0] is None or medians[1] is None or medians[0] <= 0:
        return None
    ratio = medians[1] / medians[0]
    moved = _significance(old, new, medians[0], calls) >= SIGNIFICANCE
    changed = max(ratio, 1 / max(ratio, 1e-9)) >= LEAST_CHANGE
    return Drift(medians[0], medians[1], ratio, bool(moved and changed))


def _significance(old: Survival, new: Survival, at_ms: float, calls: list[float]) -> float:
    """Standard errors between the shares of calls that take longer than the earlier median."""
    shares = old.at(at_ms), new.at(at_ms)
    mean = (shares[0] * calls[0] + shares[1] * calls[1]) / sum(calls)
    error = sqrt(max(mean * (1 - mean), 1e-12) * (1 / calls[0] + 1 / calls[1]))
    return abs(shares[1] - shares[0]) / error
