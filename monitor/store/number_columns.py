"""Columns of numbers as bytes and back, to the very bit: each in the fewest bytes that hold it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.store.window_columns import Floats, Ints

Rows = slice | Ints
"""Some rows of a column, by their numbers, or all of them."""
EVERY = slice(None)

_WHOLE, _BITS = 1, 2
_MOST_WHOLE = 2.0**53
_WIDTHS = (0, 1, 2, 4)
WIDEST = 8
"""Bytes of an integer; none where all of a column are zero."""


def _kind(width: int) -> str:
    """Return numpy's word for integers of so many bytes; only the widest may be below zero."""
    return f"<{'i' if width == WIDEST else 'u'}{width}"


class NumberWriter:
    """Columns, one behind the other."""

    def __init__(self) -> None:
        """Begin with none."""
        self._parts: list[bytes] = []

    @property
    def length(self) -> int:
        """How many bytes were written."""
        return sum(map(len, self._parts))

    def bytes(self) -> bytes:
        """Return what was written."""
        return b"".join(self._parts)

    def ints(self, values: Ints) -> None:
        """Write integers in the fewest bytes that hold all of them, like bytes together."""
        if not len(values):
            return
        low, high = int(values.min()), int(values.max())
        width = next((one for one in _WIDTHS if low >= 0 and high < 1 << (8 * one)), WIDEST)
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


class NumberReader:
    """Columns, read in the order in which they were written: all rows of each, or some."""

    def __init__(self, data: bytes) -> None:
        """Begin with the first column."""
        self._data = data
        self._at = 0

    def ints(self, size: int) -> Ints:
        """Read integers."""
        return self._narrow_ints(size, EVERY).astype(np.int64)

    def floats(self, size: int, rows: Rows) -> Floats:
        """Read doubles."""
        if not size:
            return np.zeros(0)
        if self._byte() == _WHOLE:
            return self._narrow_ints(size, rows).astype(np.float64)
        return self._planes(self._byte(), size, "<f8", rows).astype(np.float64)

    def table(self, columns: int, size: int, rows: Rows) -> npt.NDArray[Any]:
        """Read some columns of integers as they were written, in the fewest bytes of all of them.

        Returns:
            Shape (columns, rows).
        """
        if not columns or not size:
            return np.zeros((columns, size), dtype=np.uint8)[:, rows]
        length = columns * (1 + size)
        if self._at + length <= len(self._data):
            # Nearly always a byte each.
            table = np.frombuffer(self._data, np.uint8, length, self._at).reshape(columns, -1)
            if (table[:, 0] == 1).all():
                self._at += length
                return table[:, 1:][:, rows]
        return np.stack([self._narrow_ints(size, rows) for _ in range(columns)])

    def _narrow_ints(self, size: int, rows: Rows) -> npt.NDArray[Any]:
        width = self._byte() if size else 0
        if not width:
            return np.zeros(size, dtype=np.uint8)[rows]
        return self._planes(width, size, _kind(width), rows)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _planes(self, width: int, size: int, kind: str, rows: Rows) -> npt.NDArray[Any]:
        planes = np.frombuffer(self._data, np.uint8, width * size, self._at)
        self._at += width * size
        if width == 1:
            return planes[rows].astype(kind)
        return np.ascontiguousarray(planes.reshape(width, size)[:, rows].T).view(kind).reshape(-1)
