"""Counts as tables: from what the ledger gives to one row an action, a flow or an integration.

Rows may come in any order and in pieces: the same rows give the same table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from monitor.counts import SeriesKey, Tally
from monitor.model import BAND_EDGES_MS, UNKNOWN_ACTION, Classifier, Incident, Outcome
from monitor.summary.percentiles import BandedDurations

_ENDING = ["action_id", "error_type", "response_status"]
_BANDS = [f"band_{index}" for index in range(len(BAND_EDGES_MS) + 1)]


@dataclass(frozen=True, slots=True)
class ActionCounts:
    """Executions of one action by outcome.

    Attributes:
        success: Executions that succeeded.
        timeout: Executions that timed out.
        error: Executions that failed otherwise.
        throttled: Executions that the platform refused to run.
        duration_ms: Sum of the durations of all of them.
    """

    success: int = 0
    timeout: int = 0
    error: int = 0
    throttled: int = 0
    duration_ms: float = 0.0

    @property
    def executions(self) -> int:
        """All of them."""
        return self.success + self.timeout + self.error + self.throttled


_COUNTS = [field.name for field in fields(ActionCounts)]
"""The columns of counts: each outcome's own word, and the durations."""


def count_by_ending(sums: Sequence[Tally], classifier: Classifier) -> pd.DataFrame:
    """Return one row for each way that an action ended: counts, durations, bands and outcome."""
    table = pd.DataFrame(
        [
            (
                *(row.key.action_id, row.key.error_type, row.key.response_status),
                *(row.counts.count, row.counts.duration_ms, row.counts.min_ms, row.counts.max_ms),
                *row.counts.bands,
            )
            for row in sums
            if row.counts.count > 0
        ],
        columns=[*_ENDING, "count", "duration_ms", "min_ms", "max_ms", *_BANDS],
    )
    # A table without rows has no types of its own.
    table = table.astype(dict.fromkeys(["count", *_BANDS], "int64"))
    table = table.astype(dict.fromkeys(["duration_ms", "min_ms", "max_ms"], "float64"))
    # Sums of fractions depend on their order.
    table = table.sort_values([*_ENDING, "duration_ms"], kind="stable")
    table = table.groupby(_ENDING, as_index=False, sort=True).agg(
        {
            "count": "sum",
            "duration_ms": "sum",
            "min_ms": "min",
            "max_ms": "max",
            **dict.fromkeys(_BANDS, "sum"),
        }
    )
    outcomes = [
        classifier.outcome(error_type, status).value
        for error_type, status in zip(table["error_type"], table["response_status"], strict=True)
    ]
    return table.assign(outcome=pd.Series(outcomes, index=table.index, dtype=object))


def counts_by_action(table: pd.DataFrame) -> dict[str, ActionCounts]:
    """Return executions of each action by outcome, from ``count_by_ending``."""
    counts = table.pivot_table(
        index="action_id", columns="outcome", values="count", aggfunc="sum", fill_value=0
    ).reindex(columns=_COUNTS, fill_value=0)
    counts["duration_ms"] = table.groupby("action_id")["duration_ms"].sum()
    return {
        action_id: ActionCounts(*numbers)
        for action_id, *numbers in _rows(counts.reset_index(), ["action_id", *_COUNTS])
    }


def timeouts_by_action(
    executions: Mapping[SeriesKey, int], classifier: Classifier
) -> dict[str, int]:
    """Return each action's timeouts, from the executions of each way that it ended."""
    found = Counter[str]()
    for key, count in executions.items():
        if classifier.outcome(key.error_type, key.response_status) is Outcome.TIMEOUT:
            found[key.action_id] += count
    return found


def failures_by_action(table: pd.DataFrame) -> dict[str, list[tuple[str, str, int]]]:
    """Return each action's failures, (errorType, responseStatus, executions), most first."""
    failed = table[table["outcome"] != Outcome.SUCCESS.value]
    failed = failed.sort_values(
        ["action_id", "count", "error_type", "response_status"],
        ascending=[True, False, True, True],
    )
    found: dict[str, list[tuple[str, str, int]]] = {}
    for action_id, error_type, status, count in _rows(failed, [*_ENDING, "count"]):
        found.setdefault(action_id, []).append((error_type, status, count))
    return found


def durations_by_action(table: pd.DataFrame, outcome: Outcome) -> dict[str, list[BandedDurations]]:
    """Return the bands of each action's executions that ended in one way."""
    rows = table[table["outcome"] == outcome.value]
    found: dict[str, list[BandedDurations]] = {}
    names = ["action_id", "count", "duration_ms", "min_ms", "max_ms", *_BANDS]
    for action_id, count, duration_ms, min_ms, max_ms, *bands in _rows(rows, names):
        found.setdefault(action_id, []).append(
            BandedDurations(count, tuple(bands), duration_ms, min_ms, max_ms)
        )
    return found


def unmeasured_timeouts(table: pd.DataFrame) -> dict[str, int]:
    """Return each action's timeouts that show no duration, from ``count_by_ending``."""
    rows = table[
        (table["outcome"] == Outcome.TIMEOUT.value)
        & (table["duration_ms"] <= 0)
        & (table["max_ms"] <= 0)
    ]
    return {str(key): int(count) for key, count in rows.groupby("action_id")["count"].sum().items()}


def hits(incidents: Iterable[Incident], classifier: Classifier) -> pd.DataFrame:
    """Return one row a timeout that hit a conversation: its conversation, action and flow."""
    return pd.DataFrame(
        [
            (incident.conversation_id, incident.action_id, incident.flow_id)
            for incident in incidents
            if classifier.outcome(incident.error_type, "") is Outcome.TIMEOUT
        ],
        columns=["conversation_id", "action_id", "flow_id"],
        dtype=object,
    )


def conversations_by(table: pd.DataFrame, column: str) -> dict[str, int]:
    """Return distinct conversations for each value of a column of ``hits``."""
    found = table.groupby(column)["conversation_id"].nunique()
    return {str(key): int(count) for key, count in found.items()}


def flows_by_action(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the flows in which each action timed out, by id; those without one left out."""
    found: dict[str, list[str]] = {}
    pairs = table.loc[table["flow_id"] != "", ["action_id", "flow_id"]].drop_duplicates()
    for action_id, flow_id in _rows(pairs, ["action_id", "flow_id"]):
        found.setdefault(action_id, []).append(flow_id)
    return found


def counts_by_flow(table: pd.DataFrame) -> list[tuple[str, int, int, int]]:
    """Return each flow's id, timeouts, distinct named actions and distinct conversations."""
    named = table["action_id"].where(table["action_id"] != UNKNOWN_ACTION)
    flows = (
        table.assign(named=named)
        .groupby("flow_id")
        .agg(
            timeouts=("action_id", "size"),
            actions=("named", "nunique"),
            conversations=("conversation_id", "nunique"),
        )
    )
    return list(_rows(flows.reset_index(), ["flow_id", "timeouts", "actions", "conversations"]))


def _rows(table: pd.DataFrame, names: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(table[name].tolist() for name in names), strict=True)
