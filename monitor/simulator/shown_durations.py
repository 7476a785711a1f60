"""How long aggregates say that executions took, which a world may have otherwise than it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.simulator.endings import TIMED_OUT

if TYPE_CHECKING:
    from monitor.simulator.executions import ExecutionColumns, Ints
    from monitor.simulator.world import World

MOST_BEYOND_MS = 500
_SPREAD = 2_654_435_761
"""Knuth's multiplier (The Art of Computer Programming, 6.4): neighbours land far apart."""


def shown_duration_ms(rows: ExecutionColumns, seed: int, world: World) -> Ints:
    """Return the duration of each execution as the platform shows it.

    When an execution ended is not changed by it: only rows that our timeout ended are shown
    otherwise, each by an amount that the seed decides.
    """
    if world.timeout_duration == "at_limit":
        return rows.duration_ms
    timed_out = rows.ending == TIMED_OUT
    if world.timeout_duration == "zero":
        return np.where(timed_out, 0, rows.duration_ms)
    mixed = ((rows.serial + seed) * _SPREAD) & 0xFFFFFFFF
    more = (mixed >> 8) % MOST_BEYOND_MS
    return np.where(timed_out, rows.duration_ms + more, rows.duration_ms)
