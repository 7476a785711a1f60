"""Metric families while they are being filled: one for each entry of the catalogue."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.utils import floatToGoString

from monitor.exporter.catalogue import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client import Metric

    from monitor.exporter.catalogue import MetricSpec


class Families:
    """Samples by metric. Not safe to share between threads while it is being filled."""

    def __init__(self, specs: Iterable[MetricSpec]) -> None:
        """Begin with an empty family for each of ``specs``."""
        self._specs = tuple(specs)
        self._families = {spec.name: _family(spec) for spec in self._specs}

    def add(self, spec: MetricSpec, labels: Sequence[str], value: float | None) -> None:
        """Add a counter's or a gauge's sample; a value that is not known adds none.

        Args:
            spec: The metric.
            labels: Values of its labels, in its order.
            value: The value; None, NaN and infinity count as not known.
        """
        if value is None or not math.isfinite(value):
            return
        family = self._families[spec.name]
        if not isinstance(family, (CounterMetricFamily, GaugeMetricFamily)):
            raise _wrong_kind(spec)
        family.add_metric([exposable(label) for label in labels], value)

    def add_histogram(
        self,
        spec: MetricSpec,
        labels: Sequence[str],
        edges: Sequence[float],
        counts: Sequence[int],
        total: float,
    ) -> None:
        """Add one histogram.

        Args:
            spec: The metric.
            labels: Values of its labels, in its order.
            edges: Upper edges of the closed buckets, ascending.
            counts: What fell into each bucket (not cumulative), the open one last.
            total: Sum of what was observed.
        """
        family = self._families[spec.name]
        if not isinstance(family, HistogramMetricFamily):
            raise _wrong_kind(spec)
        names = [*map(floatToGoString, edges), "+Inf"]
        buckets = list(zip(names, accumulate(counts), strict=True))
        family.add_metric([exposable(label) for label in labels], buckets, total)

    def add_summary(
        self, spec: MetricSpec, labels: Sequence[str], count: int, total: float
    ) -> None:
        """Add one summary without quantiles: how many were observed, and their sum."""
        family = self._families[spec.name]
        if not isinstance(family, SummaryMetricFamily):
            raise _wrong_kind(spec)
        family.add_metric([exposable(label) for label in labels], count, total)

    def finished(self) -> tuple[Metric, ...]:
        """The families in the order of their specs, those without a sample too."""
        return tuple(self._families[spec.name] for spec in self._specs)


def exposable(text: str) -> str:
    """A label's value as the exposition formats can carry it.

    The library escapes quotes, backslashes and line breaks; a lone surrogate, which no encoding
    of ours can hold, would fail the scrape of everything else with it and is replaced.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _family(spec: MetricSpec) -> Metric:
    match spec.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(spec.name, spec.meaning, labels=spec.labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(spec.name, spec.meaning, labels=spec.labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(spec.name, spec.meaning, labels=spec.labels)
        case Kind.SUMMARY:
            return SummaryMetricFamily(spec.name, spec.meaning, labels=spec.labels)


def _wrong_kind(spec: MetricSpec) -> TypeError:
    return TypeError(f"{spec.name} is a {spec.kind}")
