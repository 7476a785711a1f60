"""One action in pictures: verdicts and outcomes over time, latency, what a longer one would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.diagnosis import Diagnosis, Severity, Verdict, advised_raise, usual_severity
from monitor.formats import exact_seconds
from monitor.model import CAP_MS
from monitor.render.charts import (
    CurveMarks,
    Latency,
    OutcomeBar,
    Outcomes,
    Picture,
    ToldPiece,
    VerdictsOverTime,
    curve_picture,
    latency_picture,
    outcomes_picture,
    verdicts_picture,
)
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.investigation import ActionHistory
    from monitor.ledger import PastVerdict

_BAR_SECONDS = (300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
"""Lengths of bars that people read without reckoning."""


@dataclass(frozen=True, slots=True)
class ActionPictures:
    """The pictures of an action.

    Attributes:
        verdicts: What was told over time; None where nothing was.
        outcomes: Outcomes over time.
        latency: How long its calls take; None where the contract does not tell.
        curve: What another timeout would do; None where nothing may be claimed.
    """

    verdicts: Picture | None
    outcomes: Picture
    latency: Picture | None
    curve: Picture | None

    @property
    def columns(self) -> tuple[tuple[Picture, ...], ...]:
        """In two columns: the curve, with its slider, is as high as both others."""
        told = [] if self.verdicts is None else [self.verdicts]
        left, right = [*told, self.outcomes], [] if self.curve is None else [self.curve]
        if self.latency is not None:
            (left if right else right).append(self.latency)
        return (tuple(left), tuple(right)) if right else (tuple(left),)


def bar_seconds(seconds: int, window_seconds: int, most: int) -> int:
    """Return how long each bar of a period is: whole windows, and at most so many bars."""
    return next(
        (one for one in _BAR_SECONDS if one % window_seconds == 0 and seconds <= one * most),
        max(_BAR_SECONDS[-1], window_seconds),
    )


def draw_action(
    history: ActionHistory, diagnosis: Diagnosis | None, bar: int, name: str = ""
) -> ActionPictures:
    """Return the pictures of an action.

    Args:
        history: What the state knows of it.
        diagnosis: The verdict on it; None before the first.
        bar: Length of a bar, in seconds.
        name: What their ids begin with, where there are several actions in one document.
    """
    step = None if diagnosis is None else advised_raise(diagnosis)
    advised_ms = None if step is None else step[1] * 1_000
    curve = None if diagnosis is None else diagnosis.curve
    remark = "without the hours of incidents" if diagnosis and diagnosis.incidents else ""
    outcomes = outcomes_of(history, diagnosis, bar)
    return ActionPictures(
        verdicts=verdicts_picture(
            VerdictsOverTime(
                history.time_range,
                [_told(one) for one in history.verdicts],
                outcomes.incidents,
                outcomes.changes,
            ),
            f"{name}verdicts",
        )
        if history.verdicts
        else None,
        outcomes=outcomes_picture(outcomes, f"{name}outcomes"),
        latency=latency_picture(_latency(history, advised_ms), f"{name}latency")
        if history.evidence.successes_known
        else None,
        curve=curve_picture(curve, CurveMarks(advised_ms, CAP_MS, remark), f"{name}curve")
        if curve is not None and len(curve.effects) > 1
        else None,
    )


def _told(one: PastVerdict) -> ToldPiece:
    try:
        severity = usual_severity(Verdict(one.verdict))
    except ValueError:  # of another version
        severity = Severity.UNKNOWN
    return ToldPiece(
        verdict=one.verdict.replace("_", " "),
        kind=severity.value,
        since=one.since,
        until=one.until,
        told_from=one.told_from,
        told_until=one.told_until,
        advised="" if one.advised_ms is None else exact_seconds(one.advised_ms),
    )


def outcomes_of(history: ActionHistory, diagnosis: Diagnosis | None, bar: int) -> Outcomes:
    """Return what the picture of outcomes shows.

    Args:
        history: What the state knows of the action.
        diagnosis: Its incidents are marked; None before the first.
        bar: Length of a bar, in seconds.
    """
    period = history.time_range
    evidence = history.evidence
    pieces = list(period.slices(bar))
    counted = [[0.0] * 4 for _ in pieces]
    columns = (evidence.successes, evidence.timeouts, evidence.errors, evidence.throttled)
    windows = zip(evidence.start.tolist(), *(one.tolist() for one in columns), strict=True)
    for start, *counts in windows:
        piece = counted[int(start - period.start) // bar]
        for place, count in enumerate(counts):
            piece[place] += count
    bars = [
        OutcomeBar(piece, *(round(count) for count in counts))
        for piece, counts in zip(pieces, counted, strict=True)
        if any(counts) or not _is_unread(piece, history)
    ]
    incidents = [
        TimeRange(int(one.since), period.end if one.until is None else int(one.until))
        for one in (() if diagnosis is None else diagnosis.incidents)
    ]
    return Outcomes(
        period,
        bars,
        unread=history.unread,
        incidents=tuple(
            TimeRange(max(one.start, period.start), min(one.end, period.end))
            for one in incidents
            if one.start < period.end and one.end > period.start
        ),
        changes=tuple(one for one in history.steps if period.start <= one.at <= period.end),
        successes_known=evidence.successes_known,
    )


def _is_unread(piece: TimeRange, history: ActionHistory) -> bool:
    return any(one.start <= piece.start and piece.end <= one.end for one in history.unread)


def _latency(history: ActionHistory, advised_ms: float | None) -> Latency:
    evidence = history.evidence
    return Latency(
        successes=[round(count) for count in evidence.bands.sum(axis=0).tolist()],
        timeouts=[round(count) for count in evidence.timeout_bands.sum(axis=0).tolist()],
        timeout_ms=history.timeout_ms,
        advised_ms=advised_ms,
        cap_ms=CAP_MS,
        earlier_ms=sorted(
            {one.from_ms for one in history.steps if one.from_ms} - {history.timeout_ms}
        ),
    )
