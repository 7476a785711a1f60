"""Series of one org as UTF-8 text: what a series is called is written once, its value at each draw.

Writing names and labels, with their escapes, is by far the dearest part of a scrape of thousands of
actions, and they change when a name does: so each head, ``name{label="..."} ``, is kept. What every
action has is written by one template for all of them. What does not count at all, such as what an
action is called, is kept as it was drawn. What is written is the
text that both exposition formats share; it is put together as bytes, into which numbers are written
nearly twice as fast as into texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from monitor.sanitize import label_value

if TYPE_CHECKING:
    from monitor.exporter.metric_spec import MetricSpec

Labels = tuple[str, ...]
Rows = Sequence[Labels]


_KEPT_PER_SERIES = 2
"""Heads may be kept of so many times the series that there are: beyond it some have gone."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Series as they were drawn, by the name of the metric, and what they were drawn of."""

    basis: object
    lines: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Template:
    """Lines of one metric, with a place for each number.

    Attributes:
        shape: What they are of: rows, and what each has a number for.
        text: The lines.
    """

    shape: tuple[Rows, Sequence[object]]
    text: bytes


class OrgSeries:
    """Draws the series of one org, again and again. Not safe to share between threads."""

    def __init__(self, specs: Iterable[MetricSpec]) -> None:
        """Know no series yet.

        Args:
            specs: What may be added.
        """
        self._specs = tuple(specs)
        self._heads: dict[str, dict[Labels, bytes]] = {}
        self._templates: dict[str, _Template] = {}
        self._lines: dict[str, list[bytes]] = {}
        self._parts: dict[str, _Part] = {}
        self._drawn = 0
        self.begin()

    def begin(self) -> None:
        """Begin a draw: nothing is added yet."""
        if sum(map(len, self._heads.values())) > _KEPT_PER_SERIES * self._drawn:
            self._heads.clear()
        for spec in self._specs:
            self._lines[spec.name] = []
            self._heads.setdefault(spec.name, {})

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
            head = heads[labels] = f"{spec.name}{_braces(spec.labels, labels)} ".encode()
        self._lines[spec.name].append(head + f"{value + 0}\n".encode())

    def add_each(
        self, spec: MetricSpec, rows: Rows, last: Sequence[str], values: Sequence[int]
    ) -> None:
        """Add values for each value of a metric's last label, of all rows at once.

        Args:
            spec: The metric.
            rows: Values of its other labels, in its order.
            last: Values of the last one, which ask for no escape.
            values: One each, those of the first row first.
        """
        self._add_rows(spec, rows, last, values, lambda row: _each_template(spec, row, last))

    def add_histograms(
        self, spec: MetricSpec, rows: Rows, edges: Sequence[float], numbers: Sequence[float]
    ) -> None:
        """Add histograms, of all rows at once.

        Args:
            spec: The metric.
            rows: Values of its labels, in its order.
            edges: Upper edges of the closed buckets, ascending.
            numbers: Of the first row what was observed up to each edge, what was observed at all,
                that again, and the sum of it (a float); then of the others.
        """
        self._add_rows(
            spec, rows, edges, numbers, lambda row: _histogram_template(spec, row, edges)
        )

    def _add_rows(
        self,
        spec: MetricSpec,
        rows: Rows,
        columns: Sequence[object],
        numbers: Sequence[float],
        template_of: Callable[[Labels], str],
    ) -> None:
        # By the columns too: a reload may bring an org another contract, with other ones.
        shape = rows, columns
        known = self._templates.get(spec.name)
        if known is None or known.shape != shape:
            text = "".join(map(template_of, rows)).encode()
            known = self._templates[spec.name] = _Template(shape, text)
        self._lines[spec.name].append(known.text % tuple(numbers))

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
            drawn = {spec.name: b"".join(self._lines[spec.name]) for spec in metrics}
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
        return {name: b"".join(self._lines.pop(name)) for name in tuple(self._lines)}


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = (f'{name}="{label_value(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _each_template(spec: MetricSpec, row: Labels, last: Sequence[str]) -> str:
    return "".join(
        f"{spec.name}{_braces(spec.labels, (*row, value))} ".replace("%", "%%") + "%d\n"
        for value in last
    )


def _histogram_template(spec: MetricSpec, row: Labels, edges: Sequence[float]) -> str:
    names = (*spec.labels, "le")
    buckets = [
        f"{spec.name}_bucket{_braces(names, (*row, le))} ".replace("%", "%%") + "%d\n"
        for le in (*map(floatToGoString, edges), "+Inf")
    ]
    braces = _braces(spec.labels, row).replace("%", "%%")
    return f"{''.join(buckets)}{spec.name}_count{braces} %d\n{spec.name}_sum{braces} %r\n"
