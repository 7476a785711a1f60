"""HTTP connections on an event loop: few at once, each with so long for each of its steps.

Whoever may reach the port may also open connections and say nothing, or a byte every few seconds.
None of that may keep a scrape or a health check waiting: a connection costs no thread before its
request is complete, and where there are too many the one that has waited longest makes room.

Why on tornado: measured against 1,000 idle connections, 200 that drip headers and 300 half-open TLS
handshakes, cheroot does not answer, for each holds a thread or the accepting one; waitress
limits neither headers nor bodies, and speaks no TLS; hypercorn lets a body drip for ever.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from tornado.http1connection import (
    HTTP1Connection,
    HTTP1ConnectionParameters,
    HTTP1ServerConnection,
)
from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.tcpserver import TCPServer
from werkzeug.test import run_wsgi_app

from monitor.errors import UnforeseenError
from monitor.web.environ import as_environ, origin_form

if TYPE_CHECKING:
    import ssl
    from concurrent.futures import Executor
    from wsgiref.types import WSGIApplication

    from tornado.httputil import HTTPConnection
    from tornado.iostream import IOStream

if sys.platform != "win32":  # which has no such limit
    import resource

log = logging.getLogger(__name__)

SERVER_NAME = "timeout-monitor"
LARGEST_HEADER_BYTES = 16 * 1024
"""A browser's cookies for other programs on this host come along; there are seldom 4 KiB."""

LARGEST_BODY_BYTES = 16 * 1024
"""No request of ours has a body; one that is sent nevertheless is refused before it costs."""

MOST_CONNECTIONS = 256
"""A scraper, a health check and some readers need a dozen; a thousand would use up the files that a
process may open by default."""

REQUEST_SECONDS = 10.0
"""A scraper that comes less often connects anew, which costs a millisecond."""

BODY_SECONDS = 5.0
"""Nothing of it is used."""

ANSWER_SECONDS = 30.0
"""The largest scrape, of several megabytes, fits through a slow mobile connection in that time."""

MOST_UNSENT_BYTES = 64 * 1024 * 1024
"""The largest scrape fits in a dozen times."""

