"""Two ways to a simulated org: without a socket, which is quick, and over one, which is real."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

from requests.structures import CaseInsensitiveDict
from waitress.channel import ClientDisconnected
from werkzeug.test import EnvironBuilder, run_wsgi_app

from monitor.clock import Clock
from monitor.errors import AmbiguousWriteError, ConnectionFailedError
from monitor.genesys import (
    ApiCounters,
    Client,
    Deadline,
    EndpointBackoff,
    HttpTransport,
    RateLimiter,
    Request,
    Response,
    TokenBucket,
    TokenProvider,
    Transport,
)
from monitor.genesys.client.auth import ClientCredentials, TokenCache
from monitor.genesys.client.content_encoding import ContentDecoder
from monitor.simulator import SimulatedOrg, serve
from monitor.simulator.app import create_app
from tests.clocks import ManualClock
from tests.remediation.guard_inputs import NOW
from tests.simulated_org import mend, order_fault


@dataclass
class Wsgi:
    """A transport without a socket; told of every write before it is carried out."""

    org: SimulatedOrg
    before_write: Callable[[], None]
    after_write: Callable[[int | None], None]
    has_faults: bool = False

    def __post_init__(self) -> None:
        """Build the far side."""
        self._app = create_app(self.org, threading.Event())
        self.client = _client("http://simulated", self, lambda *_: OneToken())

    def send(self, request: Request) -> Response:
        """Carry it; a line that is cut after a write leaves everybody guessing."""
        writes = request.method in {"PATCH", "PUT"}
        if writes:
            self.before_write()
        headers = {"Authorization": f"Bearer {self.token}", **request.headers}
        builder = EnvironBuilder(
            path=urlsplit(request.url).path,
            query_string=urlencode(dict(request.params)),
            method=request.method,
            headers=list(headers.items()),
            input_stream=BytesIO(request.body or b""),
            content_length=len(request.body or b""),
        )
        code = None
        try:
            chunks, status, found = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
            code = int(status.split()[0])
        except ClientDisconnected:
            kind = AmbiguousWriteError if writes else ConnectionFailedError
            message = "the line was cut"
            raise kind(message, endpoint=request.endpoint_label) from None
        finally:
            if writes:
                self.after_write(code)
        decoder = ContentDecoder(CaseInsensitiveDict(found))
        body = b"".join(decoder.feed(b"".join(chunks)))
        is_whole = not decoder.is_encoded or decoder.has_ended
        return Response(code, CaseInsensitiveDict(found), body, is_whole)

    @property
    def token(self) -> str:
        """A token that is valid."""
        if not hasattr(self, "_token"):
            self._token = self.org.tokens.by_secret(self.org.client_id, self.org.client_secret)
        return self._token

    def order(self, **fault: Any) -> None:  # noqa: ANN401 - JSON
        """Let a request go wrong."""
        self.has_faults = True
        self.control("POST", "/simulator/faults", fault)

    def mend(self) -> None:
        """Nothing goes wrong any more."""
        if self.has_faults:
            self.control("DELETE", "/simulator/faults")
        self.has_faults = False

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Turn one of the simulator's own knobs."""
        builder = EnvironBuilder(path=path, method=method, json=body)
        run_wsgi_app(self._app, builder.get_environ(), buffered=True)

    def close(self) -> None:
        """Nothing is open."""


class Socket:
    """HTTP over a socket to the simulator as it is served, with tokens from it."""

    def __init__(
        self,
        org: SimulatedOrg,
        before_write: Callable[[], None],
        after_write: Callable[[int | None], None],
    ) -> None:
        """Serve the org."""
        self._before_write, self._after_write = before_write, after_write
        self._simulator = serve(org)
        self._transport = HttpTransport(ApiCounters())
        url = self._simulator.url
        grant = ClientCredentials(org.client_id, org.client_secret, f"{url}/oauth/token")

        def tokens(rate_limiter: RateLimiter, clock: Clock) -> TokenProvider:
            return TokenCache(grant, self, rate_limiter=rate_limiter, clock=clock)

        self.client = _client(url, self, tokens)

    def send(self, request: Request) -> Response:
        """Carry it."""
        if request.method not in {"PATCH", "PUT"}:
            return self._transport.send(request)
        self._before_write()
        answer = None
        try:
            answer = self._transport.send(request)
        finally:
            self._after_write(None if answer is None else answer.status)
        return answer

    def order(self, **fault: Any) -> None:  # noqa: ANN401 - JSON
        """Let a request go wrong."""
        order_fault(self._simulator.url, **fault)

    def mend(self) -> None:
        """Nothing goes wrong any more."""
        mend(self._simulator.url)

    def close(self) -> None:
        """Hang up, and end the server."""
        self._transport.close()
        self._simulator.close()


class OneToken:
    """Tokens that the transport puts on itself."""

    def token(self, _: Deadline) -> str:
        """Any."""
        return "-"

    def invalidate(self, _: str) -> None:
        """It stays."""


def _client(
    url: str, transport: Transport, tokens: Callable[[RateLimiter, Clock], TokenProvider]
) -> Client:
    """A client with its real parts over a transport of ours; nothing is asked twice."""
    counters, backoff, stop, clock = (
        ApiCounters(),
        EndpointBackoff(),
        threading.Event(),
        ManualClock(NOW),
    )
    bucket = TokenBucket(per_second=1e9, burst=10**9)
    rate_limiter = RateLimiter(
        bucket=bucket, backoff=backoff, counters=counters, clock=clock, stop=stop
    )
    return Client(
        url,
        tokens=tokens(rate_limiter, clock),
        transport=transport,
        rate_limiter=rate_limiter,
        counters=counters,
        clock=clock,
        stop=stop,
    )
