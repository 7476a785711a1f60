"""What the API answers with beside the documents that commands write, too."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from monitor.render.documents.actions import ActionDocument, DiagnosedDocument
from monitor.render.documents.changes import ChangeDocument, OutsideChangeDocument
from monitor.render.documents.effects import CurveDocument
from monitor.render.documents.units import Document, GeneratedAt, Moment


class RouteDocument(Document, frozen=True):
    """One thing that can be asked for."""

    path: Annotated[str, Meta(description="Its path; {names} stand for what goes there.")]
    summary: Annotated[str, Meta(description="What it answers.")]


class IndexDocument(Document, frozen=True):
    """What programs can ask for."""

    version: Annotated[str, Meta(description="The program's version.")]
    routes: Annotated[list[RouteDocument], Meta(description="Every route for programs.")]


class SingleActionDocument(Document, frozen=True):
    """One data action: its entry in the report, what other timeouts would do, its changes."""

    generated_at: GeneratedAt
    from_: Annotated[Moment | None, Meta(description="Begin of the day that was counted.")] = field(
        name="from"
    )
    to: Annotated[Moment | None, Meta(description="End of that day.")]
    action: Annotated[ActionDocument, Meta(description="The action, as in the report.")]
    diagnosed: Annotated[
        DiagnosedDocument | None,
        Meta(description="When its verdict was reached, and of what; null before the first."),
    ]
    curve: Annotated[
        CurveDocument | None,
        Meta(description="What other timeouts would do; null where nothing can be claimed."),
    ]
    changes: Annotated[
        list[ChangeDocument],
        Meta(description="This program's changes among the newest of the org."),
    ]
    outside: Annotated[list[OutsideChangeDocument], Meta(description="Everybody else's, likewise.")]
