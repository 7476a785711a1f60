"""One call: what comes back, what is repeated, what never is."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import msgspec
import pytest
from pydantic import SecretStr

from monitor import __version__
from monitor.config import OrgSettings
from monitor.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    GenesysError,
    NotFoundError,
    NotJsonError,
    PermissionDeniedError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import Client, ClosedEndpoints, Endpoint, connect
from tests.genesys.conftest import HandClock, MakeClient
from tests.genesys.far_side import TOKEN, Act, FarSide, Reply

READ = Endpoint("GET", "/api/v2/things/{thingId}", ("things:view", "things:all"))
QUERY = Endpoint("POST", "/api/v2/things/query")
WRITE = Endpoint("PATCH", "/api/v2/things/{thingId}", ("things:edit",), repeatable=False)
READ_A = "GET /api/v2/things/a"
QUERY_ALL = "POST /api/v2/things/query"
WRITE_A = "PATCH /api/v2/things/a"
PATH = {"thingId": "a"}


class Thing(msgspec.Struct):
    """What the tests ask for."""

    name: str


class Change(msgspec.Struct, rename="camel"):
    """What the tests send."""

    new_name: str


Ask = Callable[[Client], Thing]
ALICE = Reply(body={"name": "Alice", "unknown": 1})


def org_at(api_url: str, login_url: str = "") -> OrgSettings:
    """The settings of an org whose client has a secret."""
    return OrgSettings(
        name="x",
        client_id="id-1",
        client_secret=SecretStr("secret-1"),
        api_url=api_url,
        login_url=login_url,
    )


def read(client: Client) -> Thing:
    """Ask for the thing ``a``."""
    return client.call(READ, Thing, path=PATH)


def write(client: Client) -> Thing:
    """Change the thing ``a``."""
    return client.call(WRITE, Thing, path=PATH, body=Change("Bob"))


def test_an_answer_is_read_as_the_type_asked_for(client: Client, far_side: FarSide) -> None:
    """Fields that the type names are read, others are skipped."""
    far_side.on(READ_A, ALICE)

    assert read(client) == Thing("Alice")


def test_a_request_carries_token_query_and_version(client: Client, far_side: FarSide) -> None:
    """The platform sees who asks, with which program, for what."""
    far_side.on(READ_A, ALICE)

    client.call(READ, Thing, path=PATH, params={"includeConfig": "true"})

    (seen,) = far_side.requests(READ_A)
    assert seen.headers["Authorization"] == "Bearer token-1"
    assert seen.headers["User-Agent"] == f"genesys-timeout-monitor/{__version__}"
    assert "gzip" in seen.headers["Accept-Encoding"]
    assert seen.query == {"includeConfig": "true"}
    assert "Content-Type" not in seen.headers


def test_a_body_is_sent_as_json_in_the_platforms_words(client: Client, far_side: FarSide) -> None:
    """Struct fields go out camel-cased, with the content type of JSON."""
    far_side.on(WRITE_A, ALICE)

    write(client)

    (seen,) = far_side.requests(WRITE_A)
    assert seen.json == {"newName": "Bob"}
    assert seen.headers["Content-Type"] == "application/json"


def test_raw_bytes_and_headers_go_out_unchanged(client: Client, far_side: FarSide) -> None:
    """A document that must stay whole is sent byte for byte, under its condition."""
    far_side.on(WRITE_A, ALICE)

    client.fetch(WRITE, path=PATH, body=b'{"b":1,  "a":2}', headers={"If-Match": '"7"'})

    (seen,) = far_side.requests(WRITE_A)
    assert seen.body == b'{"b":1,  "a":2}'
    assert seen.headers["If-Match"] == '"7"'


def test_an_id_can_not_change_the_path(client: Client, far_side: FarSide) -> None:
    """A slash or a question mark in an id is encoded."""
    far_side.on("GET /api/v2/things/..%2Fx%3Fy", ALICE)

    assert client.call(READ, Thing, path={"thingId": "../x?y"}) == Thing("Alice")


def test_a_compressed_answer_is_read(client: Client, far_side: FarSide) -> None:
    """Gzip is undone before decoding."""
    body = gzip.compress(json.dumps({"name": "Alice" * 50_000}).encode())
    far_side.on(READ_A, Reply(200, body, {"Content-Encoding": "gzip"}))

    assert read(client) == Thing("Alice" * 50_000)


def test_connections_are_kept_open(client: Client, far_side: FarSide) -> None:
    """Ten requests and a token share one connection."""
    far_side.on(READ_A, ALICE)

    for _ in range(10):
        read(client)

    assert len(far_side.clients) == 1


def test_cookies_are_not_kept(client: Client, far_side: FarSide) -> None:
    """A load balancer's cookie does not tie the client to one node."""
    far_side.on(READ_A, Reply(200, {"name": "x"}, {"Set-Cookie": "node=1"}))

    read(client)
    read(client)

    assert all("Cookie" not in seen.headers for seen in far_side.seen)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, NotFoundError),
        (412, ConflictError),
        (415, BadRequestError),
    ],
)
def test_a_refusal_is_its_own_error_at_once(
    client: Client, far_side: FarSide, status: int, kind: type[GenesysError]
) -> None:
    """It carries endpoint, status and correlation id, and is not repeated."""
    far_side.on(READ_A, Reply(status, {"message": "No such luck.", "code": "no.luck"}))

    with pytest.raises(kind) as caught:
        read(client)

    error = caught.value
    assert type(error) is kind
    assert (error.endpoint, error.status, error.correlation_id) == (READ.label, status, "corr-1")
    assert "No such luck (no.luck)" in error.message
    assert error.hint
    assert len(far_side.requests(READ_A)) == 1


