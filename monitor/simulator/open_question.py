"""Something about the platform that nobody could confirm, and the ways to read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PossibleReading:
    """One way to read what the sources leave open.

    Attributes:
        value: What it is called on the command line.
        meaning: What the platform does in it.
        source: Where this reading comes from.
        product: What the monitor makes of it, or what it says can't be known.
    """

    value: str
    meaning: str
    source: str
    product: str


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """Something about the platform that nobody could confirm.

    Attributes:
        topic: Which part of the platform it is about.
        text: The question itself.
        readings: Its answers that are open; the first is the default.
    """

    topic: str
    text: str
    readings: tuple[PossibleReading, ...]


def open_question(topic: str, text: str, *readings: PossibleReading) -> Any:  # noqa: ANN401 - as dataclasses.field
    """Return a field of a world whose default is the first reading."""
    return field(
        default=readings[0].value, metadata={"question": OpenQuestion(topic, text, readings)}
    )
