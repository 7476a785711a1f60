"""One call: what goes out, and what comes back."""

from __future__ import annotations

import gzip
import json
from http.server import BaseHTTPRequestHandler

import pytest

from monitor import __version__
from monitor.config import OrgSettings
from monitor.errors import (
    ConfigurationError,
    ConnectionFailedError,
    RateLimitedError,
)
from monitor.genesys import Client, connect
from monitor.genesys.client.rate_limiter import BURST
from tests.genesys.client.thing_api import (
    ALICE,
    PATH,
    READ,
    READ_A,
    WRITE,
    WRITE_A,
    Thing,
    org_at,
    read,
    write,
)
from tests.genesys.far_side import TOKEN, FarSide, Reply


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
    client = connect(org_at("http://127.0.0.1:1", login_url=far_side.url), deadline_seconds=1.0)

    with pytest.raises(ConnectionFailedError) as caught:
        read(client)

    assert caught.value.message == "No connection to 127.0.0.1:1: the connection was refused"
    assert "api_url" in caught.value.hint
    assert caught.value.status is None


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


def test_the_pace_can_be_set(far_side: FarSide) -> None:
    """A simulated org whose time runs faster may be asked faster, a shared one slower."""
    far_side.on(READ_A, ALICE)
    client = connect(org_at(far_side.url), requests_per_second=0.01, deadline_seconds=2)
    for _ in range(BURST - 1):  # the token was one of them
        read(client)

    with pytest.raises(RateLimitedError):
        read(client)

    client.close()
    assert len(far_side.requests(READ_A)) == BURST - 1
