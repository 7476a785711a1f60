"""The collector between a snapshot and a registry."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.counts import Counts, SeriesKey
from monitor.exporter import METRICS, Kind, MetricsCollector
from monitor.exporter.families import Families
from monitor.ledger import OrgState
from monitor.model import Action
from monitor.snapshot import SnapshotHolder
from tests.clocks import ManualClock
from tests.exporter.snapshots import (
    CRM,
    NOW,
    ORG,
    REMEDIATED,
    Scrape,
    org_snapshot,
    recorded_org_snapshot,
    snapshot,
)
from tests.filled_ledger import CLASSIFIER

Scraper = Callable[..., Scrape]


def collector_of(holder: SnapshotHolder) -> MetricsCollector:
    """A collector over ``holder``."""
    return MetricsCollector(holder, CLASSIFIER, ManualClock(NOW))


def test_families_are_built_once_a_snapshot() -> None:
    """Two scrapes of one snapshot get the same objects, but for what depends on the moment."""
    collector = collector_of(SnapshotHolder(snapshot(org_snapshot())))

    first, second = list(collector.collect()), list(collector.collect())
    changed = [old.name for old, new in zip(first, second, strict=True) if old is not new]
    assert changed == [
        "timeout_monitor_data_lag_seconds",
        "timeout_monitor_source_age_seconds",
        "timeout_monitor_poll_age_seconds",
        "timeout_monitor_catalogue_age_seconds",
        "timeout_monitor_diagnosis_age_seconds",
        "timeout_monitor_remediation_trial_overdue_seconds",
    ]


def test_next_snapshot_is_shown_at_once() -> None:
    """After a swap the next scrape shows the new snapshot."""
    holder = SnapshotHolder(snapshot(org_snapshot(OrgState(ORG))))
    registry = CollectorRegistry()
    registry.register(collector_of(holder))
    labels = {"org": ORG, "action_id": "a", "outcome": "success"}
    name = "genesys_data_action_executions_total"

    assert registry.get_sample_value(name, labels) is None
    totals = {SeriesKey("a", "NONE", "200"): Counts(7)}
    holder.swap(snapshot(org_snapshot(OrgState(ORG, totals=totals))))
    assert registry.get_sample_value(name, labels) == 7


def test_a_contract_that_changes_is_shown_at_once() -> None:
    """A reload may bring an org the other contract, which knows of timeouts alone."""
    totals = {SeriesKey("a", "request.timeout", "504"): Counts(7)}
    state = OrgState(ORG, totals=totals)
    holder = SnapshotHolder(snapshot(org_snapshot(state)))
    registry = CollectorRegistry()
    registry.register(collector_of(holder))
    labels = {"org": ORG, "action_id": "a"}
    name = "genesys_data_action_executions_total"

    for contract, successes in (("platform", 0), ("flow", None), ("platform", 0)):
        holder.swap(snapshot(org_snapshot(state, contract=contract)))
        assert registry.get_sample_value(name, {**labels, "outcome": "success"}) == successes
        assert registry.get_sample_value(name, {**labels, "outcome": "timeout"}) == 7


def test_what_was_not_read_is_not_drawn_again() -> None:
    """A poll of one org makes new snapshots of all: the text of the others is handed out again."""
    one = org_snapshot(OrgState(ORG, totals={SeriesKey("a", "NONE", "200"): Counts(1)}))
    collector = collector_of(holder := SnapshotHolder(snapshot(one)))

    def written() -> bytes:
        families = {family.name: family for family in collector.collect()}
        [text] = families["genesys_data_action_executions"].written  # type: ignore[attr-defined]
        assert isinstance(text, bytes)
        return text

    first = written()
    holder.swap(snapshot(replace(one, remediation=REMEDIATED)))
    assert written() is first
    more = OrgState(ORG, totals={SeriesKey("a", "NONE", "200"): Counts(2)})
    holder.swap(snapshot(replace(one, state=more)))
    assert written() != first


def test_registry_refuses_a_second_collector_of_the_same_metrics() -> None:
    """The collector tells its names, so that two of them can't both be exported."""
    registry = CollectorRegistry()
    registry.register(collector_of(SnapshotHolder(snapshot())))

    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(collector_of(SnapshotHolder(snapshot())))


