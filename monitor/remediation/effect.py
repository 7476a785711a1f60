"""Did a change help? A pure judgement of timeouts after it against timeouts before it.

Timeouts are counted among calls that either succeeded or timed out. Under "nothing has changed" the
part of all timeouts that falls after the change is binomial, with the share of calls after it as
its chance; under a ratio r of the two rates that chance is r n1 / (n0 + r n1). This is the
conditional test of two Poisson means (Przyborowski and Wilenski, Biometrika 31, 1940), exact for
rare events and cautious for others.

It is looked at after K settled windows, then after 2 K, 4 K and so on, and when its time is over at
all of them: each look has a chance of ``SURE`` to be wrong, and a week holds ten of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from monitor.formats import count_of, percent

SURE = 0.005
"""The chance that one look says that a change helped when it did not, or the other way round: over
the ten looks of a week at most 5 %."""

WORTH = 0.2
"""A change that avoids fewer than this part of the timeouts is not worth what callers wait longer:
the steps are x1.5 at most, and a slow tail loses about half of its timeouts by such a step."""

LIKELY = 0.2
"""The chance of so few timeouts if no more than ``WORTH`` were avoided: one that helps, and hardly
that, is not known to be worth it yet."""

THROTTLED_SHARE = 0.01
"""Calls that the platform refuses for want of slots; above this part, and more than before, the
change does harm whatever it does to timeouts."""

ENOUGH_TIMEOUTS = 100
"""From so many on, how often calls timed out before a change is known well enough."""

ALIKE = 0.1
"""Where later and earlier days differ by more than by such a chance, they are not taken to be
alike: the action behaved otherwise then, or was down."""

PATIENCE_SECONDS = 7 * 86_400.0
"""A change whose effect can't be shown in a week is undone: every weekday was seen."""


