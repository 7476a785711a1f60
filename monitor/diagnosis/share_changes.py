"""Where in time a share changed: windows parted into segments in which it was alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.diagnosis.evidence import Floats

MIN_LOG_LIKELIHOOD_RATIO = 4.0
"""What a change must reach beyond the log of the number of windows: chance alone shows one in
fewer than one of a hundred actions, and timeouts come a little less evenly than chance."""

MAX_SEGMENTS = 64
"""A share that changes more often than this in eight days has no periods worth a word."""


@dataclass(frozen=True, slots=True)
class ShareSegment:
    """Windows in a row in which the share was alike.

    Attributes:
        first: The first window.
        end: The one after the last.
        share: The share in them together; 0 where nothing was counted.
    """

    first: int
    end: int
    share: float


def share_segments(
    counted: Floats, calls: Floats, least_ratio: float = MIN_LOG_LIKELIHOOD_RATIO
) -> tuple[ShareSegment, ...]:
    """Return the segments, oldest first; together they are all windows.

    Binary segmentation: the split that makes the counts likeliest as two binomials in place of one,
    and each part in the same way, for as long as a split is worth its penalty.

    Args:
        counted: Of the calls, those whose share it is, by window; shape (n,).
        calls: All calls, likewise.
        least_ratio: What the log-likelihood ratio of a split must reach beyond the log of the
            number of windows.
    """
    rows = len(counted)
    if not rows:
        return ()
    counted, calls = (np.concatenate([[0.0], np.cumsum(column)]) for column in (counted, calls))
    needed = least_ratio + float(np.log(rows))
    borders, waiting = [0, rows], [(0, rows)]
    while waiting and len(borders) <= MAX_SEGMENTS:
        first, end = waiting.pop(0)
        split = _best_split(counted[first : end + 1], calls[first : end + 1], needed)
        if split is not None:
            borders.append(first + split)
            waiting += [(first, first + split), (first + split, end)]
    borders.sort()
    return tuple(
        ShareSegment(first, end, _share(counted[end] - counted[first], calls[end] - calls[first]))
        for first, end in pairwise(borders)
    )


def _share(counted: float, calls: float) -> float:
    return float(counted / calls) if calls > 0 else 0.0


def _best_split(counted: Floats, calls: Floats, needed: float) -> int | None:
    """Return after how many windows a range is best split; None where no split is worth it.

    Args:
        counted: Running sums of the range, the one before it among them.
        calls: Likewise.
        needed: What the log-likelihood ratio must reach.
    """
    if len(counted) < 3:  # noqa: PLR2004 - two windows and the sum before them
        return None
    left = counted[1:-1] - counted[0], calls[1:-1] - calls[0]
    right = counted[-1] - counted[1:-1], calls[-1] - calls[1:-1]
    whole = counted[[-1]] - counted[0], calls[[-1]] - calls[0]
    ratio = _log_likelihood(*left) + _log_likelihood(*right) - _log_likelihood(*whole)
    at = int(np.argmax(ratio))
    return at + 1 if ratio[at] >= needed else None


def _log_likelihood(counted: Floats, calls: Floats) -> Floats:
    """Return that of binomial counts under their own share."""
    others = np.maximum(calls - counted, 0.0)
    whole = np.maximum(calls, 1e-12)
    return np.asarray(
        counted * np.log(np.maximum(counted, 1e-12) / whole)
        + others * np.log(np.maximum(others, 1e-12) / whole)
    )
