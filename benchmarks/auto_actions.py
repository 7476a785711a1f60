"""Data actions whose true law is known, as mode ``auto`` may meet them.

What a raise does is said from the law itself: of the calls that outlast the timeout in force it
rescues those that a longer one would have waited for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from monitor.simulator.scenario_types import (
    Arrivals,
    Integration,
    LatencyLaw,
    LaterLaw,
    SimulatedAction,
)
from monitor.simulator.traffic import CELL_SECONDS
from monitor.time_ranges import floor_to

DAY = 86_400
MISSED_SHARE = 0.01
"""Of the calls; where more outlast the timeout, the target of 99 % is missed."""

TIMEOUTS_SECONDS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 25)
_BACK_END = Integration("back-end", "Back end")


@dataclass(frozen=True, slots=True)
class DrawnAction:
    """An action, and what is true of it.

    Attributes:
        kind: What was drawn; one of ``KINDS``.
        action: What the platform has.
    """

    kind: str
    action: SimulatedAction

    @property
    def name(self) -> str:
        """Its id."""
        return self.action.action_id

    @property
    def timeout_ms(self) -> int:
        """The timeout that it begins with."""
        return (self.action.timeout_seconds or 0) * 1_000

    def law(self, at: float) -> LatencyLaw:
        """Return how its back end behaves at a moment; epoch seconds."""
        in_force = [one.law for one in self.action.later if one.at <= at]
        return in_force[-1] if in_force else self.action.law

    def late_share(self, timeout_ms: float, at: float) -> float:
        """Return the share of the calls that do not end within a timeout."""
        law = self.law(at)
        limit_ms = min(timeout_ms, law.gateway_ms or math.inf)
        outlast = (1 - law.second_share) * _survival(law.median_ms, law.sigma, limit_ms)
        if law.second_share:
            second = _survival(law.second_median_ms, law.second_sigma, limit_ms)
            outlast += law.second_share * second
        return law.never_share + (1 - law.never_share) * outlast

    def meets_target(self, timeout_ms: float, at: float) -> bool:
        """Return whether so few calls outlast a timeout that nothing needs to be raised."""
        return self.late_share(timeout_ms, at) <= MISSED_SHARE

    def rescued(self, from_ms: float, to_ms: float, at: float) -> float:
        """Return the part of the calls beyond one timeout that end within a longer one."""
        late = self.late_share(from_ms, at)
        return 1 - self.late_share(to_ms, at) / late if late else 0.0


def _survival(median_ms: float, sigma: float, at_ms: float) -> float:
    return float(ndtr(-math.log(at_ms / median_ms) / sigma))


def draw_actions(seed: int, draws: int, begin: int, days: float) -> tuple[DrawnAction, ...]:
    """Return as many actions, each of the kinds in turn.

    Args:
        seed: Decides everything.
        draws: How many.
        begin: When they are first watched; epoch seconds.
        days: For how long. What changes does so between a fifth and four fifths of that.
    """
    return tuple(_draw(seed, number, begin, days) for number in range(draws))


def _draw(seed: int, number: int, begin: int, days: float) -> DrawnAction:
    rng = np.random.default_rng([seed, number])
    kind = tuple(KINDS)[number % len(KINDS)]
    timeout_seconds = int(rng.choice(TIMEOUTS_SECONDS))
    if kind == "to the cap":
        timeout_seconds = int(rng.choice((20, 25)))
    drawing = _Drawing(rng, timeout_seconds * 1_000.0, begin, days)
    law, later = KINDS[kind](drawing)
    action = SimulatedAction(
        f"custom_-_{number:03}",
        f"{kind} {number:03}",
        _BACK_END,
        "Web Services Data Actions",
        law,
        Arrivals(drawing.log_uniform(20, 600), night_share=float(rng.choice((0.1, 1.0)))),
        timeout_seconds=timeout_seconds,
        later=later,
    )
    return DrawnAction(kind, action)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What the laws of one action are drawn from."""

    rng: np.random.Generator
    timeout_ms: float
    begin: int
    days: float

    def log_uniform(self, low: float, high: float) -> float:
        return math.exp(self.rng.uniform(math.log(low), math.log(high)))

    def moment(self, low: float = 0.2, high: float = 0.8) -> int:
        """Return when something changes, as a part of all the time."""
        at = self.begin + self.rng.uniform(low, high) * self.days * DAY
        return floor_to(at, CELL_SECONDS)

    def tail(self, low: float, high: float, sigma: tuple[float, float]) -> LatencyLaw:
        """Return a law of which such a share outlasts the timeout."""
        share, spread = self.log_uniform(low, high), self.rng.uniform(*sigma)
        return LatencyLaw(self.timeout_ms * math.exp(spread * float(ndtri(share))), spread)

    def calm(self) -> LatencyLaw:
        """Return a law that is far from the timeout, but for a few calls."""
        return replace(self.tail(1e-5, 2e-3, (0.2, 0.6)), never_share=self.log_uniform(1e-5, 2e-3))


