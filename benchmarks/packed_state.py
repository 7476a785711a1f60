"""How much room a state takes, and how long reading it takes, with its windows packed.

    .venv/bin/python -m benchmarks.packed_state            200 actions of a month, 2,000 of 8 days
    .venv/bin/python -m benchmarks.packed_state --quick    a few of them

Windows are written a quarter of a day at a time, and packed as a daemon does. The rival in room is
Parquet (zstd level 3) of the very same rows in one file. DuckDB writes it, in a few percent of the
room that pyarrow takes; that one is not installed, for pandas would load it into every process. The
rival in time is a bare ``sqlite3`` that fetches the same windows as rows into numpy.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.diagnosing import ORG, T0, WINDOW_SECONDS, fill
from benchmarks.rows import DisagreementError, Row
from monitor.config import DIAGNOSED_SECONDS
from monitor.ledger import Ledger, OrgTallies
from monitor.store import BAND_COLUMNS
from monitor.time_ranges import TimeRange

MOST_KILOBYTES = 3.0
MOST_TIMES_PARQUET = 1.5
MOST_TIMES_ROWS = 0.5
DAY_SECONDS = 86_400
PACK_EVERY_SECONDS = 6 * 3_600
PACK_AFTER_SECONDS = 2 * 3_600
ZSTD_LEVEL = 3

_INSERT = f"INSERT INTO tallies VALUES ({', '.join('?' * (7 + len(BAND_COLUMNS)))})"  # noqa: S608 - ours
_EIGHT_DAYS = TimeRange(T0, T0 + DIAGNOSED_SECONDS)

Rows = list[tuple[Any, ...]]


def month(template: Path, path: Path, days: int, *, whole: bool) -> Rows:
    """Fill a state day by day, and pack it as a daemon does; the rows that were written.

    Args:
        template: A state of eight days, whose days are repeated.
        path: Where.
        days: How many.
        whole: Whether durations are whole milliseconds, as the platform tells them.
    """
    shutil.copy(template, path)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT * FROM tallies ORDER BY window_start").fetchall()
        connection.execute("DELETE FROM tallies")
        connection.commit()
        connection.execute("VACUUM")
    columns = np.array([row[1] for row in found])
    written = Rows()
    with (
        closing(sqlite3.connect(path)) as connection,
        Ledger.open(f"sqlite:///{path}") as ledger,
    ):
        for start in range(T0, T0 + days * DAY_SECONDS, PACK_EVERY_SECONDS):
            shift = (start - T0) // DIAGNOSED_SECONDS * DIAGNOSED_SECONDS
            edges = [start - shift, start - shift + PACK_EVERY_SECONDS]
            low, high = np.searchsorted(columns, edges)
            rows = [_shifted(row, shift, whole=whole) for row in found[low:high]]
            connection.executemany(_INSERT, rows)
            connection.commit()
            written += rows
            ledger.housekeeping.pack(start + PACK_EVERY_SECONDS - PACK_AFTER_SECONDS)
    return written


def _shifted(row: tuple[Any, ...], seconds: int, *, whole: bool) -> tuple[Any, ...]:
    org_id, start, series, count, *durations = row[:7]
    if whole:
        durations = [float(round(one)) for one in durations]
    return org_id, start + seconds, series, count, *durations, *row[7:]


def parquet_bytes(rows: Rows, path: Path) -> int:
    """Return the size of the same rows as Parquet.

    Raises:
        DisagreementError: It holds other rows.
    """
    names = ["org_id", "window_start", "series_id", "count", "duration_ms", "min_ms", "max_ms"]
    columns = (*names, *BAND_COLUMNS)
    given = pd.DataFrame(dict(zip(columns, map(np.array, zip(*rows, strict=True)), strict=True)))
    with import_module("duckdb").connect() as database:
        database.register("given", given)
        options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}"
        database.execute(f"COPY given TO '{path}' ({options})")
        # Both ways, for either may hold rows that the other has not.
        for one, other in ((f"'{path}'", "given"), ("given", f"'{path}'")):
            missing = f"SELECT count(*) FROM (FROM {one} EXCEPT ALL FROM {other})"  # noqa: S608 - ours
            if database.execute(missing).fetchone() != (0,):
                raise DisagreementError(f"{path.name} holds other rows than were written")
    return path.stat().st_size


def _room(folder: Path, *, quick: bool) -> Iterator[Row]:
    actions, days = (10, 3) if quick else (200, 31)
    template = folder / "template.db"
    fill(template, actions)
    for whole, told in ((True, "whole milliseconds"), (False, "fractions of them")):
        path = folder / f"month-{told[0]}.db"
        written = month(template, path, days, whole=whole)
        _compare(path, written)
        kilobytes = path.stat().st_size / actions / days / 1e3
        yield Row(
            f"state file an action and day, after {days} days of {actions}; {told}",
            f"{kilobytes:.2f} kB",
            "",
            f"at most {MOST_KILOBYTES:g} kB",
            kilobytes <= MOST_KILOBYTES,
        )
        size = parquet_bytes(written, folder / "rows.parquet")
        ratio = path.stat().st_size / size
        yield Row(
            f"the same file beside Parquet of the same rows; {told}",
            f"{path.stat().st_size / 1e6:.1f} MB",
            f"Parquet by DuckDB, zstd level {ZSTD_LEVEL}: {size / 1e6:.1f} MB",
            f"at most {MOST_TIMES_PARQUET:g} x",
            ratio <= MOST_TIMES_PARQUET,
            ratio,
        )


def _compare(path: Path, written: Rows) -> None:
    """Make sure that a state holds what was written into it, window by window.

    Raises:
        DisagreementError: It does not, or nothing was written.
    """
    with Ledger.open(f"sqlite:///{path}") as ledger, ledger.history() as history:
        everything = TimeRange(0, 2 * T0)
        found = [
            (one.window_start, *_numbers(one.counts))
            for one in history.windows(ORG, everything, by_series=True)
        ]
    if not written or sorted(found) != sorted((row[1], *row[3:]) for row in written):
        raise DisagreementError(f"{path.name} holds other windows than were written")


def _numbers(counts: Any) -> tuple[float, ...]:  # noqa: ANN401 - Counts
    return counts.count, counts.duration_ms, counts.min_ms, counts.max_ms, *counts.bands


def _time(folder: Path, *, quick: bool) -> Row:
    actions = 20 if quick else 2_000
    rows, packed = folder / "rows.db", folder / "packed.db"
    fill(rows, actions, windows=288 if quick else 8 * 288)
    shutil.copy(rows, packed)
    with Ledger.open(f"sqlite:///{packed}") as ledger:
        ledger.housekeeping.pack(_EIGHT_DAYS.end - PACK_AFTER_SECONDS)
    ours, theirs = _interleaved(
        lambda: _read(packed), lambda: _fetched(rows), times=1 if quick else 5
    )
    counted = _read(packed)
    fetched = _fetched(rows)
    if int(counted.counts[:, 2].sum() + counted.failures.count.sum()) != int(fetched[:, 2].sum()):
        raise DisagreementError("packed windows count other executions than rows")
    return Row(
        f"reading {actions:,} actions x 8 days for a diagnosis",
        f"{ours:.2f} s",
        f"sqlite3 alone, the same windows as rows into numpy: {theirs:.2f} s",
        f"at most {MOST_TIMES_ROWS:g} x",
        ours <= MOST_TIMES_ROWS * theirs,
        ours / theirs,
    )


def _read(path: Path) -> OrgTallies:
    with Ledger.open(f"sqlite:///{path}") as ledger:
        return ledger.tallies.columns(
            ORG, _EIGHT_DAYS, bucket_seconds=3_600, window_seconds=WINDOW_SECONDS
        )


def _fetched(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    columns = ", ".join(("count", "duration_ms", "min_ms", "max_ms", *BAND_COLUMNS))
    query = f"SELECT series_id, window_start, {columns} FROM tallies WHERE window_start >= ?"  # noqa: S608 - ours
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute(query, (T0,))
        pieces = []
        while rows := cursor.fetchmany(10_000):
            pieces.append(np.array(rows, dtype=np.float64))
    return np.concatenate(pieces)


def _interleaved(*ways: Callable[[], object], times: int) -> list[float]:
    """Return the median of the CPU seconds of each way, one after the other in turns."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(times):
        for way, seconds in zip(ways, taken, strict=True):
            begun = time.process_time()
            way()
            seconds.append(time.process_time() - begun)
    return [statistics.median(seconds) for seconds in taken]


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield what a state takes in room and in time.

    Args:
        quick: Measure little; what is read is compared all the same.

    Raises:
        DisagreementError: A packed state holds something else than was written.
    """
    with tempfile.TemporaryDirectory() as folder:
        yield from _room(Path(folder), quick=quick)
        yield _time(Path(folder), quick=quick)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    found = [*rows(quick=parser.parse_args(arguments).quick)]
    for row in found:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        print(f"{row.what}: {row.measured} {row.rival} {ratio} (aim: {row.aim})")
    return int(not all(row.holds for row in found))


if __name__ == "__main__":
    raise SystemExit(main())
