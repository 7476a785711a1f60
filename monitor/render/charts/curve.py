"""The share of calls that would succeed, against the timeout: what a longer or shorter one does.

The middle line is the estimate, the band around it what was seen bounds it by. It is solid as far
as a timeout was ever in force, dashed where it is extrapolated, and ends where nothing is claimed.
What each timeout would do is written down here, once: the table shows a dozen of them, and the
slider's script picks from the same texts, so that it reckons and formats nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor

import msgspec
from markupsafe import Markup

from monitor.diagnosis import TimeoutCurve, TimeoutEffect
from monitor.formats import exact_seconds, percent
from monitor.render.charts.frame import (
    LABEL_PX,
    ROW_PX,
    bottom_axis,
    draw_marks,
    legend,
    place_marks,
    side_axis,
    text_width,
)
from monitor.render.charts.hatching import pattern_fill, patterns
from monitor.render.charts.latency import timeout_marks
from monitor.render.charts.picture import NARROW_PX, WIDE_PX, Drawing, NumberTable, Picture
from monitor.render.charts.scales import Scale, duration_ticks, share_ticks
from monitor.render.charts.svg import element, joined, line
from monitor.render.effects import describe_effect, rescued_a_day, slots_of, waited_a_day

_PLOT_PX = 250
_LEFT_PX, _RIGHT_PX = 48, 8
_TABLE_ROWS = 12
_MINUS = "\N{MINUS SIGN}"

_SHARE_WORTH_SHOWING = 0.75
"""A timeout that fewer of today's successes would survive is nobody's question."""

_TIMES_BELOW = 2
"""So far below the timeout in force the curve begins at least."""

_FEW_SECONDS = 6
"""Below so many whole seconds a slider moves by tenths."""


@dataclass(frozen=True, slots=True)
class CurveMarks:
    """Timeouts that the curve marks.

    Attributes:
        advised_ms: The one to raise to; None where no raise is advised.
        cap_ms: The largest that may be set.
        remark: What the curve leaves out, in a few words.
    """

    advised_ms: float | None
    cap_ms: float
    remark: str = ""


def curve_picture(curve: TimeoutCurve, marks: CurveMarks, name: str) -> Picture:
    """Return the picture of the success-against-timeout curve, with its slider.

    Args:
        curve: What each timeout would do.
        marks: What to mark beside the timeout in force.
        name: What its ids begin with.
    """
    curve = _worth_showing(curve)
    steps = _steps(curve)
    scale_low, scale_high = _range(curve, marks)
    shares = _shares(curve)
    return Picture(
        name=name,
        title="What another timeout would do",
        description=_description(curve, marks),
        remark=marks.remark,
        wide=_draw(curve, marks, WIDE_PX, f"{name}-wide"),
        narrow=_draw(curve, marks, NARROW_PX, f"{name}-narrow"),
        table=_table(curve, marks, steps),
        controls=_controls(curve, steps, name),
        data=(
            ("data_what_if", msgspec.json.encode([_told(curve, one) for one in steps]).decode()),
            ("data_low", f"{scale_low:g}"),
            ("data_high", f"{scale_high:g}"),
            ("data_bottom", f"{shares[0]:g}"),
            ("data_top", f"{shares[1]:g}"),
        ),
    )


def _worth_showing(curve: TimeoutCurve) -> TimeoutCurve:
    """Return the curve from where it begins to matter: what is decided lies around its end."""
    now = curve.at(curve.timeout_ms)
    least = 0.0 if now is None else now.success_share * _SHARE_WORTH_SHOWING
    begin_ms = min(
        next((one.timeout_ms for one in curve.effects if one.success_share >= least), 0.0),
        curve.timeout_ms / _TIMES_BELOW,
    )
    first = sum(one.timeout_ms <= begin_ms for one in curve.effects) - 1
    return replace(curve, effects=tuple(curve.effects[max(first, 0) :]))


def _steps(curve: TimeoutCurve) -> list[TimeoutEffect]:
    """Return the effects that a slider moves through: timeouts that could be set, and ours."""
    low, high = curve.effects[0].timeout_ms, curve.effects[-1].timeout_ms
    step = 1_000 if high - low >= _FEW_SECONDS * 1_000 else 100
    at = range(ceil(low / step - 1e-9) * step, floor(high + 1e-6) + 1, step)
    places = sorted({*map(float, at), curve.timeout_ms})
    return [effect for one in places if (effect := curve.at(one)) is not None]


def _range(curve: TimeoutCurve, marks: CurveMarks) -> tuple[float, float]:
    return curve.effects[0].timeout_ms, max(marks.cap_ms, curve.effects[-1].timeout_ms) * 1.08


def _shares(curve: TimeoutCurve) -> tuple[float, float]:
    """Return what the side runs from and to: what the band takes, and a little room."""
    low = min(one.success_share_low for one in curve.effects)
    high = max(one.success_share_high for one in curve.effects)
    room = max((high - low) * 0.08, 0.002)
    return max(low - room, 0.0), min(high + room, 1.0) if high < 1 else 1.0


def _draw(curve: TimeoutCurve, marks: CurveMarks, width: int, name: str) -> Drawing:
    low, high = _range(curve, marks)
    time = Scale(low, high, _LEFT_PX, width - _RIGHT_PX, is_log=True)
    placed, rows = place_marks(
        timeout_marks(curve.timeout_ms, marks.advised_ms, marks.cap_ms), time
    )
    keys, keys_px = legend(_keys(curve), _LEFT_PX, 2, width)
    top = keys_px + 8
    begin = top + rows * ROW_PX + 4
    bottom = begin + _PLOT_PX
    share = Scale(*_shares(curve), bottom, begin)
    content = joined(
        (
            patterns(name),
            side_axis(share, share_ticks(share.low, share.high), time.start_px, time.end_px),
            _beyond(curve, time, begin, bottom, name),
            _band(curve, time, share),
            *_middle(curve, time, share),
            bottom_axis(
                time,
                duration_ticks(low, high, 1.25 if width == WIDE_PX else 1.6),
                bottom,
            ),
            keys,
            draw_marks(placed, top, bottom),
            _pointer(time, begin, bottom),
        )
    )
    return Drawing(content, width, round(bottom + 22))


def _beyond(curve: TimeoutCurve, time: Scale, top: float, bottom: float, name: str) -> Markup:
    """Return the region of which nothing is claimed, and where extrapolation begins."""
    parts = []
    end = curve.effects[-1].timeout_ms
    if curve.measured_to_ms < end:
        x = time.at(curve.measured_to_ms)
        if abs(curve.measured_to_ms - curve.timeout_ms) > 1:
            parts.append(element("path", d=line([(x, top), (x, bottom)]), class_="border"))
    x = time.at(end)
    if time.end_px - x > 1:
        parts.append(
            element(
                "rect",
                element("title", f"Nothing is claimed beyond {exact_seconds(round(end))}."),
                x=x,
                y=top,
                width=time.end_px - x,
                height=bottom - top,
                class_="shade unread",
                fill=pattern_fill(name, "unread"),
            )
        )
        words = "nothing is claimed here"
        if time.end_px - x > text_width(words) + 8:
            parts.append(
                element("text", words, x=x + 5, y=bottom - LABEL_PX + 3, class_="shaded unread")
            )
    return joined(parts)


def _band(curve: TimeoutCurve, time: Scale, share: Scale) -> Markup:
    above = [(time.at(one.timeout_ms), share.at(one.success_share_high)) for one in curve.effects]
    below = [(time.at(one.timeout_ms), share.at(one.success_share_low)) for one in curve.effects]
    return element("path", d=f"{line([*above, *reversed(below)])}z", class_="band")


def _middle(curve: TimeoutCurve, time: Scale, share: Scale) -> tuple[Markup, Markup]:
    points = [
        (one.timeout_ms, (time.at(one.timeout_ms), share.at(one.success_share)))
        for one in curve.effects
    ]
    border = curve.at(curve.measured_to_ms)
    joint = (
        [(curve.measured_to_ms, (time.at(border.timeout_ms), share.at(border.success_share)))]
        if border is not None
        else []
    )
    seen = [place for at, place in points if at < curve.measured_to_ms]
    guessed = [place for at, place in points if at > curve.measured_to_ms]
    between = [place for _, place in joint]
    return (
        element("path", d=line([*seen, *between]), class_="curve"),
        element("path", d=line([*between, *guessed]), class_="curve guessed")
        if guessed
        else Markup(),
    )


def _pointer(time: Scale, top: float, bottom: float) -> Markup:
    """Return what the script moves, and the pane that the pointer is followed on."""
    return joined(
        (
            element(
                "g",
                element("path", d=line([(0, top), (0, bottom)])),
                element("circle", r=4.5, cx=0, cy=0),
                class_="what-if",
                display="none",
                data_keep=True,
            ),
            element(
                "rect",
                x=time.start_px,
                y=top,
                width=time.end_px - time.start_px,
                height=bottom - top,
                class_="pane",
            ),
        )
    )


def _keys(curve: TimeoutCurve) -> list[tuple[str, str, Markup]]:
    stroke = "M0 5h12"
    keys = [("", "estimate", element("path", d=stroke, class_="curve"))]
    if curve.measured_to_ms < curve.effects[-1].timeout_ms:
        keys.append(("", "extrapolated", element("path", d=stroke, class_="curve guessed")))
    keys.append(
        ("", "bounds by what was seen", element("rect", width=10, height=10, class_="band"))
    )
    return keys


def _controls(curve: TimeoutCurve, steps: list[TimeoutEffect], name: str) -> Markup:
    """Return the slider and its readout; hidden until a script takes them over."""
    if len(steps) < 2:  # noqa: PLR2004 - one place is nothing to slide to
        return Markup()
    at = min(range(len(steps)), key=lambda i: abs(steps[i].timeout_ms - curve.timeout_ms))
    slider = element(
        "input",
        type="range",
        id=f"{name}-at",
        min="0",
        max=str(len(steps) - 1),
        step="1",
        value=str(at),
        autocomplete="off",
        aria_valuetext=exact_seconds(steps[at].timeout_ms),
    )
    cells = (
        ("share", "calls that succeed"),
        ("rescued", "more calls succeed, a day"),
        ("wait", "wait of callers, a day"),
        ("slots", "executions at a time"),
    )
    return element(
        "div",
        element(
            "p",
            element("label", "What if the timeout were", for_=f"{name}-at"),
            " ",
            element("strong", "", class_="at"),
            class_="ask",
        ),
        slider,
        element(
            "dl",
            joined(
                element(
                    "div",
                    element("dt", words),
                    element(
                        "dd", element("b", "", data_cell=key), element("span", "", data_bounds=key)
                    ),
                )
                for key, words in cells
            ),
            class_="answer",
            aria_hidden="true",
        ),
        element("output", "", for_=f"{name}-at", aria_live="polite"),
        class_="what-if-controls",
        hidden=True,
        data_keep=True,
    )


def _told(curve: TimeoutCurve, effect: TimeoutEffect) -> dict[str, object]:
    """Return one place of the slider: where it is drawn, and every text that it shows."""
    is_in_force = abs(effect.timeout_ms - curve.timeout_ms) < 1
    return {
        "ms": round(effect.timeout_ms, 1),
        "y": round(effect.success_share, 5),
        "at": exact_seconds(round(effect.timeout_ms)),
        "share": [percent(effect.success_share), "now" if is_in_force else _bounds(effect)],
        "rescued": ["none", ""] if is_in_force else [_rescued(effect), _rescued_bounds(effect)],
        "wait": ["no longer" if is_in_force else _wait(effect), ""],
        "slots": [slots_of(effect), "" if effect.timeout_ms <= curve.timeout_ms else "at most"],
        "words": _sentence(curve, effect),
    }


def _sentence(curve: TimeoutCurve, effect: TimeoutEffect) -> str:
    now = curve.at(curve.timeout_ms) or effect
    told = f"{describe_effect(effect, now)}."
    return told if effect.timeout_ms == now.timeout_ms else f"{told} {_certainty(curve, effect)}"


def _certainty(curve: TimeoutCurve, effect: TimeoutEffect) -> str:
    if effect.is_measured:
        return "So long a timeout was in force: this was seen."
    return (
        f"Extrapolated: no timeout above {exact_seconds(round(curve.measured_to_ms))} was seen in "
        f"force. {_reach(curve)}"
    )


def _reach(curve: TimeoutCurve) -> str:
    return f"Nothing is claimed beyond {exact_seconds(round(curve.effects[-1].timeout_ms))}."


def _bounds(effect: TimeoutEffect) -> str:
    return f"{percent(effect.success_share_low)} to {percent(effect.success_share_high)}"


def _rescued(effect: TimeoutEffect) -> str:
    """Return the estimate alone; below the timeout in force the calls that are lost."""
    sign = _MINUS if effect.rescued_per_day < 0 else "+"
    return f"{sign}{rescued_a_day(effect).partition(' (')[0]}"


def _rescued_bounds(effect: TimeoutEffect) -> str:
    bounds = rescued_a_day(effect).partition(" (")[2].rstrip(")")
    return f"{bounds} fewer" if effect.rescued_per_day < 0 else bounds


def _wait(effect: TimeoutEffect) -> str:
    waited = waited_a_day(effect)
    return f"{waited} {'longer' if effect.extra_wait_seconds_per_day >= 0 else 'less'}"


def _description(curve: TimeoutCurve, marks: CurveMarks) -> str:
    first, last = curve.effects[0], curve.effects[-1]
    now = curve.at(curve.timeout_ms) or last
    told = [
        f"Calls that would succeed: {_told_share(first)}, {_told_share(last)}.",
        f"In force {exact_seconds(round(curve.timeout_ms))}: {percent(now.success_share)}.",
    ]
    advised = None if marks.advised_ms is None else curve.at(marks.advised_ms)
    if advised is not None:
        told.append(
            f"Advised {exact_seconds(advised.timeout_ms)}: {percent(advised.success_share)}."
        )
    if curve.measured_to_ms < last.timeout_ms:
        told.append(f"Extrapolated from {exact_seconds(round(curve.measured_to_ms))} on.")
    told.append(_reach(curve))
    return " ".join(told)


def _told_share(effect: TimeoutEffect) -> str:
    return f"{percent(effect.success_share)} at {exact_seconds(round(effect.timeout_ms))}"


def _table(curve: TimeoutCurve, marks: CurveMarks, steps: list[TimeoutEffect]) -> NumberTable:
    stride = max(1, ceil(len(steps) / _TABLE_ROWS))
    chosen = {round(one.timeout_ms): one for one in steps[::stride]}
    in_force = round(curve.timeout_ms)
    special = {in_force: "in force"}
    if marks.advised_ms is not None:
        special[round(marks.advised_ms)] = "advised"
    for at in special:
        effect = curve.at(float(at))
        if effect is not None:
            chosen[at] = effect
    rows = tuple(
        (
            exact_seconds(at),
            percent(one.success_share),
            _bounds(one),
            "0" if at == in_force else f"{_rescued(one)} ({_rescued_bounds(one)})",
            "no longer" if at == in_force else _wait(one),
            slots_of(one),
            "; ".join(
                word
                for word in (special.get(at, ""), "measured" if one.is_measured else "extrapolated")
                if word
            ),
        )
        for at, one in sorted(chosen.items())
    )
    head = (
        "Timeout",
        "Calls that succeed",
        "Bounds",
        "More calls succeed, a day",
        "Wait of callers, a day",
        "Executions at a time",
        "Known how",
    )
    return NumberTable(head, rows)
