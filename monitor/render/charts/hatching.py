"""Patterns beside colours: what colours tell is seen without them too."""

from __future__ import annotations

from markupsafe import Markup

from monitor.render.charts.svg import element, joined


def pattern_fill(name: str, kind: str) -> str:
    """Return what fills a shape with a pattern of a drawing."""
    return f"url(#{name}-{kind})"


def patterns(name: str) -> Markup:
    """Return the patterns of one drawing; ``name`` begins their ids.

    ``error`` is striped, ``throttled`` dotted, ``unread`` crossed out by thin lines.
    """

    def striped(kind: str, size: int, path: str, *, ground: bool) -> Markup:
        return element(
            "pattern",
            element("rect", width=size, height=size, class_=f"{kind} ground") if ground else "",
            element("path", d=path, class_=f"{kind} ink"),
            id=f"{name}-{kind}",
            width=size,
            height=size,
            patternUnits="userSpaceOnUse",
        )

    slant = "M-1 1l2-2M0 6l6-6M5 7l2-2"
    return element(
        "defs",
        joined(
            (
                striped("error", 6, slant, ground=True),
                striped("throttled", 4, "M1 1h2v2h-2z", ground=True),
                striped("unread", 6, slant, ground=False),
            )
        ),
    )
