"""Whether the successes show a second, slower kind of call that runs into the timeout."""

from __future__ import annotations

import numpy as np

from monitor.diagnosis.pooling import Pooled
from monitor.model import BAND_EDGES_MS

MIN_RISE_ERRORS = 3.5
"""Standard errors by which the density must rise again: chance does so in 1 action of 4,000."""

MIN_CALLS = 30.0
"""Fewer calls than this are a handful, not a kind of call."""

MIN_DENSITY_AT_TIMEOUT = 0.8
"""The density at the timeout is at least this part of the second mode's peak: it goes on."""

MIN_TIMEOUTS_PER_CALL = 1.0
"""Timeouts per visible call of the second mode: with fewer, the mode lies mostly below the timeout
and what is beyond is its tail."""


def second_mode(pooled: Pooled) -> bool:
    """Whether the density falls, rises again and is still high at the largest timeout."""
    if not pooled.timeout_ms.size:
        return False
    timeout_ms = float(pooled.timeout_ms[-1])
    edges = np.array([0.0, *(edge for edge in BAND_EDGES_MS if edge < timeout_ms), timeout_ms])
    count = pooled.bands[-1][: len(edges) - 1]
    width = np.diff(edges)
    density = count / width
    peak = int(np.argmax(density))
    for valley in range(peak + 1, len(density) - 1):
        top = valley + 1 + int(np.argmax(density[valley + 1 :]))
        expected = density[valley] * width[top]
        error = np.sqrt(max(expected, 1.0) * (1 + width[top] / width[valley]))
        visible = count[valley + 1 :].sum()
        if (
            count[top] >= MIN_CALLS
            and count[top] > expected + MIN_RISE_ERRORS * error
            and density[-1] >= MIN_DENSITY_AT_TIMEOUT * density[top]
            and pooled.ended_by_us[-1] >= MIN_TIMEOUTS_PER_CALL * visible
        ):
            return True
    return False
