"""What the pictures have in common: axes, marks with labels that keep out of each other's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from monitor.render.charts.scales import Scale, Tick
from monitor.render.charts.svg import element, joined, line

LABEL_PX = 11
"""Height of the letters of axes and labels; style sheets set the same."""

ROW_PX = 15
"""Height of a row of labels."""

_LETTER_PX = 6.1
"""How wide a letter of that height is, on average and with something to spare."""


def text_width(text: str) -> float:
    """Return about how wide a label is."""
    return len(text) * _LETTER_PX


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across a picture at one value, with words.

    Attributes:
        at: The value.
        label: Its words.
        kind: A class: what it looks like.
    """

    at: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark, and where its label goes.

    Attributes:
        mark: The mark.
        x: Where its line is.
        row: The row of its label, from above.
        before: Whether the label ends at the line, for want of room behind it.
    """

    mark: Mark
    x: float
    row: int
    before: bool


def place_marks(marks: Sequence[Mark], scale: Scale) -> tuple[tuple[PlacedMark, ...], int]:
    """Return marks whose labels do not overlap, and how many rows of labels they take.

    Args:
        marks: In any order.
        scale: The axis; no label goes beyond its end.
    """
    placed: list[PlacedMark] = []
    ends: list[float] = []
    for mark in sorted(marks, key=lambda one: one.at):
        x, wide = scale.at(mark.at), text_width(mark.label) + 10
        before = x + wide > scale.end_px and x - wide >= 0
        begin, end = (x - wide, x) if before else (x, x + wide)
        row = next((index for index, taken in enumerate(ends) if taken <= begin), len(ends))
        if row == len(ends):
            ends.append(0.0)
        ends[row] = end
        placed.append(PlacedMark(mark, x, row, before))
    return tuple(placed), len(ends)


def draw_marks(placed: Sequence[PlacedMark], top: float, bottom: float) -> Markup:
    """Return the lines, then the labels, whose rows begin at ``top``: none is under a line."""
    lines, labels = [], []
    for one in placed:
        y = top + one.row * ROW_PX
        drawn = element("path", d=line([(one.x, y), (one.x, bottom)]))
        lines.append(element("g", drawn, class_=f"marker {one.mark.kind}"))
        written = element(
            "text",
            one.mark.label,
            x=one.x + (-4 if one.before else 4),
            y=y + LABEL_PX - 1,
            text_anchor="end" if one.before else None,
        )
        labels.append(element("g", written, class_=f"label {one.mark.kind}"))
    return joined((*lines, *labels))


def bottom_axis(scale: Scale, ticks: Sequence[Tick], y: float) -> Markup:
    """Return an axis below: a line, its marks, and their words as far as there is room."""
    parts = [element("path", d=line([(scale.start_px, y), (scale.end_px, y)]), class_="axis")]
    taken = -1e9
    for tick in ticks:
        x = scale.at(tick.value)
        half = text_width(tick.label) / 2
        parts.append(element("path", d=line([(x, y), (x, y + 4)]), class_="axis"))
        middle = min(max(x, half), scale.end_px + 8 - half)
        if middle - half < taken:
            continue
        taken = middle + half + 6
        parts.append(
            element("text", tick.label, x=middle, y=y + 16, text_anchor="middle", class_="tick")
        )
    return joined(parts)


def side_axis(scale: Scale, ticks: Sequence[Tick], left: float, right: float) -> Markup:
    """Return the lines of a grid, and their words to the left of it."""
    return joined(
        element(
            "g",
            element("path", d=line([(left, y), (right, y)]), class_="grid"),
            element("text", tick.label, x=left - 6, y=y + 4, text_anchor="end", class_="tick"),
        )
        for tick in ticks
        for y in (scale.at(tick.value),)
    )


def legend(
    items: Sequence[tuple[str, str, Markup]], left: float, top: float, right: float
) -> tuple[Markup, float]:
    """Return swatches with words, in as many rows as they need, and how high that is.

    Args:
        items: Class, words, and the shape of each swatch, which is 10 by 10 pixels.
        left: Where rows begin.
        top: Where the first one is.
        right: Where they end.
    """
    parts, x, row = [], left, 0
    for kind, words, shape in items:
        wide = text_width(words) + 30
        if x > left and x + wide > right:
            x, row = left, row + 1
        y = top + row * ROW_PX
        parts.append(
            element(
                "g",
                shape,
                element("text", words, x=15, y=9),
                class_=f"key {kind}",
                transform=f"translate({x:.0f} {y:.0f})",
            )
        )
        x += wide
    return joined(parts), (row + 1) * ROW_PX


def empty_note(scale: Scale, top: float, bottom: float) -> Markup:
    """Return words in the middle of a picture in which there is nothing to draw."""
    return element(
        "text",
        "nothing ran",
        x=(scale.start_px + scale.end_px) / 2,
        y=(top + bottom) / 2,
        text_anchor="middle",
    )


def swatch(kind: str, fill: str | None = None) -> Markup:
    """Return a filled square of a legend."""
    return element("rect", width=10, height=10, class_=kind, fill=fill)
