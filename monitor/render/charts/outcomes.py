"""Outcomes over time: all executions, and below them, on a scale of their own, those that failed.

On one scale what matters could not be seen: of ten thousand executions an hour three hundred may
time out. Both share their axis of time, on which changes of the timeout are marked, incidents are
shaded and what was not read is hatched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from monitor.formats import exact_seconds, format_duration, utc_minute
from monitor.render.charts.frame import (
    ROW_PX,
    Mark,
    bottom_axis,
    draw_marks,
    empty_note,
    legend,
    place_marks,
    side_axis,
    swatch,
    text_width,
)
from monitor.render.charts.hatching import pattern_fill, patterns
from monitor.render.charts.picture import NARROW_PX, WIDE_PX, Drawing, NumberTable, Picture
from monitor.render.charts.scales import Scale, count_ticks, round_up, time_ticks
from monitor.render.charts.svg import element, joined, rectangles, tips
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.investigation import TimeoutStep

_UPPER_PX, _LOWER_PX, _BETWEEN_PX = 84, 96, 22
LEFT_PX, RIGHT_PX = 44, 8
"""Beside the panels; so it is in every picture with the same axis of time."""

_LEAST_PX = 1.5
"""What happened at all is seen."""


@dataclass(frozen=True, slots=True)
class OutcomeBar:
    """Executions of one period by how they ended."""

    time_range: TimeRange
    successes: int
    timeouts: int
    errors: int
    throttled: int

    @property
    def failures(self) -> int:
        """Those that did not succeed."""
        return self.timeouts + self.errors + self.throttled

    @property
    def executions(self) -> int:
        """All of them."""
        return self.successes + self.failures


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What an action did over a period.

    Attributes:
        time_range: The period.
        bars: Its pieces, oldest first; a piece in which nothing ran may be absent.
        unread: What of it was not read.
        incidents: Within it, when timeouts came bunched.
        changes: Changes of the timeout, oldest first.
        successes_known: Whether successes can be seen at all.
    """

    time_range: TimeRange
    bars: Sequence[OutcomeBar]
    unread: Sequence[TimeRange] = ()
    incidents: Sequence[TimeRange] = ()
    changes: Sequence[TimeoutStep] = ()
    successes_known: bool = True


_FAILED: tuple[tuple[str, str, Callable[[OutcomeBar], int]], ...] = (
    ("timeout", "timed out", lambda bar: bar.timeouts),
    ("error", "failed", lambda bar: bar.errors),
    ("throttled", "throttled", lambda bar: bar.throttled),
)
"""Class, words and count of what failed, from below."""


def outcomes_picture(outcomes: Outcomes, name: str) -> Picture:
    """Return the picture of outcomes over time.

    Args:
        outcomes: What to show.
        name: What its ids begin with.
    """
    return Picture(
        name=name,
        title="Outcomes over time",
        remark=f"{_pieces(outcomes)}; times are in UTC",
        description=_description(outcomes),
        wide=_draw(outcomes, WIDE_PX, f"{name}-wide"),
        narrow=_draw(outcomes, NARROW_PX, f"{name}-narrow"),
        table=_table(outcomes),
    )


def _draw(outcomes: Outcomes, width: int, name: str) -> Drawing:
    period = outcomes.time_range
    time = Scale(period.start, period.end, LEFT_PX, width - RIGHT_PX)
    keys, keys_px = legend(_keys(outcomes, name), LEFT_PX, 2, width)
    placed, rows = place_marks(
        [Mark(one.at, change_words(one), "change") for one in outcomes.changes], time
    )
    top = keys_px + 8
    shaded_px = ROW_PX if outcomes.incidents or outcomes.unread else 0
    begin = top + rows * ROW_PX + shaded_px + 12
    if outcomes.successes_known:
        middle = begin + _UPPER_PX
        lower = middle + _BETWEEN_PX
        upper_panel = _upper_panel(outcomes, time, begin, middle)
    else:
        lower, upper_panel = begin, Markup()
    bottom = lower + _LOWER_PX
    content = joined(
        (
            patterns(name),
            _shades(outcomes, time, top + rows * ROW_PX, bottom, name),
            upper_panel,
            _lower_panel(outcomes, time, lower, bottom, name),
            bottom_axis(time, time_ticks(period, 9 if width == WIDE_PX else 5), bottom),
            keys,
            "" if any(bar.executions for bar in outcomes.bars) else empty_note(time, lower, bottom),
            draw_marks(placed, top, bottom),
            _tips(outcomes, time, begin, bottom) if width == WIDE_PX else "",
        )
    )
    return Drawing(content, width, round(bottom + 22))


