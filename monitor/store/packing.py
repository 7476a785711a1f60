"""Windows of a day as bytes and back, to the very bit: a tenth of what they take as rows.

Numbers are written column by column, so that what is alike lies together, and then compressed. What
follows from another column is left out where it does, and written where it does not: a window of
one execution has one duration, which is its sum, its shortest and its longest; one of two has the
sum of both.

::

    format (1 byte)  checksum of what follows (4)  series (4)  windows (4)  compressed columns
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.store.window_columns import BANDS, Floats, Ints, WindowColumns, no_windows

FORMAT = 1
_LEAD = struct.Struct("<BI")
_SIZES = struct.Struct("<II")
_LEVEL = 6
_WHOLE, _BITS = 1, 2
_MOST_WHOLE = 2.0**53
_NO_BAND = 255
_PAIR = 2
_WIDTHS = (0, 1, 2, 4)
_WIDEST = 8
"""Bytes of an integer; none where all of a column are zero."""


class DamagedPackError(Exception):
    """The bytes are not what was written."""


def pack(windows: WindowColumns) -> bytes:
    """Return windows as bytes.

    Args:
        windows: In any order; each of another series or start.
    """
    rows = windows.sorted()
    number, lengths = _runs(rows.series)
    parts = _Writer()
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
    single, pair, odd = _foreseen(rows)
    parts.ints(np.array([len(odd)], dtype=np.int64))
    parts.ints(odd)
    parts.floats(rows.min_ms)
    parts.floats(rows.max_ms[~single])
    parts.floats(rows.duration_ms[~(single | pair)])
    _write_bands(parts, rows)
    body = _SIZES.pack(len(number), len(rows)) + zlib.compress(parts.bytes(), _LEVEL)
    return _LEAD.pack(FORMAT, zlib.crc32(body)) + body


def unpack(data: bytes) -> WindowColumns:
    """Return the windows of ``pack``, by series and start.

    Raises:
        DamagedPackError: They are not what was written.
    """
    body = memoryview(data)[_LEAD.size :]
    if len(body) < _SIZES.size:
        raise DamagedPackError
    form, checksum = _LEAD.unpack_from(data)
    if form != FORMAT or checksum != zlib.crc32(body):
        raise DamagedPackError
    series, size = _SIZES.unpack_from(body)
    try:
        return _unpacked(_Reader(zlib.decompress(body[_SIZES.size :])), series, size)
    except (zlib.error, ValueError, IndexError, struct.error) as error:
        raise DamagedPackError from error


def _unpacked(parts: _Reader, series: int, size: int) -> WindowColumns:
    if not size:
        return no_windows()
    number, lengths = parts.ints(series), parts.ints(series)
    step, begin = parts.ints(2).tolist()
    firsts = np.cumsum(lengths) - lengths
    first_starts = parts.ints(series)
    starts = np.cumsum(parts.ints(size))
    starts += np.repeat(first_starts - starts[firsts] + begin, lengths)
    count = parts.ints(size)
    odd = parts.ints(int(parts.ints(1)[0]))
    single, pair = count == 1, count == _PAIR
    single[odd] = pair[odd] = False
    shortest = parts.floats(size)
    longest = shortest.copy()
    longest[~single] = parts.floats(size - int(single.sum()))
    duration = shortest.copy()
    duration[pair] += longest[pair]
    told = ~(single | pair)
    duration[told] = parts.floats(int(told.sum()))
    return WindowColumns(
        series=np.repeat(number, lengths),
        start=starts * step if step else starts,
        count=count,
        duration_ms=duration,
        min_ms=shortest,
        max_ms=longest,
        bands=_read_bands(parts, count),
    )


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


def _write_bands(parts: _Writer, rows: WindowColumns) -> None:
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


def _read_bands(parts: _Reader, count: Ints) -> npt.NDArray[Any]:
    of_one = np.flatnonzero(count == 1)
    place = parts.ints(len(of_one))
    is_plain = place != _NO_BAND
    is_full = np.ones(len(count), dtype=bool)
    is_full[of_one[is_plain]] = False
    full = np.flatnonzero(is_full)
    used = parts.ints(int(parts.ints(1)[0])).tolist()
    columns = [parts.narrow_ints(len(full)) for _ in used]
    bands = np.zeros((len(count), BANDS), dtype=np.result_type(np.uint8, *columns))
    bands[of_one[is_plain], place[is_plain]] = 1
    for at, column in zip(used, columns, strict=True):
        bands[full, at] = column
    return bands


def _kind(width: int) -> str:
    """Return numpy's word for integers of so many bytes; only the widest may be below zero."""
    return f"<{'i' if width == _WIDEST else 'u'}{width}"


class _Writer:
    """Columns, one behind the other."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def bytes(self) -> bytes:
        return b"".join(self._parts)

    def ints(self, values: Ints) -> None:
        """Write integers in the fewest bytes that hold all of them, like bytes together."""
        if not len(values):
            return
        low, high = int(values.min()), int(values.max())
        width = next((one for one in _WIDTHS if low >= 0 and high < 1 << (8 * one)), _WIDEST)
        self._planes(width, values, _kind(width))

    def floats(self, values: Floats) -> None:
        """Write doubles: whole ones as integers, others by their bits."""
        if not len(values):
            return
        is_whole = bool(
            np.all(np.abs(values) < _MOST_WHOLE)
            and np.all(values == np.trunc(values))
            and not np.any(np.signbit(values) & (values == 0))
        )
        self._parts.append(bytes([_WHOLE if is_whole else _BITS]))
        if is_whole:
            self.ints(values.astype(np.int64))
        else:
            self._planes(8, values, "<f8")

    def _planes(self, width: int, values: npt.NDArray[Any], kind: str) -> None:
        self._parts.append(bytes([width]))
        if width:
            in_bytes = values.astype(kind).view(np.uint8).reshape(len(values), width)
            self._parts.append(in_bytes.T.tobytes())


class _Reader:
    """Columns, read in the order in which they were written."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def ints(self, size: int) -> Ints:
        return self.narrow_ints(size).astype(np.int64)

    def narrow_ints(self, size: int) -> npt.NDArray[Any]:
        """Read integers as they were written: in the fewest bytes."""
        if not size:
            return np.zeros(0, dtype=np.uint8)
        width = self._byte()
        if not width:
            return np.zeros(size, dtype=np.uint8)
        return self._planes(width, size, _kind(width))

    def floats(self, size: int) -> Floats:
        if not size:
            return np.zeros(0)
        if self._byte() == _WHOLE:
            return self.narrow_ints(size).astype(np.float64)
        return self._planes(self._byte(), size, "<f8").astype(np.float64)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _planes(self, width: int, size: int, kind: str) -> npt.NDArray[Any]:
        planes = np.frombuffer(self._data, np.uint8, width * size, self._at)
        self._at += width * size
        if width == 1:
            return planes.astype(kind)
        return np.ascontiguousarray(planes.reshape(width, size).T).view(kind).reshape(size)
