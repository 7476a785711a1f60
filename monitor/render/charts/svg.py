"""Elements of SVG and HTML as safe markup: what is no markup already is escaped.

No attribute is a style or a handler, so that a Content-Security-Policy without exceptions lets the
pictures be: colours are classes, places are presentation attributes.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

_VOID = frozenset({"input", "br"})
"""Elements of HTML that have no end."""


Box = tuple[float, float, float, float]
"""A rectangle: x, y, width, height."""


def element(name: str, *content: str | Markup, **attributes: str | float | bool | None) -> Markup:
    """Return one element.

    Args:
        name: Its name.
        *content: What is in it: text, which is escaped, or markup.
        **attributes: An underscore in a name stands for a hyphen, one at its end for nothing
            (``class_``). Numbers are rounded to a tenth, which is less than a pixel; True is an
            attribute without a value, None and False leave it out.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{_value(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inner = joined(content)
    if name in _VOID:
        return _safe(f"<{name}{written}>")
    return _safe(f"<{name}{written}>{inner}</{name}>")


def joined(parts: Iterable[str | Markup]) -> Markup:
    """Return the parts one after the other; what is no markup is escaped."""
    return _safe("".join(escape(part) for part in parts))


def table_rows(rows: Iterable[tuple[str, ...]]) -> Markup:
    """Return rows of a table, each headed by its first cell: thousands of cells in no time."""
    between = Markup("</td><td>")
    return _safe(
        "".join(
            f'<tr><th scope="row">{escape(row[0])}</th><td>{between.join(row[1:])}</td></tr>'
            for row in rows
        )
    )


def tips(panes: Iterable[tuple[Box, str]]) -> Markup:
    """Return clear panes that tell something where the pointer rests."""
    return _safe(
        "".join(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" '
            f'height="{number(height)}" class="tip"><title>{escape(words)}</title></rect>'
            for (x, y, width, height), words in panes
        )
    )


def number(value: float) -> str:
    """Return a coordinate to a tenth of a pixel, as short as it can be written."""
    rounded = round(value, 1)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)


def rectangles(boxes: Iterable[Box]) -> str:
    """Return the path of many rectangles, each (x, y, width, height), in as few bytes as may be."""
    return "".join(
        f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h{number(-width)}z"
        for x, y, width, height in boxes
    )


def line(points: Iterable[tuple[float, float]]) -> str:
    """Return the path through these points; empty without any."""
    places = [f"{number(x)} {number(y)}" for x, y in points]
    return f"M{'L'.join(places)}" if places else ""


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)


def _safe(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - the one place: all that came in was escaped, or is markup
