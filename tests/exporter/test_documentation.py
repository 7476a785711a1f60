"""docs/metrics.md against the exporter, in both directions."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.config import HistogramDetail
from monitor.exporter import METRICS
from monitor.exporter.actions import BUCKETS
from monitor.ledger import LATENESS_EDGES_SECONDS

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


def numbers(words: str) -> list[float]:
    """The numbers of an enumeration."""
    return [float(one) for one in re.findall(r"\d+(?:\.\d+)?", words)]


def test_every_edge_of_the_histogram_is_told() -> None:
    """Those that are there by default, and those that "full" adds."""
    found = re.search(
        r"duration_seconds` has its edges at ([^;]+) s; with .* also at ([\d., and]+) s, and",
        " ".join(PAGE.read_text(encoding="utf-8").split()),
    )
    assert found
    coarse, more = numbers(found[1]), numbers(found[2])

    assert coarse == list(BUCKETS[HistogramDetail.COARSE][0])
    assert sorted(coarse + more) == list(BUCKETS[HistogramDetail.FULL][0])


def test_every_edge_of_lateness_is_told() -> None:
    """In minutes and hours."""
    found = re.search(
        r"its edges are ([\d, ]+) and (\d+) min, ([\d, ]+) and (\d+) h",
        " ".join(PAGE.read_text(encoding="utf-8").split()),
    )
    assert found
    minutes, hours = numbers(found[1] + " " + found[2]), numbers(found[3] + " " + found[4])

    told = [60 * one for one in minutes] + [3_600 * one for one in hours]
    assert told == list(LATENESS_EDGES_SECONDS)
