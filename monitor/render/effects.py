"""What a timeout would do, in one sentence that plan, apply, report and the pages share."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.diagnosis import Diagnosis, TimeoutEffect
from monitor.formats import UNKNOWN, format_duration, percent, seconds

_FEW = 9.5
"""Below as many a day, and as many slots, what stands behind the point is worth a word."""

_EXACT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class RaiseEffects:
    """What a raise would do.

    Attributes:
        in_force: The timeout in force.
        next: What would be set now, one step; None where nothing would.
        required: What the data ask for, as far as it may be set; None likewise.
    """

    in_force: TimeoutEffect
    next: TimeoutEffect | None
    required: TimeoutEffect | None


def raise_effects(diagnosis: Diagnosis, next_ms: float | None = None) -> RaiseEffects | None:
    """Return what the recommended raise would do; None where none is recommended.

    Args:
        diagnosis: The verdict with its evidence.
        next_ms: What would be set now; None for what the diagnosis itself says of that.
    """
    advice, curve = diagnosis.recommendation, diagnosis.curve
    if advice is None or curve is None:
        return None
    in_force = curve.at(curve.timeout_ms)
    if in_force is None:
        return None
    step_ms = advice.next_ms if next_ms is None else next_ms
    required_ms = advice.capped_ms
    return RaiseEffects(
        in_force=in_force,
        next=None if step_ms is None else curve.at(step_ms),
        required=None
        if required_ms is None or required_ms <= curve.timeout_ms
        else curve.at(required_ms),
    )


def trial_effects(diagnosis: Diagnosis, to_ms: float | None) -> RaiseEffects | None:
    """Return what may be expected of a trial; None where nothing may.

    Args:
        diagnosis: The verdict with its evidence.
        to_ms: What is to be tried.
    """
    curve = diagnosis.curve
    in_force = None if curve is None else curve.at(curve.timeout_ms)
    if curve is None or in_force is None or to_ms is None:
        return None
    return RaiseEffects(in_force, next=curve.at(to_ms), required=None)


def describe_raise(effects: RaiseEffects) -> list[str]:
    """Return what the next step would do, and then what the data ask for where that is more."""
    told = [describe_effect(effects.next, effects.in_force)] if effects.next else []
    required = effects.required
    if required is not None and required != effects.next:
        begin = "The data ask for more in the end" if told else "The data ask for more"
        told.append(f"{begin}: {_uncapitalized(describe_effect(required, effects.in_force))}")
    return told


def _uncapitalized(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def describe_effect(effect: TimeoutEffect, now: TimeoutEffect) -> str:
    """Return what a timeout would bring and cost, in one sentence.

    Args:
        effect: What it would do.
        now: The same of the timeout in force.
    """
    if effect.timeout_ms == now.timeout_ms:
        return (
            f"At {seconds(now.timeout_ms)}, which is in force, {percent(now.success_share)} of the "
            f"calls succeed, and {_amount(now.slots)} run at a time"
        )
    if effect.timeout_ms > now.timeout_ms:
        done, verb = f"{rescued_a_day(effect)} more calls a day would succeed", "more"
        slots = f"at most {_amount(effect.slots)}"
    else:
        done, verb = f"{rescued_a_day(effect)} fewer calls a day would succeed", "less"
        slots = _amount(effect.slots)
    return (
        f"At {seconds(effect.timeout_ms)} {'' if effect.is_measured else 'an estimated '}"
        f"{done}, callers would wait {waited_a_day(effect)} {verb} a day in all, and {slots} "
        f"would run at a time instead of {_amount(now.slots)}"
    )


def rescued_a_day(effect: TimeoutEffect | None) -> str:
    """Return how many calls a day it rescues, or cuts off, with bounds: ``81 (70 to 95)``."""
    if effect is None:
        return UNKNOWN
    rescued, *bounds = (
        abs(one)
        for one in (
            effect.rescued_per_day,
            effect.rescued_low_per_day,
            effect.rescued_high_per_day,
        )
    )
    low, high = sorted(bounds)
    return f"{_amount(rescued)} ({_amount(low)} to {_amount(high)})"


def waited_a_day(effect: TimeoutEffect | None) -> str:
    """Return how much longer, or less, callers wait a day in all, such as ``3 h 20 min``."""
    if effect is None:
        return UNKNOWN
    waited = round(abs(effect.extra_wait_seconds_per_day))
    # Of more than some minutes the seconds say nothing.
    return format_duration(waited if waited < _EXACT_SECONDS else round(waited / 60) * 60)


def slots_of(effect: TimeoutEffect | None) -> str:
    """Return how many executions run at a time under it."""
    return UNKNOWN if effect is None else _amount(effect.slots)


def _amount(number: float) -> str:
    """Return a number to two digits where it is small, ``0.46``; rounded to a whole one else."""
    return f"{round(number, 2):.2g}" if number < _FEW else f"{number:,.0f}"
