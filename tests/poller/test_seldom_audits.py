"""Which listings of actions the audit log is asked after, and that nobody stays unnamed for it."""

from __future__ import annotations

import pytest

from monitor.model import UNKNOWN
from monitor.poller.audits import LATEST_SECONDS
from monitor.simulator import World
from monitor.simulator.scenarios import ORDER_STATUS
from tests.clocks import NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.test_audits import ACTION, AUDITS, QUERY, outside, reader
from tests.poller.watched_org import SMALL, WatchedOrg
from tests.simulated_org import ORG

LISTED_SECONDS = 600
HOURS = 4
VIEW = "audits:audit:view"


class Listings:
    """Listings of one org's actions, each with what is asked after it."""

    def __init__(self, watched: WatchedOrg) -> None:
        """Make the first one."""
        self.watched = watched
        self.audits = reader(watched)
        self._list()

    def next(self, after_seconds: float = LISTED_SECONDS) -> bool:
        """Make another one, so long after the last; whether the audit log was asked."""
        self.watched.clock.at += after_seconds
        return self._list()

    def restart(self) -> None:
        """Forget all that is not in the state."""
        self.watched.restart()
        self.audits = reader(self.watched)

    def edit(self, timeout_ms: int | None) -> None:
        """Let a person set a timeout."""
        self.watched.org.edit(ACTION, ORDER_STATUS.action_id, timeout_ms)

    def _list(self) -> bool:
        self.watched.requests()
        self.watched.catalogue.refresh()
        self.audits.read()
        return bool(self.watched.requests()[QUERY])


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let entries show nearly an hour late; so many seconds at the most."""
    monkeypatch.setattr("monitor.simulator.audit_log._SOONEST_MS", 3_480_000)
    monkeypatch.setattr("monitor.simulator.audit_log._LATEST_MS", 3_540_000)
    return 3_540


def calm_for_half_an_hour(watched: WatchedOrg) -> Listings:
    """Listings that have asked the log long ago, and do not ask it at present."""
    listings = Listings(watched)
    assert [listings.next() for _ in range(3)] == [False] * 3
    return listings


@pytest.mark.parametrize("early_seconds", [0, 2])
def test_a_calm_org_is_asked_once_an_hour(watch: Watch, early_seconds: int) -> None:
    """Also where listings come a moment early."""
    listings = Listings(watch())
    an_hour = 3_600 // LISTED_SECONDS
    asked = [listings.next(LISTED_SECONDS - early_seconds) for _ in range(HOURS * an_hour)]

    assert asked == ([False] * (an_hour - 1) + [True]) * HOURS


@pytest.mark.parametrize("told", ["none", "paths"])
def test_an_edit_is_found_with_the_listing_that_shows_it(watch: Watch, told: str) -> None:
    """In the middle of an hour in which nothing would have been asked."""
    watched = watch(world=World(audit_properties=told))
    listings = calm_for_half_an_hour(watched)
    listings.edit(9_000)

    assert listings.next()
    assert outside(watched) == [(5_000, 9_000, watched.org.audits.editors[0].user_name)]


@pytest.mark.parametrize("told", ["none", "paths"])
@pytest.mark.parametrize("before_seconds", [1, LISTED_SECONDS - 1])
def test_an_edit_whose_entry_shows_late_is_found_once_it_shows(
    watch: Watch, late: int, told: str, before_seconds: int
) -> None:
    """The listings after the one that showed the edit ask, until no entry can come any more."""
    watched = watch(world=World(audit_properties=told))
    listings = calm_for_half_an_hour(watched)
    watched.clock.at += LISTED_SECONDS - before_seconds
    listings.edit(9_000)
    edited_at = watched.clock.at
    assert listings.next(before_seconds)
    assert outside(watched) == [(5_000, 9_000, UNKNOWN)]

    while watched.clock.at < edited_at + late:
        assert listings.next()
    assert outside(watched) == [(5_000, 9_000, watched.org.audits.editors[0].user_name)]

    asked = [listings.next() for _ in range(2 * LATEST_SECONDS // LISTED_SECONDS)]
    assert asked.count(True) <= 3  # what is left of that hour, and once in each calm one


def test_an_edit_that_is_undone_between_two_listings_is_found_within_the_hour(
    watch: Watch,
) -> None:
    """No listing shows it."""
    watched = watch(world=World(audit_properties="paths"))
    listings = calm_for_half_an_hour(watched)
    edited_at = watched.clock.at
    for timeout_ms in (9_000, 5_000):
        listings.edit(timeout_ms)
        watched.clock.at += 60

    listings.next(LISTED_SECONDS - 120)
    assert outside(watched) == []
    while not outside(watched):
        listings.next()

    assert watched.clock.at <= edited_at + LATEST_SECONDS
    second, first = watched.org.audits.editors[1], watched.org.audits.editors[0]
    assert outside(watched) == [
        (9_000, 5_000, second.user_name),
        (5_000, 9_000, first.user_name),
    ]


def test_a_restart_does_not_forget_what_is_waited_for(watch: Watch, late: int) -> None:
    """The first listing asks anyway; those after it because of the state."""
    watched = watch(world=World(audit_properties="none"))
    listings = calm_for_half_an_hour(watched)
    watched.clock.at += LISTED_SECONDS - 1
    listings.edit(9_000)
    edited_at = watched.clock.at
    listings.next(1)
    listings.restart()

    while watched.clock.at < edited_at + late:
        assert listings.next()
    assert outside(watched) == [(5_000, 9_000, watched.org.audits.editors[0].user_name)]


@pytest.mark.parametrize("set_seconds", [-7_200, 7_200])
def test_a_clock_that_is_set_makes_no_hour_longer(watch: Watch, set_seconds: int) -> None:
    """The log is asked again within it."""
    clock = ManualClock(NOON)
    listings = calm_for_half_an_hour(watch(clock=clock))
    clock.ahead += set_seconds

    assert True in [listings.next() for _ in range(3)]


@pytest.mark.parametrize("polled", [True, False])
def test_what_was_edited_while_the_clock_was_ahead_is_found_within_the_hour(
    watch: Watch,
    polled: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """One of the edits no listing showed; the log was asked up to a moment that is yet to come."""
    clock = ManualClock(NOON)
    watched = watch(SMALL, world=World(audit_properties="paths"), clock=clock)
    clock.ahead += 7_200
    listings = calm_for_half_an_hour(watched)
    if polled:
        watched.source_reader.poll()
    for timeout_ms in (9_000, 5_000):
        listings.edit(timeout_ms)
        clock.at += 60
    listings.edit(8_000)
    assert listings.next()
    assert [one.at for one in watched.ledger.journal.platform_audit.outside_changes(ORG)] == [
        clock.now()
    ]
    clock.ahead -= 7_200

    right_at, second = clock.at, watched.org.audits.editors[1].user_name
    while (9_000, 5_000, second) not in outside(watched):
        if polled:
            watched.source_reader.poll()
        listings.next()
    assert clock.at <= right_at + LATEST_SECONDS


def test_what_an_answer_left_out_is_asked_for_after_the_next_listing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More was saved in a pause than is read at once; no listing shows that a timeout differed."""
    monkeypatch.setattr("monitor.genesys.api.audits.MOST_PAGES", 1)
    watched = watch(world=World(audit_properties="paths"))
    listings = calm_for_half_an_hour(watched)
    for timeout_ms in (*[None] * 99, 9_000, 5_000):
        listings.edit(timeout_ms)
        watched.clock.at += 3
    assert listings.next(3 * LATEST_SECONDS)

    assert [one[:2] for one in outside(watched)] == [(5_000, 9_000)]
    assert listings.next()
    assert [one[:2] for one in outside(watched)] == [(9_000, 5_000), (5_000, 9_000)]
    assert not listings.next()


def test_a_failure_is_asked_again_after_the_next_listing(watch: Watch) -> None:
    """It does not count as the question of the hour."""
    watched = watch(deadline_seconds=1.0)
    listings = calm_for_half_an_hour(watched)
    watched.fault("unavailable", AUDITS)
    asked = [listings.next() for _ in range(4)]
    assert asked == [False, False, True, True]
    watched.mend()

    assert [listings.next(), listings.next()] == [True, False]


def test_what_was_not_asked_says_nothing_new_of_the_source(watch: Watch) -> None:
    """It answers, or is refused, as it was when it was asked last."""
    watched = watch()
    listings = calm_for_half_an_hour(watched)
    everything = watched.org.permissions
    watched.org.grant(everything - {VIEW})
    told = []
    for _ in range(5):
        asked = listings.next()
        told.append((asked, listings.audits.available, listings.audits.refused is None))

    assert told == [
        (False, True, True),
        (False, True, True),
        (True, True, True),  # one refusal alone may be a stray one
        (True, False, False),
        (False, False, False),
    ]
