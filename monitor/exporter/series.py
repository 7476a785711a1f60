"""Series of one org as text: what a series is called is written once, its value at each draw.

Writing names and labels, with their escapes, is by far the dearest part of a scrape of thousands of
actions, and they change when a name does: so each head, ``name{label="..."} ``, is kept. What does
not count at all, such as what an action is called, is kept as it was drawn. What is written is the
text that both exposition formats share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from monitor.sanitize import label_value

if TYPE_CHECKING:
    from monitor.exporter.catalogue import MetricSpec

Labels = tuple[str, ...]


_KEPT_PER_SERIES = 2
"""Heads may be kept of so many times the series that there are: beyond it some have gone."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Series as they were drawn, by the name of the metric, and what they were drawn of."""

    basis: object
    lines: Mapping[str, str]


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
        self._parts: dict[str, _Part] = {}
        self._drawn = 0
        self.begin()

    def begin(self) -> None:
        """Begin a draw: nothing is added yet."""
        for known in (self._heads, self._templates):
            if sum(map(len, known.values())) > _KEPT_PER_SERIES * self._drawn:
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

    def add_part(
        self, part: str, metrics: Sequence[MetricSpec], basis: object, draw: Callable[[], None]
    ) -> None:
        """Add series that are drawn anew only where what they are drawn of has changed.

        Args:
            part: What they are called, among all parts.
            metrics: The metrics that they are of, which nothing else adds to.
            basis: What they are drawn of; compared by value.
            draw: Adds them.
        """
        known = self._parts.get(part)
        if known is None or known.basis != basis:
            draw()
            drawn = {spec.name: "".join(self._lines[spec.name]) for spec in metrics}
            for spec in metrics:
                # A head is kept for who draws again; these are not drawn again before they change.
                self._heads[spec.name].clear()
            known = _Part(basis, drawn)
        # The newest of equal ones: the older is let go with its snapshot.
        self._parts[part] = _Part(basis, known.lines)
        for name, lines in known.lines.items():
            self._lines[name] = [lines]

    def finished(self) -> Mapping[str, bytes]:
        """Return what was added since ``begin``, by the name of the metric."""
        self._drawn = sum(map(len, self._lines.values()))
        # The lines are let go: what is kept is what they became.
        return {name: "".join(self._lines.pop(name)).encode() for name in tuple(self._lines)}


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
