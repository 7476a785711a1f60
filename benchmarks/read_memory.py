"""How the memory of one read grows with what is read: detail records, and aggregates.

    .venv/bin/python -m benchmarks.read_memory

It is the most that a process of its own had resident, imports and all, when it had read so much
into a new state: as many questions as a poll would ask, each as large as one may be.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.decoding import lean_counts, lean_to_timeouts
from benchmarks.detail_reads import WINDOW_SECONDS, Details, renamed
from benchmarks.recorded_answers import Aggregates, made_aggregates, made_details
from benchmarks.rows import DisagreementError, Row
from monitor.genesys import LARGEST_PAGE
from monitor.sources import ActionsSource
from monitor.time_ranges import TimeRange

MOST_GROWTH: Final = 1.1

_TEMPLATES: Final = 12
"""Pages from which all others are made: few, so that they hardly count."""


def read_apart(module: str, count: int, period: TimeRange, answers: Sequence[bytes]) -> list[int]:
    """Return what a process says that read so much: what it counted, and its peak in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "answers"
        given.write_bytes(b"\n".join(answers))
        asked = [str(count), str(period.start), str(period.end), str(given)]
        found = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{module}", *asked],
            check=True,
            capture_output=True,
            text=True,
        )
    return [*map(int, found.stdout.split())]


def details_peak_kib(details: Details, records: int) -> int:
    """Return the most that a process had resident which read so many detail records.

    Raises:
        DisagreementError: It counted other timeouts than are in them.
    """
    pages = details.pages[:_TEMPLATES]
    counted, kib = read_apart("detail_reads", records, details.period, pages)
    expected = 0
    for page in renamed(pages, 0, -(-records // LARGEST_PAGE)):
        expected += sum(lean_to_timeouts(Details(details.period, [page])).values())
    if counted != expected:
        reason = f"{counted} timeouts were counted of {expected}"
        raise DisagreementError(reason)
    return kib


def aggregates_peak_kib(slice_of: Aggregates, slices: int) -> int:
    """Return the most that a process had resident which read so many slices of aggregates.

    Raises:
        DisagreementError: It counted other executions than are in them.
    """
    counted, kib = read_apart("aggregate_reads", slices, slice_of.period, slice_of.bodies)
    expected = slices * sum(lean_counts(slice_of.bodies[0]))
    if counted != expected:
        reason = f"{counted} executions were counted of {expected}"
        raise DisagreementError(reason)
    return kib


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield how the peak of a read grows with what is read.

    Args:
        quick: Read little; all that was counted is in the answers there, too.

    Raises:
        DisagreementError: Something else was counted.
    """
    few, many = (400, 800) if quick else (10_000, 100_000)
    details = made_details(20.0 if quick else 400.0)
    windows = 3 if quick else ActionsSource.slice_seconds // WINDOW_SECONDS
    answers = made_aggregates(20 if quick else 200, windows)
    rows_a_slice = len(lean_counts(answers.bodies[0]))
    for what, less, more in (
        ("detail records", details_peak_kib(details, few), details_peak_kib(details, many)),
        (
            "rows of aggregates",
            aggregates_peak_kib(answers, round(few / rows_a_slice)),
            aggregates_peak_kib(answers, round(many / rows_a_slice)),
        ),
    ):
        yield Row(
            f"peak memory of a process that reads {many:,} {what}",
            f"{more / 1024:.0f} MiB",
            f"{few:,}: {less / 1024:.0f} MiB",
            f"at most {MOST_GROWTH:g} x",
            more / less <= MOST_GROWTH,
            more / less,
        )


if __name__ == "__main__":
    for row in rows(quick=False):
        print(f"{row.what}: {row.measured}, {row.rival} ({row.aim})")
