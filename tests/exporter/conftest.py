"""How the exporter's tests scrape: through a registry and the text that Prometheus would read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitor.config import HistogramDetail
from monitor.exporter import MetricsCollector
from monitor.snapshot import OrgSnapshot, SnapshotHolder
from tests.clocks import ManualClock
from tests.exporter.snapshots import NOW, Scrape, snapshot
from tests.filled_ledger import CLASSIFIER


@pytest.fixture(scope="session")
def scrape() -> Callable[..., Scrape]:
    """Show orgs, write the scrape down as text, and parse it again."""

    def scraped(
        *org_snapshots: OrgSnapshot, histogram: HistogramDetail = HistogramDetail.COARSE
    ) -> Scrape:
        registry = CollectorRegistry()
        holder = SnapshotHolder(snapshot(*org_snapshots))
        registry.register(MetricsCollector(holder, CLASSIFIER, ManualClock(NOW), histogram))
        text = generate_latest(registry).decode()
        return Scrape.of(list(text_string_to_metric_families(text)))

    return scraped
