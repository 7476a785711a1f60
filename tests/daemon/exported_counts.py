"""What a daemon exports of executions, and what really happened in the same shape."""

from __future__ import annotations

from monitor.model import BAND_EDGES_MS
from monitor.simulator import SimulatedOrg
from tests.clocks import HOUR
from tests.daemon.daemon_process import families
from tests.simulated_org import executions_from, happened

Counts = dict[tuple[str, str], int]
"""Executions by action and outcome, those that happened."""

Durations = dict[str, dict[str, float]]
"""By action: cumulative buckets by their edge in seconds, and ``count`` and ``sum``."""


def counted(address: str) -> dict[str, Counts]:
    """Return what a daemon exports, by org."""
    found = families(address)["genesys_data_action_executions"].samples
    counts: dict[str, Counts] = {}
    for sample in found:
        key = sample.labels["action_id"], sample.labels["outcome"]
        if sample.name.endswith("_total") and sample.value:
            counts.setdefault(sample.labels["org"], {})[key] = int(sample.value)
    return counts


def measured(address: str) -> dict[str, Durations]:
    """Return the histograms that a daemon exports, by org, of actions that were executed."""
    found = families(address)["genesys_data_action_duration_seconds"].samples
    histograms: dict[str, Durations] = {}
    for sample in found:
        edge = sample.labels.get("le")
        key = sample.name.rpartition("_")[2] if edge is None else str(float(edge))
        actions = histograms.setdefault(sample.labels["org"], {})
        actions.setdefault(sample.labels["action_id"], {})[key] = sample.value
    return {
        org: {action_id: one for action_id, one in actions.items() if one["count"]}
        for org, actions in histograms.items()
    }


def true_counts(url: str, begin: float, end: float) -> Counts:
    """Return what really happened in an org that ends at a moment; epoch seconds."""
    return {
        (action_id, outcome): count
        for action_id, outcomes in happened(url, begin, end + HOUR)["actions"].items()
        for outcome, count in outcomes.items()
        if count
    }


def true_durations(org: SimulatedOrg, begin: float, end: float) -> Durations:
    """Return what really happened, likewise; the platform's bands end before their edge."""
    rows = executions_from(org, begin, end + HOUR)
    durations: dict[str, list[int]] = {}
    for action, duration_ms in zip(rows.action.tolist(), rows.duration_ms.tolist(), strict=True):
        durations.setdefault(org.scenario.actions[action].action_id, []).append(duration_ms)
    return {
        action_id: {
            **{
                str(edge_ms / 1_000): sum(one < edge_ms for one in every)
                for edge_ms in BAND_EDGES_MS
            },
            "inf": len(every),
            "count": len(every),
            "sum": sum(every) / 1_000,
        }
        for action_id, every in durations.items()
    }
