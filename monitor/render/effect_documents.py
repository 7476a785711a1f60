"""Writes down what other timeouts would do: pure.

Durations are seconds; shares are of successes and timeouts together.
"""

from __future__ import annotations

from monitor.diagnosis import TimeoutCurve, TimeoutEffect
from monitor.formats import significant
from monitor.render.documents import CurveDocument, EffectDocument, RaiseEffectsDocument
from monitor.render.effects import RaiseEffects


def effect_document(effect: TimeoutEffect) -> EffectDocument:
    """Return what one timeout would do."""
    return EffectDocument(
        timeout_seconds=significant(effect.timeout_ms / 1000),
        success_share=significant(effect.success_share),
        success_share_low=significant(effect.success_share_low),
        success_share_high=significant(effect.success_share_high),
        rescued_per_day=significant(effect.rescued_per_day),
        rescued_low_per_day=significant(effect.rescued_low_per_day),
        rescued_high_per_day=significant(effect.rescued_high_per_day),
        extra_wait_seconds_per_day=significant(effect.extra_wait_seconds_per_day),
        slots=significant(effect.slots),
        measured=effect.is_measured,
    )


def raise_effects_document(effects: RaiseEffects | None) -> RaiseEffectsDocument | None:
    """Return what a raise would do, now and in all; None where none is recommended."""
    if effects is None:
        return None
    return RaiseEffectsDocument(
        in_force=effect_document(effects.in_force),
        next=None if effects.next is None else effect_document(effects.next),
        required=None if effects.required is None else effect_document(effects.required),
    )


def curve_document(curve: TimeoutCurve | None) -> CurveDocument | None:
    """Return what every timeout would do; None where nothing may be claimed."""
    if curve is None:
        return None
    return CurveDocument(
        timeout_seconds=significant(curve.timeout_ms / 1000),
        measured_to_seconds=significant(curve.measured_to_ms / 1000),
        reach_seconds=significant(curve.reach_ms / 1000),
        effects=[effect_document(one) for one in curve.effects],
    )
