"""The smallest timeout that would do, by any number of laws at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.posterior import Posterior

ANSWERED_TARGET = 0.9975
"""Where calls that never answer put the target out of reach: so many of those that answer at all.
A quarter of what the target of 99 % leaves over; beyond it a longer timeout serves hangs alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What a timeout has to do.

    Attributes:
        at_ms: Durations at which laws are asked, from the timeout in force to the farthest that
            may be claimed, ascending; shape (m,).
        target: The success share to be reached, of successes and timeouts.
        rescue: The part of the timeouts that it has to rescue at least.
    """

    at_ms: Floats
    target: float
    rescue: float


def required_timeout(laws: Posterior, objective: Objective) -> Floats:
    """Return the smallest timeout in ms that would do, by each law.

    It is the end of ``at_ms`` where none does.

    Args:
        laws: The laws, asked at ``objective.at_ms``; n of them.
        objective: What the timeout has to do.
    """
    beyond, never = laws.beyond, laws.never[:, None]
    late = (beyond - never) / np.maximum(1 - never, 1e-9)
    enough = np.minimum(beyond / (1 - objective.target), late / (1 - ANSWERED_TARGET))
    reached = first_crossing(enough, 1.0, objective.at_ms)
    left = beyond / np.maximum(beyond[:, :1], 1e-300)
    rescued = first_crossing(left, 1 - objective.rescue, objective.at_ms)
    # Where no timeout in reach rescues enough, the target alone speaks.
    return np.maximum(reached, np.where(rescued < objective.at_ms[-1], rescued, reached))


def first_crossing(falling: Floats, level: float, at_ms: Floats) -> Floats:
    """Return where each row first is at most ``level``; the end where it never is.

    Between two points the logarithm is taken to be straight.
    """
    low = falling <= level
    ever = low.any(axis=1)
    at = np.where(ever, low.argmax(axis=1), falling.shape[1] - 1)
    rows = np.arange(len(falling))
    before = np.maximum(at - 1, 0)
    high_log = np.log(np.maximum(falling[rows, before], 1e-12))
    low_log = np.log(np.maximum(falling[rows, at], 1e-12))
    step = np.where(high_log > low_log, high_log - low_log, 1.0)
    part = np.where(ever, np.clip((high_log - np.log(level)) / step, 0.0, 1.0), 1.0)
    logs = np.log(at_ms)
    found = np.exp(logs[before] + (logs[at] - logs[before]) * part)
    return np.asarray(np.clip(found, at_ms[before], at_ms[at]))
