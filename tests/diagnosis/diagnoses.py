"""Diagnoses of actions whose law is known, with a fact changed here and there."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from monitor.diagnosis.action import diagnose
from monitor.diagnosis.model import Diagnosis, Recommendation
from tests.diagnosis.synthetic_evidence import T0, WINDOW_SECONDS, lognormal, observe

WINDOWS = 288
END = T0 + WINDOWS * WINDOW_SECONDS


@cache
def slow_tail() -> Diagnosis:
    """A slow tail at 5 s that wants about 9 s."""
    return diagnose(observe(lognormal(10_000, 1_800, 0.7), 5_000, WINDOWS))


@cache
def healthy() -> Diagnosis:
    """Far below its timeout."""
    return diagnose(observe(lognormal(10_000, 420, 0.45), 10_000, WINDOWS))


def advised(**changed: object) -> Diagnosis:
    """The slow tail with another recommendation."""
    found = slow_tail()
    assert isinstance(found.recommendation, Recommendation)
    advice = replace(found.recommendation, **changed)  # type: ignore[arg-type]  # names of fields
    return replace(found, recommendation=advice)