def _upper_panel(outcomes: Outcomes, time: Scale, top: float, bottom: float) -> Markup:
    most = round_up(max((bar.executions for bar in outcomes.bars), default=0), 3)
    counts = Scale(0, most, bottom, top)
    boxes = [
        (*_sides(bar, time), counts.at(bar.executions), bottom - counts.at(bar.executions))
        for bar in outcomes.bars
        if bar.executions
    ]
    return joined(
        (
            side_axis(counts, count_ticks(most, 3), time.start_px, time.end_px),
            element("path", d=_boxes(boxes), class_="bar success"),
            element("text", "executions", x=time.start_px + 3, y=top - 3, class_="panel"),
        )
    )


def _lower_panel(outcomes: Outcomes, time: Scale, top: float, bottom: float, name: str) -> Markup:
    most = round_up(max((bar.failures for bar in outcomes.bars), default=0), 3)
    counts = Scale(0, most, bottom, top)
    stacks: dict[str, list[tuple[float, float, float, float]]] = {
        kind: [] for kind, _, _ in _FAILED
    }
    for bar in outcomes.bars:
        base = bottom
        for kind, _, count_of in _FAILED:
            count = count_of(bar)
            if count:
                height = max(bottom - counts.at(count), _LEAST_PX)
                stacks[kind].append((*_sides(bar, time), base - height, height))
                base -= height
    return joined(
        (
            side_axis(counts, count_ticks(most, 3), time.start_px, time.end_px),
            *(
                element(
                    "path",
                    d=_boxes(boxes),
                    class_=f"bar {kind}",
                    fill=None if kind == "timeout" else pattern_fill(name, kind),
                )
                for kind, boxes in stacks.items()
                if boxes
            ),
            element(
                "text",
                "of these, not succeeded" if outcomes.successes_known else "timeouts",
                x=time.start_px + 3,
                y=top - 3,
                class_="panel",
            ),
        )
    )


def _sides(bar: OutcomeBar, time: Scale) -> tuple[float, float]:
    """Return where a bar begins, and how wide it is: a thin gap to the next where there is room."""
    begin, end = time.at(bar.time_range.start), time.at(bar.time_range.end)
    gap = 1.0 if end - begin >= 4 else 0.0  # noqa: PLR2004 - pixels: less would be all gap
    return begin, max(end - begin - gap, 0.5)


def _boxes(boxes: Sequence[tuple[float, float, float, float]]) -> str:
    return rectangles((x, y, width, height) for x, width, y, height in boxes)


def _shades(outcomes: Outcomes, time: Scale, top: float, bottom: float, name: str) -> Markup:
    parts = []
    for kind, words, periods in (
        ("unread", "not read", outcomes.unread),
        ("incident", "incident", outcomes.incidents),
    ):
        for one in periods:
            x, end = time.at(one.start), time.at(one.end)
            parts.append(
                element(
                    "rect",
                    element("title", f"{words}: {period_words(one)}"),
                    x=x,
                    y=top,
                    width=max(end - x, 1.5),
                    height=bottom - top,
                    class_=f"shade {kind}",
                    fill=pattern_fill(name, kind) if kind == "unread" else None,
                )
            )
            if end - x >= text_width(words):
                parts.append(element("text", words, x=x + 3, y=top + 11, class_=f"shaded {kind}"))
    return joined(parts)


def _tips(outcomes: Outcomes, time: Scale, top: float, bottom: float) -> Markup:
    """Return a pane over each bar that tells its numbers where the pointer rests."""
    return tips(
        (
            (
                time.at(bar.time_range.start),
                top,
                time.at(bar.time_range.end) - time.at(bar.time_range.start),
                bottom - top,
            ),
            f"{period_words(bar.time_range)}: {_told(outcomes, bar)}",
        )
        for bar in outcomes.bars
    )


