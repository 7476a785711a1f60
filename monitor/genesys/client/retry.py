"""When a request is repeated, and after what pause: reads only, within one total deadline.

stamina brings the loop, the back-off with jitter and its test switch. Its pauses can't be
interrupted, so they are kept short; a ``Retry-After`` is waited out by the rate limiter, which can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import stamina
import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from monitor.errors import (
    ConnectionFailedError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFaultError,
)
from monitor.genesys.client.budget import Deadline

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 3.0
"""Below the five seconds in which a daemon has to end."""

log = structlog.get_logger()


def retry_attempts(
    deadline: Deadline,
    *,
    is_ending: Callable[[], bool],
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> Iterator[tuple[int, AbstractContextManager[None]]]:
    """Yield ``(number, context)`` for each attempt.

    A repeatable error inside a context is kept there, and leads to the next attempt.

    The last error is let through when it can't be repeated, when the program is ending, or when
    the deadline is, or would be, nearly over after the pause. Where the deadline cuts the last
    attempt short, the error before it is told: it says what the platform did.

    Args:
        deadline: The time for all attempts together.
        is_ending: Whether nothing is worth repeating any more.
        first_pause_seconds: The back-off before the second attempt, without its jitter.
    """
    failed: list[Exception] = []

    def pause_after(error: Exception) -> bool | float:
        if not failed or deadline.remaining_seconds > 0:
            failed.append(error)
        if is_ending():
            return False
        if isinstance(error, RateLimitedError):
            if error.status is None:
                # The rate limiter's own refusal: the endpoint is closed, or the queue is too long.
                return False
            wait = error.retry_after_seconds
            if wait <= 0:
                return True
            # The rate limiter makes this wait at the next attempt, if it fits.
            return 0.0 if wait < deadline.remaining_seconds else False
        return isinstance(error, ConnectionFailedError | RequestTimeoutError | ServerFaultError)

    seconds = max(deadline.remaining_seconds, 0.0)
    longest_pause = min(LONGEST_PAUSE_SECONDS, seconds / 10)
    # An attempt that begins in the deadline's last moments could only end as a timeout of our own
    # making, and hide the error that is worth reading.
    last_moments = seconds / 10
    last_start = seconds - last_moments - longest_pause
    for attempt in stamina.retry_context(
        on=pause_after,
        attempts=None,
        timeout=last_start,
        wait_initial=first_pause_seconds,
        wait_max=longest_pause,
        wait_jitter=first_pause_seconds,
    ):
        if failed and deadline.remaining_seconds < last_moments:
            # A busy machine wakes up late.
            raise failed[-1]
        yield attempt.num, _with_known_error(attempt, tuple(failed), deadline)


@contextmanager
def _with_known_error(
    attempt: AbstractContextManager[None], failed: Sequence[Exception], deadline: Deadline
) -> Iterator[None]:
    """An attempt that tells what was known before where the deadline cuts it short."""
    try:
        with attempt:
            yield
    except RequestTimeoutError as error:
        if not failed or error.status is not None or deadline.remaining_seconds > 0:
            raise
    else:
        return
    # Outside the handler: it has a cause of its own.
    raise failed[-1]


def _log_retry(details: RetryDetails) -> None:
    """One debugging line a retry: how often is counted, and what it led to is the poll's line."""
    log.debug(
        "retry",
        number=details.retry_num,
        wait_seconds=round(details.wait_for, 2),
        why=str(details.caused_by),
    )


# stamina would write its own line for each retry, as a warning and in words of its own.
set_on_retry_hooks([_log_retry])
