"""Windows of a day as bytes and back, to the very bit: a tenth of what they take as rows.

Numbers are written column by column, so that what is alike lies together, and then compressed. What
follows from another column is left out where it does, and written where it does not: a window of
one execution has one duration, which is its sum, its shortest and its longest; one of two has the
sum of both.

::

    format (1 byte)  checksum of what follows (4)  series (4)  windows (4)  length (4)  columns

where the columns are compressed, and so many bytes at their head tell series, starts and counts.
Sums of a pack are a few numbers, and written simply: the same lead, the number of series (4), and
their numbers in 64 bits each, compressed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.store.number_columns import EVERY, WIDEST, NumberReader, NumberWriter, Rows
from monitor.store.window_columns import (
    BANDS,
    Floats,
    Ints,
    WindowColumns,
    no_windows,
    smallest,
)

FORMAT = 1
_LEAD = struct.Struct("<BI")
_SIZES = struct.Struct("<III")
_SIZE = struct.Struct("<I")
_NUMBERS = 5 + BANDS
"""Of a sum: series, executions, the sum, the shortest and the longest duration, and bands."""
_LEVEL = 6
_NO_BAND = 255
_PAIR = 2


class DamagedPackError(Exception):
    """The bytes are not what was written."""


def pack(windows: WindowColumns) -> bytes:
    """Return windows as bytes.

    Args:
        windows: In any order; each of another series or start.
    """
    rows = windows.sorted()
    number, lengths = _runs(rows.series)
    parts = NumberWriter()
    parts.ints(number)
    parts.ints(lengths)
    firsts = np.cumsum(lengths) - lengths
    step = int(np.gcd.reduce(rows.start)) if len(rows) else 0
    starts = rows.start // step if step else rows.start
    begin = int(starts.min()) if len(rows) else 0
    parts.ints(np.array([step, begin], dtype=np.int64))
    parts.ints(starts[firsts] - begin)
    deltas = np.diff(starts, prepend=0)
    deltas[firsts] = 0
    parts.ints(deltas)
    parts.ints(rows.count)
    head = parts.length
    single, pair, odd = _foreseen(rows)
    parts.ints(np.array([len(odd)], dtype=np.int64))
    parts.ints(odd)
    parts.floats(rows.min_ms)
    parts.floats(rows.max_ms[~single])
    parts.floats(rows.duration_ms[~(single | pair)])
    _write_bands(parts, rows)
    return _sealed(_SIZES.pack(len(number), len(rows), head) + zlib.compress(parts.bytes(), _LEVEL))


def unpack(data: bytes, chosen_series: Collection[int] | None = None) -> WindowColumns:
    """Return the windows of ``pack``, by series and start.

    Args:
        data: What was written.
        chosen_series: The only series that are asked for, which takes less time; None for all.

    Raises:
        DamagedPackError: They are not what was written.
    """
    body = _opened(data)
    try:
        series, size, _ = _SIZES.unpack_from(body)
        parts = NumberReader(zlib.decompress(body[_SIZES.size :]))
        return _unpacked(parts, series, size, chosen_series)
    except (zlib.error, ValueError, IndexError, struct.error) as error:
        raise DamagedPackError from error


def unpack_counts(data: bytes) -> tuple[Ints, Ints, Ints]:
    """Return series, start and executions of the windows of ``pack``, and look at nothing else.

    Raises:
        DamagedPackError: They are not what was written.
    """
    body = _opened(data)
    try:
        series, size, head = _SIZES.unpack_from(body)
        packed = body[_SIZES.size :]
        found = _counted(NumberReader(zlib.decompressobj().decompress(packed, head)), series, size)
    except (zlib.error, ValueError, IndexError, struct.error) as error:
        raise DamagedPackError from error
    number, lengths, start, count = found
    return np.repeat(number, lengths), start, count


def pack_sums(sums: WindowColumns) -> bytes:
    """Return sums as bytes, one row a series; when they begin is not among it.

    Raises:
        OverflowError: One of them does not fit into 64 bits.
    """
    durations = _as_bits(sums.duration_ms, sums.min_ms, sums.max_ms)
    table = np.vstack(
        [
            *(np.asarray(one).astype("<i8") for one in (sums.series, sums.count, *durations)),
            sums.bands.astype("<i8").T,
        ]
    )
    planes = np.ascontiguousarray(table).view(np.uint8).reshape(-1, WIDEST).T.tobytes()
    return _sealed(_SIZE.pack(len(sums)) + zlib.compress(planes, _LEVEL))


def unpack_sums(data: bytes) -> Ints:
    """Return the numbers of ``pack_sums``, for ``sums_of``; shape (26, series).

    Raises:
        DamagedPackError: They are not what was written.
    """
    body = _opened(data)
    try:
        (size,) = _SIZE.unpack_from(body)
        planes = np.frombuffer(zlib.decompress(body[_SIZE.size :]), np.uint8)
        table = np.ascontiguousarray(planes.reshape(WIDEST, -1).T).view("<i8")
        return table.reshape(_NUMBERS, size).astype(np.int64, copy=False)
    except (zlib.error, ValueError, struct.error) as error:
        raise DamagedPackError from error


def sums_of(tables: Sequence[Ints], start: int) -> WindowColumns:
    """Return the sums of many packs as columns, all of them dated alike."""
    if not tables:
        return no_windows()
    table = np.concatenate(tables, axis=1)
    return WindowColumns(
        series=table[0],
        start=np.full(table.shape[1], start, dtype=np.int64),
        count=table[1],
        duration_ms=table[2].view(np.float64),
        min_ms=table[3].view(np.float64),
        max_ms=table[4].view(np.float64),
        bands=smallest(table[5:].T),
    )


def _sealed(body: bytes) -> bytes:
    return _LEAD.pack(FORMAT, zlib.crc32(body)) + body


def _opened(data: bytes) -> memoryview:
    """Return what follows the lead.

    Raises:
        DamagedPackError: It is not what was written.
    """
    body = memoryview(data)[_LEAD.size :]
    if len(data) < _LEAD.size or _LEAD.unpack_from(data) != (FORMAT, zlib.crc32(body)):
        raise DamagedPackError
    return body


def _counted(parts: NumberReader, series: int, size: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return numbers of series, how many windows each has, their starts and their executions."""
    number, lengths = parts.ints(series), parts.ints(series)
    step, begin = parts.ints(2).tolist()
    firsts = np.cumsum(lengths) - lengths
    first_starts = parts.ints(series)
    starts = np.cumsum(parts.ints(size))
    starts += np.repeat(first_starts - starts[firsts] + begin, lengths)
    return number, lengths, starts * step if step else starts, parts.ints(size)


