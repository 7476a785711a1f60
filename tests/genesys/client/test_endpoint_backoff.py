"""The platform's wish for quiet, kept by every later call."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from monitor.errors import (
    RateLimitedError,
    RequestTimeoutError,
)
from monitor.genesys import Client, EndpointBackoff
from tests.clocks import ManualClock
from tests.genesys.client.thing_api import (
    ALICE,
    QUERY,
    QUERY_ALL,
    READ,
    READ_A,
    WRITE_A,
    Thing,
    read,
    write,
)
from tests.genesys.conftest import MakeClient
from tests.genesys.far_side import TOKEN, FarSide, Reply


def test_a_short_retry_after_is_waited_out_exactly(
    make_client: MakeClient, far_side: FarSide
) -> None:
    """The next request comes after the time that was asked for, not before and not much later."""
    far_side.on(READ_A, Reply(429, {}, {"Retry-After": "0.2"}), ALICE)
    client = make_client()

    began = time.monotonic()
    read(client)
    took = time.monotonic() - began

    assert 0.2 <= took < 5
    # What a busy machine takes between the answer and the wait is no part of it.
    assert 0.1 <= client.stats().rate_limited_seconds[READ.label] <= took


def test_a_429_without_a_time_is_repeated_after_a_pause(client: Client, far_side: FarSide) -> None:
    """Not every 429 says how long."""
    far_side.on(READ_A, Reply(429, {}), Reply(429, {}, {"Retry-After": "soon"}), ALICE)

    assert read(client) == Thing("Alice")


def test_a_long_retry_after_closes_the_endpoint(
    make_client: MakeClient, far_side: FarSide, clock: ManualClock
) -> None:
    """No later call sends a request before the time is over; other endpoints stay open."""
    far_side.on(READ_A, Reply(429, {"message": "quota"}, {"Retry-After": "600"}), ALICE)
    far_side.on(QUERY_ALL, ALICE)
    backoff = EndpointBackoff()
    client = make_client(backoff=backoff)

    with pytest.raises(RateLimitedError, match="quota") as caught:
        read(client)
    assert caught.value.retry_after_seconds == 600
    assert backoff.until(clock.now()) == {READ.label: clock.now() + 600}

    clock.at += 599
    with pytest.raises(RateLimitedError, match="closed") as caught:
        read(client)
    assert caught.value.retry_after_seconds == pytest.approx(1)
    assert client.stats().retries == {}
    assert len(far_side.requests(READ_A)) == 1
    assert client.call(QUERY, Thing) == Thing("Alice")

    clock.at += 1
    assert read(client) == Thing("Alice")
    assert backoff.until(clock.now()) == {}


@pytest.mark.parametrize("ahead", [-7200.0, 7200.0])
def test_a_clock_that_is_set_opens_no_endpoint_and_closes_none(
    make_client: MakeClient, far_side: FarSide, clock: ManualClock, ahead: float
) -> None:
    """Ten minutes are ten minutes, whatever the clock shows meanwhile."""
    far_side.on(READ_A, Reply(429, {}, {"Retry-After": "600"}), Reply(body={"name": "a"}))
    client = make_client(deadline_seconds=1, clock=clock)
    with pytest.raises(RateLimitedError):
        read(client)
    clock.ahead = ahead
    with pytest.raises(RateLimitedError, match="closed"):
        read(client)
    clock.at += 600
    read(client)

    assert len(far_side.requests(READ_A)) == 2


def test_an_endpoint_stays_closed_for_the_next_client(
    make_client: MakeClient, far_side: FarSide, clock: ManualClock
) -> None:
    """What is known about quiet outlives a client, for example over a reload."""
    backoff = EndpointBackoff({READ.label: clock.now() + 60})
    client = make_client(backoff=backoff)

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


def test_a_token_service_that_wants_quiet_gets_it(
    make_client: MakeClient, far_side: FarSide, clock: ManualClock
) -> None:
    """A long Retry-After from the token service closes that service, not the API's endpoint."""
    far_side.on(TOKEN, Reply(429, {}, {"Retry-After": "600"}))
    backoff = EndpointBackoff()
    client = make_client(backoff=backoff)

    for _ in range(2):
        with pytest.raises(RateLimitedError):
            read(client)

    assert len(far_side.requests(TOKEN)) == 1
    assert list(backoff.until(clock.now())) == [TOKEN]


def test_stopping_ends_a_wait_at_once(make_client: MakeClient, far_side: FarSide) -> None:
    """A daemon that is told to end does not sit out a Retry-After."""
    stop = threading.Event()

    def limit_and_stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", "8")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        threading.Timer(0.05, stop.set).start()

    far_side.on(READ_A, limit_and_stop)
    client = make_client(stop=stop)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError, match="the program is ending"):
        read(client)

    assert time.monotonic() - began < 4
    assert len(far_side.requests(READ_A)) == 1
