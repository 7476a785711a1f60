"""How often each route was asked for."""

from __future__ import annotations

import threading
from collections import Counter


class RequestLog:
    """Counts requests per method and route. Thread-safe."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def note(self, method: str, route: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[f"{method} {route}"] += 1

    def counts(self) -> dict[str, int]:
        """Requests by method and route template."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def clear(self) -> None:
        """Start again at nothing."""
        with self._lock:
            self._counts.clear()
