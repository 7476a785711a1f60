"""The queries of the shipped dashboards, and what is wrong with an answer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.dashboards.servers import Prometheus
from tests.dashboards.variables import View, resolved

DASHBOARDS = Path(__file__).parents[2] / "dashboards" / "grafana"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel, or of one kind of marks.

    Attributes:
        dashboard: Name of the dashboard's file, without its end.
        panel: Title of the panel, with the panel's number: titles repeat.
        letter: Which of its queries.
        expression: With Grafana's variables.
        instant: Whether only the end of the range is asked for.
        minimal_step: The finest step; empty for the data source's own.
        no_value: What the panel says where there is nothing to show.
    """

    dashboard: str
    panel: str
    letter: str
    expression: str
    instant: bool
    minimal_step: str
    no_value: str

    def __str__(self) -> str:
        """How a test names it."""
        return f"{self.dashboard}: {self.panel}, {self.letter}"


def load(name: str) -> dict[str, Any]:
    """A shipped dashboard."""
    document: dict[str, Any] = json.loads((DASHBOARDS / f"{name}.json").read_text())
    return document


def panels(name: str) -> Iterator[dict[str, Any]]:
    """Its panels, without the rows' headings."""
    yield from (panel for panel in load(name)["panels"] if panel["type"] != "row")


def queries() -> list[Query]:
    """Every query of every panel of every dashboard."""
    return [
        Query(
            name,
            f"{panel['title']} ({panel['id']})",
            target["refId"],
            target["expr"],
            target["instant"],
            target.get("interval", ""),
            panel["fieldConfig"]["defaults"]["noValue"],
        )
        for name in ("overview", "action")
        for panel in panels(name)
        for target in panel["targets"]
    ]


def marks() -> list[Query]:
    """The query of every kind of marks; a graph has them at most a hundred times."""
    return [
        Query(name, f"marks: {mark['name']}", "A", mark["expr"], False, mark["step"], "")  # noqa: FBT003
        for name in ("overview", "action")
        for mark in load(name)["annotations"]["list"]
    ]


def wrong(server: Prometheus, query: Query, chosen: Mapping[str, str], view: View) -> str:
    """What is wrong with what a query shows: a refusal, no number, or nothing; empty for fine."""
    try:
        values = [
            value for _, samples in shown(server, query, chosen, view) for value in samples.values()
        ]
    except AssertionError as refused:
        return f"refused: {refused}"
    if not all(map(math.isfinite, values)):
        return "not a number"
    return "" if values else "nothing"


def shown(
    server: Prometheus, query: Query, chosen: Mapping[str, str], view: View
) -> list[tuple[dict[str, str], dict[float, float]]]:
    """Labels and samples, by their time, of what a query shows.

    Raises:
        AssertionError: Prometheus refuses it.
    """
    expression, step = resolved(query.expression, chosen, view, query.minimal_step)
    if query.instant:
        return [(labels, {view.end: value}) for labels, value in server.at(expression, view.end)]
    # Grafana aligns a range with its step.
    return server.between(expression, view.begin // step * step, view.end, step)
