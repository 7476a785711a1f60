"""Evidence of actions whose law is known, in windows of five minutes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.model import BAND_EDGES_MS

T0 = 1_800_000_000
WINDOW_SECONDS = 300
_EDGES = np.array([0, *BAND_EDGES_MS, np.inf])


def lognormal(calls: int, median_ms: float, sigma: float, seed: int = 1) -> Floats:
    """Durations of answers."""
    return np.asarray(
        median_ms * np.exp(sigma * np.random.default_rng(seed).standard_normal(calls))
    )


def observe(
    durations_ms: Floats,
    timeout_ms: float,
    windows: int = 24,
    start: int = T0,
    **columns: npt.ArrayLike,
) -> ActionEvidence:
    """What the platform shows of calls that would take so long, dealt evenly over windows.

    Args:
        durations_ms: How long each call would take; infinite for one that never answers.
        timeout_ms: The timeout in force.
        windows: Over how many windows of five minutes.
        start: When the first begins.
        **columns: Other columns of the evidence, such as ``throttled``.
    """
    window = np.arange(len(durations_ms)) % windows
    answered = durations_ms < timeout_ms
    bands = np.zeros((windows, len(_EDGES) - 1))
    band = np.searchsorted(BAND_EDGES_MS, durations_ms, side="right")
    np.add.at(bands, (window[answered], band[answered]), 1)
    late = np.bincount(window[~answered], minlength=windows).astype(float)
    spent = np.bincount(window, weights=np.where(answered, durations_ms, 0.0), minlength=windows)
    timeout_bands = np.zeros_like(bands)
    timeout_bands[:, int(np.searchsorted(BAND_EDGES_MS, timeout_ms, side="right"))] = late
    return ActionEvidence.from_columns(
        **{
            "start": start + WINDOW_SECONDS * np.arange(windows),
            "seconds": np.full(windows, WINDOW_SECONDS),
            "timeout_ms": np.full(windows, timeout_ms),
            "successes": bands.sum(axis=1),
            "bands": bands,
            "success_duration_ms": spent,
            "timeouts": late,
            "timeout_bands": timeout_bands,
            "timeout_duration_ms": late * timeout_ms,
            "timeout_min_ms": np.where(late > 0, timeout_ms, 0.0),
            "timeout_max_ms": np.where(late > 0, timeout_ms, 0.0),
        }
        | columns
    )


def with_hangs(durations_ms: Floats, share: float, seed: int = 2) -> Floats:
    """The same calls, of which a share never answers."""
    silent = np.random.default_rng(seed).random(len(durations_ms)) < share
    return np.where(silent, np.inf, durations_ms)


def together(one: ActionEvidence, other: ActionEvidence) -> ActionEvidence:
    """What was seen in two pieces, which share no window, as if it had been seen in one."""
    assert not one.unusable
    assert not other.unusable
    names = [field.name for field in fields(ActionEvidence)]
    columns = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in names
        if name not in {"unusable", "successes_known", "near"}
    }
    return ActionEvidence.from_columns(successes_known=one.successes_known, **columns)
