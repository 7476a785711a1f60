"""Sources that fail: they hold up no other one, advance nothing, and are made up for later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from monitor.errors import (
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
from monitor.poller import PollResult
from monitor.simulator import ALL_PERMISSIONS
from monitor.sources import Evidence
from monitor.time_ranges import TimeRange, floor_to
from tests.clocks import HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import AGGREGATES, DETAILS, SMALL, WatchedOrg, really_happened
from tests.simulated_org import ORG

MINUTE = 60
QUERY = "POST /api/v2/analytics/actions/aggregates/query"
DETAIL_QUERY = "POST /api/v2/analytics/conversations/details/query"

CALL_SECONDS = 2.5
"""The most that one call takes: long for an answer, short for a test in which none comes."""

TRANSIENT = [
    ("server_error", ServerFaultError),
    ("unavailable", ServerFaultError),
    ("rate_limited", RateLimitedError),
    ("hang", RequestTimeoutError),
    ("reset", ConnectionFailedError),
    ("html", NotJsonError),
    ("wrong_shape", WrongShapeError),
]


def impatient(watch: Watch, *names: str, initial: str = "1h") -> WatchedOrg:
    """A reader that gives up soon, of an org whose traffic has been drawn already."""
    watched = watch(SMALL, *names, deadline_seconds=CALL_SECONDS, initial=initial)
    watched.org.truth((NOON - 8 * HOUR) * 1_000, (NOON + 2 * HOUR) * 1_000)
    return watched


def break_source(watched: WatchedOrg, kind: str, path: str) -> None:
    """Let a source fail until it is mended; waits that it asks for are longer than any poll."""
    watched.fault(kind, path, retry_after_seconds=3 * HOUR, hang_seconds=6)


@pytest.mark.parametrize(("kind", "error"), TRANSIENT)
def test_a_source_that_fails_holds_up_no_other_one(
    watch: Watch, kind: str, error: type[GenesysError]
) -> None:
    """Detail records are read though the aggregates fail, and the report says what failed."""
    watched = impatient(watch)
    break_source(watched, kind, AGGREGATES)
    report = watched.source_reader.poll()
    assert report.result is PollResult.PARTIAL
    assert type(report.errors["actions"]) is error
    assert report.available == {"actions": True, "conversations": True}
    assert watched.ledger.coverage(ORG, "conversations") != ()
    assert report.incidents_added > 0


@pytest.mark.parametrize(("kind", "error"), TRANSIENT)
def test_the_last_source_may_fail_as_well(
    watch: Watch, kind: str, error: type[GenesysError]
) -> None:
    """Executions are counted though the detail records fail."""
    watched = impatient(watch)
    break_source(watched, kind, DETAILS)
    report = watched.source_reader.poll()
    assert report.result is PollResult.PARTIAL
    assert type(report.errors["conversations"]) is error
    assert watched.executions() == really_happened(watched.truth())


@pytest.mark.parametrize("kind", ["server_error", "rate_limited", "hang", "reset", "wrong_shape"])
def test_a_source_that_fails_advances_nothing(watch: Watch, clock: ManualClock, kind: str) -> None:
    """No coverage, no watermark, no success: the ledger is as it was before."""
    watched = impatient(watch)
    watched.source_reader.poll()
    before = watched.ledger.state(ORG)
    clock.at += 20 * MINUTE
    break_source(watched, kind, "/api/v2/analytics")
    report = watched.source_reader.poll()
    assert report.result is PollResult.FAILED
    assert set(report.errors) == {"actions", "conversations"}
    assert watched.ledger.state(ORG) == before


@pytest.mark.parametrize("kind", ["server_error", "reset_after", "html"])
def test_what_was_missed_is_read_when_the_source_answers_again(
    watch: Watch, clock: ManualClock, kind: str
) -> None:
    """After polls that failed the next one brings every count up to the truth."""
    watched = impatient(watch)
    watched.source_reader.poll()
    break_source(watched, kind, AGGREGATES)
    for _ in range(3):
        clock.at += 17 * MINUTE
        watched.source_reader.poll()
    watched.mend()
    clock.at += MINUTE
    assert watched.source_reader.poll().result is PollResult.OK
    assert len(watched.ledger.coverage(ORG, "actions")) == 1
    assert watched.executions() == really_happened(watched.truth())


def test_a_slice_that_fails_keeps_what_was_read_before_it(watch: Watch) -> None:
    """A day of history breaks off within a slice: what came before stays, and the rest is owed."""
    watched = impatient(watch, "actions", initial="6h")
    watched.fault("bad_request", AGGREGATES, skip=5, count=1)
    report = watched.source_reader.poll()
    assert report.result is PollResult.FAILED
    assert report.executions_added > 0
    assert len(watched.ledger.coverage(ORG, "actions")) == 2
    watched.source_reader.poll()
    assert len(watched.ledger.coverage(ORG, "actions")) == 1
    assert watched.executions() == really_happened(watched.truth())


def test_an_endpoint_that_asked_for_quiet_is_left_alone(watch: Watch, clock: ManualClock) -> None:
    """A 429 with a long Retry-After: the polls that follow ask it nothing, and the others go on."""
    watched = watch(SMALL)
    break_source(watched, "rate_limited", AGGREGATES)
    watched.source_reader.poll()
    watched.requests()
    for _ in range(3):
        clock.at += MINUTE
        report = watched.source_reader.poll()
        assert type(report.errors["actions"]) is RateLimitedError
        assert "conversations" not in report.errors
    counts = watched.requests()
    assert counts[QUERY] == 0
    assert counts["POST /api/v2/analytics/conversations/details/query"] == 3


class TestRefusal:
    """A source that answers 403 or 404 is switched off, and probed again after an hour."""

    REFUSALS = (("forbidden", PermissionDeniedError), ("not_found", NotFoundError))

    @pytest.mark.parametrize(("kind", "error"), REFUSALS)
    def test_a_refused_source_is_switched_off(
        self, watch: Watch, kind: str, error: type[GenesysError]
    ) -> None:
        """The report shows it as not available; the poll is fine without it."""
        watched = watch(SMALL)
        watched.fault(kind, DETAILS)
        report = watched.source_reader.poll()
        assert report.available == {"actions": True, "conversations": False}
        assert type(report.errors["conversations"]) is error
        assert report.result is PollResult.OK

    @pytest.mark.parametrize("kind", ["forbidden", "not_found"])
    def test_refused_twice_it_is_not_asked_for_an_hour(
        self, watch: Watch, clock: ManualClock, kind: str
    ) -> None:
        """Polls within the hour ask it nothing, and still say that it is off, and why."""
        watched = watch(SMALL)
        watched.fault(kind, DETAILS)
        for _ in range(2):
            watched.source_reader.poll()
            clock.at += MINUTE
        watched.requests()
        for _ in range(3):
            clock.at += 19 * MINUTE
            report = watched.source_reader.poll()
            assert report.available["conversations"] is False
            assert report.errors == {}
            assert type(report.refused["conversations"]) in {NotFoundError, PermissionDeniedError}
        assert watched.requests()[DETAIL_QUERY] == 0

    @pytest.mark.parametrize("kind", ["forbidden", "not_found"])
    def test_one_refusal_of_what_has_answered_switches_nothing_off(
        self, watch: Watch, clock: ManualClock, kind: str
    ) -> None:
        """It is a failure of its poll, and the next poll asks again."""
        watched = watch(SMALL)
        watched.source_reader.poll()
        watched.fault(kind, DETAILS, count=1)
        clock.at += 10 * MINUTE
        report = watched.source_reader.poll()
        assert (report.result, report.available["conversations"]) == (PollResult.PARTIAL, True)
        clock.at += MINUTE
        assert watched.source_reader.poll().result is PollResult.OK

    @pytest.mark.parametrize("kind", ["html_forbidden", "html_not_found"])
    def test_what_a_proxy_answers_is_no_refusal(
        self, watch: Watch, clock: ManualClock, kind: str
    ) -> None:
        """However often: it says nothing of the platform, and each poll asks again."""
        watched = watch(SMALL)
        watched.fault(kind, "/api/v2/analytics", count=6)
        for _ in range(3):
            report = watched.source_reader.poll()
            assert {type(error) for error in report.errors.values()} == {NotJsonError}
            assert report.available == {"actions": True, "conversations": True}
            assert report.result is PollResult.FAILED
            clock.at += MINUTE
        assert watched.source_reader.poll().result is PollResult.OK
        assert watched.executions() == really_happened(watched.truth())

    @pytest.mark.parametrize("path", [AGGREGATES, DETAILS])
    def test_a_clock_that_is_set_costs_no_source_its_turn(self, watch: Watch, path: str) -> None:
        """Set back by a day after two refusals, a source is asked again when its rest is over."""
        clock = ManualClock(NOON)
        watched = watch(SMALL, clock=clock)
        watched.fault("forbidden", path, count=2)
        for _ in range(2):
            watched.source_reader.poll()
            clock.at += MINUTE
        clock.ahead -= 24 * HOUR
        clock.at += HOUR
        assert watched.source_reader.poll().result is PollResult.OK

    def test_a_permission_that_is_granted_is_found_at_the_next_poll(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """It reads everything that was missed."""
        watched = watch(SMALL)
        held = set(ALL_PERMISSIONS) - {"integrations:action:view", "bridge:actions:view"}
        watched.org.grant(held)
        error = watched.source_reader.poll().errors["actions"]
        assert "integrations:action:view" in error.message + error.hint
        watched.org.grant(ALL_PERMISSIONS)
        clock.at += MINUTE
        report = watched.source_reader.poll()
        assert report.available["actions"] is True
        assert watched.executions() == really_happened(watched.truth())

    def test_the_required_one_is_asked_again_within_minutes(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """At the next poll, then less and less often; never is it left alone for an hour."""
        watched = watch(SMALL)
        watched.source_reader.poll()
        watched.fault("forbidden", AGGREGATES)
        watched.requests()
        asked = []
        for minute in range(30):
            clock.at += MINUTE
            report = watched.source_reader.poll()
            assert (report.result, report.available["actions"]) == (PollResult.FAILED, False)
            assert "Grant" in report.refused["actions"].hint
            if watched.requests()[QUERY]:
                asked.append(minute)
        assert asked == [0, 1, 2, 4, 8, 13, 18, 23, 28]
        watched.mend()
        clock.at += 5 * MINUTE
        assert watched.source_reader.poll().result is PollResult.OK
        assert watched.executions() == really_happened(watched.truth())

    def test_it_is_warned_of_once(
        self, watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
    ) -> None:
        """Probes that are refused again say nothing new."""
        watched = watch(SMALL)
        watched.fault("forbidden", DETAILS)
        for _ in range(4):
            watched.source_reader.poll()
            clock.at += HOUR
        assert watched.requests()[DETAIL_QUERY] == 4
        warnings = [line for line in logged if line["event"] == "source_off"]
        assert [(line["source"], line["log_level"]) for line in warnings] == [
            ("conversations", "warning")
        ]

    def test_one_that_is_refused_again_later_is_warned_of_again(
        self, watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
    ) -> None:
        """A permission that was granted and taken away is news."""
        watched = watch(SMALL)
        for _ in range(2):
            clock.at += HOUR
            watched.fault("forbidden", DETAILS)
            for _ in range(2):
                watched.source_reader.poll()
            watched.mend()
            clock.at += HOUR
            watched.source_reader.poll()
        events = [line["event"] for line in logged]
        assert (events.count("source_off"), events.count("source_on")) == (2, 2)

    def test_an_org_that_refuses_every_source_has_failed(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """Nothing to read is a failure, also while nothing is asked."""
        watched = watch(SMALL)
        watched.org.grant(())
        assert watched.source_reader.poll().result is PollResult.FAILED
        clock.at += MINUTE
        report = watched.source_reader.poll()
        assert report.result is PollResult.FAILED
        assert report.available == {"actions": False, "conversations": False}


@dataclass
class _Illegible:
    """A source whose first answer holds nothing that can be read; nothing happened later."""

    name: str = "actions"
    slice_seconds: int = HOUR
    deep_only: bool = False
    near_is_coarse: bool = False
    yields_to: str = ""
    asked: list[TimeRange] = field(default_factory=list)

    def read(self, time_range: TimeRange, window_seconds: int, *, deep: bool) -> Evidence:  # noqa: ARG002 - what it answers does not depend on them
        """Answer with nothing, at first because nothing could be read."""
        self.asked.append(time_range)
        return Evidence(is_unreadable=len(self.asked) == 1)


def test_what_could_not_be_read_is_still_owed(watch: Watch, clock: ManualClock) -> None:
    """Also where what follows it in the same poll could be read: there is but one watermark."""
    watched = watch(SMALL, initial="3h")
    source = _Illegible()
    source_reader = watched.collector_of(source)
    marks = []
    for _ in range(2):
        source_reader.poll()
        state = watched.ledger.source_state(ORG, "actions")
        marks.append(state.complete_until if state else 0)
        clock.at += MINUTE
    assert source.asked.count(source.asked[1]) == 2
    assert marks[0] == 0 < marks[1]


def test_what_could_not_be_read_of_the_past_is_not_marked_as_read(
    watch: Watch, clock: ManualClock
) -> None:
    """And the report says so: reading it again is not done with it."""
    watched = watch(SMALL, initial="3h")
    source_reader = watched.collector_of(_Illegible())
    begin = floor_to(clock.at, HOUR) - 5 * HOUR

    report = source_reader.backfill(TimeRange(begin, begin + 2 * HOUR))

    assert report.unreadable == 1
    assert watched.ledger.coverage(ORG, "actions") == (TimeRange(begin + HOUR, begin + 2 * HOUR),)
