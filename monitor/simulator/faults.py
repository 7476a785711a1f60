"""Faults to order: the next requests to a path go wrong in a chosen way."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, get_args

from monitor.errors import ConfigurationError

FaultKind = Literal[
    "rate_limited",
    "unauthorized",
    "forbidden",
    "not_found",
    "bad_request",
    "conflict",
    "conflict_after",
    "precondition_failed",
    "precondition_failed_after",
    "bad_request_after",
    "not_found_after",
    "rate_limited_after",
    "edited",
    "spoilt",
    "request_timeout",
    "server_error",
    "unavailable",
    "hang",
    "hang_after",
    "reset",
    "reset_after",
    "html",
    "html_forbidden",
    "html_not_found",
    "wrong_shape",
    "empty",
    "cut",
    "job_pending",
    "job_failed",
    "job_cancelled",
    "job_expired",
]
"""The ``_after`` kinds do what was asked, and then the answer is lost, or is a refusal: so it looks
where a proxy sends a request twice and passes on the second answer. ``edited`` lets somebody
else save the flow or the integration action just before the request is served as usual; ``spoilt``
lets the write change something beside the timeout, and keep another timeout where one is given.
``html`` is a proxy's page in the platform's place, with 200, 403 or 404.
``cut`` compresses the answer and loses its end,
which nothing but the stream itself shows. The
``job_`` kinds are for the state of an analytics job: it stays, or ends without results."""

FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong, where, and how often.

    Attributes:
        kind: What the client sees.
        path_prefix: Only requests whose path begins so.
        count: How many requests.
        method: Only this HTTP method; None for any.
        skip: How many matching requests pass unharmed before the first.
        retry_after_seconds: ``Retry-After`` of ``rate_limited`` and ``unavailable``; None leaves
            the header out.
        hang_seconds: How long a hanging request stays without an answer.
        action_id: Which data action of a flow is ``edited``, or keeps another timeout.
        timeout_ms: The timeout that it is given then; None to change something else.
    """

    kind: FaultKind
    path_prefix: str = "/"
    count: int = 1
    method: str | None = None
    skip: int = 0
    retry_after_seconds: int | None = 1
    hang_seconds: float = 30.0
    action_id: str = ""
    timeout_ms: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could never happen.

        Raises:
            ConfigurationError: An unknown kind, or a count below 1.
        """
        if self.kind not in FAULT_KINDS:
            message = f"there is no fault {self.kind!r}"
            raise ConfigurationError(message, f"choose one of {', '.join(FAULT_KINDS)}")
        if self.count < 1 or self.skip < 0:
            message = "a fault must hit at least one request"
            raise ConfigurationError(message, "give a count of 1 or more and a skip of 0 or more")


class FaultQueue:
    """Faults that wait for their requests, first come first served. Thread-safe."""

    def __init__(self) -> None:
        """Start without faults."""
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, int, int]] = []

    def add(self, fault: Fault) -> None:
        """Let the next matching requests fail."""
        with self._lock:
            self._waiting.append((fault, fault.skip, fault.count))

    def clear(self) -> None:
        """Forget all that have not happened yet."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[tuple[Fault, int]]:
        """Return what has not happened yet, and how often it still will."""
        with self._lock:
            return [(fault, left) for fault, _, left in self._waiting]

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits this request, if any; it is used up by it."""
        with self._lock:
            for at, (fault, skip, left) in enumerate(self._waiting):
                if not path.startswith(fault.path_prefix):
                    continue
                if fault.method is not None and fault.method != method:
                    continue
                if skip:
                    self._waiting[at] = (fault, skip - 1, left)
                    continue
                if left > 1:
                    self._waiting[at] = (fault, 0, left - 1)
                else:
                    del self._waiting[at]
                return fault
            return None
