"""One exchange, one deadline: nothing that drips, wherever it does, takes longer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import repeat
from pathlib import Path

import pytest

from monitor.errors import (
    AmbiguousWriteError,
    ConnectionFailedError,
    GenesysError,
    RequestTimeoutError,
)
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.connections import MOST_INTERIM_ANSWERS
from monitor.genesys.client.transport import HttpTransport, Request
from tests.genesys.client.test_transport import certificate
from tests.genesys.far_side import Act, FarSide, Reply

SECONDS = 0.25
"""What an exchange of these tests may take."""

ENOUGH_SECONDS = SECONDS + 4
"""What that is on a busy machine."""

STEP_SECONDS = 0.02

BEGUN = b"HTTP/1.1 200 OK\r\n"
EMPTY = BEGUN + b"Content-Length: 0\r\n\r\n"


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    """A transport that is closed again."""
    transport = HttpTransport(ApiCounters())
    yield transport
    transport.close()


def send(
    transport: HttpTransport,
    url: str,
    *,
    form: dict[str, str] | None = None,
    body: bytes | None = None,
    seconds: float = SECONDS,
) -> float:
    """Send a request that can't come to a good end; how long it took."""
    method = "GET" if form is None and body is None else "POST"
    request = Request(
        f"{method} /ping", method, url, form=form, body=body, read_timeout_seconds=seconds
    )
    began = time.monotonic()
    with pytest.raises(GenesysError) as caught:
        transport.send(request)
    assert isinstance(caught.value, RequestTimeoutError | ConnectionFailedError)
    return time.monotonic() - began


def dripping(begin: bytes, again: bytes) -> Act:
    """Send something, then a little more every few milliseconds, for as long as anyone listens."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        try:
            handler.wfile.write(begin)
            while True:
                handler.wfile.write(again)
                time.sleep(STEP_SECONDS)
        except OSError:
            return

    return drip


@contextmanager
def listening(act: Callable[[socket.socket], None]) -> Iterator[int]:
    """Do something with each connection that comes; the port to connect to."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return

            def answer(connection: socket.socket = connection) -> None:
                with connection:
                    try:
                        act(connection)
                    except OSError:
                        return

            threads.append(threading.Thread(target=answer, daemon=True))
            threads[-1].start()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [server, *threads]:
            thread.join(5)


