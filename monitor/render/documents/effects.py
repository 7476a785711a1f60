"""What other timeouts would do, by whom ever it is asked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from monitor.render.documents.units import Document


class EffectDocument(Document, frozen=True):
    """What one timeout would do, against the one in force.

    Below that one, what would be rescued is negative: calls it would cut off.
    """

    timeout_seconds: Annotated[float, Meta(description="The timeout.")]
    success_share: Annotated[
        float, Meta(description="Share of the calls that would succeed, by estimate, 0 to 1.")
    ]
    success_share_low: Annotated[float, Meta(description="As large a share at least.")]
    success_share_high: Annotated[float, Meta(description="As large a share at most.")]
    rescued_per_day: Annotated[
        float, Meta(description="Timeouts a day that would become successes, by estimate.")
    ]
    rescued_low_per_day: Annotated[float, Meta(description="As many at least.")]
    rescued_high_per_day: Annotated[float, Meta(description="As many at most.")]
    extra_wait_seconds_per_day: Annotated[
        float, Meta(description="Seconds a day that callers would wait longer, in all.")
    ]
    slots: Annotated[float, Meta(description="Executions that would run at a time.")]
    measured: Annotated[
        bool,
        Meta(description="Whether so long a timeout was seen in force; else it is extrapolated."),
    ]


class RaiseEffectsDocument(Document, frozen=True):
    """What the raise that the data ask for would do, and the step towards it that is next."""

    in_force: Annotated[EffectDocument, Meta(description="What the timeout in force does.")]
    next: Annotated[
        EffectDocument | None,
        Meta(description="What would be set now would do; null where nothing would be set."),
    ]
    required: Annotated[
        EffectDocument | None,
        Meta(
            description="What the data ask for, as far as it may be set, would do; null likewise."
        ),
    ]


class CurveDocument(Document, frozen=True):
    """What every timeout would do that anything may be claimed of."""

    timeout_seconds: Annotated[float, Meta(description="The timeout in force.")]
    measured_to_seconds: Annotated[
        float, Meta(description="The largest timeout that was seen in force.")
    ]
    reach_seconds: Annotated[float, Meta(description="Nothing is claimed beyond.")]
    effects: Annotated[
        list[EffectDocument], Meta(description="What each would do, at increasing timeouts.")
    ]
