"""Series of one org as text: what a series is called is written once, its value at each draw.

Writing names and labels, with their escapes, is by far the dearest part of a scrape of thousands of
actions, and they change when a name does: so each head, ``name{label="..."} ``, is kept. What is
written is the text that both exposition formats share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from monitor.sanitize import label_value

if TYPE_CHECKING:
    from monitor.exporter.catalogue import MetricSpec

Labels = tuple[str, ...]


_KEPT_PER_SERIES = 2
"""Heads may be kept of so many times the series that there are: beyond it some have gone."""


class OrgSeries:
    """Draws the series of one org, again and again. Not safe to share between threads."""

    def __init__(self, specs: Iterable[MetricSpec]) -> None:
        """Know no series yet.

        Args:
            specs: What may be added.
        """
        self._specs = tuple(specs)
        self._heads: dict[str, dict[Labels, str]] = {}
        self._templates: dict[str, dict[Labels, str]] = {}
        self._lines: dict[str, list[str]] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a draw: nothing is added yet."""
        added = sum(map(len, self._lines.values()))
        for known in (self._heads, self._templates):
            if sum(map(len, known.values())) > _KEPT_PER_SERIES * added:
                known.clear()
        for spec in self._specs:
            self._lines[spec.name] = []
            self._heads.setdefault(spec.name, {})
            self._templates.setdefault(spec.name, {})

    def add(self, spec: MetricSpec, labels: Labels, value: float | None) -> None:
        """Add a counter's or a gauge's value; one that is not known adds none.

        Args:
            spec: The metric.
            labels: Values of its labels, in its order.
            value: The value; None, NaN and infinity count as not known.
        """
        if value is None or not math.isfinite(value):
            return
        heads = self._heads[spec.name]
        head = heads.get(labels)
        if head is None:
            head = heads[labels] = f"{spec.name}{_braces(spec.labels, labels)} "
        self._lines[spec.name].append(f"{head}{value + 0}\n")

    def add_each(
        self, spec: MetricSpec, labels: Labels, last: Sequence[str], values: Sequence[int]
    ) -> None:
        """Add one value for each value of a metric's last label.

        Args:
            spec: The metric.
            labels: Values of its other labels, in its order.
            last: Values of the last one, which ask for no escape.
            values: One each.
        """
        templates = self._templates[spec.name]
        # By the last label's values too: a reload may bring an org another contract, with others.
        key = (*labels, *last)
        template = templates.get(key)
        if template is None:
            template = templates[key] = "".join(
                f"{spec.name}{_braces(spec.labels, (*labels, value))} ".replace("%", "%%") + "%d\n"
                for value in last
            )
        self._lines[spec.name].append(template % tuple(values))

    def add_histogram(
        self,
        spec: MetricSpec,
        labels: Labels,
        edges: Sequence[float],
        cumulated: Sequence[int],
        total: float,
    ) -> None:
        """Add one histogram.

        Args:
            spec: The metric.
            labels: Values of its labels, in its order.
            edges: Upper edges of the closed buckets, ascending; the same at each draw.
            cumulated: What was observed up to each edge, and all of it last.
            total: Sum of what was observed.
        """
        templates = self._templates[spec.name]
        template = templates.get(labels)
        if template is None:
            template = templates[labels] = _histogram_template(spec, labels, edges)
        self._lines[spec.name].append(template % (*cumulated, cumulated[-1], total))

    def finished(self) -> Mapping[str, bytes]:
        """Return what was added since ``begin``, by the name of the metric."""
        return {name: "".join(lines).encode() for name, lines in self._lines.items()}


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = (f'{name}="{label_value(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _histogram_template(spec: MetricSpec, labels: Labels, edges: Sequence[float]) -> str:
    names = (*spec.labels, "le")
    buckets = [
        f"{spec.name}_bucket{_braces(names, (*labels, le))} ".replace("%", "%%") + "%d\n"
        for le in (*map(floatToGoString, edges), "+Inf")
    ]
    braces = _braces(spec.labels, labels).replace("%", "%%")
    return f"{''.join(buckets)}{spec.name}_count{braces} %d\n{spec.name}_sum{braces} %s\n"
