"""Metric families while they are being filled: one for each entry of the catalogue.

Those of data actions come written, see ``OrgSeries``; all others are the library's own.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

from monitor.exporter.metric_spec import Kind
from monitor.sanitize import exposable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.samples import Sample

    from monitor.exporter.metric_spec import MetricSpec


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


class WrittenFamily(Metric):
    """A family whose samples are written already, org by org.

    Attributes:
        written: The lines of its samples, as both exposition formats have them.
    """

    def __init__(self, spec: MetricSpec, written: Sequence[bytes] = ()) -> None:
        """Hold these lines of a metric."""
        self.written = tuple(written)
        super().__init__(spec.name.removesuffix("_total"), spec.meaning, spec.kind.value)

    @property
    def samples(self) -> list[Sample]:
        """What is written, read again, for whoever collects it through the library."""
        head = f"# TYPE {self.name}{'_total' * (self.type == Kind.COUNTER)} {self.type}\n"
        text = head + b"".join(self.written).decode()
        return [one for read in text_string_to_metric_families(text) for one in read.samples]

    @samples.setter
    def samples(self, samples: list[Sample]) -> None:
        """Take none: the library's own constructor begins with an empty list."""


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
