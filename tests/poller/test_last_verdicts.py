"""Until a daemon has judged an org, it shows what was last told of it, as what that is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from monitor.config import load
from monitor.exporter.actions import are_verdicts_fresh
from monitor.ledger import Ledger
from monitor.poller import open_reader
from monitor.poller.org_poller import OrgPoller
from monitor.snapshot import Snapshot
from monitor.web.banners import banners
from tests.clocks import ManualClock
from tests.poller.conftest import OpenPoller, PolledOrg

OpenAnother = Callable[[], OrgPoller]


@pytest.fixture
def clock() -> ManualClock:
    """The time of the other program, which a test sets ahead."""
    return ManualClock(time.time())


@pytest.fixture
def judged(open_poller: OpenPoller) -> PolledOrg:
    """An org that was polled and judged by a program."""
    made = open_poller()
    made.poller.poll()
    made.poller.diagnose()
    return made


@pytest.fixture
def open_another(judged: PolledOrg, clock: ManualClock) -> Iterator[OpenAnother]:
    """The same org in another program, which has not asked anything yet."""
    with ExitStack() as stack:

        def make() -> OrgPoller:
            settings = load(judged.place.config)
            ledger = stack.enter_context(Ledger.open(settings.state.url))
            reader = open_reader(
                settings.org[0], settings, ledger=ledger, clock=clock, stop=threading.Event()
            )
            made = OrgPoller(reader, settings, ledger=ledger, clock=clock)
            stack.callback(made.close)
            return made

        yield make


def said(poller: OrgPoller) -> dict[str, tuple[str, str]]:
    """What is shown of each action."""
    known = poller.snapshot.diagnosis
    assert known is not None
    return {action_id: (one.verdict, one.why) for action_id, one in known.diagnoses.items()}


def told_on_top(poller: OrgPoller, now: float) -> str:
    """What is to be seen at the top of a page."""
    snapshot = Snapshot(taken_at=now, orgs=(poller.snapshot,))
    return " ".join(str(one.words) for one in banners(snapshot, now) if one.is_shown)


def test_a_program_that_starts_shows_what_was_told_last(
    judged: PolledOrg, open_another: OpenAnother
) -> None:
    """All of it and as of then, until it has judged by itself."""
    other, taken_at = open_another(), judged.poller.snapshot.diagnosis.taken_at  # type: ignore[union-attr]
    other.catch_up()
    shown = other.snapshot

    assert said(other) == said(judged.poller)
    assert shown.diagnosis is not None
    assert shown.diagnosis.taken_at == taken_at
    assert shown.diagnosed_at == pytest.approx(taken_at, abs=0.01)
    assert not shown.is_judged_here

    other.diagnose()
    assert other.snapshot.is_judged_here
    assert other.snapshot.diagnosis is not shown.diagnosis


def test_it_looks_as_old_as_it_is(open_another: OpenAnother, clock: ManualClock) -> None:
    """On the page, in the metric of its age; and no metric of a verdict is an old one."""
    clock.at += 7_200
    other = open_another()
    other.catch_up()
    now = clock.now()

    assert said(other)
    assert now - (other.snapshot.diagnosed_at or now) >= 7_200
    assert not are_verdicts_fresh(other.snapshot, now)
    assert "before the start" in told_on_top(other, now)

    other.diagnose()
    assert now - (other.snapshot.diagnosed_at or 0.0) < 60
    assert are_verdicts_fresh(other.snapshot, clock.now())
    assert "erdicts" not in told_on_top(other, now)


@pytest.mark.parametrize("why", ["settings", "version"])
def test_what_this_program_would_not_say_is_not_shown(
    judged: PolledOrg, open_another: OpenAnother, why: str
) -> None:
    """By other settings it says other things, and another version may have other words."""
    if why == "settings":
        judged.place.configure(more="[recommend]\ntarget_success = 0.95\n")
    else:
        engine = create_engine(f"sqlite:///{judged.place.state}")
        with engine.begin() as connection:
            connection.execute(text("UPDATE diagnoses SET program = 'another'"))
        engine.dispose()
    other = open_another()
    other.catch_up()

    assert other.snapshot.state.actions
    assert other.snapshot.diagnosis is None


def test_a_standby_shows_what_the_reader_says(
    judged: PolledOrg, open_another: OpenAnother, clock: ManualClock
) -> None:
    """Each time anew; whoever judged before it stood by shows no verdicts of its own for good."""
    other = open_another()
    other.catch_up()
    other.diagnose()
    judged.poller.diagnose()
    clock.at = time.time()
    other.follow()

    first = judged.poller.snapshot.diagnosis
    assert first is not None
    assert other.snapshot.diagnosis == first
    assert not other.snapshot.is_judged_here

    judged.poller.poll()
    judged.poller.diagnose()
    clock.at = time.time()
    other.follow()
    assert other.snapshot.diagnosis == judged.poller.snapshot.diagnosis != first
    # Whoever takes over goes on with it.
    other.catch_up()
    assert other.snapshot.diagnosis == judged.poller.snapshot.diagnosis


def test_a_standby_of_a_reader_that_judges_no_more_says_so(
    open_another: OpenAnother, clock: ManualClock
) -> None:
    """After an hour, as on a page of the reader itself."""
    other = open_another()
    other.follow()
    following = replace(other.snapshot, read_by="ops-2", is_leased=False)
    snapshot = Snapshot(taken_at=clock.now(), orgs=(following,))
    for minutes, is_old in ((59, False), (61, True)):
        now = clock.now() + minutes * 60
        words = " ".join(str(one.words) for one in banners(snapshot, now) if one.is_shown)
        assert ("Verdicts are old" in words) is is_old


def test_a_reload_makes_nothing_of_it_that_it_is_not(
    open_poller: OpenPoller, judged: PolledOrg
) -> None:
    """What was only shown is only shown."""
    before = open_poller.again(judged.place)  # type: ignore[attr-defined]
    before.poller.catch_up()
    after = open_poller.again(judged.place)  # type: ignore[attr-defined]
    after.poller.carry_over(before.poller.snapshot)

    assert said(after.poller) == said(judged.poller)
    assert not after.poller.snapshot.is_judged_here