def test_a_bad_request_keeps_the_platforms_words_apart(client: Client, far_side: FarSide) -> None:
    """Callers react to the code and the message, for example to another granularity."""
    far_side.on(READ_A, Reply(400, {"message": "Granularity too small", "code": "bad.request"}))

    with pytest.raises(BadRequestError) as caught:
        read(client)

    assert (caught.value.code, caught.value.detail) == ("bad.request", "Granularity too small")


def test_a_missing_permission_is_named_with_the_place_to_grant_it(
    client: Client, far_side: FarSide
) -> None:
    """The hint of a 403 can be followed without a manual."""
    far_side.on(READ_A, Reply(403, {"message": "missing", "code": "missing.permissions"}))

    with pytest.raises(PermissionDeniedError) as caught:
        read(client)

    assert "things:view (or things:all)" in caught.value.hint
    assert "Admin > Roles/Permissions" in caught.value.hint


def test_a_refusal_without_words_still_makes_a_sentence(client: Client, far_side: FarSide) -> None:
    """A 403 that is no JSON, from an endpoint without permissions, says what can be checked."""
    far_side.on(QUERY_ALL, Reply(403, b"<html>"))

    with pytest.raises(PermissionDeniedError) as caught:
        client.call(QUERY, Thing)

    assert caught.value.message == f"The OAuth client may not use {QUERY.label}"
    assert "OAuth" in caught.value.hint


def test_a_redirect_is_not_followed(client: Client, far_side: FarSide) -> None:
    """A token never goes to a host that nobody configured."""
    far_side.on(READ_A, Reply(302, {}, {"Location": far_side.url + "/elsewhere?a=secret"}))

    with pytest.raises(NotJsonError, match=r"redirect to 127\.0\.0\.1") as caught:
        read(client)

    assert "secret" not in str(caught.value)
    assert far_side.requests("GET /elsewhere") == []


def test_a_web_page_is_not_mistaken_for_the_platform(client: Client, far_side: FarSide) -> None:
    """200 with HTML is a proxy or a wrong host, and is told so."""
    far_side.on(READ_A, Reply(200, b"<html>login</html>", {"Content-Type": "text/html"}))

    with pytest.raises(NotJsonError, match="text/html") as caught:
        read(client)

    assert caught.value.correlation_id == "corr-1"
    assert "api_url" in caught.value.hint


def test_bytes_that_are_no_text_are_not_json(client: Client, far_side: FarSide) -> None:
    """Broken UTF-8 ends as an error of the tree, not as a codec's."""
    far_side.on(READ_A, Reply(200, b'{"name": "\xff\xfe"}'))

    with pytest.raises(NotJsonError):
        read(client)


def test_another_shape_names_the_field(client: Client, far_side: FarSide) -> None:
    """The message says where in the answer, and what was expected there."""
    far_side.on(READ_A, Reply(200, {"name": 5}))

    with pytest.raises(WrongShapeError, match=r"Expected `str`, got `int` - at `\$\.name`"):
        read(client)


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
        (408, RequestTimeoutError),
        (429, RateLimitedError),
        (500, ServerFaultError),
        (503, ServerFaultError),
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


