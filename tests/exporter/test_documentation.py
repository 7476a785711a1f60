"""docs/metrics.md against the exporter, in both directions."""

from __future__ import annotations

from pathlib import Path

from monitor.exporter import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW_BEGINS = "| `"


def documented() -> list[tuple[str, ...]]:
    """The rows of the page's tables, cell by cell, without their code marks."""
    return [
        tuple(cell.strip().replace("`", "") for cell in line.strip("| ").split(" | "))
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith(ROW_BEGINS)
    ]


def test_page_and_exporter_agree() -> None:
    """Every metric stands on the page with its type, labels, unit and meaning, and no other."""
    exported = [
        (spec.name, spec.kind.value, ", ".join(spec.labels) or "none", spec.unit, spec.meaning)
        for spec in METRICS
    ]
    assert documented() == exported


def test_meanings_are_sentences_that_fit_a_table() -> None:
    """Every meaning is one sentence without characters that would break a table's row."""
    for spec in METRICS:
        assert spec.meaning.endswith("."), spec.name
        assert "|" not in spec.meaning, spec.name
        assert "\n" not in spec.meaning, spec.name
