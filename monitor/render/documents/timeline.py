"""What was told of an action over time, as JSON has it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from monitor.render.documents.diagnosis import IncidentDocument
from monitor.render.documents.units import Document, Moment


class ToldVerdictDocument(Document, frozen=True):
    """One verdict, for as long as it was told without a break."""

    verdict: Annotated[str, Meta(description="The verdict, as it was called then.")]
    since: Annotated[Moment | None, Meta(description="When what it speaks of began.")]
    until: Annotated[Moment | None, Meta(description="When that ended; null while it goes on.")]
    told_from: Annotated[Moment | None, Meta(description="When it was told first.")]
    told_until: Annotated[
        Moment | None, Meta(description="When something else was told; null while it is told.")
    ]
    advised_timeout_seconds: Annotated[
        float | None, Meta(description="What was advised with it last; null for nothing.")
    ]


class TimeoutStepDocument(Document, frozen=True):
    """Another timeout in force."""

    at: Annotated[Moment | None, Meta(description="Since when.")]
    from_seconds: Annotated[float | None, Meta(description="The one before; null if not known.")]
    to_seconds: Annotated[float | None, Meta(description="The one after; null if not known.")]


class TimelineDocument(Document, frozen=True):
    """An action over time."""

    verdicts: Annotated[
        list[ToldVerdictDocument], Meta(description="What was told of it, the oldest first.")
    ]
    timeouts: Annotated[
        list[TimeoutStepDocument], Meta(description="Changes of its timeout, the oldest first.")
    ]
    incidents: Annotated[
        list[IncidentDocument],
        Meta(description="Its outages in the days that its verdict looks at, the oldest first."),
    ]
