"""Turns the current snapshot into Prometheus metrics."""

from monitor.exporter.catalogue import METRICS, Kind, MetricSpec
from monitor.exporter.collector import MetricsCollector

__all__ = ["METRICS", "Kind", "MetricSpec", "MetricsCollector"]
