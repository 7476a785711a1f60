"""What another program reads is shown, for as little as that needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from monitor.config import load
from monitor.ledger import Ledger
from monitor.poller import open_reader
from monitor.poller.org_poller import OrgPoller
from tests.clocks import ManualClock
from tests.poller.conftest import OpenPoller, PolledOrg
from tests.statements import statements

COUNTS = ("series", "tallies", "windows", "incidents", "actions")
"""Tables that grow with what was counted, or with how many actions there are."""


@pytest.fixture
def clock() -> ManualClock:
    """The time of the program that follows, which a test sets ahead."""
    return ManualClock(time.time())


@pytest.fixture
def read(open_poller: OpenPoller) -> PolledOrg:
    """An org that is read, and was polled once."""
    made = open_poller()
    made.poller.poll()
    return made


@pytest.fixture
def follower(read: PolledOrg, clock: ManualClock) -> Iterator[OrgPoller]:
    """The same org in another program."""
    settings = load(read.place.config)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(settings.state.url))
        reader = open_reader(
            settings.org[0], settings, ledger=ledger, clock=clock, stop=threading.Event()
        )
        made = OrgPoller(reader, settings, ledger=ledger, clock=clock)
        stack.callback(made.close)
        yield made


def reads_counts(sent: list[str]) -> bool:
    """Whether any statement asks for what was counted."""
    return any(f"FROM {table}" in statement for statement in sent for table in COUNTS)


def test_it_shows_what_the_reader_has_counted(read: PolledOrg, follower: OrgPoller) -> None:
    """All of it, from the first look on."""
    with statements() as sent:
        follower.follow()
    assert reads_counts(sent)
    assert follower.snapshot.state.totals
    assert follower.snapshot.state == read.poller.snapshot.state


def test_between_two_windows_it_asks_only_when_sources_were_read(
    read: PolledOrg, follower: OrgPoller
) -> None:
    """Polls move nothing else that a page of a standby shows: it is up to date, and not stale.

    And whether there is another diagnosis.
    """
    follower.follow()
    before = read.poller.snapshot.state.sources
    read.poller.poll()
    with statements() as sent:
        follower.follow()
    assert not reads_counts(sent), sent
    assert len(sent) <= 7, sent
    assert follower.snapshot.state.sources == read.poller.snapshot.state.sources != before


def test_a_window_that_settles_is_shown(
    read: PolledOrg, follower: OrgPoller, clock: ManualClock
) -> None:
    """With all that was counted until then."""
    follower.follow()
    until = follower.snapshot.hour.time_range.end
    clock.at += 300
    read.poller.poll()
    with statements() as sent:
        follower.follow()
    assert reads_counts(sent)
    assert follower.snapshot.hour.time_range.end > until
    assert follower.snapshot.state == read.poller.snapshot.state


def test_what_was_never_read_is_shown_as_soon_as_it_is(
    open_poller: OpenPoller, clock: ManualClock
) -> None:
    """Whoever begins first may have read nothing yet when another one looks."""
    made = open_poller()
    settings = load(made.place.config)
    reader = open_reader(
        settings.org[0], settings, ledger=made.ledger, clock=clock, stop=threading.Event()
    )
    follower = OrgPoller(reader, settings, ledger=made.ledger, clock=clock)
    try:
        follower.follow()
        assert not follower.snapshot.state.totals
        made.poller.poll()
        follower.follow()
        assert follower.snapshot.state == made.poller.snapshot.state
    finally:
        follower.close()
