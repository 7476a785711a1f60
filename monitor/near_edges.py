"""Where the bands begin that are looked at more closely, just below a timeout."""

from __future__ import annotations

from monitor.model import BAND_EDGES_MS

NEAR_CUTS = (0.8, 0.9, 0.95)
"""Parts of the timeout at which near bands begin, each half as far from it as the one before. The
last tells how it is at the timeout; all three, how that came about."""


def near_edges(timeout_ms: float) -> tuple[int, ...]:
    """Return the lower edges of the near bands of a timeout, ascending; the last band is open.

    They begin at an edge of the fixed bands, and none lies across one. There are at most six of a
    timeout that is set in whole seconds: a query takes ten.

    Args:
        timeout_ms: The timeout; at least 10.
    """
    cuts = {round(cut * timeout_ms) for cut in NEAR_CUTS}
    begin = max(edge for edge in (0, *BAND_EDGES_MS) if edge <= min(cuts))
    inside = {edge for edge in BAND_EDGES_MS if begin < edge < timeout_ms}
    return tuple(sorted({begin, *inside, *cuts}))
