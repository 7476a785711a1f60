"""The next step towards the timeout that the data ask for: one rule for what is told and set."""

from __future__ import annotations

from math import ceil, floor

from monitor.model import CAP_MS

_TINY = 1e-9
"""What floating-point numbers may be off by."""


def next_timeout_ms(
    in_force_ms: int, required_ms: float, *, step_ms: int, max_step: float, max_timeout_ms: int
) -> int:
    """One step up: never beyond what the data ask for, the largest step, or the cap.

    What the data ask for is rounded up to what the platform keeps, for less would not do; the
    largest step and the cap are rounded down, for more is not allowed. Where not even the smallest
    raise is within the largest step (1 s can only become 2 s), that raise is returned all the same,
    so that the guard which forbids it can say so.

    Args:
        in_force_ms: The timeout in force.
        required_ms: What the data ask for.
        step_ms: The platform keeps whole multiples of this.
        max_step: The largest step, as a multiple of the timeout in force.
        max_timeout_ms: The largest timeout that may be set; what lies above the cap counts as that.
    """
    required = ceil(required_ms / step_ms - _TINY) * step_ms
    largest = floor(in_force_ms * max_step / step_ms + _TINY) * step_ms
    cap = min(max_timeout_ms, CAP_MS) // step_ms * step_ms
    smallest = (in_force_ms // step_ms + 1) * step_ms
    return min(required, max(largest, smallest), cap)
