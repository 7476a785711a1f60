"""Many clients that say nothing, or next to nothing, and one that wants an answer."""

from __future__ import annotations

import gc
import http.client
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from threading import Event
from typing import Any

import pytest

from monitor.web import ConnectionLimits, WebServer
from tests.web.certificates import Certificate
from tests.web.conftest import LOOPBACK

SOON_SECONDS = 6.0
"""Before idle clients are let go; a health check waits four, but this machine may be busy."""

HASTY = ConnectionLimits(request_seconds=0.5, body_seconds=0.5, answer_seconds=0.5)
PATIENCE_SECONDS = 20.0

Crowd = Callable[..., list[socket.socket]]


def hello(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
    """An application that reads its body, as one does."""
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def large(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
    """An answer that fits into no socket's buffer."""
    start_response("200 OK", [])
    return [b"x" * 16_000_000]


def seconds_for_an_answer(port: int, tls: ssl.SSLContext | None = None) -> float:
    """How long a health check takes."""
    began = time.monotonic()
    connection = (
        http.client.HTTPSConnection(LOOPBACK, port, timeout=30, context=tls)
        if tls
        else http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    )
    try:
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"hello"
    finally:
        connection.close()
    return time.monotonic() - began


def drip_until_let_go(crowd: list[socket.socket], piece: bytes = b"") -> bool:
    """Send a byte to each now and then until the server has closed them all; whether it has."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with selectors.DefaultSelector() as selector:
        for client in crowd:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(0.1):
                heard = key.fileobj
                assert isinstance(heard, socket.socket)
                with suppress(OSError):
                    if heard.recv(65_536):
                        continue
                selector.unregister(heard)
            for left in list(selector.get_map().values()):
                assert isinstance(left.fileobj, socket.socket)
                with suppress(OSError):
                    left.fileobj.send(piece)
        return not selector.get_map()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Open so many connections, each of which begins with these bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as clients:

        def gather(count: int, port: int, beginning: bytes = b"") -> list[socket.socket]:
            gathered = []
            for _ in range(count):
                client = socket.create_connection((LOOPBACK, port), timeout=PATIENCE_SECONDS)
                gathered.append(clients.enter_context(client))
                with suppress(OSError):  # it may have had to make room already
                    client.sendall(beginning)
            return gathered

        yield gather
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_idle_connections(crowd: Crowd) -> None:
    """A health check is answered at once while a thousand clients say nothing."""
    with WebServer(hello, LOOPBACK, 0) as server:
        crowd(1000, server.port)

        assert seconds_for_an_answer(server.port) < SOON_SECONDS


@pytest.mark.parametrize(
    ("count", "beginning"),
    [
        (200, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "),
        (200, b"\r\n"),
        (50, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"),
        (50, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"),
    ],
    ids=["headers", "nothing but line ends", "a body", "a body in chunks"],
)
def test_requests_that_drip(crowd: Crowd, count: int, beginning: bytes) -> None:
    """They keep nobody waiting, and are let go in time though a byte comes now and then."""
    with WebServer(hello, LOOPBACK, 0, limits=HASTY) as server:
        dripping = crowd(count, server.port, beginning)

        assert seconds_for_an_answer(server.port) < SOON_SECONDS
        assert drip_until_let_go(dripping, b"\n" if beginning == b"\r\n" else b"a")


def test_tls_handshakes_that_nobody_ends(crowd: Crowd, certificate: Certificate) -> None:
    """Half of a handshake keeps nobody waiting, and is let go in time."""
    with WebServer(hello, LOOPBACK, 0, limits=HASTY, tls=certificate.for_server()) as server:
        half_open = crowd(150, server.port, b"\x16\x03\x01\x02\x00\x01\x00") + crowd(
            150, server.port
        )

        assert seconds_for_an_answer(server.port, certificate.for_client()) < SOON_SECONDS
        assert drip_until_let_go(half_open)


def test_an_idle_connection_is_closed_after_its_answer(crowd: Crowd) -> None:
    """A client may ask again over the same connection, but not keep it for ever."""
    with WebServer(hello, LOOPBACK, 0, limits=HASTY) as server:
        (client,) = crowd(1, server.port)
        for _ in range(2):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65_536).endswith(b"hello")

        assert drip_until_let_go([client])


def test_the_one_that_has_waited_longest_makes_room(crowd: Crowd) -> None:
    """Where there are too many, the newest is answered and the oldest is closed."""
    with WebServer(hello, LOOPBACK, 0, limits=ConnectionLimits(connections=3)) as server:
        oldest, *others = crowd(3, server.port)
        assert seconds_for_an_answer(server.port) < SOON_SECONDS

        assert oldest.recv(1) == b""
        for other in others:
            other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert other.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_clients_that_never_read(crowd: Crowd) -> None:
    """Where only such are connected they make room too."""
    with WebServer(large, LOOPBACK, 0, limits=ConnectionLimits(connections=2)) as server:
        crowd(2, server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=30)
        connection.request("GET", "/")

        assert len(connection.getresponse().read()) == 16_000_000
        connection.close()


def test_an_answer_that_nobody_reads_is_given_up(crowd: Crowd) -> None:
    """A client that stops reading in the middle is let go in time."""
    with WebServer(large, LOOPBACK, 0, limits=HASTY) as server:
        (client,) = crowd(1, server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1)
        time.sleep(2 * HASTY.answer_seconds)  # the one thing that is measured here

        received = 1
        with suppress(ConnectionResetError):
            while piece := client.recv(1_000_000):
                received += len(piece)
        assert received < 16_000_000


def test_answers_that_nobody_reads_are_bounded(crowd: Crowd) -> None:
    """Beyond so many bytes the slowest reader loses its answer, not the next client."""
    limits = ConnectionLimits(unsent_bytes=20_000_000)
    with WebServer(large, LOOPBACK, 0, limits=limits) as server:
        (slow,) = crowd(1, server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(1)
        connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=30)
        connection.request("GET", "/")

        assert len(connection.getresponse().read()) == 16_000_000
        received = 1
        with suppress(ConnectionResetError):
            while piece := slow.recv(1_000_000):
                received += len(piece)
        assert received < 16_000_000
        connection.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x:\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: [::1]:9840\r\n\r\n", 200),
        (b"GET http://x/ HTTP/1.1\r\nHost: y\r\n\r\n", 200),
        (b"GET http://[/ HTTP/1.1\r\nHost: y\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 9000 + b"\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200),
        (b"not HTTP at all\r\n\r\n", 400),
        (b"\xff\xfe\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", None),
        (b"GET /?" + b"a=b&" * 3_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ],
)
def test_odd_requests(crowd: Crowd, request_bytes: bytes, status: int | None) -> None:
    """Each gets its status, or the end of its connection, and the next client is served."""
    with WebServer(hello, LOOPBACK, 0) as server:
        (client,) = crowd(1, server.port, request_bytes)
        answer = b""
        with suppress(ConnectionResetError):
            answer = client.recv(65_536)

        assert answer.split()[1:2] == ([] if status is None else [str(status).encode()])
        assert seconds_for_an_answer(server.port) < SOON_SECONDS


def test_an_application_that_breaks(crowd: Crowd) -> None:
    """Its client is let go, not left waiting, and the next one is served."""

    def broken(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        if environ["PATH_INFO"] == "/broken":
            raise ZeroDivisionError
        return hello(environ, start_response)

    with WebServer(broken, LOOPBACK, 0) as server:
        (client,) = crowd(1, server.port, b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")

        assert client.recv(65_536) == b""
        assert seconds_for_an_answer(server.port) < SOON_SECONDS


@pytest.mark.parametrize(("files", "connections"), [(1024, 256), (100, 50)])
def test_few_files_are_few_connections(files: int, connections: int) -> None:
    """Half of what the process may open is left for its own work."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        assert ConnectionLimits.for_this_process().connections == connections
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("no_old_garbage")
def test_close_while_an_answer_is_made_for_nobody(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that has gone leaves nothing behind that the end stumbles over."""
    begun, finish = Event(), Event()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        begun.set()
        finish.wait(PATIENCE_SECONDS)
        return hello(environ, start_response)

    server = WebServer(slow, LOOPBACK, 0)
    server.start()
    (client,) = crowd(1, server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert begun.wait(PATIENCE_SECONDS)
    client.close()
    server.close()
    finish.set()
    gc.collect()

    assert caplog.messages == []


def test_close_in_a_crowd(crowd: Crowd) -> None:
    """A server with hundreds of connections closes within a moment."""
    server = WebServer(hello, LOOPBACK, 0)
    server.start()
    crowd(300, server.port, b"GET / HTTP/1.1\r\nX: ")
    assert seconds_for_an_answer(server.port) < SOON_SECONDS
    began = time.monotonic()
    server.close()

    assert time.monotonic() - began < SOON_SECONDS
