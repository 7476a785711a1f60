"""Anything for an HTTP answer: it is one, or an error of the tree, and the next one is read."""

from __future__ import annotations

import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ConnectionFailedError, TimeoutMonitorError
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.transport import HttpTransport, Request, Response

PIECES = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 103 Early\r\n\r\n",
    b"HTTP/1.1 302 Found\r\n",
    b"HTTP/9\r\n",
    b"HTTP/1.1 99999 x\r\n",
    b"HTTP/1.1 -1 x\r\n",
    b"\r\n",
    b"\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -5\r\n",
    b"Content-Length: 5, 7\r\n",
    b"Content-Length: \xd9\xa3\r\n",
    b"Content-Length: " + b"9" * 5_000 + b"\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"-5\r\n",
    b"fffffffffffffffffffffff\r\n",
    b"zz\r\n",
    b"Location: http://[\r\n",
    b"Location: \xff\xfe\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: gzip, deflate\r\n",
    b"Content-Encoding: \xff\r\n",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    b"Set-Cookie: a=b;;=\r\n",
    b"Set-Cookie: a=b; expires=Thu, 99 Foo\r\n",
    b"Content-Type: text/html; charset=\xff\r\n",
    b"X: " + b"y" * 70_000 + b"\r\n",
    b"Y: z\r\n" * 120,
    b" folded\r\n",
    b":\r\n",
    b"hello",
    b"\x00",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Keep-Alive: timeout=x\r\n",
]


class Wire:
    """Sends what it was given to whoever asks, once, and hangs up."""

    def __init__(self) -> None:
        """Listen on a free port of loopback."""
        self.reply = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/ping"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(self.reply)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    continue

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """One for all that is drawn."""
    wire = Wire()
    yield wire
    wire.close()


@pytest.mark.usefixtures("no_old_garbage")
@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 7\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5, 7\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xd9\xa3\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: \xff\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/9\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_nothing_is_left_open_by_an_answer_that_can_not_be_parsed(wire: Wire, reply: bytes) -> None:
    """A daemon that asks once a minute would have no descriptor left after some hours."""
    wire.reply = reply
    transport = HttpTransport(ApiCounters())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with suppress(TimeoutMonitorError):
            transport.send(Request("GET /ping", "GET", wire.url, read_timeout_seconds=5))
        transport.close()
        gc.collect()

    assert [str(one.message) for one in caught] == []


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES) | st.binary(max_size=12), max_size=8),
    is_begun=st.booleans(),
)
def test_what_comes_is_an_answer_or_an_error_of_the_tree(
    wire: Wire,
    pieces: list[bytes],
    is_begun: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """And it is told as what it is where no library foresees it."""
    wire.reply = (PIECES[0] if is_begun else b"") + b"".join(pieces)
    transport = HttpTransport(ApiCounters())
    request = Request("GET /ping", "GET", wire.url, read_timeout_seconds=5)
    ended: Response | TimeoutMonitorError
    try:
        ended = transport.send(request)
    except TimeoutMonitorError as error:
        ended = error
    finally:
        transport.close()
    assert isinstance(ended, Response | ConnectionFailedError), ended
