"""Verdicts over time: a band of what was told, with changes of the timeout and incidents.

It has the axis of the picture of outcomes, below which it stands, so that what was said can be
held against what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from monitor.formats import utc_minute, utc_minute_of_year
from monitor.render.charts.frame import (
    LABEL_PX,
    ROW_PX,
    Mark,
    bottom_axis,
    draw_marks,
    legend,
    place_marks,
    swatch,
    text_width,
)
from monitor.render.charts.outcomes import LEFT_PX, RIGHT_PX, change_words, period_words
from monitor.render.charts.picture import NARROW_PX, WIDE_PX, Drawing, NumberTable, Picture
from monitor.render.charts.scales import Scale, time_ticks
from monitor.render.charts.svg import element, joined
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.investigation import TimeoutStep

_BAND_PX, _INCIDENT_PX, _EDGE_PX = 24, 8, 3
_LEAST_PX = 2.0
"""However short it was, it is seen."""

_KINDS: tuple[tuple[str, str], ...] = (
    ("good", "nothing to do"),
    ("warning", "worth attention"),
    ("unknown", "can't be told"),
)
"""Class and words of how much a verdict matters."""


@dataclass(frozen=True, slots=True)
class ToldPiece:
    """A verdict for as long as it was told without a break.

    Attributes:
        verdict: In words.
        kind: How much it matters: ``good``, ``warning`` or ``unknown``.
        since: When what it speaks of began; epoch seconds, as all moments are.
        until: When that ended; None while it goes on.
        told_from: When it was told first.
        told_until: When something else was told; None while it is told.
        advised: The timeout advised with it, in words; may be empty.
    """

    verdict: str
    kind: str
    since: float
    until: float | None
    told_from: float
    told_until: float | None
    advised: str = ""


@dataclass(frozen=True, slots=True)
class VerdictsOverTime:
    """What was told of an action over a period.

    Attributes:
        time_range: The period.
        pieces: What was told, oldest first.
        incidents: Within it, when timeouts came bunched.
        changes: Changes of the timeout, oldest first.
    """

    time_range: TimeRange
    pieces: Sequence[ToldPiece]
    incidents: Sequence[TimeRange] = ()
    changes: Sequence[TimeoutStep] = ()


def verdicts_picture(told: VerdictsOverTime, name: str) -> Picture:
    """Return the picture of verdicts over time.

    Args:
        told: What to show.
        name: What its ids begin with.
    """
    return Picture(
        name=name,
        title="Verdicts over time",
        remark="by when what they speak of began and ended; times are in UTC",
        description=_description(told),
        wide=_draw(told, WIDE_PX),
        narrow=_draw(told, NARROW_PX),
        table=_table(told),
    )


def _draw(told: VerdictsOverTime, width: int) -> Drawing:
    period = told.time_range
    time = Scale(period.start, period.end, LEFT_PX, width - RIGHT_PX)
    keys, keys_px = legend(_keys(told), LEFT_PX, 2, width)
    # What another verdict replaced altogether has no place in time; the table has it.
    timed = [piece for piece in told.pieces if piece.until is None or piece.until > piece.since]
    seen = [piece for piece in timed if piece.until is None or piece.until > period.start]
    boxes = [(piece, *_sides(piece, told, time)) for piece in seen]
    marks = [Mark(one.at, change_words(one), "change") for one in told.changes]
    marks += [
        Mark(max(piece.since, period.start), piece.verdict, "verdict")
        for piece, _, wide in boxes
        if wide < text_width(piece.verdict) + 8
    ]
    placed, rows = place_marks(marks, time)
    top = keys_px + 8
    begin = top + rows * ROW_PX + 4
    bottom = begin + _BAND_PX
    end = bottom + (_INCIDENT_PX + 3 if told.incidents else 0) + 4
    content = joined(
        (
            keys,
            element(
                "rect",
                x=time.start_px,
                y=begin,
                width=time.end_px - time.start_px,
                height=_BAND_PX,
                class_="verdict-ground",
            ),
            *(_over(piece, told, time, begin) for piece in timed),
            *(_box(piece, x, wide, begin) for piece, x, wide in boxes),
            _incidents(told, time, bottom + 3),
            bottom_axis(time, time_ticks(period, 9 if width == WIDE_PX else 5), end),
            "" if told.pieces else _nothing(time, begin),
            draw_marks(placed, top, bottom),
        )
    )
    return Drawing(content, width, round(end + 22))


def _sides(piece: ToldPiece, told: VerdictsOverTime, time: Scale) -> tuple[float, float]:
    """Return where a piece begins, and how wide it is."""
    x = time.at(piece.since)
    return x, max(time.at(_end(piece, told)) - x, _LEAST_PX)


def _end(piece: ToldPiece, told: VerdictsOverTime) -> float:
    return told.time_range.end if piece.until is None else piece.until


def _box(piece: ToldPiece, x: float, wide: float, top: float) -> Markup:
    fits = wide >= text_width(piece.verdict) + 8
    return element(
        "g",
        element("title", _told(piece)),
        element("rect", x=x, y=top, width=wide, height=_BAND_PX, class_="verdict-box"),
        element("rect", x=x, y=top, width=wide, height=_EDGE_PX, class_="verdict-edge"),
        element("text", piece.verdict, x=x + 5, y=top + _EDGE_PX + LABEL_PX + 3) if fits else "",
        class_=f"told {piece.kind}",
    )


def _over(piece: ToldPiece, told: VerdictsOverTime, time: Scale, top: float) -> Markup | str:
    """Return what was told still though what it speaks of was over: a box without a colour."""
    if piece.until is None or not _is_over(piece, told):
        return ""
    x = time.at(piece.until)
    wide = time.at(_told_until(piece, told)) - x
    words = f"{piece.verdict}, over"
    return element(
        "g",
        element("title", f"{_told(piece)}; over, and told still"),
        element("rect", x=x, y=top + 0.5, width=wide, height=_BAND_PX - 1, class_="verdict-over"),
        element("text", words, x=x + 5, y=top + _EDGE_PX + LABEL_PX + 3)
        if wide >= text_width(words) + 8
        else "",
        class_=f"told {piece.kind}",
    )


def _is_over(piece: ToldPiece, told: VerdictsOverTime) -> bool:
    begin = told.time_range.start
    return piece.until is not None and max(piece.until, begin) < _told_until(piece, told)


def _told_until(piece: ToldPiece, told: VerdictsOverTime) -> float:
    """Return until when a piece was told, or what another one speaks of began."""
    later = [one.since for one in told.pieces if one.since > piece.since]
    return min([told.time_range.end if piece.told_until is None else piece.told_until, *later])


def _incidents(told: VerdictsOverTime, time: Scale, top: float) -> Markup:
    return joined(
        element(
            "rect",
            element("title", f"incident: {period_words(one)}"),
            x=time.at(one.start),
            y=top,
            width=max(time.at(one.end) - time.at(one.start), _LEAST_PX),
            height=_INCIDENT_PX,
            class_="bar timeout",
        )
        for one in told.incidents
    )


def _nothing(time: Scale, top: float) -> Markup:
    return element(
        "text",
        "nothing was told yet",
        x=(time.start_px + time.end_px) / 2,
        y=top + _BAND_PX / 2 + 4,
        text_anchor="middle",
    )


def _keys(told: VerdictsOverTime) -> list[tuple[str, str, Markup]]:
    there = {piece.kind for piece in told.pieces}
    keys = [
        (f"told {kind}", words, swatch("verdict-edge")) for kind, words in _KINDS if kind in there
    ]
    if any(_is_over(piece, told) for piece in told.pieces):
        keys.append(("told", "over, told still", swatch("verdict-over")))
    if told.incidents:
        keys.append(("", "incident", swatch("bar timeout")))
    return keys


def _told(piece: ToldPiece) -> str:
    until = "goes on" if piece.until is None else f"to {utc_minute(piece.until)} UTC"
    advised = f", advised {piece.advised}" if piece.advised else ""
    return (
        f"{piece.verdict}: from {utc_minute(piece.since)} UTC, {until}; "
        f"told from {utc_minute(piece.told_from)} UTC{advised}"
    )


def _description(told: VerdictsOverTime) -> str:
    if not told.pieces:
        sentences = [f"Nothing was told from {period_words(told.time_range)}."]
    else:
        sentences = [f"{_told(piece)}." for piece in told.pieces]
    sentences += [
        f"The timeout changed at {utc_minute(one.at)}: {change_words(one)}." for one in told.changes
    ]
    sentences += [f"Incident from {period_words(one)}." for one in told.incidents]
    return " ".join(sentences)


def _table(told: VerdictsOverTime) -> NumberTable:
    years = {utc_minute(at)[:4] for at in _moments(told)}
    # Six columns of whole dates go beyond a page.
    minute = utc_minute_of_year if len(years) == 1 else utc_minute
    rows = [
        (
            piece.since,
            (
                piece.verdict,
                minute(piece.since),
                "goes on" if piece.until is None else minute(piece.until),
                minute(piece.told_from),
                "is told" if piece.told_until is None else minute(piece.told_until),
                piece.advised,
            ),
        )
        for piece in told.pieces
    ]
    rows += [
        (one.at, (f"timeout {change_words(one)}", minute(one.at), "", "", "", ""))
        for one in told.changes
    ]
    rows += [
        (one.start, ("incident", minute(one.start), minute(one.end), "", "", ""))
        for one in told.incidents
    ]
    begin = ", ".join(("From, UTC", *(years if len(years) == 1 else ())))
    return NumberTable(
        ("What", begin, "To", "Told from", "Told until", "Advised"),
        tuple(row for _, row in sorted(rows, key=lambda one: one[0])),
    )


def _moments(told: VerdictsOverTime) -> list[float]:
    """Return every moment that is told."""
    ends = [(one.since, one.until, one.told_from, one.told_until) for one in told.pieces]
    of_pieces = [at for moments in ends for at in moments if at is not None]
    of_incidents = [at for one in told.incidents for at in (one.start, one.end)]
    return [*of_pieces, *of_incidents, *(one.at for one in told.changes)]