class Effect(StrEnum):
    """What a change has done."""

    HELPED = "helped"
    NOT_HELPED = "not_helped"
    HARMED = "harmed"
    NOTHING_SHOWN = "nothing_shown"
    """Its time is over, and it has shown neither."""
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True)
class Measured:
    """Executions of one action over settled windows, outages left out.

    Attributes:
        windows: How many windows.
        successes: Executions that succeeded.
        timeouts: Executions that timed out.
        throttled: Executions that the platform refused to run.
    """

    windows: int = 0
    successes: int = 0
    timeouts: int = 0
    throttled: int = 0

    def __add__(self, other: Measured) -> Measured:
        """Return both together."""
        return Measured(
            self.windows + other.windows,
            self.successes + other.successes,
            self.timeouts + other.timeouts,
            self.throttled + other.throttled,
        )

    @property
    def calls(self) -> int:
        """Successes and timeouts."""
        return self.successes + self.timeouts

    @property
    def share(self) -> float:
        """Timeouts per call; 0 where there are none."""
        return self.timeouts / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a change has done, and why that is believed.

    Attributes:
        effect: What it has done.
        detail: Why, in words.
        chance: The chance of a share as low as this if nothing had changed; None where nothing
            was compared.
    """

    effect: Effect
    detail: str
    chance: float | None = None


def held_against(days: Iterable[Measured]) -> Measured:
    """Return what a change is held against: the day before it, and more days where those are few.

    A day of few timeouts tells so little that most changes which help could never be shown to. So
    earlier ones are added until there are enough timeouts, as long as they are alike.

    Args:
        days: The days before it, the newest first; none is asked for that is not needed.
    """
    found: list[Measured] = []
    for day in days:
        found.append(day)
        splits = range(1, len(found))
        chances = [_chance_of_alike(_sum(found[:at]), _sum(found[at:])) for at in splits]
        if chances and min(chances) <= ALIKE:
            return _sum(found[: 1 + chances.index(min(chances))])
        if _sum(found).timeouts >= ENOUGH_TIMEOUTS:
            break
    return _sum(found)


def _sum(found: Iterable[Measured]) -> Measured:
    return sum(found, Measured())


def _chance_of_alike(later: Measured, earlier: Measured) -> float:
    """Return the chance of shares that differ as much, if they were the same; two-sided."""
    if not later.calls or not earlier.calls:
        return 1.0
    fewer = _chance_of_so_few(later, earlier, 1.0)
    return 2 * min(fewer, _chance_of_so_many(later, earlier, 1.0))


def windows_to_look_at(available: int, first: int) -> int:
    """How many windows the next look takes: the most of K, 2 K, 4 K, ... that there are; else 0."""
    if available < first:
        return 0
    windows = first
    while windows * 2 <= available:
        windows *= 2
    return windows


def is_out_of_patience(waited_seconds: float) -> bool:
    """Whether a change has had all the time that there is to show what it does."""
    return waited_seconds >= PATIENCE_SECONDS


def judge(before: Measured, after: Measured, *, first: int, waited_seconds: float) -> Judgement:
    """Judge a change by its timeouts.

    Args:
        before: The period before it, under the timeout before.
        after: As many windows after it as ``windows_to_look_at`` says; at last all of them.
        first: The least number of windows after it.
        waited_seconds: How long ago it was made.
    """
    out_of_patience = is_out_of_patience(waited_seconds)
    shares = (
        f"{percent(after.share)} of {count_of(after.calls, 'call')} timed out in "
        f"{count_of(after.windows, 'window')} after it, "
        f"{percent(before.share)} of {before.calls:,} before"
    )
    if after.windows < first or not after.calls or not before.calls:
        if out_of_patience:
            return Judgement(Effect.NOTHING_SHOWN, "no effect could be shown: too few calls")
        return Judgement(Effect.NOT_YET, f"{after.windows} of {first} windows have settled")
    fewer = _chance_of_so_few(before, after, 1.0)
    if _is_throttled(before, after):
        effect, shares = (
            Effect.HARMED,
            f"the platform has refused {count_of(after.throttled, 'call')} since",
        )
    elif fewer <= SURE and _chance_of_so_few(before, after, 1 - WORTH) <= LIKELY:
        effect = Effect.HELPED
    elif _chance_of_so_many(before, after, 1 - WORTH) <= SURE:
        effect = Effect.NOT_HELPED
    elif out_of_patience:
        effect, shares = Effect.NOTHING_SHOWN, f"no effect could be shown: {shares}"
    else:
        effect = Effect.NOT_YET
    return Judgement(effect, shares, fewer)


def _is_throttled(before: Measured, after: Measured) -> bool:
    asked_before = before.calls + before.throttled
    asked_after = after.calls + after.throttled
    if not after.throttled or after.throttled < THROTTLED_SHARE * asked_after or not asked_before:
        return False
    chance = asked_after / (asked_before + asked_after)
    return _at_least(after.throttled, before.throttled + after.throttled, chance) <= SURE


def _chance_of_so_few(before: Measured, after: Measured, ratio: float) -> float:
    """The chance of as few timeouts after, if their rate were ``ratio`` of that before."""
    part = ratio * after.calls / (before.calls + ratio * after.calls)
    # Here, for a daemon judges no change for most of its life, and scipy takes 20 MB of it.
    from scipy.special import bdtr  # noqa: PLC0415 - see above

    return float(bdtr(after.timeouts, before.timeouts + after.timeouts, part))


def _chance_of_so_many(before: Measured, after: Measured, ratio: float) -> float:
    """The chance of as many timeouts after, if their rate were ``ratio`` of that before."""
    part = ratio * after.calls / (before.calls + ratio * after.calls)
    return _at_least(after.timeouts, before.timeouts + after.timeouts, part)


def _at_least(seen: int, total: int, chance: float) -> float:
    from scipy.special import bdtrc  # noqa: PLC0415 - the same

    return 1.0 if seen == 0 else float(bdtrc(seen - 1, total, chance))