def _unpacked(
    parts: NumberReader, series: int, size: int, chosen_series: Collection[int] | None
) -> WindowColumns:
    if not size:
        return no_windows()
    number, lengths, start, count = _counted(parts, series, size)
    odd = parts.ints(int(parts.ints(1)[0]))
    single, pair = count == 1, count == _PAIR
    single[odd] = pair[odd] = False
    several, told = ~single, ~(single | pair)
    rows = _rows(number, lengths, chosen_series)
    shortest = parts.floats(size, rows)
    longest = shortest.copy()
    longest[several[rows]] = parts.floats(*_places(several, rows))
    duration = shortest.copy()
    is_pair = pair[rows]
    duration[is_pair] += longest[is_pair]
    duration[told[rows]] = parts.floats(*_places(told, rows))
    return WindowColumns(
        series=np.repeat(number, lengths)[rows],
        start=start[rows],
        count=count[rows],
        duration_ms=duration,
        min_ms=shortest,
        max_ms=longest,
        bands=_read_bands(parts, count, rows),
    )


def _rows(number: Ints, lengths: Ints, chosen_series: Collection[int] | None) -> Rows:
    """Return where the windows of some series are."""
    if chosen_series is None:
        return EVERY
    is_chosen = [one in chosen_series for one in number.tolist()]
    return EVERY if all(is_chosen) else np.flatnonzero(np.repeat(is_chosen, lengths))


def _places(holds: npt.NDArray[np.bool_], rows: Rows) -> tuple[int, Rows]:
    """Return how many rows have a number in a column, and where in it those asked for are."""
    size = int(np.count_nonzero(holds))
    if isinstance(rows, slice):
        return size, rows
    return size, np.cumsum(holds)[rows[holds[rows]]] - 1


def _runs(series: Ints) -> tuple[Ints, Ints]:
    number, lengths = np.unique(series, return_counts=True)
    return number, lengths.astype(np.int64)


def _foreseen(rows: WindowColumns) -> tuple[Any, Any, Ints]:
    """Return which rows have their durations in the shortest, and in the shortest and longest.

    Returns:
        Rows of one execution that do, rows of two that do, and the numbers of those that do not.
    """
    shortest, longest, duration = _as_bits(rows.min_ms, rows.max_ms, rows.duration_ms)
    (both,) = _as_bits(rows.min_ms + rows.max_ms)
    of_one, of_two = rows.count == 1, rows.count == _PAIR
    single = of_one & (shortest == longest) & (shortest == duration)
    pair = of_two & (both == duration)
    return single, pair, np.flatnonzero((of_one & ~single) | (of_two & ~pair))


def _as_bits(*columns: Floats) -> list[Ints]:
    """Return doubles by their bits: what is equal may be written differently."""
    return [np.ascontiguousarray(column).view(np.int64) for column in columns]


def _write_bands(parts: NumberWriter, rows: WindowColumns) -> None:
    """Write the band of each window of one execution, and the other windows' in full."""
    bands = rows.bands
    of_one = np.flatnonzero(rows.count == 1)
    ones = bands[of_one]
    place = ones.argmax(axis=1) if len(ones) else np.zeros(0, dtype=np.int64)
    is_plain = (ones[np.arange(len(ones)), place] == 1) & ((ones != 0).sum(axis=1) == 1)
    parts.ints(np.where(is_plain, place, _NO_BAND))
    is_full = np.ones(len(rows), dtype=bool)
    is_full[of_one[is_plain]] = False
    full = bands[is_full]
    used = np.flatnonzero(full.any(axis=0)) if len(full) else np.zeros(0, dtype=np.int64)
    parts.ints(np.array([len(used)], dtype=np.int64))
    parts.ints(used)
    for column in used:
        parts.ints(full[:, column].astype(np.int64))


def _read_bands(parts: NumberReader, count: Ints, rows: Rows) -> npt.NDArray[Any]:
    of_one = count == 1
    place = np.full(len(count), _NO_BAND, dtype=np.int64)
    place[of_one] = parts.ints(int(np.count_nonzero(of_one)))
    used = parts.ints(int(parts.ints(1)[0]))
    columns = parts.table(len(used), *_places(place == _NO_BAND, rows))
    place = place[rows]
    bands = np.zeros((len(place), BANDS), dtype=columns.dtype)
    plain, full = np.flatnonzero(place != _NO_BAND), np.flatnonzero(place == _NO_BAND)
    bands[plain, place[plain]] = 1
    bands[full[:, None], used] = columns.T
    return bands
