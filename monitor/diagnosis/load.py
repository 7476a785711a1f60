"""How often an action is called, and how long its successes take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence

ENOUGH_SUCCESSES = 200
"""So many under the timeout in force tell how long a success takes under it, to a few percent."""


@dataclass(frozen=True, slots=True)
class Load:
    """How often the action is called, and how long its successes take.

    Attributes:
        calls_per_second: Successes and timeouts, on average.
        busiest_ratio: The busiest window's calls per second, per average.
        success_seconds: Mean duration of a success, under the timeout in force where enough were
            seen under that: a longer one lets slower calls succeed, too.
    """

    calls_per_second: float
    busiest_ratio: float
    success_seconds: float

    @property
    def calls_per_day(self) -> float:
        """Successes and timeouts a day, on average."""
        return self.calls_per_second * DAY_SECONDS


def load_of(evidence: ActionEvidence, timeout_ms: float) -> Load:
    """Return the load.

    Args:
        evidence: The steady windows.
        timeout_ms: The timeout in force; 0 where unknown.
    """
    calls = evidence.successes + evidence.timeouts
    rate = float(calls.sum()) / max(evidence.span_seconds, 1.0)
    busiest = float((calls / np.maximum(evidence.seconds, 1.0)).max(initial=0.0))
    counted = evidence.timeout_ms == timeout_ms
    if evidence.successes[counted].sum() < ENOUGH_SUCCESSES:
        counted[:] = True
    successes = float(evidence.successes[counted].sum())
    spent_ms = float(evidence.success_duration_ms[counted].sum())
    seconds = spent_ms / 1000 / successes if successes else 0.0
    return Load(rate, max(1.0, busiest / rate) if rate > 0 else 1.0, seconds)
