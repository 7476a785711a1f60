"""What the numbers and texts of every document are, as types that carry their descriptions.

A description stands beside its field as ``Annotated[..., Meta(description=...)]``: the schema of
the API is made from it, so it is for whoever reads the documents.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""ISO 8601 in UTC, to the second, with a Z."""

ActionId = Annotated[str, Meta(description="The platform's id of the data action.")]
ActionName = Annotated[str, Meta(description="The data action's name; its id where it has none.")]
OrgName = Annotated[str, Meta(description="The org's name in the configuration.")]
GeneratedAt = Annotated[Moment | None, Meta(description="When this was written down.")]
TakenAt = Annotated[Moment | None, Meta(description="When the snapshot was taken that it shows.")]


class Document(Struct, frozen=True, kw_only=True):
    """An object of an answer: its fields are its keys, in their order."""


class LowHighDocument(Document, frozen=True):
    """Bounds on what can't be known exactly."""

    low: Annotated[float, Meta(description="At least.")]
    high: Annotated[float, Meta(description="At most.")]
