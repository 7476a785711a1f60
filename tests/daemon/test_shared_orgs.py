"""Which of several programs takes over the orgs of one that has gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.leased_snapshots import LeasedSnapshots
from monitor.ledger import Ledger, ReadingLeases
from monitor.shared_orgs import SharedOrgs

ORGS = tuple(f"org-{number:02d}" for number in range(16))


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[list[ReadingLeases]]:
    """Four programs on one state, each with a quarter of the orgs."""
    with ExitStack() as stack:
        leases = []
        for number in range(4):
            ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path / 'state.db'}"))
            leases.append(ledger.reading_leases(SystemClock()))
            assert all(leases[-1].take(org) for org in ORGS[number::4])
        yield leases


def held(leases: ReadingLeases) -> set[str]:
    """The orgs of which a program has the lease."""
    return {org for org in ORGS if leases.held(org)}


def test_all_of_it_is_taken_at_one_look_in_shares_that_suit(programs: list[ReadingLeases]) -> None:
    """All look at the same moment, when the lease ends: none takes all, and nothing is left."""
    gone, *left = programs
    gone.give_back()
    begin = threading.Barrier(len(left))

    def take(leases: ReadingLeases) -> list[str]:
        leases.refresh()
        begin.wait(30)
        return list(SharedOrgs(leases, LeasedSnapshots(leases)).take_over(ORGS))

    before = [held(leases) for leases in left]
    with ThreadPoolExecutor(len(left)) as pool:
        taken = list(pool.map(take, left))
    assert sorted(org for orgs in taken for org in orgs) == sorted(ORGS[0::4])
    after = [held(leases) for leases in left]
    assert [now - then for now, then in zip(after, before, strict=True)] == [*map(set, taken)]
    assert sum(map(len, after)) == len(ORGS)
    assert max(map(len, after)) <= 6


def test_what_is_of_no_concern_is_given_back(programs: list[ReadingLeases]) -> None:
    """A reload may take out an org whose lease was just taken."""
    one, other, *_ = programs
    kept = ORGS[0:8]
    assert list(SharedOrgs(one, LeasedSnapshots(one)).take_over(kept)) == []
    assert held(one) == set(ORGS[0::4]) & set(kept)
    other.refresh()
    assert not other.read_by(ORGS[8])
