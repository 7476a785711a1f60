"""Of several programs that may read an org, one exports its counts, and from no older ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.leased_snapshots import LeasedSnapshots
from monitor.ledger import ReadingLeases
from monitor.snapshot import OrgSnapshot
from monitor.store import Reader, open_database
from tests.clocks import NOON, ManualClock
from tests.exporter.snapshots import ORG, org_snapshot, snapshot

SECONDS = 60.0


class Program:
    """A program's leases, and the snapshots that it shows."""

    def __init__(self, name: str, folder: Path, clock: ManualClock) -> None:
        """Start it on a state that others share."""
        self.database = open_database(f"sqlite:///{folder / 'state.db'}", 5.0, may_create=True)
        self.leases = ReadingLeases(
            self.database,
            clock,
            seconds=SECONDS,
            program=Reader(name, name),
            elapsed=clock.monotonic,
        )
        self.leased = LeasedSnapshots(self.leases)

    @property
    def shown(self) -> OrgSnapshot:
        """The org as it shows it."""
        [one] = self.leased.as_leased(snapshot(org_snapshot())).orgs
        return one


@pytest.fixture
def clock() -> ManualClock:
    """The time of both."""
    return ManualClock(NOON)


@pytest.fixture
def holder(tmp_path: Path, clock: ManualClock) -> Iterator[Program]:
    """The one that reads the org."""
    program = Program("holder", tmp_path, clock)
    with closing(program.database):
        program.leases.take(ORG)
        assert program.leased.behind(ORG) is None
        yield program


@pytest.fixture
def standby(tmp_path: Path, clock: ManualClock, holder: Program) -> Iterator[Program]:
    """The one that has tried to."""
    assert holder.leases.held(ORG)
    program = Program("standby", tmp_path, clock)
    with closing(program.database):
        program.leases.take(ORG)
        program.leased.note_another(ORG)
        yield program


def test_a_snapshot_is_the_same_while_nothing_changes(holder: Program) -> None:
    """What was built of it for a scrape is not built again."""
    shown = holder.leased.as_leased(snapshot(org_snapshot()))
    assert holder.leased.as_leased(shown) is shown
    assert (shown.orgs[0].is_leased, shown.orgs[0].is_counted_here) == (True, True)


def test_a_lease_that_ends_takes_the_counts_along(holder: Program, clock: ManualClock) -> None:
    """At the very moment, with nobody to tell."""
    shown = holder.leased.as_leased(snapshot(org_snapshot()))
    clock.at += SECONDS
    [ended] = holder.leased.as_leased(shown).orgs
    assert (ended.is_leased, ended.read_by, ended.is_counted_here) == (False, "", False)


def test_who_takes_over_begins_with_what_was_counted_to_the_end(
    holder: Program, standby: Program, clock: ManualClock
) -> None:
    """Its last look at the state is older than what the other one has counted since."""
    assert standby.shown.read_by == "holder"
    clock.at += SECONDS
    assert standby.leases.take(ORG)
    assert (standby.shown.is_leased, standby.shown.is_counted_here) == (True, False)

    token = standby.leased.behind(ORG)
    assert token is not None
    standby.leased.note_caught_up(ORG, token)
    assert standby.leased.behind(ORG) is None
    assert standby.shown.is_counted_here
    assert not holder.shown.is_counted_here


def test_a_lease_that_comes_back_by_way_of_another_is_behind(
    holder: Program, standby: Program, clock: ManualClock
) -> None:
    """Though its holder was never refused: the other one came and went between two looks."""
    clock.at += SECONDS
    assert standby.leases.take(ORG)
    standby.leases.give_back()
    holder.leases.refresh()
    assert holder.leases.take(ORG)
    assert not holder.shown.is_counted_here
    assert holder.leased.behind(ORG) is not None
