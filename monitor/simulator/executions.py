"""Executions as columns: one row per execution, all times in whole epoch milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ExecutionColumns:
    """A table of executions.

    Attributes:
        action: Position in the org's actions.
        flow: Position in the org's flows; -1 where no flow called.
        arrival_ms: When the call began.
        duration_ms: How long it took.
        ending: Position in ``ENDINGS``.
        visible_ms: When aggregates show it.
        record_ms: When its conversation's detail record shows it; -1 where none ever does.
        conversation: Names the conversation; the serial of its first execution.
        serial: Names the execution.
    """

    action: Ints
    flow: Ints
    arrival_ms: Ints
    duration_ms: Ints
    ending: Ints
    visible_ms: Ints
    record_ms: Ints
    conversation: Ints
    serial: Ints

    def __len__(self) -> int:
        """Rows."""
        return len(self.serial)

    @property
    def end_ms(self) -> Ints:
        """Event time: an execution is dated at its end, everywhere."""
        return self.arrival_ms + self.duration_ms

    def take(self, rows: Flags | Ints) -> ExecutionColumns:
        """Return the chosen rows."""
        return ExecutionColumns(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def concat(cls, parts: Sequence[ExecutionColumns]) -> ExecutionColumns:
        """Return all rows of all parts, in their order."""
        if not parts:
            return EMPTY
        return cls(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            )
        )


EMPTY = ExecutionColumns(*(np.zeros(0, dtype=np.int64) for _ in fields(ExecutionColumns)))
