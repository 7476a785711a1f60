"""What the API costs: requests, retries and time spent waiting, counted as it happens."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ApiStats:
    """The counts of one client so far; a snapshot that does not change any more.

    Attributes:
        requests: ``(endpoint label, status label)`` -> requests. The status label is the HTTP
            status as text, ``timeout``, ``connection`` or ``too_large``.
        retries: Endpoint label -> requests that repeated an earlier one.
        rate_limited_seconds: Endpoint label -> seconds spent waiting for a rate limit, the
            platform's or the one this program keeps to.
        dropped_records: ``(source, reason)`` -> records that made no sense and were left out.
    """

    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    retries: Mapping[str, int] = field(default_factory=dict)
    rate_limited_seconds: Mapping[str, float] = field(default_factory=dict)
    dropped_records: Mapping[tuple[str, str], int] = field(default_factory=dict)


class ApiCounters:
    """The running counts behind ``ApiStats``; safe to use from several threads."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._retries: Counter[str] = Counter()
        self._rate_limited_seconds: defaultdict[str, float] = defaultdict(float)
        self._dropped_records: Counter[tuple[str, str]] = Counter()

    def count_request(self, endpoint_label: str, status_label: str) -> None:
        """Count one request by how it ended."""
        with self._lock:
            self._requests[endpoint_label, status_label] += 1

    def count_retry(self, endpoint_label: str) -> None:
        """Count one request that repeats an earlier one."""
        with self._lock:
            self._retries[endpoint_label] += 1

    def add_wait(self, endpoint_label: str, seconds: float) -> None:
        """Add time that was spent waiting for a rate limit."""
        with self._lock:
            self._rate_limited_seconds[endpoint_label] += seconds

    def count_dropped(self, source: str, reason: str) -> bool:
        """Count one record that was left out; returns whether it is the first of its kind."""
        with self._lock:
            self._dropped_records[source, reason] += 1
            return self._dropped_records[source, reason] == 1

    def snapshot(self) -> ApiStats:
        """Return the counts of this moment."""
        with self._lock:
            return ApiStats(
                requests=MappingProxyType(dict(self._requests)),
                retries=MappingProxyType(dict(self._retries)),
                rate_limited_seconds=MappingProxyType(dict(self._rate_limited_seconds)),
                dropped_records=MappingProxyType(dict(self._dropped_records)),
            )
