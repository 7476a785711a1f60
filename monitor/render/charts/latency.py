"""How long calls take: the latency bands on a logarithmic axis, with the timeouts that matter.

The bands are of unequal width. Drawn by their counts, a band twice as wide would look like a second
mode just below the timeout, where it matters most; so their area is what they hold, as in any
histogram, and counts stand in the table and where the pointer rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

from markupsafe import Markup

from monitor.formats import exact_seconds, percent
from monitor.model import BAND_EDGES_MS
from monitor.render.charts.frame import (
    ROW_PX,
    Mark,
    bottom_axis,
    draw_marks,
    empty_note,
    legend,
    place_marks,
    swatch,
)
from monitor.render.charts.picture import (
    NARROW_PX,
    NOTHING,
    WIDE_PX,
    Drawing,
    NumberTable,
    Picture,
)
from monitor.render.charts.scales import Scale, duration_ticks
from monitor.render.charts.svg import Box, element, joined, rectangles, tips

_FIRST_MS, _LAST_MS = 50.0, 60_000.0
"""Where the first band begins and the last one ends in the picture; both are open."""

_PLOT_PX = 150
_LEFT_PX, _RIGHT_PX = 8, 8
_LEAST_PX = 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the calls of an action took in a period.

    Attributes:
        successes: By latency band; one more than there are edges.
        timeouts: The same of those that timed out, where they ended.
        timeout_ms: The timeout in force; None where it is not known.
        advised_ms: The one to raise it to; None where no raise is advised.
        cap_ms: The largest that may be set.
        earlier_ms: Others that were in force before in the period.
    """

    successes: Sequence[int]
    timeouts: Sequence[int]
    timeout_ms: float | None
    advised_ms: float | None
    cap_ms: float
    earlier_ms: Sequence[float] = ()

    @property
    def total(self) -> int:
        """All calls that are shown."""
        return sum(self.successes) + sum(self.timeouts)


def latency_picture(latency: Latency, name: str) -> Picture:
    """Return the picture of the latency distribution.

    Args:
        latency: What to show.
        name: What its ids begin with.
    """
    return Picture(
        name=name,
        title="How long calls take",
        description=_description(latency),
        remark="an area is a share of the calls",
        wide=_draw(latency, WIDE_PX),
        narrow=_draw(latency, NARROW_PX),
        table=_table(latency),
    )


def timeout_marks(timeout_ms: float | None, advised_ms: float | None, cap_ms: float) -> list[Mark]:
    """Return the marks of the timeouts that matter, on an axis of durations."""
    marks = [Mark(cap_ms, f"cap {exact_seconds(cap_ms)}", "cap")]
    if advised_ms is not None:
        marks.append(Mark(advised_ms, f"advised {exact_seconds(advised_ms)}", "advised"))
    if timeout_ms is not None:
        marks.append(Mark(timeout_ms, f"in force {exact_seconds(timeout_ms)}", "in-force"))
    return marks


def _marks(latency: Latency) -> list[Mark]:
    earlier = [Mark(one, f"earlier {exact_seconds(one)}", "change") for one in latency.earlier_ms]
    return [*earlier, *timeout_marks(latency.timeout_ms, latency.advised_ms, latency.cap_ms)]


def _draw(latency: Latency, width: int) -> Drawing:
    durations = Scale(_FIRST_MS, _LAST_MS, _LEFT_PX, width - _RIGHT_PX, is_log=True)
    keys, keys_px = legend(
        [
            ("", "succeeded", swatch("bar success")),
            ("", "timed out, where they ended", swatch("bar timeout")),
        ],
        _LEFT_PX,
        2,
        width,
    )
    placed, rows = place_marks(_marks(latency), durations)
    top = keys_px + 8
    begin = top + rows * ROW_PX + 4
    bottom = begin + _PLOT_PX
    ratio = 1.6 if width == WIDE_PX else 2.4
    content = joined(
        (
            _bars(latency, durations, begin, bottom, has_tips=width == WIDE_PX),
            bottom_axis(durations, duration_ticks(_FIRST_MS, _LAST_MS, ratio), bottom),
            keys,
            "" if latency.total else empty_note(durations, begin, bottom),
            draw_marks(placed, top, bottom),
        )
    )
    return Drawing(content, width, round(bottom + 22))


def _bars(
    latency: Latency, durations: Scale, top: float, bottom: float, *, has_tips: bool
) -> Markup:
    bands = _bands()
    room = [log10(high / low) for low, high in bands]
    density = [
        (good / wide, late / wide)
        for good, late, wide in zip(latency.successes, latency.timeouts, room, strict=True)
    ]
    most = max((good + late for good, late in density), default=0.0) or 1.0
    heights = Scale(0, most, 0, bottom - top)
    good_boxes: list[Box] = []
    late_boxes: list[Box] = []
    panes: list[tuple[Box, str]] = []
    for index, ((low, high), (good, late)) in enumerate(zip(bands, density, strict=True)):
        x = durations.at(low)
        wide = max(durations.at(high) - x - 1, 1.0)
        base = bottom
        for boxes, share in ((good_boxes, good), (late_boxes, late)):
            if share:
                height = max(heights.at(share), _LEAST_PX)
                base -= height
                boxes.append((x, base, wide, height))
        panes.append(
            ((x, top, wide + 1, bottom - top), f"{band_words(index)}: {_told(latency, index)}")
        )
    return joined(
        (
            element("path", d=rectangles(good_boxes), class_="bar success"),
            element("path", d=rectangles(late_boxes), class_="bar timeout"),
            tips(panes) if has_tips else NOTHING,
        )
    )


def _bands() -> list[tuple[float, float]]:
    edges = [_FIRST_MS, *(float(edge) for edge in BAND_EDGES_MS), _LAST_MS]
    return list(pairwise(edges))


def band_words(index: int) -> str:
    """Return what a latency band holds: ``2.5 s to 3 s``."""
    if index == 0:
        return f"below {exact_seconds(BAND_EDGES_MS[0])}"
    if index == len(BAND_EDGES_MS):
        return f"{exact_seconds(BAND_EDGES_MS[-1])} and more"
    return f"{exact_seconds(BAND_EDGES_MS[index - 1])} to {exact_seconds(BAND_EDGES_MS[index])}"


def _told(latency: Latency, index: int) -> str:
    return f"{latency.successes[index]:,} succeeded, {latency.timeouts[index]:,} timed out"


def _description(latency: Latency) -> str:
    if not latency.total:
        return "No call of this period shows how long it took."
    told = [f"{latency.total:,} calls by how long they took."]
    busiest = max(range(len(latency.successes)), key=lambda index: latency.successes[index])
    if latency.successes[busiest]:
        told.append(f"Most successes took {band_words(busiest)}.")
    late = sum(latency.timeouts)
    told.append(f"{late:,} timed out ({percent(late / latency.total)}).")
    told.append(f"Timeouts: {', '.join(mark.label for mark in reversed(_marks(latency)))}.")
    return " ".join(told)


def _table(latency: Latency) -> NumberTable:
    total = latency.total or 1
    rows, below = [], 0
    for index, (good, late) in enumerate(zip(latency.successes, latency.timeouts, strict=True)):
        below += good
        rows.append((band_words(index), f"{good:,}", f"{late:,}", percent(below / total)))
    return NumberTable(("Duration", "Succeeded", "Timed out", "Succeeded so far"), tuple(rows))
