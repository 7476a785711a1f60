"""Turns the current snapshot into Prometheus metrics, and the past into OpenMetrics."""

from monitor.exporter.catalogue import METRICS, Kind, MetricSpec
from monitor.exporter.collector import MetricsCollector
from monitor.exporter.families import WrittenFamily
from monitor.exporter.history import PastOrg, openmetrics, past_of

__all__ = [
    "METRICS",
    "Kind",
    "MetricSpec",
    "MetricsCollector",
    "PastOrg",
    "WrittenFamily",
    "openmetrics",
    "past_of",
]
