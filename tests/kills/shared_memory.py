"""What a test and the processes that it kills know in common: the time, and how far they came."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_TIME = struct.Struct("d")
_COUNT = struct.Struct("Q")
_TAKEN, _POLLS, _SIZE = 8, 16, 24


class SharedMemory:
    """Three numbers in a file that several processes have mapped; none of them is ever torn."""

    def __init__(self, path: Path) -> None:
        """Map the file, which is made where it is not there."""
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)

    @property
    def time(self) -> float:
        """The simulated time, epoch seconds."""
        now: float = _TIME.unpack_from(self._map, 0)[0]
        return now

    @time.setter
    def time(self, now: float) -> None:
        _TIME.pack_into(self._map, 0, now)

    @property
    def taken(self) -> int:
        """How many boundaries the process has come to."""
        return self._count(_TAKEN)

    @taken.setter
    def taken(self, number: int) -> None:
        _COUNT.pack_into(self._map, _TAKEN, number)

    @property
    def polls(self) -> int:
        """How many polls the process has ended."""
        return self._count(_POLLS)

    @polls.setter
    def polls(self, number: int) -> None:
        _COUNT.pack_into(self._map, _POLLS, number)

    def _count(self, offset: int) -> int:
        number: int = _COUNT.unpack_from(self._map, offset)[0]
        return number


class SharedClock:
    """The simulated time, which stands still until a process moves it."""

    def __init__(self, memory: SharedMemory) -> None:
        """Show the time of this memory."""
        self._memory = memory

    def now(self) -> float:
        """Return the time, epoch seconds."""
        return self._memory.time

    def monotonic(self) -> float:
        """Return the same: this clock is never set back."""
        return self._memory.time

    def machine_seconds(self, seconds: float) -> float:
        """Return a thousandth: nobody waits for the platform's minute to pass."""
        return seconds / 1_000