def test_every_series_is_known_and_finite(tmp_path: Path) -> None:
    """No value is NaN or infinite, no series has a timestamp, none is called _created."""
    collector = collector_of(SnapshotHolder(snapshot(recorded_org_snapshot(tmp_path))))

    for family in collector.collect():
        for sample in family.samples:
            assert math.isfinite(sample.value), sample
            assert sample.timestamp is None, sample
            assert not sample.name.endswith("_created"), sample


def test_labels_are_those_of_the_catalogue(tmp_path: Path) -> None:
    """Every sample has exactly the labels that the catalogue promises, and the type it names."""
    collector = collector_of(SnapshotHolder(snapshot(recorded_org_snapshot(tmp_path))))
    families = {family.name: family for family in collector.collect()}

    for spec in METRICS:
        family = families.pop(spec.name.removesuffix("_total"))
        assert family.type == spec.kind.value
        assert family.samples, f"{spec.name} has no sample to look at"
        for sample in family.samples:
            assert {*sample.labels} - {"le"} == {*spec.labels}
    assert not families


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_value_that_is_not_known_adds_no_sample(value: float | None) -> None:
    """A gauge that can't be known is left out instead of being NaN."""
    (gauge,) = (spec for spec in METRICS if spec.name.endswith("concurrency_limit"))
    families = Families([gauge])
    families.add(gauge, (ORG,), value)

    assert families.finished()[0].samples == []


@pytest.mark.parametrize("kind", Kind)
def test_samples_of_another_kind_are_refused(kind: Kind) -> None:
    """A counter's sample can't end up in a histogram, nor the other way round."""
    spec = next(spec for spec in METRICS if spec.kind is kind)
    families = Families([spec])
    labels = ["x"] * len(spec.labels)
    wrong: dict[str, Callable[[], None]] = {
        "sample": lambda: families.add(spec, labels, 1),
        "histogram": lambda: families.add_histogram(spec, labels, (1,), (1, 2), 3),
        "summary": lambda: families.add_summary(spec, labels, 1, 2),
    }
    del wrong["sample" if kind in {Kind.COUNTER, Kind.GAUGE} else kind.value]

    for add in wrong.values():
        with pytest.raises(TypeError, match=spec.name):
            add()


@given(name=st.text(), flow=st.text(), error_type=st.text())
def test_names_survive_the_text_format(name: str, flow: str, error_type: str) -> None:
    """Quotes, backslashes, line breaks and any script come back as they were."""
    holder = SnapshotHolder(snapshot(org_snapshot(_org_with(name, flow, error_type))))
    registry = CollectorRegistry()
    registry.register(collector_of(holder))

    openmetrics: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    for families in (
        parse_text(generate_latest(registry).decode()),
        parse_openmetrics(openmetrics.decode()),  # type: ignore[no-untyped-call]
    ):
        samples = [sample for family in families for sample in family.samples]
        assert {s.labels["action_name"] for s in samples if "action_name" in s.labels} == {name}
        assert {s.labels["flow_name"] for s in samples if "flow_name" in s.labels} == {flow}
        errors = {s.labels["error_type"] for s in samples if "error_type" in s.labels}
        assert errors == {error_type}


def test_text_that_no_encoding_can_hold_spares_the_scrape(scrape: Scraper) -> None:
    """A lone surrogate in one name is replaced; everything else is scraped as ever."""
    action = Action("a", "half a \ud83d pair")
    scraped = scrape(org_snapshot(OrgState(ORG, actions=(action, CRM))))

    names = {values[1] for values in scraped.series("genesys_data_action_info")}
    assert names == {"half a ? pair", "CRM lookup"}


def _org_with(name: str, flow: str, error_type: str) -> OrgState:
    return OrgState(
        ORG,
        actions=(Action("a", name, "i", name, name),),
        totals={SeriesKey("a", error_type, "500"): Counts(1)},
        flow_names={"f": flow},
        flow_use=frozenset({("a", "f")}),
    )


def test_promtool_has_nothing_to_say(require_tool: Callable[[str], str], tmp_path: Path) -> None:
    """Prometheus' own linter passes a full scrape without a word."""
    registry = CollectorRegistry()
    registry.register(collector_of(SnapshotHolder(snapshot(recorded_org_snapshot(tmp_path)))))

    checked = subprocess.run(
        [require_tool("promtool"), "check", "metrics"],
        input=generate_latest(registry),
        capture_output=True,
        check=False,
    )
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)
