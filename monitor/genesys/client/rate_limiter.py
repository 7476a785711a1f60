"""Keeping to the platform's rate limits: a token bucket, and endpoints that asked for quiet.

The platform allows 300 requests a minute per token. A 429 carries ``Retry-After``; on a daily cap
that can be hours, and the endpoint is then asked nothing more until the time is over. The headers
``inin-ratelimit-count``, ``-allowed`` and ``-reset`` may be there: they are used and never needed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import structlog

from monitor.clock import Clock
from monitor.errors import RateLimitedError, RequestTimeoutError
from monitor.genesys.client.api_stats import ApiCounters

log = structlog.get_logger()

REQUESTS_PER_SECOND = 4.0
"""Refill of the bucket: 240 a minute, a fifth below the platform's 300."""

BURST = 50
"""Requests that may go out at once after a quiet time, such as a first read of a day's history;
240 + 50 in any minute stay below 300."""

LONGEST_RESET_SECONDS = 120.0
"""The platform counts by the minute. A longer window is none of its own, and to believe in one
would keep every request back, so that nothing could put it right."""

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
"""Longer waits than a day are taken for a day: the longest published quota is a daily one."""


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Return how long ``Retry-After`` asks to stay away, in seconds.

    Args:
        headers: The answer's headers, looked up by ``Retry-After``.
        now: Epoch seconds, for the form of the header that is a date: the answer's own ``Date``
            stands in its place where there is one, for our clock may be wrong.

    Returns:
        Seconds, at least 0 and at most a day; None where the header is missing or says nothing.
    """
    text = headers.get("Retry-After")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = _moment(text)
        if moment is None:
            return None
        answered_at = _moment(headers.get("Date"))
        seconds = moment - (now if answered_at is None else answered_at)
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _moment(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def pace(clock: Clock) -> float:
    """Return the requests that a client may send in a second of the machine.

    The platform's minute passes as fast as the data's.
    """
    return REQUESTS_PER_SECOND / clock.machine_seconds(1)


class TokenBucket:
    """Allows a burst, then a steady pace; slower while the platform says that little is left.

    A caller reserves a request and is told how long to wait before sending it, so that callers
    queue in order. Times are seconds of a monotonic clock.
    """

    def __init__(
        self,
        *,
        per_second: float = REQUESTS_PER_SECOND,
        burst: int = BURST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin full."""
        self._per_second = per_second
        self._burst = float(burst)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._updated = monotonic()
        self._slow_per_second = per_second
        self._slow_until = self._updated

    def reserve(self) -> float:
        """Take one request and return the seconds to wait before it may be sent."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            return 0.0 if self._tokens >= 0 else self._seconds_to_earn(-self._tokens)

    def give_back(self) -> None:
        """Return a reserved request that was not sent."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens + 1, self._burst)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Adapt to the platform's own count, where an answer carries it.

        What is left is spread over the time until the platform's count begins anew.
        """
        count, allowed, reset = (
            _number(headers.get(f"inin-ratelimit-{name}")) for name in ("count", "allowed", "reset")
        )
        if (
            count is None
            or allowed is None
            or reset is None
            or not 0 < reset <= LONGEST_RESET_SECONDS
        ):
            return
        if allowed < 1:
            # A limit of nothing is none: what says so did answer this very request.
            return
        left = max(allowed - count, 0.0)
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, left)
            self._slow_per_second = min(self._per_second, left / reset)
            self._slow_until = self._monotonic() + reset

    def _refill(self) -> None:
        now = self._monotonic()
        slow_seconds = max(min(now, self._slow_until) - self._updated, 0.0)
        usual_seconds = max(now - self._updated - slow_seconds, 0.0)
        earned = slow_seconds * self._slow_per_second + usual_seconds * self._per_second
        self._tokens = min(self._tokens + earned, self._burst)
        self._updated = now

    def _seconds_to_earn(self, tokens: float) -> float:
        slow_seconds = max(self._slow_until - self._updated, 0.0)
        earned_slowly = slow_seconds * self._slow_per_second
        if tokens <= earned_slowly:
            return tokens / self._slow_per_second
        return slow_seconds + (tokens - earned_slowly) / self._per_second


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


class EndpointBackoff:
    """Endpoints that must not be asked before a certain time; safe to use from several threads.

    The state outlives a poll and a client: who makes another one hands it on. Times are those of
    the monotonic clock, so that a wall clock that is set opens no endpoint and closes none.
    """

    def __init__(self, until: Mapping[str, float] | None = None) -> None:
        """Begin with endpoints that were closed earlier.

        Args:
            until: Endpoint label -> monotonic seconds at which it opens again.
        """
        self._lock = threading.Lock()
        self._until = dict(until or {})

    def close(self, endpoint_label: str, until: float) -> None:
        """Close an endpoint until a time, monotonic; a later one that stands is kept."""
        with self._lock:
            self._until[endpoint_label] = max(until, self._until.get(endpoint_label, until))

    def opens_at(self, endpoint_label: str, now: float) -> float | None:
        """When a closed endpoint opens again, in monotonic seconds; None where it is open."""
        with self._lock:
            until = self._until.get(endpoint_label)
            if until is not None and until <= now:
                del self._until[endpoint_label]
                return None
            return until

    def until(self, now: float) -> dict[str, float]:
        """Endpoint label -> monotonic seconds at which it opens again, for those still closed."""
        with self._lock:
            return {label: until for label, until in self._until.items() if until > now}


class RateLimiter:
    """Lets each request through when it may go; every wait ends at once when ``stop`` is set."""

    def __init__(  # noqa: PLR0913 - each part is injected
        self,
        *,
        bucket: TokenBucket,
        backoff: EndpointBackoff,
        counters: ApiCounters,
        clock: Clock,
        stop: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the parts together.

        Args:
            bucket: The pace of the client as a whole.
            backoff: Endpoints that asked for more quiet than one call can wait.
            counters: Told of every second waited.
            clock: Time for what outlives the process.
            stop: Set when the program is to end.
            monotonic: Time for waits.
        """
        self._bucket = bucket
        self._backoff = backoff
        self._counters = counters
        self._clock = clock
        self._stop = stop
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._quiet_until: dict[str, float] = {}

    def acquire(self, endpoint_label: str, deadline: float) -> None:
        """Wait until a request to this endpoint may be sent.

        Args:
            endpoint_label: The endpoint.
            deadline: When the caller's deadline is, on the monotonic clock.

        Raises:
            RateLimitedError: The endpoint is closed, or the wait would not end before the deadline.
            RequestTimeoutError: The deadline is over, or the program is to end.
        """
        self._refuse_if_closed(endpoint_label)
        with self._lock:
            quiet_until = self._quiet_until.get(endpoint_label, -math.inf)
        now = self._monotonic()
        wait = max(self._bucket.reserve(), quiet_until - now)
        if self._stop.is_set() or now >= deadline:
            self._bucket.give_back()
            raise self._too_late(endpoint_label)
        if wait <= 0:
            return
        if now + wait > deadline:
            self._bucket.give_back()
            raise RateLimitedError(
                f"{endpoint_label} would have to wait {wait:.0f} s for the rate limit",
                "Read less often, or give this client fewer orgs to share its limit with.",
                endpoint=endpoint_label,
                retry_after_seconds=wait,
            )
        if wait >= 1:  # the pace's own short pauses are not worth a line
            log.info("waiting_for_rate_limit", endpoint=endpoint_label, seconds=round(wait, 1))
        stopped = self._stop.wait(wait)
        self._counters.add_wait(endpoint_label, self._monotonic() - now)
        if stopped:
            self._bucket.give_back()
            raise self._too_late(endpoint_label)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from the rate headers of an answer, where it has any."""
        self._bucket.observe(headers)

    def back_off(self, endpoint_label: str, seconds: float, deadline: float) -> None:
        """Ask this endpoint nothing for some seconds, because a 429 asked for it.

        A time that ends before the caller's deadline is waited out by ``acquire``; a longer one
        closes the endpoint.
        """
        until = self._monotonic() + seconds
        if until < deadline:
            with self._lock:
                self._quiet_until[endpoint_label] = until
        else:
            log.warning("endpoint_closed", endpoint=endpoint_label, seconds=round(seconds))
            self._backoff.close(endpoint_label, self._clock.monotonic() + seconds)

    def _refuse_if_closed(self, endpoint_label: str) -> None:
        now = self._clock.monotonic()
        opens_at = self._backoff.opens_at(endpoint_label, now)
        if opens_at is None:
            return
        seconds = opens_at - now
        raise RateLimitedError(
            f"{endpoint_label} is closed by the platform's rate limit for {seconds:.0f} s more",
            "It is asked again by itself when the time is over; reading less often avoids this.",
            endpoint=endpoint_label,
            retry_after_seconds=seconds,
        )

    def _too_late(self, endpoint_label: str) -> RequestTimeoutError:
        why = "the program is ending" if self._stop.is_set() else "its time was used up"
        return RequestTimeoutError(
            f"{endpoint_label} was not sent because {why}", endpoint=endpoint_label
        )
