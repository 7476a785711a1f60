"""What a diagnosis adds to the documents of an action, by whom ever they are answered.

The same keys stand in a report and in an investigation, each amid others, so every one of them is
a type of its own here; all are null where there is no diagnosis.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from monitor.diagnosis import Editable, Severity, Verdict
from monitor.render.documents.effects import RaiseEffectsDocument
from monitor.render.documents.units import Document, LowHighDocument, Moment


class RaiseDocument(Document, frozen=True):
    """The raise that is advised."""

    from_seconds: Annotated[float, Meta(description="The timeout in force.")]
    to_seconds: Annotated[float, Meta(description="The timeout to set.")]


class RecommendedTimeoutDocument(Document, frozen=True):
    """The timeout that the data ask for."""

    raw: Annotated[float | None, Meta(description="By the data alone.")]
    capped: Annotated[
        float | None,
        Meta(description="What the bounds allow of it; null above the platform's cap."),
    ]
    low: Annotated[float | None, Meta(description="The least that may meet the target.")]
    high: Annotated[float | None, Meta(description="The least that surely does.")]


class SlotsDocument(Document, frozen=True):
    """Executions under way at a time, before and after the raise; an upper bound."""

    before: Annotated[float, Meta(description="On average, now.")]
    after: Annotated[float, Meta(description="On average, with the new timeout.")]
    busiest_before: Annotated[float, Meta(description="In the busiest window, now.")]
    busiest_after: Annotated[float, Meta(description="In it, with the new timeout.")]


class DriftDocument(Document, frozen=True):
    """How the latency moved."""

    drifting: Annotated[bool, Meta(description="Whether it moved, beyond chance.")]
    ratio: Annotated[float, Meta(description="The recent median per the one before.")]
    median_before_seconds: Annotated[float | None, Meta(description="In the week before.")]
    median_recent_seconds: Annotated[float | None, Meta(description="In the last 24 hours.")]


class IncidentDocument(Document, frozen=True):
    """An outage: timeouts that came together."""

    from_: Annotated[Moment | None, Meta(description="Its begin.")] = field(name="from")
    to: Annotated[Moment | None, Meta(description="Its end; null while it goes on.")]
    ongoing: Annotated[bool, Meta(description="Whether it goes on in the newest settled window.")]


class BunchDocument(Document, frozen=True):
    """A while in which timeouts came bunched, as in an outage."""

    from_: Annotated[Moment | None, Meta(description="Its begin.")] = field(name="from")
    to: Annotated[Moment | None, Meta(description="Its end.")]


class JudgedDocument(Document, frozen=True):
    """What came since the action behaves as it does, without outages that are over for long."""

    from_: Annotated[Moment | None, Meta(description="Its begin.")] = field(name="from")
    executions: Annotated[int, Meta(description="Executions of any outcome since then.")]
    timeouts: Annotated[int, Meta(description="Those that timed out.")]


class EvidenceDocument(Document, frozen=True):
    """What a verdict rests on."""

    from_: Annotated[Moment | None, Meta(description="Begin of what was looked at.")] = field(
        name="from"
    )
    to: Annotated[Moment | None, Meta(description="Its end.")]
    rule: Annotated[str, Meta(description="The rule that gave the verdict.")]
    families: Annotated[
        list[str], Meta(description="The laws that describe the tail, the likeliest first.")
    ]
    executions: Annotated[int, Meta(description="Executions of any outcome.")]
    successes: Annotated[int, Meta(description="Those that succeeded.")]
    timeouts: Annotated[int, Meta(description="Those that timed out.")]
    errors: Annotated[int, Meta(description="Those that failed otherwise.")]
    throttled: Annotated[int, Meta(description="Those that the platform refused.")]
    timeout_seconds: Annotated[float | None, Meta(description="The timeout in force.")]
    timeout_share: Annotated[
        float | None,
        Meta(description="Share of the calls that take longer, outside outages, 0 to 1."),
    ]
    bunched_share: Annotated[float, Meta(description="Timeouts in outages per timeout.")]
    bunches: Annotated[list[BunchDocument], Meta(description="Those outages.")]
    early_share: Annotated[float, Meta(description="Timeouts that ended before ours per timeout.")]
    early_at_seconds: Annotated[
        float | None, Meta(description="How long those took; null where there are none.")
    ]
    judged: Annotated[
        JudgedDocument | None,
        Meta(description="What of it the verdict was given of; null where that is all of it."),
    ]
    last_called_at: Annotated[
        Moment | None,
        Meta(description="End of the newest window in which anything was executed; null for none."),
    ]
    timeouts_in_force: Annotated[
        int,
        Meta(
            description="Timeouts outside outages under the timeout in force, or a longer one, of "
            "what the verdict was given of."
        ),
    ]
    misses_target: Annotated[
        bool,
        Meta(
            description="Whether too many calls outlast the timeout by what was measured alone; a "
            "verdict that was told may stay while it is no longer so, and nothing is raised then."
        ),
    ]


VerdictNow = Annotated[Verdict | None, Meta(description="Why it times out, or that it does not.")]
VerdictSince = Annotated[
    Moment | None,
    Meta(description="Since when it is so; null where the verdict is of no time in particular."),
]
VerdictSinceAtLeast = Annotated[
    bool | None,
    Meta(description="Whether it was so in the oldest window looked at, and so perhaps earlier."),
]
VerdictUntil = Annotated[
    Moment | None, Meta(description="Until when it was so; null while it goes on.")
]
ChangedAt = Annotated[
    Moment | None,
    Meta(
        description="When it last began to behave otherwise; null where it did not in what was "
        "looked at. What came since is too little where evidence.judged is null or begins earlier."
    ),
]
Incident = Annotated[
    IncidentDocument | None,
    Meta(description="The newest outage, of which the verdict speaks; null for all others."),
]
SeverityNow = Annotated[Severity | None, Meta(description="How much that matters.")]
Why = Annotated[str | None, Meta(description="The verdict's reason in one sentence.")]
Advice = Annotated[str | None, Meta(description="What to do.")]
Missing = Annotated[
    list[str] | None, Meta(description="What the evidence lacks; empty where it is enough.")
]
DiagnosisNotes = Annotated[list[str] | None, Meta(description="What to know beside it.")]
RescuableShare = Annotated[
    LowHighDocument | None,
    Meta(description="Share of the timeouts that a raise would rescue; null if not asked."),
]
EditableNow = Annotated[Editable | None, Meta(description="Whether its timeout can be changed.")]
HowToChange = Annotated[str | None, Meta(description="How to change it by hand.")]
Raise = Annotated[
    RaiseDocument | None, Meta(description="The raise that is advised; null where none is.")
]
RecommendedTimeout = Annotated[
    RecommendedTimeoutDocument | None,
    Meta(description="The timeout that the data ask for; null where they ask for none."),
]
Guards = Annotated[
    list[str] | None, Meta(description="What clamped it: reach, cap, in_force, above_cap.")
]
SuccessShare = Annotated[float | None, Meta(description="Success share now, 0 to 1.")]
ExpectedSuccessShare = Annotated[
    float | None, Meta(description="Success share at the capped timeout, by the likeliest law.")
]
NeverAnswersShare = Annotated[
    float | None, Meta(description="Share of calls that no timeout can save, likewise.")
]
TimeoutsPerDay = Annotated[float | None, Meta(description="Timeouts a day now.")]
AvoidedPerDay = Annotated[
    float | None, Meta(description="Timeouts a day that would become successes, by estimate.")
]
AvoidedBounds = Annotated[
    LowHighDocument | None, Meta(description="Bounds on them, by what was seen.")
]
ExtraCallerSeconds = Annotated[
    float | None, Meta(description="Seconds a day that callers would wait longer, in all.")
]
Slots = Annotated[SlotsDocument | None, Meta(description="Executions at a time, before and after.")]
TimeoutEffects = Annotated[
    RaiseEffectsDocument | None,
    Meta(description="What a raise would do, now and in all; null where none is recommended."),
]
Drift = Annotated[
    DriftDocument | None, Meta(description="How the latency moved; null if not known.")
]
Evidence = Annotated[EvidenceDocument | None, Meta(description="What the verdict rests on.")]


class DiagnosisDocument(Document, frozen=True):
    """A diagnosis, whose keys stand amid those of its action."""

    verdict: VerdictNow = None
    verdict_since: VerdictSince = None
    verdict_since_at_least: VerdictSinceAtLeast = None
    verdict_until: VerdictUntil = None
    changed_at: ChangedAt = None
    incident: Incident = None
    severity: SeverityNow = None
    why: Why = None
    advice: Advice = None
    missing: Missing = None
    diagnosis_notes: DiagnosisNotes = None
    rescuable_share: RescuableShare = None
    editable: EditableNow = None
    how_to_change: HowToChange = None
    raise_: Raise = field(name="raise", default=None)
    recommended_timeout_seconds: RecommendedTimeout = None
    guards: Guards = None
    success_share: SuccessShare = None
    expected_success_share: ExpectedSuccessShare = None
    never_answers_share: NeverAnswersShare = None
    timeouts_per_day: TimeoutsPerDay = None
    timeouts_avoided_per_day: AvoidedPerDay = None
    timeouts_avoided_range_per_day: AvoidedBounds = None
    extra_caller_seconds_per_day: ExtraCallerSeconds = None
    concurrent_slots: Slots = None
    timeout_effects: TimeoutEffects = None
    drift: Drift = None
    evidence: Evidence = None
