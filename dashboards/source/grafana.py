"""Grafana's dashboard model (schema 39, Grafana 11), as far as the dashboards here need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
"""Columns of Grafana's grid."""

STEP = "5m"
"""The finest step of a rate. ``$__rate_interval`` is four of them, 20 min: longer than data
is late plus the time between polls, and it holds several samples of imported history."""

Kind = Literal["stat", "timeseries", "table", "heatmap", "bargauge", "state-timeline"]

GREEN, YELLOW, ORANGE, RED, BLUE = "green", "#EAB839", "orange", "red", "blue"

Step = tuple[float | None, str]
"""A threshold: from here on this colour; None begins."""

NEUTRAL: tuple[Step, ...] = ((None, BLUE),)


def above(warning: float, critical: float) -> tuple[Step, ...]:
    """Green, yellow from ``warning``, red from ``critical``."""
    return (None, GREEN), (warning, YELLOW), (critical, RED)


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel.

    Attributes:
        expression: PromQL, with Grafana's variables.
        legend: What its series are called.
        instant: Whether only the end of the range is asked for.
        form: ``time_series``, ``table`` or ``heatmap``.
        step: The finest step; empty for the data source's own.
    """

    expression: str
    legend: str = ""
    instant: bool = False
    form: Literal["time_series", "table", "heatmap"] = "time_series"
    step: str = ""

    def model(self, letter: str) -> dict[str, Any]:
        """As Grafana keeps it."""
        model = {
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": self.expression,
            "format": self.form,
            "instant": self.instant,
            "legendFormat": self.legend or "__auto",
            "range": not self.instant,
            "refId": letter,
        }
        return model | ({"interval": self.step} if self.step else {})


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        kind: Its type.
        title: What it shows.
        description: What to do about it.
        targets: Its queries.
        unit: Grafana's name of the unit.
        width: Columns of 24.
        height: Rows.
        thresholds: Colours by value.
        no_value: What it says where there is nothing to show.
        maximum: Upper end of its axis; None for what fits.
        mappings: Words for values.
        options: What only this kind has.
        custom: What only fields of this kind have.
        overrides: What holds of some series only, by the name of the series.
        transformations: Grafana's own, for tables.
        link: Where a series or a row leads to; empty for nowhere.
    """

    kind: Kind
    title: str
    description: str
    targets: tuple[Target, ...]
    unit: str
    width: int
    height: int = 8
    thresholds: tuple[Step, ...] = NEUTRAL
    no_value: str = "Nothing in this stretch of time"
    maximum: float | None = None
    mappings: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    transformations: Sequence[Mapping[str, Any]] = ()
    link: str = ""

    def model(self, number: int, column: int, row: int) -> dict[str, Any]:
        """As Grafana keeps it."""
        defaults: dict[str, Any] = {
            "color": {"mode": "thresholds" if self._coloured else "palette-classic"},
            "custom": {**_CUSTOM.get(self.kind, {}), **self.custom},
            # A counter's growth is an estimate; what is counted comes in whole ones.
            "decimals": 0 if self.unit == "locale" else None,
            "mappings": _mappings(self.mappings),
            "min": 0,
            "noValue": self.no_value,
            "thresholds": {
                "mode": "absolute",
                "steps": [{"color": colour, "value": value} for value, colour in self.thresholds],
            },
            "unit": self.unit,
        }
        if self.unit.startswith("dateTime") or self.title.startswith("Age"):
            defaults.pop("min")
        if self.maximum is not None:
            defaults["max"] = self.maximum
        if self.link:
            defaults["links"] = [{"title": "This action", "url": self.link}]
        model: dict[str, Any] = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": column, "y": row},
            "fieldConfig": {
                "defaults": {key: value for key, value in defaults.items() if value is not None},
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": name},
                        "properties": [{"id": key, "value": value} for key, value in what.items()],
                    }
                    for name, what in self.overrides.items()
                ],
            },
            "options": {**_OPTIONS[self.kind], **self.options},
            "targets": [
                target.model(chr(ord("A") + place)) for place, target in enumerate(self.targets)
            ],
        }
        if self.transformations:
            model["transformations"] = list(self.transformations)
        return model

    @property
    def _coloured(self) -> bool:
        return self.kind in {"stat", "bargauge", "table", "state-timeline"}


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, from left to right."""

    title: str
    panels: tuple[Panel, ...]


_LEGEND = {
    "calcs": ["max", "mean"],
    "displayMode": "table",
    "placement": "right",
    "showLegend": True,
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "auto",
    },
    "timeseries": {
        "legend": _LEGEND,
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"cellHeight": "sm", "showHeader": True},
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
        "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": "s"},
        "legend": {"show": True},
    },
    "bargauge": {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
    },
    "state-timeline": {"mergeValues": True, "showValue": "auto", "legend": {"showLegend": False}},
}
_CUSTOM: dict[str, dict[str, Any]] = {
    "timeseries": {
        "drawStyle": "line",
        "fillOpacity": 10,
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
    },
    "table": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
}


def _mappings(words: Mapping[str, str]) -> list[dict[str, Any]]:
    if not words:
        return []
    options = {
        value: {"index": place, "text": word} for place, (value, word) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def data_source_variable() -> dict[str, Any]:
    """Which Prometheus."""
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "current": {},
        "options": [],
        "regex": "",
    }


def query_variable(
    name: str, label: str, query: str, *, several: bool = False, regex: str = ""
) -> dict[str, Any]:
    """A variable whose values Prometheus knows.

    Args:
        name: What queries call it.
        label: What people read.
        query: Grafana's ``label_values(...)`` or ``query_result(...)``.
        several: Whether more than one may be chosen, or all.
        regex: What is cut out of each value.
    """
    model: dict[str, Any] = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"qryType": 5, "query": query, "refId": "PrometheusVariableQueryEditor"},
        "regex": regex,
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "includeAll": several,
        "multi": several,
        "current": {},
        "options": [],
    }
    if several:
        model |= {
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }
    return model


def annotation(  # noqa: PLR0913 - what a mark consists of
    name: str, expression: str, title: str, text: str, colour: str, *, shown: bool = True
) -> dict[str, Any]:
    """Marks in every graph; those that are not shown can be switched on above the dashboard."""
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": shown,
        "expr": expression,
        "iconColor": colour,
        # Four steps, over which a rate is taken, hold two samples of imported history.
        "step": "3m",
        "titleFormat": title,
        "textFormat": text,
        "useValueForTime": False,
    }


def dashboard(  # noqa: PLR0913 - what a dashboard consists of
    uid: str,
    title: str,
    description: str,
    *,
    variables: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    rows: Iterable[Row],
) -> dict[str, Any]:
    """A whole dashboard."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["timeout-monitor"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "timepicker": {},
        "templating": {"list": list(variables)},
        "annotations": {"list": list(annotations)},
        "links": [
            {
                "title": "Timeout Monitor",
                "type": "dashboards",
                "tags": ["timeout-monitor"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
            }
        ],
        "panels": _placed(rows),
    }


def _placed(rows: Iterable[Row]) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    number, below = 0, 0
    for row in rows:
        number += 1
        place = {"h": 1, "w": WIDTH, "x": 0, "y": below}
        panels.append(
            {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place}
            | {"panels": []}
        )
        below += 1
        column, highest = 0, 0
        for panel in row.panels:
            if column + panel.width > WIDTH:
                below, column, highest = below + highest, 0, 0
            number += 1
            panels.append(panel.model(number, column, below))
            column, highest = column + panel.width, max(highest, panel.height)
        below += highest
    return panels