_LARGEST_READ_BYTES = 64 * 1024
_ANY_SIZE = 2**62
"""The length of a body that is refused already, and never read."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a client may take.

    Attributes:
        connections: The most that are open at once.
        request_seconds: How long a connection may take to say what it wants, from its first byte or
            the end of the last answer to the end of the headers, the TLS handshake included.
        body_seconds: How long a body may take, all of it.
        answer_seconds: How long an answer may take to be made and to arrive.
        unsent_bytes: How much may wait in memory for clients that don't read; beyond it those that
            have been slow for longest are let go.
    """

    connections: int = MOST_CONNECTIONS
    request_seconds: float = REQUEST_SECONDS
    body_seconds: float = BODY_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    unsent_bytes: int = MOST_UNSENT_BYTES

    @classmethod
    def for_this_process(cls) -> Self:
        """Return the usual limits; fewer connections where this process may open few files.

        A connection that can't be taken for want of a file would keep all others waiting.
        """
        if sys.platform == "win32":
            return cls()
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files == resource.RLIM_INFINITY:
            return cls()
        # The other half is for the state, the platform and the log.
        return cls(connections=min(cls().connections, files // 2))


@dataclass(slots=True)
class _Answering:
    """A request that is complete, until its answer has been sent."""

    patience: asyncio.TimerHandle
    unsent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Peer:
    """What tornado wants to know of a connection, under its names."""

    remote_ip: str
    protocol: str

    def __str__(self) -> str:
        return self.remote_ip


@dataclass(slots=True)
class _RefusedError(Exception):
    """A request that is not answered by the application."""

    status: int
    reason: str
    detail: str


@dataclass(slots=True, eq=False)
class _Exchange(HTTPMessageDelegate):
    """One request as it comes in."""

    server: HttpServer
    server_connection: HTTP1ServerConnection
    connection: HTTP1Connection
    request: HTTPServerRequest | None = None
    body: bytearray = field(default_factory=bytearray)

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        """Look at the headers; what won't be answered is refused before its body is read."""
        try:
            self.request = _request(start_line, headers, self.connection)
        except _RefusedError as refusal:
            self.connection.set_max_body_size(_ANY_SIZE)
            document = {"error": refusal.reason, "detail": refusal.detail}
            send(
                self.connection,
                ResponseStartLine("HTTP/1.1", refusal.status, refusal.reason),
                [("Content-Type", "application/json")],
                json.dumps(document).encode(),
            )

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, which tornado has limited."""
        self.body += chunk

    def finish(self) -> None:
        """The request is complete."""
        if self.request is not None:
            self.request.body = bytes(self.body)
            self.server.answer(self.server_connection, self.request)


class HttpServer(TCPServer, HTTPServerConnectionDelegate):
    """Answers the requests of all connections; everything but the application runs in the loop."""

    def __init__(
        self,
        app: WSGIApplication,
        workers: Executor,
        limits: ConnectionLimits,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Answer nothing yet; ``add_socket`` begins.

        Args:
            app: The application.
            workers: Where it runs.
            limits: What a client may take.
            tls: The certificate to show; None for plain HTTP.
        """
        super().__init__(ssl_options=tls, max_buffer_size=2 * _LARGEST_READ_BYTES)
        self._app = app
        self._workers = workers
        self._limits = limits
        self._protocol = "http" if tls is None else "https"
        self._parameters = HTTP1ConnectionParameters(
            chunk_size=_LARGEST_READ_BYTES,
            max_header_size=LARGEST_HEADER_BYTES,
            header_timeout=limits.request_seconds,
            max_body_size=LARGEST_BODY_BYTES,
            body_timeout=limits.body_seconds,
        )
        self._ending = False
        self._finished = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()
        # Both in the order in which they began, so that the first has waited longest.
        self._waiting: dict[HTTP1ServerConnection, None] = {}
        self._answering: dict[HTTP1ServerConnection, _Answering] = {}

    def handle_stream(self, stream: IOStream, address: tuple[object, ...]) -> None:
        """Take a new connection; where there are too many, another makes room."""
        if len(self._waiting) + len(self._answering) >= self._limits.connections:
            self._let_go(next(iter(self._waiting or self._answering)))
        peer = _Peer(str(address[0]) if address else "", self._protocol)
        connection = HTTP1ServerConnection(stream, self._parameters, peer)
        # Now, not when its turn comes in the loop: many are taken in one go.
        self._waiting[connection] = None
        connection.start_serving(self)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Wait for a request, the first of its connection or the next one."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - what handle_stream made
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101 - the same
        self._forget(server_conn)
        if self._ending:
            server_conn.stream.close()
        else:
            self._waiting[server_conn] = None
        return _Exchange(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Forget a connection that has ended."""
        if isinstance(server_conn, HTTP1ServerConnection):
            self._forget(server_conn)

    def answer(self, connection: HTTP1ServerConnection, request: HTTPServerRequest) -> None:
        """Have the application answer a request that is complete."""
        self._waiting.pop(connection, None)
        loop = asyncio.get_running_loop()
        patience = loop.call_later(self._limits.answer_seconds, connection.stream.close)
        self._answering[connection] = _Answering(patience)
        task = loop.create_task(self._answer(connection, request))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def finish(self, seconds: float) -> None:
        """Take no more requests, let those in hand be answered for so long, and close."""
        self._ending = True
        self.stop()
        for connection in list(self._waiting):
            self._let_go(connection)
        if self._answering:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._finished.wait(), seconds)
        for task in self._answers:
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        for connection in list(self._answering):
            await connection.close()

    async def _answer(self, connection: HTTP1ServerConnection, request: HTTPServerRequest) -> None:
        loop = asyncio.get_running_loop()
        environ = as_environ(request)
        try:
            chunks, status, headers = await loop.run_in_executor(
                self._workers, lambda: run_wsgi_app(self._app, environ, buffered=True)
            )
        except Exception as error:  # noqa: BLE001 - one request must not end the server
            log.error("A request failed: %s", UnforeseenError.of(error).message)
            connection.stream.close()
            return
        code, _, reason = status.partition(" ")
        body = b"" if request.method == "HEAD" else b"".join(chunks)
        self._make_room(connection, len(body))
        assert isinstance(request.connection, HTTP1Connection)  # noqa: S101 - what it was made with
        send(
            request.connection,
            ResponseStartLine("HTTP/1.1", int(code), reason),
            headers.to_wsgi_list(),
            body,
        )

    def _make_room(self, connection: HTTP1ServerConnection, size: int) -> None:
        """Keep what waits for slow readers within its limit."""
        if connection in self._answering:
            self._answering[connection].unsent_bytes = size
        waiting = sum(answering.unsent_bytes for answering in self._answering.values())
        for other, answering in list(self._answering.items()):
            if waiting <= self._limits.unsent_bytes:
                return
            if other is not connection and answering.unsent_bytes:
                waiting -= answering.unsent_bytes
                self._let_go(other)

    def _let_go(self, connection: HTTP1ServerConnection) -> None:
        self._forget(connection)
        connection.stream.close()

    def _forget(self, connection: HTTP1ServerConnection) -> None:
        self._waiting.pop(connection, None)
        answering = self._answering.pop(connection, None)
        if answering is not None:
            answering.patience.cancel()
        if self._ending and not self._answering:
            self._finished.set()


def send(
    connection: HTTP1Connection,
    start_line: ResponseStartLine,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    """Send an answer; the length of its body is told where the headers don't."""
    sent = HTTPHeaders({"Server": SERVER_NAME})
    for name, value in headers:
        sent.add(name, value)
    if "Date" not in sent:
        sent["Date"] = formatdate(usegmt=True)
    # An answer that something is unchanged has no body, whose length would be told as nothing.
    if "Content-Length" not in sent and start_line.code != HTTPStatus.NOT_MODIFIED:
        sent["Content-Length"] = str(len(body))
    connection.write_headers(start_line, sent, chunk=body)
    connection.finish()


def _request(
    start_line: RequestStartLine | ResponseStartLine,
    headers: HTTPHeaders,
    connection: HTTP1Connection,
) -> HTTPServerRequest:
    """The request as tornado puts it.

    Raises:
        _RefusedError: It is not to be answered.
    """
    assert isinstance(start_line, RequestStartLine)  # noqa: S101 - a server gets requests
    length = headers.get("Content-Length", "0")
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY_BYTES:
        raise _RefusedError(413, "Content Too Large", "No request has a body here.")
    try:
        return HTTPServerRequest(
            connection=connection, start_line=origin_form(start_line, headers), headers=headers
        )
    except HTTPInputError as error:
        raise _RefusedError(400, "Bad Request", f"{error}.") from error