def test_a_write_that_timed_out_is_told_to_be_ambiguous(client: Client, far_side: FarSide) -> None:
    """After a 408 nobody knows whether it was done."""
    far_side.on(WRITE_A, Reply(408, {}))

    with pytest.raises(RequestTimeoutError, match="may have been made") as caught:
        write(client)

    assert "Read" in caught.value.hint


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


def test_repetitions_end_with_the_budget(make_client: MakeClient, far_side: FarSide) -> None:
    """One total limit holds whatever the platform does, and the last error is let through."""
    far_side.on(READ_A, Reply(500, {}))
    client = make_client(budget_seconds=0.3)

    began = time.monotonic()
    with pytest.raises(ServerFaultError):
        read(client)

    assert time.monotonic() - began < 1.0
    assert client.stats().retries[READ.label] > 1


def silence(handler: BaseHTTPRequestHandler) -> None:
    """Keep the connection and say nothing until the other side gives up."""
    handler.connection.settimeout(5)
    handler.rfile.read(1)
    handler.close_connection = True


def test_no_answer_ends_with_the_budget(make_client: MakeClient, far_side: FarSide) -> None:
    """A platform that says nothing is a timeout, counted as such."""
    far_side.on(READ_A, silence)
    client = make_client(budget_seconds=0.2)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError, match=r"127\.0\.0\.1:\d+ did not answer GET"):
        read(client)

    assert time.monotonic() - began < 2.0
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
    client = make_client(budget_seconds=0.2)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        read(client)

    assert time.monotonic() - began < 2.0


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


def test_a_chunked_answer_is_read(client: Client, far_side: FarSide) -> None:
    """Bodies of unknown length arrive whole."""

    def chunks(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b'8\r\n{"name":\r\n9\r\n "Alice"}\r\n0\r\n\r\n')

    far_side.on(READ_A, chunks)

    assert read(client) == Thing("Alice")


def test_a_host_that_does_not_listen_is_named(far_side: FarSide) -> None:
    """The message names host and reason, the hint what to check."""
    client = connect(org_at("http://127.0.0.1:1", login_url=far_side.url), budget_seconds=0.2)

    with pytest.raises(ConnectionFailedError) as caught:
        read(client)

    assert caught.value.message == "No connection to 127.0.0.1:1: the connection was refused"
    assert "api_url" in caught.value.hint
    assert caught.value.status is None


def test_no_answer_carries_no_secret(make_client: MakeClient, far_side: FarSide) -> None:
    """Neither secret nor token shows in an error, its cause or a representation."""
    far_side.on(READ_A, Reply(500, {"message": "x"}))
    client = make_client(budget_seconds=0.3)

    with pytest.raises(ServerFaultError) as caught:
        read(client)

    shown = repr(caught.value) + str(caught.value) + repr(vars(caught.value))
    assert "token-1" not in shown
    assert "secret-1" not in shown


def test_a_short_retry_after_is_waited_out_exactly(
    make_client: MakeClient, far_side: FarSide
) -> None:
    """The next request comes after the time that was asked for, not before and not much later."""
    far_side.on(READ_A, Reply(429, {}, {"Retry-After": "0.2"}), ALICE)
    client = make_client()

    began = time.monotonic()
    read(client)
    took = time.monotonic() - began

    assert 0.2 <= took < 1.0
    assert client.stats().rate_limited_seconds[READ.label] == pytest.approx(0.2, abs=0.15)
    assert client.closed_until() == {}


def test_a_429_without_a_time_is_repeated_after_a_pause(client: Client, far_side: FarSide) -> None:
    """Not every 429 says how long."""
    far_side.on(READ_A, Reply(429, {}), Reply(429, {}, {"Retry-After": "soon"}), ALICE)

    assert read(client) == Thing("Alice")


def test_a_long_retry_after_closes_the_endpoint(
    make_client: MakeClient, far_side: FarSide, clock: HandClock
) -> None:
    """No later call sends a request before the time is over; other endpoints stay open."""
    far_side.on(READ_A, Reply(429, {"message": "quota"}, {"Retry-After": "600"}), ALICE)
    far_side.on(QUERY_ALL, ALICE)
    client = make_client()

    with pytest.raises(RateLimitedError, match="quota") as caught:
        read(client)
    assert caught.value.retry_after_seconds == 600
    assert client.closed_until() == {READ.label: clock.now() + 600}

    clock.seconds += 599
    with pytest.raises(RateLimitedError, match="closed") as caught:
        read(client)
    assert caught.value.retry_after_seconds == pytest.approx(1)
    assert client.stats().retries == {}
    assert len(far_side.requests(READ_A)) == 1
    assert client.call(QUERY, Thing) == Thing("Alice")

    clock.seconds += 1
    assert read(client) == Thing("Alice")
    assert client.closed_until() == {}