DRIPS = {
    "status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "headers": dripping(BEGUN, b"x"),
    "one header after another": dripping(BEGUN + b"Content-Length: 0\r\n", b"X: x\r\n"),
    "100 Continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "102 Processing": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "headers of 103": dripping(b"HTTP/1.1 103 Early Hints\r\n", b"Link: x\r\n"),
    "body": dripping(BEGUN + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "body without a length": dripping(BEGUN + b"\r\n", b"x"),
    "chunks": dripping(BEGUN + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "size of a chunk": dripping(BEGUN + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": dripping(BEGUN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n"),
    "nothing at all": dripping(b"", b""),
}


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_drips_ends_at_the_deadline(
    transport: HttpTransport, far_side: FarSide, what: str
) -> None:
    """Each step is quick enough, and all of them together would never end."""
    far_side.on("GET /ping", DRIPS[what])

    assert send(transport, far_side.url + "/ping") < ENOUGH_SECONDS


@pytest.mark.parametrize("what", ["headers", "one header after another", "100 Continue", "body"])
def test_a_write_that_is_answered_in_drips_may_have_been_made(
    transport: HttpTransport, far_side: FarSide, what: str
) -> None:
    """It arrived; an answer that was cut by the deadline is none, though it may look like one."""
    far_side.on("PATCH /ping", DRIPS[what])
    request = Request(
        "PATCH /ping",
        "PATCH",
        far_side.url + "/ping",
        body=b"{}",
        read_timeout_seconds=SECONDS,
        repeatable=False,
    )

    with pytest.raises(AmbiguousWriteError, match="it took too long"):
        transport.send(request)


def test_a_login_that_drips_ends_at_the_deadline(
    transport: HttpTransport, far_side: FarSide
) -> None:
    """A form is posted the same way."""
    far_side.on("POST /oauth/token", DRIPS["headers"])
    url = far_side.url + "/oauth/token"

    assert send(transport, url, form={"grant_type": "x"}) < ENOUGH_SECONDS


def test_a_proxy_that_drips_its_answer_ends_at_the_deadline(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CONNECT is a part of the exchange."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: x\r\n")
            time.sleep(STEP_SECONDS)

    with listening(drip) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")

        assert send(transport, "https://api.example.test/ping") < ENOUGH_SECONDS


def test_a_handshake_that_drips_ends_at_the_deadline(
    transport: HttpTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is a part of it, too."""
    # The machine's own list of authorities takes long to read, and is read before the handshake.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate(tmp_path)[0]))

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while True:
            connection.sendall(b"\x02")
            time.sleep(STEP_SECONDS)

    with listening(drip) as port:
        assert send(transport, f"https://127.0.0.1:{port}/ping", seconds=1.0) < ENOUGH_SECONDS


def test_a_request_that_nobody_takes_ends_at_the_deadline(transport: HttpTransport) -> None:
    """A body that is larger than what lies between both sides waits for the far side."""

    def be_silent(connection: socket.socket) -> None:
        while connection.recv(4096):
            time.sleep(STEP_SECONDS)

    with listening(be_silent) as port:
        took = send(transport, f"http://127.0.0.1:{port}/ping", body=b"x" * 32_000_000)

    assert took < ENOUGH_SECONDS


def test_a_name_service_that_does_not_answer_ends_at_the_deadline(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver knows no deadline of ours."""
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])

    took = send(transport, "http://api.example.test/ping")
    answered.set()

    assert took < ENOUGH_SECONDS


def test_a_name_with_many_dead_addresses_ends_at_the_deadline(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may take the time for a connection, and all of them together not more than there is."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        way = (socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(repeat(way, 20)))

        assert send(transport, "http://api.example.test/ping") < ENOUGH_SECONDS


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_what_comes_before_the_answer_is_not_taken_for_it(
    transport: HttpTransport, far_side: FarSide, status: int
) -> None:
    """Nor is the answer then taken for that to the next request on the same connection."""

    def hint(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 %d Early\r\nLink: x\r\n\r\n" % status)
        handler.wfile.write(BEGUN + b"Content-Length: 5\r\n\r\nfirst")

    far_side.on("GET /first", hint)
    far_side.on("GET /second", Reply(body=b"second"))

    bodies = [
        transport.send(Request(f"GET /{what}", "GET", f"{far_side.url}/{what}")).body
        for what in ("first", "second")
    ]

    assert bodies == [b"first", b"second"]
    assert len(far_side.clients) == 1


def test_interim_answers_without_a_pause_end_by_their_number(
    transport: HttpTransport, far_side: FarSide
) -> None:
    """Until the deadline they would only keep a processor busy."""
    many = b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_INTERIM_ANSWERS + 1)

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(many + EMPTY)

    far_side.on("GET /ping", flood)

    with pytest.raises(ConnectionFailedError):
        transport.send(Request("GET /ping", "GET", far_side.url + "/ping"))


def test_a_deadline_of_one_exchange_does_not_cut_the_next(
    transport: HttpTransport, far_side: FarSide
) -> None:
    """They share a connection, and the first one's time ends while the second one waits."""
    far_side.on("GET /first", Reply(body=b"1"))

    def be_late(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(2 * SECONDS)
        handler.wfile.write(BEGUN + b"Content-Length: 1\r\n\r\n2")

    far_side.on("GET /second", be_late)
    first = Request("GET /1", "GET", far_side.url + "/first", read_timeout_seconds=SECONDS)
    second = Request("GET /2", "GET", far_side.url + "/second", read_timeout_seconds=10)

    assert [transport.send(one).body for one in (first, second)] == [b"1", b"2"]
    assert len(far_side.clients) == 1
