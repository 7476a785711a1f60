"""What is repeated, what never is, and what ends a call."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from monitor.errors import (
    AmbiguousWriteError,
    AuthenticationError,
    ConnectionFailedError,
    GenesysError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFaultError,
)
from monitor.genesys import Client
from monitor.genesys.client.budget import Deadline
from monitor.genesys.client.retry import retry_attempts
from tests.genesys.client.thing_api import (
    ALICE,
    PATH,
    QUERY,
    QUERY_ALL,
    READ,
    READ_A,
    WRITE,
    WRITE_A,
    Ask,
    Change,
    Thing,
    read,
    write,
)
from tests.genesys.conftest import MakeClient
from tests.genesys.far_side import TOKEN, Act, FarSide, Reply


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_read_is_repeated_after_a_fault(client: Client, far_side: FarSide, status: int) -> None:
    """Two faults and an answer are an answer, and both repetitions are counted."""
    far_side.on(READ_A, Reply(status, b"oops"), Reply(status, b"oops"), ALICE)

    assert read(client) == Thing("Alice")
    assert client.stats().retries == {READ.label: 2}
    assert client.stats().requests[READ.label, str(status)] == 2
    assert client.stats().requests[READ.label, "200"] == 1


def test_a_query_by_post_is_a_read(client: Client, far_side: FarSide) -> None:
    """It is repeated too, with its whole body."""
    far_side.on(QUERY_ALL, Reply(503), ALICE)

    client.call(QUERY, Thing, body=Change("x"))

    assert [seen.json for seen in far_side.requests(QUERY_ALL)] == [{"newName": "x"}] * 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, AmbiguousWriteError),
        (429, RateLimitedError),
        (500, AmbiguousWriteError),
        (503, AmbiguousWriteError),
    ],
)
def test_a_write_is_never_repeated(
    client: Client, far_side: FarSide, status: int, kind: type[GenesysError]
) -> None:
    """Whatever went wrong, the platform sees one PATCH."""
    far_side.on(WRITE_A, Reply(status, {}))

    with pytest.raises(kind):
        write(client)

    assert len(far_side.requests(WRITE_A)) == 1


@pytest.mark.parametrize("ask", [read, write])
def test_a_refused_token_is_renewed_once_and_the_request_repeated(
    client: Client, far_side: FarSide, ask: Ask
) -> None:
    """A 401 did nothing, so even a write may go again, under the new token."""
    far_side.on(READ_A, Reply(401, {}), ALICE)
    far_side.on(WRITE_A, Reply(401, {}), ALICE)

    ask(client)

    sent = [seen.headers["Authorization"] for seen in far_side.seen if seen.path != "/oauth/token"]
    assert sent == ["Bearer token-1", "Bearer token-2"]


def test_a_token_that_is_refused_twice_is_an_error(client: Client, far_side: FarSide) -> None:
    """Renewing does not help; the request went out twice and no more."""
    far_side.on(READ_A, Reply(401, {"message": "Invalid login credentials."}))

    with pytest.raises(AuthenticationError, match="Invalid login credentials"):
        read(client)

    assert len(far_side.requests(READ_A)) == 2
    assert len(far_side.requests(TOKEN)) == 2


def test_repetitions_end_with_the_deadline(make_client: MakeClient, far_side: FarSide) -> None:
    """One total limit holds whatever the platform does, and the last error is let through."""
    far_side.on(READ_A, Reply(500, {}))
    client = make_client(deadline_seconds=1.0)

    began = time.monotonic()
    with pytest.raises(ServerFaultError):
        read(client)

    assert time.monotonic() - began < 5
    assert client.stats().retries[READ.label] > 1


def silence(handler: BaseHTTPRequestHandler) -> None:
    """Keep the connection and say nothing until the other side gives up."""
    handler.connection.settimeout(5)
    handler.rfile.read(1)
    handler.close_connection = True


def test_no_answer_ends_with_the_deadline(make_client: MakeClient, far_side: FarSide) -> None:
    """A platform that says nothing is a timeout, counted as such."""
    far_side.on(READ_A, silence)
    client = make_client(deadline_seconds=0.2)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError, match=r"127\.0\.0\.1:\d+ did not answer GET"):
        read(client)

    assert time.monotonic() - began < 5
    assert client.stats().requests[READ.label, "timeout"] >= 1


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a body byte by byte, slowly and for ever, each byte within the read timeout."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.close_connection = True
    try:
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.01)
    except OSError:
        return


def test_a_body_that_drips_does_not_hold_the_client(
    make_client: MakeClient, far_side: FarSide
) -> None:
    """The read limit holds for the whole answer, not only for each part of it."""
    far_side.on(READ_A, drip)
    client = make_client(deadline_seconds=0.2)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        read(client)

    assert time.monotonic() - began < 5


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    """Promise more bytes than are sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"name":')
    handler.close_connection = True


