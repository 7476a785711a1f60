"""Executions as the platform counts them: by window and latency band, cut at the timeout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.diagnosis import ActionEvidence, NearEvidence
from monitor.model import BAND_EDGES_MS
from monitor.near_edges import near_edges

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WINDOW_SECONDS = 300
LOOK_SECONDS = 6 * 3600
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


def near_evidence(
    rng: np.random.Generator,
    start: Ints,
    timeout_ms: float,
    bands: Ints,
    outlasting: Callable[[Floats], Floats],
) -> NearEvidence:
    """Return how the same successes lie just below the timeout, in ranges of a quarter of a day.

    Args:
        rng: Decides; of its own, so that the bands are what they are without.
        start: Start of each window; shape (n,).
        timeout_ms: The timeout in force.
        bands: Successes by band; shape (n, 21).
        outlasting: From durations, shape (s + 1,), to the share of the calls that take longer, by
            window; shape (n, s + 1).
    """
    edges = np.array([*near_edges(timeout_ms), timeout_ms])
    left = outlasting(edges)
    mass = np.maximum(left[:, :-1] - left[:, 1:], 0.0)
    of_band = np.searchsorted(EDGES, edges[:-1], side="right") - 1
    counts = np.zeros(mass.shape, dtype=np.int64)
    for band in np.unique(of_band):
        inside = of_band == band
        part = mass[:, inside]
        whole = part.sum(axis=1, keepdims=True)
        even = np.full_like(part, 1 / inside.sum())
        part = np.divide(part, whole, out=even, where=whole > 0)
        counts[:, inside] = rng.multinomial(bands[:, band], part)
    looks, of_look = np.unique(start // LOOK_SECONDS, return_inverse=True)
    by_look = np.zeros((len(looks), len(edges) - 1))
    np.add.at(by_look, of_look, counts)
    begin = looks * LOOK_SECONDS
    return NearEvidence.of(timeout_ms, begin, begin + LOOK_SECONDS, by_look)


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
