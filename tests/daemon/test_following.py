"""Many orgs that other programs read: following them holds up no poll."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from monitor.clock import SystemClock
from monitor.ledger import Ledger
from monitor.poller import OrgPoller
from monitor.worker_threads import WorkerThreads
from tests.daemon.conftest import MakeDaemon
from tests.daemon.place import Place, eventually

OWN = "own"
ANOTHERS = tuple(f"anothers-{number}" for number in range(12))


@pytest.fixture
def taken(place: Place) -> Iterator[None]:
    """A state in which another program has the leases of all orgs but one."""
    place.configure(OWN, *ANOTHERS, interval="200ms")
    place.make_state()
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(f"sqlite:///{place.state}"))
        leases = ledger.reading_leases(SystemClock(), seconds=3_600)
        assert all(leases.take(org) for org in ANOTHERS)
        yield


def test_slow_looks_at_other_programs_orgs_hold_up_no_poll(
    taken: None,  # noqa: ARG001 - asked for its effect
    place: Place,
    make_daemon: MakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them hangs, and the daemon's own org is polled again and again."""
    monkeypatch.setattr(
        "monitor.jobs.WorkerThreads", lambda: WorkerThreads(usual=2, hangs_after_seconds=3_600)
    )
    go_on, followed = threading.Event(), Counter[str]()

    def hang(poller: OrgPoller) -> None:
        followed[poller.name] += 1
        go_on.wait()

    monkeypatch.setattr(OrgPoller, "follow", hang)
    daemon = make_daemon(place)
    daemon._leases.seconds = 3_600  # noqa: SLF001 - as long as the other program's
    daemon._leases.refresh()  # noqa: SLF001
    try:
        daemon.start()
        eventually(lambda: followed, "a look at an org of the other program")

        def good_polls() -> int:
            [own] = [one for one in daemon.holder.current.orgs if one.org == OWN]
            return own.health.polls["ok"]

        before = good_polls()
        eventually(lambda: good_polls() >= before + 5, "polls beside looks that hang")
        # One look hangs, and no other has begun: they have one thread.
        assert followed.total() == 1
    finally:
        go_on.set()


def test_every_org_of_other_programs_is_looked_at(
    taken: None,  # noqa: ARG001 - asked for its effect
    place: Place,
    make_daemon: MakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In turn, and again."""
    followed, look = Counter[str](), OrgPoller.follow

    def count(poller: OrgPoller) -> None:
        look(poller)
        followed[poller.name] += 1

    monkeypatch.setattr(OrgPoller, "follow", count)
    daemon = make_daemon(place)
    daemon._leases.seconds = 3_600  # noqa: SLF001 - as long as the other program's
    daemon._leases.refresh()  # noqa: SLF001
    daemon.start()
    eventually(lambda: all(followed[org] >= 2 for org in ANOTHERS), "two looks at each")
    assert OWN not in followed
    standing_by = {one.org for one in daemon.holder.current.orgs if one.read_by}
    assert standing_by == set(ANOTHERS)
