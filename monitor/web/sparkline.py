"""A day in 24 bars the height of a word, with the same said in a sentence for who can't see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.formats import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 22
_STEP, _BAR = 4, 3
_LEAST_BAR = 1.5
"""A single timeout is seen beside an hour of thousands."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Bars of one row.

    Attributes:
        before: The path of all bars but the last.
        last: The path of the last bar: the newest hour.
        width: Of the picture, in its own units.
        height: Likewise.
        words: What it shows.
    """

    before: str
    last: str
    width: int
    height: int
    words: str

    @classmethod
    def of(cls, counts: Sequence[int]) -> Sparkline | None:
        """Draw counts by hour, the oldest first; None where there are none."""
        if not counts:
            return None
        most = max(counts)
        bars = [_bar(at, count, most) for at, count in enumerate(counts)]
        return cls(
            before="".join(bars[:-1]),
            last=bars[-1],
            width=len(counts) * _STEP - (_STEP - _BAR),
            height=HEIGHT,
            words=_words(counts),
        )


def _bar(at: int, count: int, most: int) -> str:
    if count == 0:
        return ""
    height = max(count / most * HEIGHT, _LEAST_BAR)
    return f"M{at * _STEP} {HEIGHT}v-{height:.1f}h{_BAR}V{HEIGHT}z"


def _words(counts: Sequence[int]) -> str:
    most = max(counts)
    if most == 0:
        return f"No timeout in {len(counts)} hours"
    busiest = len(counts) - 1 - max(at for at, count in enumerate(counts) if count == most)
    when = "in the last hour" if busiest == 0 else f"{count_of(busiest, 'hour')} before the last"
    hours = sum(1 for count in counts if count)
    return (
        f"Timeouts in {hours} of {len(counts)} hours; most, {most:,}, {when}; "
        f"{counts[-1]:,} in the last"
    )
