"""Whether a write that failed may have been carried out all the same."""

from __future__ import annotations

import socket
import struct
from http.server import BaseHTTPRequestHandler

import pytest

from monitor.errors import (
    AmbiguousWriteError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    GenesysError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
)
from monitor.genesys import Client
from monitor.remediation.targets.writing import put_flow
from tests.genesys.client.thing_api import WRITE_A, org_at, write
from tests.genesys.conftest import MakeClient
from tests.genesys.far_side import TOKEN, Act, FarSide, Reply


def reset(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without a word, the hard way."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without a word."""
    handler.close_connection = True


def break_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    handler.close_connection = True


def be_silent(handler: BaseHTTPRequestHandler) -> None:
    """Wait for the client to lose its patience."""
    handler.connection.settimeout(5)
    handler.rfile.read(1)
    handler.close_connection = True


@pytest.mark.parametrize("act", [reset, hang_up, break_off, be_silent])
def test_a_write_without_an_answer_may_have_been_carried_out(
    make_client: MakeClient, far_side: FarSide, act: Act
) -> None:
    """It arrived, and nothing came back; it was sent once."""
    far_side.on(WRITE_A, act)
    client = make_client(deadline_seconds=0.5)

    with pytest.raises(AmbiguousWriteError, match="the change may have been made") as caught:
        write(client)

    assert caught.value.hint == "Read the current state before anything else."
    assert len(far_side.requests(WRITE_A)) == 1


@pytest.mark.parametrize("status", [303, 408, 500, 502, 503, 504])
def test_an_answer_that_does_not_tell_is_ambiguous(
    client: Client, far_side: FarSide, status: int
) -> None:
    """A gateway may have given up while the platform went on."""
    far_side.on(WRITE_A, Reply(status, {"message": "oops"}))

    with pytest.raises(AmbiguousWriteError, match="the change may be made") as caught:
        write(client)

    assert (caught.value.status, caught.value.correlation_id) == (status, "corr-1")
    assert caught.value.hint == "Read the current state before anything else."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, BadRequestError),
        (409, ConflictError),
        (412, ConflictError),
        (422, BadRequestError),
        (428, BadRequestError),
        (429, RateLimitedError),
    ],
)
def test_a_refusal_says_that_nothing_was_changed(
    client: Client, far_side: FarSide, status: int, kind: type[GenesysError]
) -> None:
    """The platform looked at it and said no."""
    far_side.on(WRITE_A, Reply(status, {}))

    with pytest.raises(kind) as caught:
        write(client)

    assert type(caught.value) is kind


def test_a_write_that_found_no_connection_was_not_carried_out(
    make_client: MakeClient, far_side: FarSide
) -> None:
    """The token came from one host, and the API's host takes no connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = make_client()
    client._api_base = org_at(f"http://127.0.0.1:{port}").api_base  # noqa: SLF001 - one host down

    with pytest.raises(ConnectionFailedError, match="the connection was refused"):
        write(client)

    assert len(far_side.requests(TOKEN)) == 1


def test_a_write_without_a_token_was_not_carried_out(client: Client, far_side: FarSide) -> None:
    """The token service failed before anything else was sent."""
    far_side.on(TOKEN, hang_up)

    with pytest.raises(ConnectionFailedError):
        write(client)

    assert far_side.requests(WRITE_A) == []


def test_a_refused_rate_is_no_reason_to_be_asked_again_by_itself(
    client: Client, far_side: FarSide
) -> None:
    """Writes are repeated by nobody but the one who asked for them."""
    far_side.on(WRITE_A, Reply(429, {}))

    with pytest.raises(RateLimitedError) as caught:
        write(client)

    assert caught.value.hint == "Nothing was changed; try again when the time is over."


def test_a_flow_of_another_version_is_a_conflict_too_where_it_comes_as_400(
    client: Client, far_side: FarSide
) -> None:
    """The platform says it in two ways; a gateway of the flow contract may as well."""
    words = "The version 7 does not match the current version 9."
    far_side.on("PUT /api/v2/flows/f-1", Reply(400, {"message": words, "status": 400}))

    with pytest.raises(ConflictError, match="current version 9"):
        put_flow(client, "f-1", b"{}", '"x"')