def cut_chunks_short(handler: BaseHTTPRequestHandler) -> None:
    """End a chunked body before its last chunk."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'8\r\n{"name":\r\n')
    handler.close_connection = True


@pytest.mark.parametrize("act", [hang_up, cut_short, cut_chunks_short])
def test_a_connection_that_breaks_is_repeated(client: Client, far_side: FarSide, act: Act) -> None:
    """Half an answer is no answer: it is asked again, and counted as a broken connection."""
    far_side.on(READ_A, act, ALICE)

    assert read(client) == Thing("Alice")
    assert client.stats().requests[READ.label, "connection"] == 1


def test_nothing_is_repeated_after_stopping(make_client: MakeClient, far_side: FarSide) -> None:
    """The error in hand is let through when the program ends."""
    stop = threading.Event()

    def fail_and_stop(handler: BaseHTTPRequestHandler) -> None:
        stop.set()
        handler.send_response(500)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    far_side.on(READ_A, fail_and_stop)

    with pytest.raises(ServerFaultError):
        read(make_client(stop=stop))


def test_nothing_is_sent_after_stopping(make_client: MakeClient, far_side: FarSide) -> None:
    """A call that begins when the program already ends sends no request."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(RequestTimeoutError):
        read(make_client(stop=stop))

    assert far_side.seen == []


def test_closing_ends_a_request_in_flight(make_client: MakeClient, far_side: FarSide) -> None:
    """A thread that waits for an answer gets its error at once, and does not try again."""
    client = make_client()

    def close_and_be_silent(handler: BaseHTTPRequestHandler) -> None:
        threading.Timer(0.05, client.close).start()
        silence(handler)

    far_side.on(READ_A, close_and_be_silent)

    began = time.monotonic()
    with pytest.raises(ConnectionFailedError):
        read(client)

    assert time.monotonic() - began < 5
    assert client.stats().retries == {}


def test_a_closed_client_sends_nothing(client: Client, far_side: FarSide) -> None:
    """After closing there is no way back to the wire."""
    client.close()

    with pytest.raises(ConnectionFailedError, match="the program is ending"):
        client.call(WRITE, Thing, path=PATH)

    assert far_side.seen == []


@pytest.mark.parametrize("late", [9.1, 11.0])
def test_no_attempt_begins_in_the_last_moments(late: float) -> None:
    """A machine that wakes up late has no time for one, and the error that is known is told."""
    now = [0.0]
    begun = []
    known = ConnectionFailedError("reset")
    with pytest.raises(ConnectionFailedError) as caught:  # noqa: PT012 - the loop is what is tried
        for number, attempt in retry_attempts(
            Deadline(10.0, lambda: now[0]), is_ending=lambda: False, first_pause_seconds=0.0
        ):
            with attempt:
                begun.append(number)
                now[0] = late
                raise known

    assert caught.value is known
    assert begun == [1]


def test_an_attempt_that_is_cut_short_hides_no_error_that_is_known() -> None:
    """What the platform said before the call's own time ended is what is worth reading."""
    now = [0.0]
    known = ServerFaultError("HTTP 500", status=500)
    known.__cause__ = cause = OSError("of its own")
    with pytest.raises(ServerFaultError) as caught:  # noqa: PT012 - the loop is what is tried
        for number, attempt in retry_attempts(
            Deadline(10.0, lambda: now[0]), is_ending=lambda: False, first_pause_seconds=0.0
        ):
            with attempt:
                now[0] = 8.0 if number == 1 else 10.0
                raise known if number == 1 else RequestTimeoutError("no answer")

    assert caught.value is known
    assert known.__cause__ is cause


def test_an_attempt_that_alone_is_cut_short_is_told() -> None:
    """Nothing is known before the first one."""
    now = [0.0]
    with pytest.raises(RequestTimeoutError):  # noqa: PT012 - the loop is what is tried
        for _, attempt in retry_attempts(Deadline(10.0, lambda: now[0]), is_ending=lambda: False):
            with attempt:
                now[0] = 10.0
                reason = "no answer"
                raise RequestTimeoutError(reason)