Laws = tuple[LatencyLaw, tuple[LaterLaw, ...]]
"""How it behaves at first, and later."""


def _near(drawing: _Drawing) -> Laws:
    return drawing.tail(0.015, 0.06, (0.25, 0.6)), ()


def _far(drawing: _Drawing) -> Laws:
    return drawing.tail(0.06, 0.3, (0.5, 1.0)), ()


def _hangs(drawing: _Drawing) -> Laws:
    law = drawing.tail(1e-6, 2e-3, (0.2, 0.5))
    return replace(law, never_share=drawing.log_uniform(0.012, 0.2)), ()


def _tail_and_hangs(drawing: _Drawing) -> Laws:
    law = drawing.tail(0.01, 0.15, (0.3, 0.8))
    return replace(law, never_share=drawing.log_uniform(0.005, 0.1)), ()


def _gateway(drawing: _Drawing) -> Laws:
    law = drawing.tail(0.02, 0.15, (0.3, 0.7))
    behind_ms = drawing.timeout_ms * drawing.log_uniform(1.001, 1.1)
    return replace(law, gateway_ms=round(behind_ms)), ()


def _border(drawing: _Drawing) -> Laws:
    return drawing.tail(0.008, 0.0125, (0.25, 0.8)), ()


def _second(drawing: _Drawing) -> Laws:
    law = drawing.tail(1e-6, 2e-3, (0.2, 0.4))
    second = replace(
        law,
        second_share=drawing.log_uniform(0.02, 0.15),
        second_median_ms=drawing.timeout_ms * drawing.log_uniform(0.8, 2.5),
        second_sigma=drawing.rng.uniform(0.1, 0.3),
    )
    return second, ()


def _cured(drawing: _Drawing) -> Laws:
    law = drawing.tail(0.02, 0.2, (0.3, 0.8))
    return law, (LaterLaw(drawing.moment(), replace(law, median_ms=law.median_ms / 4)),)


def _worse(drawing: _Drawing) -> Laws:
    slow = drawing.tail(0.02, 0.2, (0.3, 0.8))
    return drawing.calm(), (LaterLaw(drawing.moment(), slow),)


def _outages(drawing: _Drawing) -> Laws:
    """Two to four outages of one to six hours, of an action that is calm or slow."""
    law = drawing.calm() if drawing.rng.random() < 0.5 else drawing.tail(0.015, 0.1, (0.3, 0.7))  # noqa: PLR2004 - a coin
    down = replace(law, never_share=drawing.rng.uniform(0.6, 1.0))
    count = int(drawing.rng.integers(2, 5))
    later: list[LaterLaw] = []
    for at in range(count):
        since = drawing.moment((at + 0.05) / count, (at + 0.7) / count)
        lasts = floor_to(drawing.log_uniform(1, 6) * 3_600, CELL_SECONDS)
        later += [LaterLaw(since, down), LaterLaw(since + lasts, law)]
    return law, tuple(later)


def _hung(drawing: _Drawing) -> Laws:
    """A back end that hangs for some days."""
    law = drawing.calm()
    hangs = replace(law, never_share=drawing.log_uniform(0.02, 0.2))
    since, until = drawing.moment(0.1, 0.4), drawing.moment(0.6, 0.9)
    return law, (LaterLaw(since, hangs), LaterLaw(until, law))


def _calm(drawing: _Drawing) -> Laws:
    return drawing.calm(), ()


KINDS: Mapping[str, Callable[[_Drawing], Laws]] = {
    "near tail": _near,
    "far tail": _far,
    "to the cap": _far,
    "tail and hangs": _tail_and_hangs,
    "hangs": _hangs,
    "gateway": _gateway,
    "border": _border,
    "second mode": _second,
    "cured": _cured,
    "worse": _worse,
    "outages": _outages,
    "hangs for days": _hung,
    "calm": _calm,
}