def _told(outcomes: Outcomes, bar: OutcomeBar) -> str:
    told = [f"{count_of(bar):,} {words}" for _, words, count_of in _FAILED if count_of(bar)]
    if outcomes.successes_known:
        told.insert(0, f"{bar.executions:,} executions")
    return ", ".join(told) or "nothing"


def _keys(outcomes: Outcomes, name: str) -> list[tuple[str, str, Markup]]:
    keys = [("", "all executions", swatch("bar success"))] if outcomes.successes_known else []
    for kind, words, count_of in _FAILED:
        if kind == "timeout" or any(map(count_of, outcomes.bars)):
            fill = None if kind == "timeout" else pattern_fill(name, kind)
            keys.append(("", words, swatch(f"bar {kind}", fill)))
    if outcomes.incidents:
        keys.append(("", "incident", swatch("shade incident")))
    if outcomes.unread:
        keys.append(("", "not read", swatch("shade unread", pattern_fill(name, "unread"))))
    return keys


def _description(outcomes: Outcomes) -> str:
    bars = outcomes.bars
    total = sum(bar.executions for bar in bars)
    period = period_words(outcomes.time_range)
    if not total:
        told = [f"Nothing ran from {period}."]
    elif outcomes.successes_known:
        told = [f"{total:,} executions from {period}, of which"]
        parts = [f"{sum(map(count_of, bars)):,} {words}" for _, words, count_of in _FAILED]
        told.append(f"{', '.join(parts)}.")
    else:
        told = [f"{total:,} timeouts from {period}; successes can't be seen here."]
    if total:
        worst = max(bars, key=lambda bar: bar.timeouts)
        if worst.timeouts:
            told.append(
                f"The most timeouts, {worst.timeouts:,}, from {period_words(worst.time_range)}."
            )
    told += [
        f"The timeout changed at {utc_minute(one.at)}: {change_words(one)}."
        for one in outcomes.changes
    ]
    told += [f"Incident from {period_words(one)}." for one in outcomes.incidents]
    told += [f"Not read: {period_words(one)}." for one in outcomes.unread]
    return " ".join(told)


def _table(outcomes: Outcomes) -> NumberTable:
    unread = tuple(
        (
            one.start,
            (period_words(one), *("not read",) * (5 if outcomes.successes_known else 1), ""),
        )
        for one in outcomes.unread
    )
    bars = tuple((bar.time_range.start, _row(outcomes, bar)) for bar in outcomes.bars)
    rows = tuple(row for _, row in sorted((*bars, *unread), key=lambda one: one[0]))
    counts = ("Executions", "Succeeded", "Timed out", "Failed", "Throttled")
    return NumberTable(
        ("From, UTC", *(counts if outcomes.successes_known else ("Timed out",)), "Remarks"), rows
    )


def _row(outcomes: Outcomes, bar: OutcomeBar) -> tuple[str, ...]:
    counts: tuple[int, ...] = (bar.timeouts,)
    if outcomes.successes_known:
        counts = (bar.executions, bar.successes, bar.timeouts, bar.errors, bar.throttled)
    begin, end = bar.time_range.start, bar.time_range.end
    remarks = [f"timeout {change_words(one)}" for one in outcomes.changes if begin <= one.at < end]
    if any(one.start < end and begin < one.end for one in outcomes.incidents):
        remarks.append("incident")
    return (utc_minute(begin), *(f"{count:,}" for count in counts), ", ".join(remarks))


def _pieces(outcomes: Outcomes) -> str:
    lengths = {bar.time_range.seconds for bar in outcomes.bars}
    return f"each bar is {format_duration(max(lengths))}" if lengths else "nothing ran"


def period_words(period: TimeRange) -> str:
    """Return a period as ``2026-11-28 02:10 to 02:50 UTC``."""
    begin, end = utc_minute(period.start), utc_minute(period.end)
    same_day = begin[:10] == end[:10]
    return f"{begin} to {end[11:] if same_day else end} UTC"


def change_words(change: TimeoutStep) -> str:
    """Return a change of a timeout as ``3 s → 5 s``."""
    return f"{_timeout(change.from_ms)} → {_timeout(change.to_ms)}"


def _timeout(value_ms: float | None) -> str:
    return "?" if value_ms is None else exact_seconds(value_ms)
