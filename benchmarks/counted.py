"""Executions as the platform counts them: by window and latency band, cut at the timeout."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.diagnosis import ActionEvidence
from monitor.model import BAND_EDGES_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WINDOW_SECONDS = 300
START = 1_800_000_000 // 86_400 * 86_400
EDGES = np.array([0, *BAND_EDGES_MS, np.inf], dtype=np.float64)
_MIDDLES = np.append((EDGES[:-2] + EDGES[1:-1]) / 2, 40_000.0)


def starts(windows: int) -> Ints:
    """Return the start of each window, epoch seconds; the first begins with a day."""
    return np.asarray(START + np.arange(windows) * WINDOW_SECONDS)


def day_shape(start: Ints) -> Floats:
    """Return how much each window is called, against its busiest hour: ten times less by night."""
    hour = start / 3600 % 24
    return np.asarray(0.1 + 0.9 * np.maximum(0.0, np.sin(np.pi * (hour - 6) / 16)))


def end_calls(rng: np.random.Generator, calls: Ints, left: Floats) -> tuple[Ints, Ints]:
    """Return successes by band, shape (n, 21), and calls that outlast the timeout, shape (n,).

    Args:
        rng: Decides.
        calls: Calls of each window; shape (n,).
        left: Share of the calls that outlast each edge or the timeout, whichever is less, the
            last of them the timeout; shape (22,), or (n, 22) where windows differ.
    """
    mass = np.concatenate([left[..., :-1] - left[..., 1:], left[..., -1:]], axis=-1)
    mass = np.maximum(mass, 0.0)
    ended = rng.multinomial(calls, mass / mass.sum(axis=-1, keepdims=True))
    return ended[:, :-1], ended[:, -1]


def evidence_of(  # noqa: PLR0913 - each is a column of what the platform shows
    start: Ints,
    timeout_ms: Floats,
    bands: Ints,
    late: Ints,
    *,
    early: Ints | None = None,
    early_ms: float = 0.0,
    throttled: Ints | None = None,
    errors: Ints | None = None,
) -> ActionEvidence:
    """Return the evidence of windows of five minutes; n of them.

    Args:
        start: Start of each, epoch seconds; shape (n,).
        timeout_ms: The timeout in force in each; shape (n,).
        bands: Successes by band; shape (n, 21).
        late: Timeouts, early ones too; shape (n,).
        early: Timeouts that ended after ``early_ms``, before ours; shape (n,).
        early_ms: When those ended.
        throttled: Executions that the platform refused; shape (n,).
        errors: Executions that failed otherwise; shape (n,).
    """
    none = np.zeros(len(start), dtype=np.int64)
    return ActionEvidence.from_columns(
        start=start,
        seconds=np.full(len(start), WINDOW_SECONDS),
        timeout_ms=timeout_ms,
        successes=bands.sum(axis=1),
        bands=bands,
        success_duration_ms=bands @ np.minimum(_MIDDLES, timeout_ms[-1]),
        timeouts=late,
        throttled=none if throttled is None else throttled,
        errors=none if errors is None else errors,
        **_timed_out(timeout_ms, late, none if early is None else early, early_ms),
    )


def _timed_out(timeout: Floats, late: Ints, early: Ints, early_ms: float) -> dict[str, Any]:
    """Return the columns of the executions that timed out."""
    ours = late - early
    bands = np.zeros((len(timeout), len(EDGES) - 1), dtype=np.int64)
    rows = np.arange(len(timeout))
    np.add.at(bands, (rows, np.searchsorted(BAND_EDGES_MS, timeout, side="right")), ours)
    bands[:, int(np.searchsorted(BAND_EDGES_MS, early_ms, side="right"))] += early
    some = late > 0
    return {
        "timeout_bands": bands,
        "timeout_duration_ms": timeout * ours + early_ms * early,
        "timeout_min_ms": np.where(some, np.where(early > 0, early_ms, timeout), 0.0),
        "timeout_max_ms": np.where(some, np.where(ours > 0, timeout, early_ms), 0.0),
    }
