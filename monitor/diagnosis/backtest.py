"""How far the laws were off where the truth can be seen: the same counts, cut off earlier.

Laws are fitted as if the timeout had been at a band edge below it, and are asked what part of the
calls that take longer would have answered by the next edges. That is known: it was counted. A law
that was wrong there is no better beyond the timeout, whatever its weight (prequential: Dawid, J. R.
Stat. Soc. A 147, 1984).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.posterior import posterior
from monitor.diagnosis.survival import SurvivalCurve, survival_curve
from monitor.diagnosis.tail_model import has_second_mode, select_tail_model
from monitor.model import BAND_EDGES_MS

CUTS = 4
"""Edges at which the counts are cut off: the highest ones say most of what lies beyond."""

MAX_CUT_RATIO = 1 / 1.15
"""A cut this part of the timeout or less: between them must be something to predict."""

MAX_SHARE_BEYOND = 0.9
"""Below a cut that more of the calls outlast lies too little to fit a law to."""

AHEAD = 2.0
"""From a cut is looked as far ahead as is claimed beyond a timeout, but not beyond the timeout."""

UNTESTED = 1.0
"""The error where nothing could be tried: a share may be anything."""


MIN_CALLS = 10.0
"""Where fewer calls outlast a cut under a timeout beyond what is predicted there, nothing is known
of it."""


def backtest_error(pooled: Pooled, curve: SurvivalCurve, side: float) -> float:
    """Return how far a rescued share was at most outside of the interval that was said of it.

    Args:
        pooled: The steady evidence.
        curve: Its survival.
        side: Weight of the laws on either side of the interval.
    """
    largest_ms = float(pooled.timeout_ms[-1])
    cuts = [
        float(edge)
        for edge in BAND_EDGES_MS
        if edge <= MAX_CUT_RATIO * largest_ms and curve.at(edge) < MAX_SHARE_BEYOND
    ]
    errors = [
        error
        for cut_ms in cuts[-CUTS:]
        if (error := _error_at(pooled, curve, cut_ms, side)) is not None
    ]
    return max(errors, default=UNTESTED)


def _error_at(pooled: Pooled, curve: SurvivalCurve, cut_ms: float, side: float) -> float | None:
    """Return it for one cut; None where too little lies below, or beyond."""
    ahead_ms = min(AHEAD * cut_ms, float(pooled.timeout_ms[-1]))
    if curve.at(cut_ms) * pooled.calls_from(ahead_ms) < MIN_CALLS:
        return None
    known = cut_off(pooled, cut_ms)
    found = select_tail_model(known, survival_curve(known), second_mode=has_second_mode(known))
    if found is None:
        return None
    counted = 1 - curve.at(ahead_ms) / max(curve.at(cut_ms), 1e-12)
    laws = posterior(found, np.array([cut_ms, ahead_ms]))
    said = 1 - laws.beyond[:, 1] / np.maximum(laws.beyond[:, 0], 1e-300)
    low, high = (float(one) for one in laws.quantiles((side, 1 - side), said))
    return max(low - counted, counted - high, 0.0)


def cut_off(pooled: Pooled, cut_ms: float) -> Pooled:
    """Return what would have been counted had every timeout been a band edge at most."""
    above = BAND_EDGES_MS.index(int(cut_ms)) + 1
    kept, longer = pooled.timeout_ms < cut_ms, pooled.timeout_ms >= cut_ms
    bands = pooled.bands[longer].sum(axis=0)
    early, cut_short = pooled.early.copy(), pooled.cut_short.copy()
    late = pooled.ended_by_us[longer].sum()
    for counts in (bands, early, cut_short):
        late += counts[above:].sum()
        counts[above:] = 0.0
    return replace(
        pooled,
        timeout_ms=np.append(pooled.timeout_ms[kept], cut_ms),
        bands=np.concatenate([pooled.bands[kept], bands[None, :]]),
        ended_by_us=np.append(pooled.ended_by_us[kept], late),
        early=early,
        cut_short=cut_short,
        near=None,
    )