def test_an_endpoint_stays_closed_for_the_next_client(
    make_client: MakeClient, far_side: FarSide, clock: HandClock
) -> None:
    """What is known about quiet outlives a client, for example over a reload."""
    closed = ClosedEndpoints({READ.label: clock.now() + 60})
    client = make_client(closed=closed)

    with pytest.raises(RateLimitedError):
        read(client)

    assert far_side.requests(READ_A) == []


def test_a_write_that_was_rate_limited_closes_the_endpoint_too(
    client: Client, far_side: FarSide
) -> None:
    """The platform's wish holds for writes as for reads."""
    far_side.on(WRITE_A, Reply(429, {}, {"Retry-After": "600"}))

    for _ in range(2):
        with pytest.raises(RateLimitedError):
            write(client)

    assert len(far_side.requests(WRITE_A)) == 1


def test_a_token_service_that_wants_quiet_gets_it(client: Client, far_side: FarSide) -> None:
    """A long Retry-After from the token service closes that service, not the API's endpoint."""
    far_side.on(TOKEN, Reply(429, {}, {"Retry-After": "600"}))

    for _ in range(2):
        with pytest.raises(RateLimitedError):
            read(client)

    assert len(far_side.requests(TOKEN)) == 1
    assert list(client.closed_until()) == [TOKEN]


@pytest.mark.parametrize("header", ["5", "0.5"])
def test_stopping_ends_a_wait_at_once(
    make_client: MakeClient, far_side: FarSide, header: str
) -> None:
    """A daemon that is told to end does not sit out a Retry-After."""
    stop = threading.Event()

    def limit_and_stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", header)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        threading.Timer(0.05, stop.set).start()

    far_side.on(READ_A, limit_and_stop)
    client = make_client(stop=stop)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError, match="the program is ending"):
        read(client)

    assert time.monotonic() - began < 0.4
    assert len(far_side.requests(READ_A)) == 1


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
    """A thread that waits for an answer gets its error at once, not after thirty seconds."""
    stop = threading.Event()
    client = make_client(stop=stop)

    def close_and_be_silent(handler: BaseHTTPRequestHandler) -> None:
        stop.set()
        threading.Timer(0.05, client.close).start()
        silence(handler)

    far_side.on(READ_A, close_and_be_silent)

    began = time.monotonic()
    with pytest.raises(ConnectionFailedError):
        read(client)

    assert time.monotonic() - began < 2.0


def test_a_closed_client_sends_nothing(client: Client, far_side: FarSide) -> None:
    """After closing there is no way back to the wire."""
    client.close()

    with pytest.raises(ConnectionFailedError, match="the program is ending"):
        client.call(WRITE, Thing, path=PATH)

    assert far_side.seen == []


def test_counts_are_a_snapshot(client: Client, far_side: FarSide) -> None:
    """What was handed out does not change under its reader, nor can it be changed."""
    far_side.on(READ_A, ALICE)
    before = client.stats()

    read(client)

    assert before.requests == {}
    assert client.stats().requests == {(TOKEN, "200"): 1, (READ.label, "200"): 1}
    with pytest.raises(TypeError):
        client.stats().requests[TOKEN, "200"] = 5  # type: ignore[index]


def test_connect_makes_a_client_of_an_orgs_settings(far_side: FarSide) -> None:
    """The settings alone are enough to speak to an org."""
    far_side.on(READ_A, ALICE)
    client = connect(org_at(far_side.url))

    assert read(client) == Thing("Alice")
    assert far_side.requests(TOKEN)[0].form == {"grant_type": "client_credentials"}
    client.close()


def test_an_org_without_a_credential_is_refused() -> None:
    """The settings see to it already; the client does not rely on that."""
    org = OrgSettings.model_construct(name="x", client_id="c", api_url="http://127.0.0.1:1")

    with pytest.raises(ConfigurationError, match="no credential"):
        connect(org)
