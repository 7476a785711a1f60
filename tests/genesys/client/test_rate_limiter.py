"""The pace of requests: never above the platform's limit, slower when little is left."""

from __future__ import annotations

import threading
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import RateLimitedError, RequestTimeoutError
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.rate_limiter import (
    LONGEST_RETRY_AFTER_SECONDS,
    EndpointBackoff,
    RateLimiter,
    TokenBucket,
    retry_after_seconds,
)
from tests.clocks import ManualClock

NOW = 1_800_000_000.0


def headers(count: str, allowed: str, reset: str) -> dict[str, str]:
    """The platform's rate headers."""
    return {
        "inin-ratelimit-count": count,
        "inin-ratelimit-allowed": allowed,
        "inin-ratelimit-reset": reset,
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("12", 12),
        ("1.5", 1.5),
        (formatdate(NOW + 30, usegmt=True), 30),
        (formatdate(NOW - 30, usegmt=True), 0),
        ("-5", 0),
        ("999999999", LONGEST_RETRY_AFTER_SECONDS),
        ("inf", LONGEST_RETRY_AFTER_SECONDS),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(text: str, seconds: float | None) -> None:
    """Seconds or a date; nonsense is as good as nothing, and no wait is longer than a day."""
    assert retry_after_seconds({"Retry-After": text}, NOW) == seconds


@pytest.mark.parametrize("off", [-7200, 0, 7200])
def test_a_date_is_read_by_the_clock_that_wrote_it(off: int) -> None:
    """Ours may be wrong; the answer's own date is not."""
    headers = {"Retry-After": formatdate(NOW + 30, usegmt=True), "Date": formatdate(NOW)}
    assert retry_after_seconds(headers, NOW + off) == 30


def test_a_missing_retry_after_says_nothing() -> None:
    """Not every 429 has one."""
    assert retry_after_seconds({}, NOW) is None


@given(
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=400),
    window_start=st.floats(0, 200),
)
def test_no_minute_holds_more_than_the_platform_allows(
    gaps: list[float], window_start: float
) -> None:
    """However calls arrive, at most 300 requests leave in any minute."""
    clock = ManualClock(0.0)
    bucket = TokenBucket(monotonic=clock.now)
    sent: list[float] = []
    for gap in gaps:
        clock.at += gap
        sent.append(clock.at + bucket.reserve())

    assert sum(window_start <= moment < window_start + 60 for moment in sent) <= 300


def test_a_long_queue_leaves_at_the_steady_pace() -> None:
    """The burst goes at once, what follows at the refill's pace and in order."""
    clock = ManualClock(0.0)
    bucket = TokenBucket(per_second=2, burst=3, monotonic=clock.now)

    assert [bucket.reserve() for _ in range(6)] == [0, 0, 0, 0.5, 1.0, 1.5]


def test_a_request_that_was_not_sent_is_given_back() -> None:
    """Its place goes to the next one; the bucket never holds more than a burst."""
    clock = ManualClock(0.0)
    bucket = TokenBucket(per_second=2, burst=1, monotonic=clock.now)
    bucket.reserve()
    bucket.give_back()
    bucket.give_back()

    assert [bucket.reserve(), bucket.reserve()] == [0, 0.5]


def test_what_is_left_is_spread_over_the_time_until_the_platform_counts_anew() -> None:
    """Two requests left for ten seconds: the two, then one each five seconds, then as usual."""
    clock = ManualClock(0.0)
    bucket = TokenBucket(per_second=4, burst=10, monotonic=clock.now)
    bucket.observe(headers("298", "300", "10"))

    waits = [bucket.reserve() for _ in range(6)]

    assert waits == [0, 0, 5, 10, 10.25, 10.5]
    clock.at = 20
    assert bucket.reserve() == 0


def test_nothing_left_means_waiting_for_the_platform_to_count_anew() -> None:
    """Others used the limit up, for example another program with the same client."""
    bucket = TokenBucket(per_second=4, burst=10, monotonic=ManualClock(0.0).now)
    bucket.observe(headers("301", "300", "10"))

    assert bucket.reserve() == 10.25


