"""What each timeout would do, from well below the one in force to as far as may be claimed.

Values alone; ``timeout_effects`` finds them. Needs no numpy, like all that a diagnosis says.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True, slots=True)
class TimeoutEffect:
    """What one timeout would do. Shares are of successes and timeouts together.

    What it would do is told against the timeout in force: below that one ``rescued`` is negative
    (calls it would cut off), and so is the extra wait (which callers are saved).

    Attributes:
        timeout_ms: The timeout.
        success_share: Share of the calls that would succeed, by estimate.
        success_share_low: As large a share at least, by what was seen.
        success_share_high: As large a share at most.
        rescued_per_day: Timeouts a day that would become successes, by estimate.
        rescued_low_per_day: As many at least, by what was seen.
        rescued_high_per_day: As many at most.
        extra_wait_seconds_per_day: Seconds a day that callers would wait longer, in all.
        slots: Executions under way at a time; above the timeout in force an upper bound, for it
            lets each timeout of today take all of the new one.
        is_measured: Whether so long a timeout was seen in force; else it is extrapolated.
    """

    timeout_ms: float
    success_share: float
    success_share_low: float
    success_share_high: float
    rescued_per_day: float
    rescued_low_per_day: float
    rescued_high_per_day: float
    extra_wait_seconds_per_day: float
    slots: float
    is_measured: bool


_COLUMNS = 9


class EffectTable(Sequence[TimeoutEffect]):
    """Effects as a table of numbers, of which there is one for each action: a value when asked."""

    __slots__ = ("_measured_to_ms", "_numbers")

    def __init__(self, numbers: array[float], measured_to_ms: float) -> None:
        """Keep the rows, each in the order of the fields of ``TimeoutEffect``, without its last.

        Args:
            numbers: The rows, one after another.
            measured_to_ms: The largest timeout that was seen in force.
        """
        self._numbers = numbers
        self._measured_to_ms = measured_to_ms

    @classmethod
    def of(cls, effects: Sequence[TimeoutEffect], measured_to_ms: float) -> EffectTable:
        """Return effects as a table, which they may be already."""
        if isinstance(effects, EffectTable):
            return effects
        return cls(array("d", [value for one in effects for value in _row(one)]), measured_to_ms)

    @property
    def numbers(self) -> bytes:
        """The rows as bytes."""
        return self._numbers.tobytes()

    def __len__(self) -> int:
        """How many effects."""
        return len(self._numbers) // _COLUMNS

    @overload
    def __getitem__(self, index: int) -> TimeoutEffect: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TimeoutEffect]: ...
    def __getitem__(self, index: int | slice) -> TimeoutEffect | Sequence[TimeoutEffect]:
        """Return one of them, or some."""
        if isinstance(index, slice):
            return tuple(self._effect(row) for row in range(*index.indices(len(self))))
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        return self._effect(row)

    def _effect(self, row: int) -> TimeoutEffect:
        numbers = self._numbers[row * _COLUMNS : (row + 1) * _COLUMNS]
        timeout_ms, share, least, most, rescued, rescued_low, rescued_high, waited, slots = numbers
        return TimeoutEffect(
            timeout_ms=timeout_ms,
            success_share=share,
            success_share_low=least,
            success_share_high=most,
            rescued_per_day=rescued,
            rescued_low_per_day=rescued_low,
            rescued_high_per_day=rescued_high,
            extra_wait_seconds_per_day=waited,
            slots=slots,
            is_measured=timeout_ms <= self._measured_to_ms,
        )

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same effects."""
        if isinstance(other, EffectTable):
            same = self._measured_to_ms == other._measured_to_ms
            return same and self._numbers == other._numbers
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """By the numbers."""
        return hash((self._measured_to_ms, self._numbers.tobytes()))


def _row(one: TimeoutEffect) -> tuple[float, ...]:
    return (
        one.timeout_ms,
        one.success_share,
        one.success_share_low,
        one.success_share_high,
        one.rescued_per_day,
        one.rescued_low_per_day,
        one.rescued_high_per_day,
        one.extra_wait_seconds_per_day,
        one.slots,
    )


@dataclass(frozen=True, slots=True)
class TimeoutCurve:
    """The effects of all timeouts that anything may be claimed of.

    Attributes:
        timeout_ms: The timeout in force.
        measured_to_ms: The largest timeout that was seen in force.
        reach_ms: Nothing is claimed beyond.
        effects: At increasing timeouts, to the reach or the cap where that is less; one of them is
            the timeout in force.
        busiest_ratio: Calls in the busiest window, per calls on average: ``slots`` are of the
            average.
    """

    timeout_ms: float
    measured_to_ms: float
    reach_ms: float
    effects: Sequence[TimeoutEffect]
    busiest_ratio: float = 1.0

    def at(self, timeout_ms: float) -> TimeoutEffect | None:
        """Return what a timeout would do; None where nothing may be claimed of it.

        Between two points shares are straight, and what is waited is the area under them.
        """
        right = bisect_left(self.effects, timeout_ms, key=lambda one: one.timeout_ms)
        if right == len(self.effects):
            return None
        above = self.effects[right]
        if above.timeout_ms == timeout_ms:
            return above
        if right == 0:
            return None
        return self._between(self.effects[right - 1], above, timeout_ms)

    def _between(
        self, below: TimeoutEffect, above: TimeoutEffect, timeout_ms: float
    ) -> TimeoutEffect:
        part = (timeout_ms - below.timeout_ms) / (above.timeout_ms - below.timeout_ms)

        def straight(low: float, high: float, share: float = part) -> float:
            return low + (high - low) * share

        # Callers wait for what does not succeed: twice the area of either trapezium.
        late, late_above = 1 - below.success_share, 1 - above.success_share
        area = part * (late + straight(late, late_above))
        whole = late + late_above
        waited = area / whole if whole > 0 else part
        return TimeoutEffect(
            timeout_ms=timeout_ms,
            success_share=straight(below.success_share, above.success_share),
            success_share_low=straight(below.success_share_low, above.success_share_low),
            success_share_high=straight(below.success_share_high, above.success_share_high),
            rescued_per_day=straight(below.rescued_per_day, above.rescued_per_day),
            rescued_low_per_day=straight(below.rescued_low_per_day, above.rescued_low_per_day),
            rescued_high_per_day=straight(below.rescued_high_per_day, above.rescued_high_per_day),
            extra_wait_seconds_per_day=straight(
                below.extra_wait_seconds_per_day, above.extra_wait_seconds_per_day, waited
            ),
            slots=straight(
                below.slots, above.slots, part if timeout_ms > self.timeout_ms else waited
            ),
            is_measured=timeout_ms <= self.measured_to_ms,
        )
