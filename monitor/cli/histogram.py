"""A picture of durations for a terminal: one bar per latency band, and the timeout as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from monitor.investigation import LatencyBand

WIDEST = 100
"""Columns beyond which a longer bar shows nothing more."""

_SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Marks:
    """What bars and lines are made of: each ending has a mark of its own, not only a colour."""

    success: str
    timeout: str
    other: str
    line: str


_BLOCKS = _Marks(
    "\N{FULL BLOCK}", "\N{DARK SHADE}", "\N{LIGHT SHADE}", "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
)
_ASCII = _Marks("#", "T", "e", "-")


def histogram(
    bands: Sequence[LatencyBand], timeout_seconds: float | None, width: int, *, ascii_only: bool
) -> Text:
    """Draw the bands from the first that matters to the last, none wider than ``width``.

    Args:
        bands: Executions by duration, shortest first; one of them ends at the timeout.
        timeout_seconds: The timeout in force; None where it can't be known.
        width: Columns.
        ascii_only: Whether the output takes nothing but ASCII.
    """
    marks = _ASCII if ascii_only else _BLOCKS
    timeout_ms = None if timeout_seconds is None else round(timeout_seconds * _SECOND_MS)
    shown = _shown(bands, timeout_ms)
    labels = [_label(band) for band in shown]
    label_width = max(map(len, labels), default=0)
    most = max((band.executions for band in shown), default=0)
    count_width = len(f"{most:,}")
    columns = min(width, WIDEST)
    room = max(1, columns - label_width - count_width - 4)
    picture = Text(no_wrap=True)
    for label, band in zip(labels, shown, strict=True):
        picture.append(f"{label:>{label_width}}  ")
        _append_bar(picture, band, most, room, marks)
        picture.append(f"  {band.executions:>{count_width},}\n")
        if band.to_ms == timeout_ms is not None:
            words = f"{marks.line * 2} timeout {_length(timeout_ms)} "
            picture.append(f"{words:{marks.line}<{columns}}\n", style="bold")
    picture.append_text(_legend(marks))
    return picture


def _shown(bands: Sequence[LatencyBand], timeout_ms: int | None) -> Sequence[LatencyBand]:
    """Without the empty bands at both ends, unless they lie before the timeout."""
    matter = [
        at
        for at, band in enumerate(bands)
        if band.executions or band.to_ms == timeout_ms is not None
    ]
    return bands[matter[0] : matter[-1] + 1] if matter else ()


def _append_bar(picture: Text, band: LatencyBand, most: int, room: int, marks: _Marks) -> None:
    parts = (
        (band.successes, marks.success, "green"),
        (band.timeouts, marks.timeout, "red"),
        (band.others, marks.other, "yellow"),
    )
    lengths = _lengths([count for count, _, _ in parts], most, room)
    for length, (_, mark, style) in zip(lengths, parts, strict=True):
        picture.append(mark * length, style=style)
    picture.append(" " * (room - sum(lengths)))


def _lengths(counts: Sequence[int], most: int, room: int) -> list[int]:
    """Columns for each part; one that is not zero can be seen, as far as there is room."""
    lengths = [max(1, round(count * room / most)) if count else 0 for count in counts]
    while sum(lengths) > room:
        lengths[lengths.index(max(lengths))] -= 1
    return lengths


def _legend(marks: _Marks) -> Text:
    return Text.assemble(
        (marks.success, "green"), " success   ",
        (marks.timeout, "red"), " timeout   ",
        (marks.other, "yellow"), " error or throttled",
    )  # fmt: skip


def _label(band: LatencyBand) -> str:
    if band.to_ms is None:
        return f"{_length(band.from_ms)} and more"
    if not band.from_ms:
        return f"below {_length(band.to_ms)}"
    return f"{_length(band.from_ms)} - {_length(band.to_ms)}"


def _length(milliseconds: int) -> str:
    if milliseconds < _SECOND_MS:
        return f"{milliseconds} ms"
    return f"{milliseconds / _SECOND_MS:g} s"
