"""Turns the current snapshot into Prometheus metrics, and the past into OpenMetrics."""

from monitor.exporter.catalogue import METRICS
from monitor.exporter.collector import MetricsCollector
from monitor.exporter.families import WrittenFamily
from monitor.exporter.history import PastOrg, openmetrics, past_of
from monitor.exporter.metric_spec import Kind, MetricSpec

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
