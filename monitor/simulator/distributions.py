"""Latency laws and arrival shapes as arithmetic on columns; random numbers come in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from monitor.simulator.executions import Flags, Floats, Ints
    from monitor.simulator.scenario_types import Arrivals, LatencyLaw, LatenessModel, Outage

DAY_SECONDS = 86_400
NEVER_MS = 10**9
"""Stands for an answer that never comes; longer than any timeout."""

_FIRST_HOUR = 6.0
_OPEN_HOURS = 16.0


def day_shape(at_seconds: float, night_share: float) -> float:
    """Arrivals at this moment as a part of the day's peak, at 14:00 UTC."""
    hour = at_seconds % DAY_SECONDS / 3_600
    bell = max(0.0, math.sin(math.pi * (hour - _FIRST_HOUR) / _OPEN_HOURS))
    return night_share + (1.0 - night_share) * bell


def expected_arrivals(arrivals: Arrivals, at_seconds: float, cell_seconds: int) -> float:
    """Return the mean number of executions in the cell that begins at this moment."""
    per_second = arrivals.per_hour / 3_600
    return per_second * cell_seconds * day_shape(at_seconds, arrivals.night_share)


def latency_ms(law: LatencyLaw, arrival_ms: Ints, rng: np.random.Generator, key: int) -> Ints:
    """Return how long the back end takes for each call, whatever the timeout; at least 1 ms."""
    rows = len(arrival_ms)
    second = rng.random(rows) < law.second_share
    median = np.where(second, law.second_median_ms, law.median_ms)
    sigma = np.where(second, law.second_sigma, law.sigma)
    latency = median * np.exp(sigma * rng.standard_normal(rows)) * _drift(law, arrival_ms)
    silent = rng.random(rows) < law.never_share
    luck = rng.random(rows)
    if law.outage is not None:
        silent |= in_outage(law.outage, arrival_ms, key) & (luck < law.outage.share)
    whole: Ints = np.where(silent, NEVER_MS, np.maximum(latency, 1.0)).astype(np.int64)
    return whole


def in_outage(outage: Outage, arrival_ms: Ints, key: int) -> Flags:
    """Return which calls fall into the outage of their own night."""
    inside = np.zeros(len(arrival_ms), dtype=np.bool_)
    day_ms = DAY_SECONDS * 1_000
    days = arrival_ms // day_ms
    for day in np.unique(days):
        begin_ms, end_ms = outage_of_day(outage, int(day), key)
        inside |= (arrival_ms >= begin_ms) & (arrival_ms < end_ms)
    return inside


def outage_of_day(outage: Outage, day: int, key: int) -> tuple[int, int]:
    """Begin and end of the outage of one UTC day (days since the epoch); epoch milliseconds."""
    chance = float(np.random.default_rng([key, day]).random())
    hour = outage.earliest_hour + chance * (outage.latest_hour - outage.earliest_hour)
    begin_ms = int((day * DAY_SECONDS + hour * 3_600) * 1_000)
    return begin_ms, begin_ms + int(outage.minutes * 60_000)


def delay_ms(lateness: LatenessModel, rows: int, rng: np.random.Generator) -> Ints:
    """Return how long each row stays invisible after its end.

    The tail is cubic: most late rows are a few minutes late, few come near the worst.
    """
    usual = rng.uniform(lateness.least_seconds, lateness.usual_seconds, rows)
    beyond = lateness.worst_seconds - lateness.usual_seconds
    tail: Floats = lateness.usual_seconds + beyond * rng.random(rows) ** 3
    late = rng.random(rows) < lateness.tail_share
    whole: Ints = (np.where(late, tail, usual) * 1_000).astype(np.int64)
    return whole


def _drift(law: LatencyLaw, arrival_ms: Ints) -> Floats:
    """Return how much slower the back end has become since its last restart."""
    cycle_ms = law.drift_days * DAY_SECONDS * 1_000
    age = (arrival_ms % cycle_ms) / cycle_ms
    slower: Floats = (1.0 + (law.drift_factor - 1.0) * age).astype(np.float64)
    return slower
