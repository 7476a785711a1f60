"""The client: a token, a rate limiter, a transport and a decoder behind one method.

=======================  ======================================================================
an attempt ends with     then
=======================  ======================================================================
2xx                      decode it; a record that makes no sense is left out and counted,
                         another shape or no JSON at all is an error at once
401                      renew the token once and repeat once, writes too: a 401 did nothing
429 with Retry-After     reads wait it out within the deadline; a longer one closes the endpoint
413                      an error at once: less is to be asked for
429 without, 408, 5xx    reads repeat after a growing pause, within the deadline;
                         where an endpoint says so, a second 408 or 504 in a row is a 413
no connection, timeout   reads repeat after a growing pause, within the deadline
any other status         an error at once
=======================  ======================================================================

PATCH and PUT are never repeated, but for the 401. Where it can't be told whether one was carried
out (no answer after it was sent, a 408, a 5xx, a redirect), it ends as an ``AmbiguousWriteError``.
"""

from __future__ import annotations

import statistics
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import structlog

from monitor.clock import Clock
from monitor.errors import (
    RateLimitedError,
    RequestTimeoutError,
    ServerFaultError,
)
from monitor.genesys.client.api_stats import ApiCounters, ApiStats
from monitor.genesys.client.auth import (
    BearerToken,
    TokenProvider,
)
from monitor.genesys.client.budget import Deadline, RequestBudget
from monitor.genesys.client.decoding import (
    DroppedRecord,
    decode_leniently,
    translated_decode_errors,
)
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.errors import OVERLOADED, error_for, overloaded_error
from monitor.genesys.client.rate_limiter import (
    RateLimiter,
)
from monitor.genesys.client.retry import FIRST_PAUSE_SECONDS, retry_attempts
from monitor.genesys.client.transport import (
    READ_TIMEOUT_SECONDS,
    Request,
    Response,
    Transport,
    skew_seconds,
)

log = structlog.get_logger()
T = TypeVar("T")

ANSWERS_FOR_SKEW = 5
"""Two that a cache or a proxy has dated are outvoted, and after a clock was set the truth is out
with the third answer: about a poll."""

CALL_SECONDS = 45.0
"""The most that one call takes, repetitions and waits included; below the one-minute poll."""


