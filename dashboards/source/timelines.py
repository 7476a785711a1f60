"""Series for promtool's unit tests, minute by minute, from what happens in an org."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Phase = Literal["good", "bad", "below", "idle", "late", "hole", "gap", "restart"]
"""What happens for a while.

``good``, ``bad`` and ``below``: as usual; so that the alert must fire; and just not so. ``idle``:
no call at all. ``late``: calls as usual of which nothing is seen until the last minute, when all of
it comes. ``hole``: the same, and the monitor knows that it has read nothing meanwhile. ``gap``: no
scrape succeeds, and things go on as before. ``restart``: the same, and what a process counts begins
anew.
"""

Span = tuple[Phase, int]
"""A phase and its minutes."""

Samples = list[float | None]

START = 1_000_000
"""Clocks begin here: their first hour must not look like the beginning of time."""


@dataclass(frozen=True, slots=True)
class Count:
    """A counter: what it grows by in a minute.

    Attributes:
        series: Its name and labels.
        good: As usual.
        bad: While the alert must fire.
        below: While it is just not reached.
        of_process: Whether it begins anew with the daemon; otherwise the state keeps it.
    """

    series: str
    good: float = 0
    bad: float = 0
    below: float = 0
    of_process: bool = False

    def samples(self, spans: Sequence[Span], *, new_state: bool = False) -> Samples:
        """One a minute."""
        value, before = 0.0, "good"
        found: Samples = [value]
        for phase, minutes in spans:
            if phase == "restart" and (self.of_process or new_state):
                value = 0.0
            for minute in range(minutes):
                if phase in {"late", "hole"}:
                    value += self.good * minutes if minute == minutes - 1 else 0.0
                else:
                    kind = before if phase in {"gap", "restart"} else phase
                    value += {"good": self.good, "bad": self.bad, "below": self.below}.get(kind, 0)
                # Whole numbers: a rounding error that falls would look like a restart.
                found.append(None if phase in {"gap", "restart"} else math.floor(value + 1e-6))
            before = before if phase in {"gap", "restart"} else phase
        return found


@dataclass(frozen=True, slots=True)
class Once:
    """A counter that grows by one at the beginning of each bad phase."""

    series: str

    def samples(self, spans: Sequence[Span], *, new_state: bool = False) -> Samples:
        """One a minute."""
        value = 0.0
        found: Samples = [0.0]
        for phase, minutes in spans:
            if phase == "restart" and new_state:
                value = 0.0
            value += phase == "bad"
            found += [None if phase in {"gap", "restart"} else value] * minutes
        return found


@dataclass(frozen=True, slots=True)
class Level:
    """A gauge; None where it is not there."""

    series: str
    good: float | None
    bad: float | None
    below: float | None

    def samples(self, spans: Sequence[Span], *, new_state: bool = False) -> Samples:  # noqa: ARG002
        """One a minute."""
        found: Samples = [self.good]
        before: float | None = self.good
        for phase, minutes in spans:
            if phase in {"gap", "restart"}:
                found += [None] * minutes
                continue
            before = {"bad": self.bad, "below": self.below}.get(phase, self.good)
            found += [before] * minutes
        return found


@dataclass(frozen=True, slots=True)
class Stamp:
    """A gauge that shows a time: it stands still while nothing is read.

    Attributes:
        series: Its name and labels.
        stops: In which phases it stands still.
        begin: What it shows at first; seconds.
    """

    series: str
    stops: tuple[Phase, ...]
    begin: float = START

    def samples(self, spans: Sequence[Span], *, new_state: bool = False) -> Samples:  # noqa: ARG002
        """One a minute."""
        now, value = self.begin, self.begin
        found: Samples = [value]
        for phase, minutes in spans:
            for minute in range(minutes):
                now += 60
                if phase not in self.stops or (phase == "hole" and minute == minutes - 1):
                    value = now
                found.append(None if phase in {"gap", "restart"} else value)
        return found


class Line(Protocol):
    """A series, whatever it shows."""

    @property
    def series(self) -> str:
        """Its name and labels."""

    def samples(self, spans: Sequence[Span], *, new_state: bool = False) -> Samples:
        """One a minute."""


def notation(samples: Samples) -> str:
    """Samples in promtool's own short hand; what is not a number ends a series."""
    parts: list[str] = []
    at = 0
    while at < len(samples):
        first = samples[at]
        if first is None:
            end = at
            while end < len(samples) and samples[end] is None:
                end += 1
            parts.append(f"_x{end - at}")
        else:
            end, step = at + 1, 0.0
            following = samples[end] if end < len(samples) else None
            if following is not None:
                step = following - first
                while end < len(samples) and samples[end] == first + step * (end - at):
                    end += 1
            times = end - at - 1
            grows = f"{step:+g}" if step else ""
            parts.append(f"{_plain(first)}{grows}x{times}" if times else _plain(first))
        at = end
    return " ".join(parts)


def _plain(value: float) -> str:
    return "stale" if math.isnan(value) else f"{value:.10g}"
