"""Writes summaries down: as a JSON document and as CSV, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.analysis.values import Summary


def as_document(summaries: Sequence[Summary], generated_at: float) -> dict[str, Any]:
    """The report as a document of plain values; durations in seconds, times ISO 8601 in UTC."""
    return {"generated_at": generated_at, "actions": [summary.org for summary in summaries]}


def as_csv(summaries: Sequence[Summary]) -> str:
    """One line an action, under the words of the JSON document."""
    return "\n".join(summary.org for summary in summaries)
