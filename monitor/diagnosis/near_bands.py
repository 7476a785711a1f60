"""Finer bands just below the timeout in force: how densely answers come right up to it.

The bands of the platform's fixed edges are too wide there to tell a law that has all but ended from
one that goes on. Near bands part the last of them. They are asked for only where a verdict hangs on
them, and say nothing but how the executions of a band lie inside it: how many are in the band is
counted for every action, and stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from monitor.near_edges import near_edges

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NearEvidence:
    """Successes by near band, of some ranges of time under one timeout.

    Attributes:
        timeout_ms: The timeout; its ``near_edges`` are meant.
        start: Epoch seconds; shape (r,).
        end: Likewise.
        counts: Successes; shape (r, s).
    """

    timeout_ms: float
    start: Floats
    end: Floats
    counts: Floats

    @classmethod
    def of(
        cls,
        timeout_ms: float,
        start: npt.ArrayLike,
        end: npt.ArrayLike,
        counts: npt.ArrayLike,
    ) -> Self:
        """Return the same of any sequences; negative counts, and none, are 0."""
        rows = np.size(start)
        given = np.asarray(counts, dtype=np.float64).reshape(rows, len(near_edges(timeout_ms)))
        return cls(
            timeout_ms,
            np.asarray(start, dtype=np.float64),
            np.asarray(end, dtype=np.float64),
            np.where(np.isfinite(given) & (given > 0), given, 0.0),
        )

    def without(self, starts: Floats) -> NearEvidence:
        """Leave out each range in which one of some windows begins; shape (n,), in order."""
        first = np.searchsorted(starts, self.start)
        kept = first == np.searchsorted(starts, self.end)
        if kept.all():
            return self
        return replace(self, start=self.start[kept], end=self.end[kept], counts=self.counts[kept])

    def within(self, start: float, end: float) -> NearEvidence:
        """Leave out what lies outside of a period."""
        kept = (self.start >= start) & (self.end <= end)
        return replace(self, start=self.start[kept], end=self.end[kept], counts=self.counts[kept])


@dataclass(frozen=True, slots=True, eq=False)
class NearBands:
    """Successes by near band under one timeout.

    Attributes:
        timeout_ms: The timeout.
        edges_ms: Between which the bands lie; the last is the timeout; shape (s + 1,).
        counts: Successes; shape (s,).
    """

    timeout_ms: float
    edges_ms: Floats
    counts: Floats

    @classmethod
    def pooled(cls, evidence: NearEvidence | None) -> NearBands | None:
        """Return all of it together; None where nothing was counted."""
        if evidence is None or evidence.counts.sum() <= 0:
            return None
        edges = np.array([*near_edges(evidence.timeout_ms), evidence.timeout_ms], dtype=np.float64)
        return cls(evidence.timeout_ms, edges, evidence.counts.sum(axis=0))

    def parts(
        self, low_ms: float, high_ms: float, count: float
    ) -> list[tuple[float, float, float]]:
        """Return how the executions of a band lie in it: (low, high, count) of disjoint cells.

        What was looked at closely is taken out of the band, so that nothing is counted twice; where
        more was seen closely than the band holds by now, that is scaled down to it.

        Args:
            low_ms: Lower edge of the band.
            high_ms: Its upper edge, or the timeout where that is less.
            count: Executions in it.
        """
        inside = (self.edges_ms[:-1] >= low_ms) & (self.edges_ms[1:] <= high_ms)
        seen = float(self.counts[inside].sum())
        if seen <= 0 or count <= 0:
            return [(low_ms, high_ms, count)]
        scale = min(1.0, count / seen)
        found = [
            (float(low), float(high), float(part) * scale)
            for low, high, part in zip(
                self.edges_ms[:-1][inside],
                self.edges_ms[1:][inside],
                self.counts[inside],
                strict=True,
            )
            if part > 0
        ]
        left = count - seen * scale
        return [*found, (low_ms, high_ms, left)] if left > 0 else found
