"""Grafana's variables, resolved as Grafana resolves them.

After ``pkg/promlib/models/query.go`` and the documentation of the Prometheus data source:
``$__interval`` is the range divided by the width of the panel in pixels, rounded to a step of
Grafana's ladder, and at least the minimal step; ``$__rate_interval`` is the larger of
``$__interval`` plus the scrape interval and four times the scrape interval, where the minimal step
of the query, if it has one, stands for the scrape interval; ``$__range`` is the whole range.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LADDER = (
    (0.010, 0.001), (0.015, 0.010), (0.035, 0.020), (0.075, 0.050), (0.150, 0.100), (0.350, 0.200),
    (0.750, 0.500), (1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30),
    (90, 60), (210, 120), (450, 300), (750, 600), (1_050, 900), (1_500, 1_200), (2_700, 1_800),
    (5_400, 3_600), (9_000, 7_200), (16_200, 10_800), (32_400, 21_600), (86_400, 43_200),
)  # fmt: skip
"""Below the first number, Grafana rounds an interval to the second; seconds."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class View:
    """A dashboard as somebody looks at it.

    Attributes:
        begin: Begin of its range; epoch seconds.
        end: Its end.
        scrape_seconds: The scrape interval that the data source is told.
        width: Width of a panel in pixels, and so the most points of a series.
    """

    begin: float
    end: float
    scrape_seconds: float
    width: int = 1_000


def resolved(
    expression: str, chosen: Mapping[str, str], view: View, minimal_step: str = ""
) -> tuple[str, float]:
    """A query as it is sent, and its step in seconds."""
    at_least = seconds(minimal_step) if minimal_step else view.scrape_seconds
    interval = max(_rounded((view.end - view.begin) / view.width), at_least)
    values = {
        **chosen,
        "__interval": _text(interval),
        "__rate_interval": _text(max(interval + at_least, 4 * at_least)),
        "__range": _text(round(view.end - view.begin)),
    }

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return values.get(name, found[0])

    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, expression), interval


def seconds(text: str) -> float:
    """A length of time such as ``5m``."""
    return float(text[:-1]) * _UNITS[text[-1]]


def _rounded(interval: float) -> float:
    return next((step for below, step in _LADDER if interval < below), 86_400)


def _text(value: float) -> str:
    return f"{round(value * 1000)}ms" if value % 1 else f"{round(value)}s"
