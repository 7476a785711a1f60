"""How often an action is called, and how long its successes take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence


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

    @property
    def calls_per_day(self) -> float:
        """Successes and timeouts a day, on average."""
        return self.calls_per_second * DAY_SECONDS


def load_of(evidence: ActionEvidence) -> Load:
    """Return the load, from steady windows."""
    calls = evidence.successes + evidence.timeouts
    rate = float(calls.sum()) / max(evidence.span_seconds, 1.0)
    busiest = float((calls / np.maximum(evidence.seconds, 1.0)).max(initial=0.0))
    successes = float(evidence.successes.sum())
    seconds = float(evidence.success_duration_ms.sum()) / 1000 / successes if successes else 0.0
    return Load(rate, max(1.0, busiest / rate) if rate > 0 else 1.0, seconds)
