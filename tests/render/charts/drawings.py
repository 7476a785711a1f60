"""What to draw, and a drawing read back as its elements."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from monitor.diagnosis import TimeoutCurve
from monitor.investigation import TimeoutStep
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
from tests.diagnosis.diagnoses import slow_tail

T0 = 1_800_000_000 // 86_400 * 86_400
HOUR = 3_600
DAY = TimeRange(T0, T0 + 24 * HOUR)


def hours(first: int, end: int) -> TimeRange:
    """Hours of the day that is drawn."""
    return TimeRange(T0 + first * HOUR, T0 + end * HOUR)


def outcomes() -> Outcomes:
    """A day of everything: a change of the timeout, an incident, four hours that were not read."""
    return Outcomes(
        DAY,
        [
            OutcomeBar(hours(hour, hour + 1), 1_000, 10 + 200 * (hour == 15), 3, hour % 2)
            for hour in range(24)
            if not 4 <= hour < 8
        ],
        unread=[hours(4, 8)],
        incidents=[hours(15, 16)],
        changes=[TimeoutStep(T0 + 12.5 * HOUR, 3_000, 5_000)],
    )


def verdicts() -> VerdictsOverTime:
    """A day of verdicts: short ones, one that is over and told still, one replaced altogether."""
    at = [T0 + hour * HOUR for hour in range(25)]
    return VerdictsOverTime(
        DAY,
        [
            ToldPiece("insufficient", "unknown", at[0], at[0], at[0], at[2]),
            ToldPiece("slow tail", "warning", at[0] - HOUR, at[12], at[2], at[13], "9 s"),
            ToldPiece("healthy", "good", at[12], at[15], at[13], at[16]),
            ToldPiece("outage", "warning", at[15], at[16], at[16], None),
        ],
        incidents=[hours(15, 16)],
        changes=[TimeoutStep(T0 + 12.5 * HOUR, 3_000, 5_000)],
    )


def latency() -> Latency:
    """Calls of every band up to 5 s, where the rest is cut off."""
    successes = [5, 10, 20, 30, 40, 50, 40, 30, 20, 10, 10, 20, *[0] * 9]
    timeouts = [0] * 21
    timeouts[12] = 9
    return Latency(successes, timeouts, 5_000, 9_000, 30_000)


def curve() -> TimeoutCurve:
    """The curve of a slow tail at 5 s."""
    found = slow_tail().curve
    assert found is not None
    return found


def pictures() -> list[Picture]:
    """One of each kind."""
    return [
        outcomes_picture(outcomes(), "outcomes"),
        outcomes_picture(replace(outcomes(), successes_known=False), "timeouts"),
        outcomes_picture(Outcomes(DAY, []), "nothing"),
        verdicts_picture(verdicts(), "verdicts"),
        verdicts_picture(VerdictsOverTime(DAY, []), "untold"),
        latency_picture(latency(), "latency"),
        latency_picture(Latency([0] * 21, [0] * 21, None, None, 30_000), "silent"),
        curve_picture(curve(), CurveMarks(9_000, 30_000), "curve"),
    ]


def read(picture: Picture) -> ET.Element:
    """Read a figure back; attributes without a value are given one, as HTML allows them."""
    html = str(picture.figure)
    for bare in (" hidden", " data-keep"):
        html = html.replace(f"{bare}>", f'{bare}="">').replace(f"{bare} ", f'{bare}="" ')
    html = html.replace('autocomplete="off"', 'autocomplete="off" ')
    return ET.fromstring(_closed(html))  # noqa: S314 - what we have written ourselves


def _closed(html: str) -> str:
    before, found, after = html.partition("<input")
    if not found:
        return html
    inside, _, rest = after.partition(">")
    return f"{before}<input{inside}/>{rest}"
