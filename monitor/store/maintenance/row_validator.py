"""Which rows of a damaged state can be what was written: the others are left out, and named."""

from __future__ import annotations

import math

from sqlalchemy import BigInteger, Boolean, Double, Integer, LargeBinary, Table

from monitor.store.maintenance.packed_integrity import LARGEST
from monitor.store.maintenance.table_reader import Row
from monitor.store.schema import BAND_COLUMNS


class RowValidator:
    """Whether every value of a row is one that its column can hold."""

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        """Look at the columns, in the order in which rows come."""
        self._kinds = tuple(_kinds(table, name) for name in columns)
        self._counted: dict[str, int] = {}
        self._bands = [at for at, name in enumerate(columns) if name in BAND_COLUMNS]
        if "duration_ms" in columns:
            names = {"count", "duration_ms", "min_ms", "max_ms", *BAND_COLUMNS}
            self._counted = {name: at for at, name in enumerate(columns) if name in names}

    def allows(self, row: Row) -> bool:
        """Return whether a row may be kept."""
        for value, kinds in zip(row, self._kinds, strict=True):
            kind = type(value)
            if kind not in kinds or (kind is float and not math.isfinite(value)):  # type: ignore[arg-type]  # it is a float
                return False
        return not self._counted or self._is_possible(row)

    def _is_possible(self, row: Row) -> bool:
        """Whether numbers of executions and their durations can be what was counted."""
        numbers = {name: row[at] for name, at in self._counted.items()}
        if any(not 0 <= number <= LARGEST for number in numbers.values()):  # type: ignore[operator]  # numbers all
            return False
        if "max_ms" not in numbers:
            return True  # a total: it is raised to what its windows hold
        in_bands = sum(row[at] for at in self._bands)  # type: ignore[misc]  # numbers all
        return numbers["min_ms"] <= numbers["max_ms"] and in_bands <= numbers["count"]  # type: ignore[operator]


def _kinds(table: Table, name: str) -> frozenset[type]:
    column = table.columns.get(name)
    if column is None:  # of an older schema
        return frozenset({int, float, str, type(None)})
    if isinstance(column.type, Double):
        kinds: set[type] = {int, float}
    elif isinstance(column.type, Integer | BigInteger | Boolean):
        kinds = {int}
    elif isinstance(column.type, LargeBinary):
        kinds = {bytes}
    else:
        kinds = {str}
    return frozenset(kinds | {type(None)} if column.nullable else kinds)
