"""The timeout in force in each window: what its executions were cut off at.

The catalogue says so from the moment it is first read, and learns of a change some minutes late.
For what came before, and for the time between two readings of the catalogue, the executions that
timed out show it themselves: they ran as long as they were given. Only a step is believed: every
window that shows the earlier value lies before every window that shows the later one. A remote
that gives up early stays with ours, and so does not look like one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import Floats

TOLERANCE = 0.02
"""Measured durations stray by less than this part around the timeout that ended them."""

MAX_OVERSHOOT_MS = 500.0
"""What is shown may hold the platform's own time to notice: so much more than the timeout."""

STEP_MS = 1_000.0
"""The platform's timeouts are whole seconds."""

MIN_WINDOWS = 3
"""Fewer windows that show another value are no step, but a coincidence."""


@dataclass(frozen=True, slots=True, eq=False)
class ObservedTimeouts:
    """What the windows of one action show; all of shape (n,), in order of time.

    Attributes:
        start: Start of each window; epoch seconds.
        longest_ms: The longest execution that timed out in it; 0 where there is none.
        longest_success_ms: The longest success in it, or around it; 0 where unknown.
    """

    start: Floats
    longest_ms: Floats
    longest_success_ms: Floats


def timeouts_by_window(
    observed: ObservedTimeouts, history: Sequence[tuple[float, int | None]]
) -> Floats:
    """Return the timeout in force in each window, in ms; 0 where it is unknown.

    Args:
        observed: What the windows show.
        history: Since when (epoch seconds) which timeout (ms, None where unknown) is
            known to be in force; oldest first.
    """
    known = [(since, float(timeout_ms or 0)) for since, timeout_ms in history]
    shown = _shown(observed, MAX_OVERSHOOT_MS if _overshoots(observed, known) else 0.0)
    if not known or not known[0][1]:
        known = [(np.inf, _newest_observed(shown)), *known]
    found = _by_steps(
        observed, shown, known[0][1], int(np.searchsorted(observed.start, known[0][0]))
    )
    for (before, _), (since, timeout_ms) in pairwise(known):
        found[observed.start >= since] = timeout_ms
        between = slice(*np.searchsorted(observed.start, [before, since]))
        _apply_late_change(found[between], shown[between], timeout_ms)
    return found


def _overshoots(observed: ObservedTimeouts, known: Sequence[tuple[float, float]]) -> bool:
    """Return whether timed-out executions show more than the timeout that is known to be in force.

    Nothing but the platform itself can make them: a remote that gives up later is not seen.
    """
    newest_ms = next((timeout_ms for _, timeout_ms in reversed(known) if timeout_ms), 0.0)
    more = observed.longest_ms - newest_ms
    beyond = (more > TOLERANCE * newest_ms) & (more <= MAX_OVERSHOOT_MS)
    return newest_ms > 0 and bool(beyond.sum() > _matches(observed.longest_ms, newest_ms).sum())


def _shown(observed: ObservedTimeouts, beyond_ms: float) -> Floats:
    """Return the whole second that timed-out executions ran for, by window; 0 for none."""
    second = np.round((observed.longest_ms - beyond_ms / 2) / STEP_MS) * STEP_MS
    most = np.maximum(TOLERANCE * second, beyond_ms)
    more = observed.longest_ms - second
    fits = (second > 0) & (more >= -TOLERANCE * second) & (more <= most)
    return np.where(fits, second, 0.0)


def _newest_observed(shown: Floats) -> float:
    """Return what the newest windows show, where enough of them do."""
    observed = shown[shown > 0]
    if observed.size < MIN_WINDOWS or len(set(observed[-MIN_WINDOWS:])) > 1:
        return 0.0
    return float(observed[-1])


def _by_steps(observed: ObservedTimeouts, shown: Floats, known_ms: float, until: int) -> Floats:
    """Go back from what is known: each step that the windows before ``until`` show is believed."""
    found = np.full(len(shown), known_ms)
    current, end = known_ms, until
    while current > 0:
        others = np.flatnonzero((shown[:end] > 0) & ~_matches(shown[:end], current))
        if not others.size:
            break
        last = int(others[-1])
        earlier = np.flatnonzero(_matches(shown, float(shown[last])))
        first = int(earlier[0])
        own = np.flatnonzero(_matches(shown, current))
        a_step = earlier.size >= MIN_WINDOWS and earlier[-1] == last
        followed = own.size and own[0] > last
        outlasted = observed.longest_success_ms[first : last + 1] > shown[last] * (1 + TOLERANCE)
        if not a_step or not followed or outlasted.any():
            break
        current, end = float(shown[last]), first
        found[: last + 1] = current
    return found


def _apply_late_change(found: Floats, shown: Floats, new_ms: float) -> None:
    """Between two readings of the catalogue: the later value holds from where it first shows."""
    new = np.flatnonzero(_matches(shown, new_ms))
    if new.size:
        others = np.flatnonzero((shown > 0) & ~_matches(shown, new_ms))
        after = others[others >= new[0]]
        found[int(after[-1]) + 1 if after.size else int(new[0]) :] = new_ms


def _matches(shown: Floats, value: float) -> npt.NDArray[np.bool_]:
    return (shown > 0) & (np.abs(shown - value) <= TOLERANCE * value)
