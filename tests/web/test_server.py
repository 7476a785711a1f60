"""The server between the application and the network."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterable
from threading import Event, Thread
from typing import Any

import pytest

from monitor.errors import ConfigurationError
from monitor.web import WebServer
from tests.web.conftest import LOOPBACK


def hello(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
    """The smallest application."""
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def ask(port: int) -> bytes:
    """One request."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_port_zero_is_any_free_port() -> None:
    """The port that was taken is told."""
    with WebServer(hello, LOOPBACK, 0) as server:
        assert server.port > 0
        assert ask(server.port) == b"hello"


def test_port_in_use_is_refused_at_once() -> None:
    """A second server on a port is refused when it is made, in words that a user can act on."""
    first = WebServer(hello, LOOPBACK, 0)
    try:
        with pytest.raises(ConfigurationError) as refused:
            WebServer(hello, LOOPBACK, first.port)
    finally:
        first.close()

    assert refused.value.message == f"Port {first.port} on 127.0.0.1 is in use by another program"
    assert "[serve] port" in refused.value.hint


def test_host_that_does_not_exist() -> None:
    """A name that no machine has is refused."""
    with pytest.raises(ConfigurationError, match="can't be resolved") as refused:
        WebServer(hello, "no-such-host.invalid", 0)

    assert "[serve] host" in refused.value.hint


def test_host_that_is_no_name() -> None:
    """A name that can't be written in the network's alphabet is refused, not a traceback."""
    with pytest.raises(ConfigurationError, match="can't be resolved"):
        WebServer(hello, "a" * 64 + ".invalid", 0)


def test_address_of_another_machine() -> None:
    """An address that this machine doesn't have is refused."""
    with pytest.raises(ConfigurationError, match="does not belong to this machine"):
        WebServer(hello, "192.0.2.1", 0)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (13, "Listening on port 80 is not allowed for this user"),
        (105, "Port 80 on 127.0.0.1 can't be listened on: No buffer space available"),
    ],
)
def test_other_refusals_of_the_system(
    monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    """What else the system says is told in a sentence too; played, for root may listen anywhere."""

    def refuse(_self: socket.socket, _address: object) -> None:
        raise OSError(number, "No buffer space available")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ConfigurationError) as refused:
        WebServer(hello, LOOPBACK, 80)

    assert refused.value.message == sentence
    assert refused.value.hint


def test_close_lets_go_of_the_port() -> None:
    """After close the same port can be taken again at once, though connections were open."""
    with WebServer(hello, LOOPBACK, 0) as server:
        lingering = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
        lingering.request("GET", "/")
        lingering.getresponse().read()

    with WebServer(hello, LOOPBACK, server.port) as again:
        assert ask(again.port) == b"hello"
    lingering.close()


def test_close_before_start_and_twice() -> None:
    """A server that never started lets go too, and closing again does nothing."""
    server = WebServer(hello, LOOPBACK, 0)
    server.close()
    server.close()

    with WebServer(hello, LOOPBACK, server.port) as again:
        assert again.port == server.port
    again.close()


def test_request_in_hand_is_answered_on_close() -> None:
    """A client whose request is being answered when the server closes gets its answer."""
    begun, finish = Event(), Event()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        begun.set()
        finish.wait(10)
        return hello(environ, start_response)

    answers: list[bytes] = []
    server = WebServer(slow, LOOPBACK, 0)
    server.start()
    client = Thread(target=lambda: answers.append(ask(server.port)))
    client.start()
    assert begun.wait(10)
    closing = Thread(target=server.close)
    closing.start()
    finish.set()
    closing.join()
    client.join()

    assert answers == [b"hello"]


def test_large_answer_is_sent_whole_on_close() -> None:
    """A client that is slow to read gets all of an answer that was begun before the close."""
    body = b"x" * 8_000_000
    begun = Event()

    def large(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        begun.set()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    server = WebServer(large, LOOPBACK, 0)
    server.start()
    connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
    connection.request("GET", "/")
    assert begun.wait(10)
    closing = Thread(target=server.close)
    closing.start()
    received = connection.getresponse().read()
    closing.join()
    connection.close()

    assert received == body


def test_client_that_never_reads_does_not_hold_up_the_close() -> None:
    """Close waits for a client only so long."""
    begun = Event()

    def endless(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        begun.set()
        start_response("200 OK", [("Content-Length", "16000000")])
        return [b"x" * 16_000_000]

    server = WebServer(endless, LOOPBACK, 0)
    server.start()
    with socket.create_connection((LOOPBACK, server.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert begun.wait(10)
        before = time.monotonic()
        server.close()
        assert time.monotonic() - before < 4


def test_large_request_is_refused() -> None:
    """A body that nobody asked for is not even read."""
    with WebServer(hello, LOOPBACK, 0) as server:
        connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
        connection.request("GET", "/", body=b"", headers={"Content-Length": "1000000"})
        status = connection.getresponse().status
        connection.close()

    assert status == 413