def test_plenty_left_changes_nothing() -> None:
    """The headers can only slow down, never speed up."""
    bucket = TokenBucket(per_second=4, burst=2, monotonic=ManualClock(0.0).now)
    bucket.observe(headers("1", "3000", "10"))

    assert [bucket.reserve() for _ in range(3)] == [0, 0, 0.25]


@given(st.tuples(st.text(), st.text(), st.text()))
def test_strange_headers_never_hurt(values: tuple[str, str, str]) -> None:
    """They are used where they make sense and never needed."""
    bucket = TokenBucket(monotonic=ManualClock(0.0).now)
    bucket.observe(headers(*values))
    bucket.observe({})

    assert 0 <= bucket.reserve() <= 3601


@pytest.mark.parametrize("reset", ["0", "-1", "nan", "inf", "1e9", "3600", "121", "x"])
def test_a_reset_that_makes_no_sense_is_ignored(reset: str) -> None:
    """A wrong header must not stop the program for a year."""
    bucket = TokenBucket(monotonic=ManualClock(0.0).now)
    bucket.observe(headers("300", "300", reset))

    assert bucket.reserve() == 0


def test_a_later_closing_time_stands() -> None:
    """A shorter wish does not open an endpoint early."""
    backoff = EndpointBackoff()
    backoff.close("GET /a", NOW + 100)
    backoff.close("GET /a", NOW + 10)

    assert backoff.opens_at("GET /a", NOW + 50) == NOW + 100
    assert backoff.until(NOW + 50) == {"GET /a": NOW + 100}


def test_an_endpoint_opens_when_the_time_has_come() -> None:
    """Then it is forgotten."""
    backoff = EndpointBackoff({"GET /a": NOW + 10})

    assert backoff.opens_at("GET /a", NOW + 10) is None
    assert backoff.until(NOW) == {}


def make_rate_limiter(
    bucket: TokenBucket, clock: ManualClock, counters: ApiCounters
) -> RateLimiter:
    """A rate limiter that waits on a clock turned by hand, as waiting would turn it."""

    class TurningEvent(threading.Event):
        """An event whose wait passes at once, on the clock of the test."""

        def wait(self, timeout: float | None = None) -> bool:
            clock.at += timeout or 0
            return self.is_set()

    return RateLimiter(
        bucket=bucket,
        backoff=EndpointBackoff(),
        counters=counters,
        clock=clock,
        stop=TurningEvent(),
        monotonic=clock.now,
    )


def test_a_wait_that_would_outlast_the_deadline_is_refused_at_once() -> None:
    """And its place in the queue goes to the next one."""
    clock, counters = ManualClock(0.0), ApiCounters()
    rate_limiter = make_rate_limiter(
        TokenBucket(per_second=0.1, burst=1, monotonic=clock.now), clock, counters
    )
    rate_limiter.acquire("GET /a", deadline=5)

    with pytest.raises(RateLimitedError, match="wait 10 s") as caught:
        rate_limiter.acquire("GET /a", deadline=5)
    rate_limiter.acquire("GET /a", deadline=11)

    assert caught.value.retry_after_seconds == pytest.approx(10)
    assert clock.at == pytest.approx(10)
    assert counters.snapshot().rate_limited_seconds == {"GET /a": pytest.approx(10)}


def test_a_rest_holds_for_one_endpoint_alone() -> None:
    """Others are let through meanwhile."""
    clock, counters = ManualClock(0.0), ApiCounters()
    rate_limiter = make_rate_limiter(TokenBucket(monotonic=clock.now), clock, counters)
    rate_limiter.back_off("GET /a", 3, deadline=10)

    rate_limiter.acquire("GET /b", deadline=10)
    assert clock.at == 0

    rate_limiter.acquire("GET /a", deadline=10)
    assert clock.at == 3


def test_a_used_up_deadline_lets_nothing_through() -> None:
    """An attempt that begins too late is not made."""
    clock = ManualClock(10.0)
    rate_limiter = make_rate_limiter(TokenBucket(monotonic=clock.now), clock, ApiCounters())

    with pytest.raises(RequestTimeoutError, match="its time was used up"):
        rate_limiter.acquire("GET /a", deadline=10)