class Client:
    """Speaks to one org of Genesys Cloud; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - each part is injected; ``connect`` puts them together
        self,
        api_base: str,
        *,
        tokens: TokenProvider,
        transport: Transport,
        rate_limiter: RateLimiter,
        counters: ApiCounters,
        clock: Clock,
        stop: threading.Event,
        deadline_seconds: float = CALL_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        org: str = "",
    ) -> None:
        """Put the parts together.

        Args:
            api_base: Base URL of the API, without a slash at its end.
            tokens: Where tokens come from.
            transport: Carries requests.
            rate_limiter: Keeps to the rate limits.
            counters: What it costs; the transport's and the rate limiter's own.
            clock: The machine's time, not the time of the data.
            stop: Set when the program is to end; waits end at once.
            deadline_seconds: The most that one call takes.
            first_pause_seconds: The pause before the first repetition.
            org: What log lines call the org.
        """
        self._api_base = api_base
        self._tokens = tokens
        self._transport = transport
        self._rate_limiter = rate_limiter
        self._counters = counters
        self._clock = clock
        self._skew_clock = clock
        self._stop = stop
        self._closing = threading.Event()
        self._deadline_seconds = deadline_seconds
        self._first_pause_seconds = first_pause_seconds
        self._org = org
        self._skews: deque[float] = deque(maxlen=ANSWERS_FOR_SKEW)
        self._of_thread = threading.local()

    @property
    def clock_skew_seconds(self) -> float | None:
        """How far the platform's clock is ahead of ours; None before an answer has told.

        The median of the newest answers: one that comes from elsewhere moves it nowhere.
        """
        skews = tuple(self._skews)
        return statistics.median_low(skews) if skews else None

    def measure_skew_by(self, clock: Clock) -> None:
        """Hold the platform's clock against another real one, such as a database server's.

        Args:
            clock: What windows are named by; never a time that is simulated.
        """
        self._skew_clock = clock

    @contextmanager
    def within(self, budget: RequestBudget) -> Iterator[None]:
        """Let what the calling thread asks in this block be charged to a budget.

        No call in it takes longer than what is left; with nothing left, none is begun.
        """
        before = self._budget
        self._of_thread.budget = budget
        try:
            yield
        finally:
            self._of_thread.budget = before

    @property
    def _budget(self) -> RequestBudget | None:
        budget: RequestBudget | None = getattr(self._of_thread, "budget", None)
        return budget

    def log_in(self) -> None:
        """Take a token where there is none, and ask for nothing else.

        Raises:
            AuthenticationError: The credentials were refused.
            GenesysError: The platform could not be asked, or its answer was no token.
        """
        self._tokens.token(Deadline.after(self._deadline_seconds))

    def call(
        self,
        endpoint: Endpoint,
        decode: type[T],
        *,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: msgspec.Struct | None = None,
    ) -> T:
        """Ask, and read the JSON answer as a ``decode``.

        Args:
            endpoint: What to ask.
            decode: The type of the answer; fields that it does not name are skipped.
            path: Values for the places in the path.
            params: Query parameters.
            body: Sent as JSON.

        Raises:
            GenesysError: One of the tree in ``monitor.errors``, by what went wrong.
        """
        response = self.fetch(endpoint, path=path, params=params, body=body)
        return self.decode(endpoint, response, decode)

    def decode(self, endpoint: Endpoint, response: Response, decode: type[T]) -> T:
        """Read a JSON answer as a ``decode``, without the records that make no sense.

        Raises:
            WrongShapeError: JSON without the fields that were asked for; names the field's path.
            NotJsonError: Not JSON at all.
        """
        with translated_decode_errors(endpoint, response):
            value, dropped = decode_leniently(response.body, decode)
        for record in dropped:
            self.note_dropped(endpoint, record, response.correlation_id)
        return value

    def note_dropped(
        self, endpoint: Endpoint, record: DroppedRecord, correlation_id: str = ""
    ) -> None:
        """Count a record that was left out, and say so at the first of its kind."""
        if self._counters.count_dropped(endpoint.source, record.reason):
            log.warning(
                "record_dropped",
                org=self._org,
                source=endpoint.source,
                reason=str(record.reason),
                endpoint=endpoint.label,
                why=record.why,
                correlation_id=correlation_id,
                hint="It is left out, and more like it are only counted: "
                "timeout_monitor_dropped_records_total.",
            )

    def fetch(  # noqa: PLR0913 - what a request is made of
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: msgspec.Struct | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        pre_send_check: Callable[[], None] | None = None,
    ) -> Response:
        """Ask, and return the raw answer with its headers; its status is 2xx.

        Args:
            endpoint: What to ask.
            path: Values for the places in the path.
            params: Query parameters.
            body: Sent as JSON; bytes are sent as they are.
            headers: Further headers, for example ``If-Match``.
            pre_send_check: Called after every wait, right before the request goes out. What it
                raises is raised, and then nothing was sent.

        Raises:
            GenesysError: One of the tree in ``monitor.errors``, by what went wrong.
        """
        content = msgspec.json.encode(body) if isinstance(body, msgspec.Struct) else body
        content_type = {"Content-Type": "application/json"} if content is not None else {}
        url = self._api_base + endpoint.path(path or {})

        def request(token: str, timeout_seconds: float) -> Request:
            return Request(
                endpoint.label,
                endpoint.method,
                url,
                auth=BearerToken(token),
                params=params or {},
                headers={**content_type, **(headers or {})},
                body=content,
                read_timeout_seconds=timeout_seconds,
                repeatable=endpoint.repeatable,
            )

        overloads = 0
        deadline = self._deadline_for(endpoint)
        if not endpoint.repeatable:
            return self._attempt(endpoint, request, deadline, pre_send_check)
        for number, attempt in retry_attempts(
            deadline, is_ending=self._is_ending, first_pause_seconds=self._first_pause_seconds
        ):
            with attempt:
                if number > 1:
                    self._counters.count_retry(endpoint.label)
                try:
                    return self._attempt(endpoint, request, deadline, pre_send_check)
                except (RequestTimeoutError, ServerFaultError) as error:
                    if self._budget is not None:
                        # Out of time, it was the budget's and not the platform's.
                        self._budget.check(endpoint.label)
                    overloads = overloads + 1 if error.status in OVERLOADED else 0
                    if overloads == endpoint.overloads:
                        raise overloaded_error(endpoint, error) from error
                    raise
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _deadline_for(self, endpoint: Endpoint) -> Deadline:
        """Return what one call may take now.

        Raises:
            BudgetSpentError: Nothing is left for it.
        """
        budget = self._budget
        if budget is None:
            return Deadline.after(self._deadline_seconds)
        budget.check(endpoint.label)
        return Deadline.after(min(self._deadline_seconds, budget.remaining_seconds))

    def stats(self) -> ApiStats:
        """Return what was asked so far."""
        return self._counters.snapshot()

    def close(self) -> None:
        """Send nothing more, end the requests in flight and let go of the connections."""
        self._closing.set()
        self._transport.close()

    def _is_ending(self) -> bool:
        return self._stop.is_set() or self._closing.is_set()

    def _attempt(
        self,
        endpoint: Endpoint,
        request: Callable[[str, float], Request],
        deadline: Deadline,
        pre_send_check: Callable[[], None] | None,
    ) -> Response:
        try:
            token = self._tokens.token(deadline)
            response = self._send(endpoint, request, token, deadline, pre_send_check)
            if response.status == 401:  # noqa: PLR2004 - HTTP's own number
                self._tokens.invalidate(token)
                token = self._tokens.token(deadline)
                response = self._send(endpoint, request, token, deadline, pre_send_check)
            error = error_for(endpoint, response, self._clock.now())
            if error is not None:
                raise error
        except RateLimitedError as error:
            # Only the platform's own 429 has a status; the rate limiter's own refusal
            # asks for nothing new.
            if error.status is not None and error.retry_after_seconds > 0:
                self._rate_limiter.back_off(error.endpoint, error.retry_after_seconds, deadline.at)
            raise
        return response

    def _send(
        self,
        endpoint: Endpoint,
        request: Callable[[str, float], Request],
        token: str,
        deadline: Deadline,
        pre_send_check: Callable[[], None] | None,
    ) -> Response:
        self._rate_limiter.acquire(endpoint.label, deadline.at)
        if pre_send_check is not None:
            pre_send_check()
        if self._budget is not None:
            self._budget.charge()
        response = self._transport.send(request(token, deadline.at_most(READ_TIMEOUT_SECONDS)))
        self._rate_limiter.observe(response.headers)
        skew = skew_seconds(response.headers.get("Date"), self._skew_clock.now())
        if skew is not None:
            self._skews.append(skew)
        return response
