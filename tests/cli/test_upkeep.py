"""``poll`` and ``backfill`` keep the state small where no daemon does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from monitor.clock import SystemClock
from monitor.counts import Counts, SeriesKey, Tally
from monitor.formats import iso_time
from monitor.ledger import Ledger, Reading
from monitor.time_ranges import TimeRange, floor_to
from tests.cli.conftest import Command
from tests.daemon.place import Place
from tests.simulated_org import ORG

DAY = 86_400
WINDOW = 300


@pytest.fixture
def old() -> TimeRange:
    """A window that is older than the state is kept."""
    start = floor_to(time.time() - 40 * DAY, WINDOW)
    return TimeRange(start, start + WINDOW)


@pytest.fixture
def settled() -> TimeRange:
    """A window that polls ask for no more."""
    start = floor_to(time.time() - 3 * DAY, WINDOW)
    return TimeRange(start, start + WINDOW)


@pytest.fixture
def neglected(place: Place, old: TimeRange, settled: TimeRange) -> Iterator[Ledger]:
    """A state with both, which nothing has kept small."""
    place.configure()
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        for window in (old, settled):
            tally = Tally(SeriesKey("old", "NONE", "200"), window.start, Counts(count=3))
            read = Reading(window, WINDOW, float(window.end), tallies=[tally])
            ledger.record(ORG, "actions", read)
        yield ledger


def commands(settled: TimeRange) -> dict[str, tuple[str, ...]]:
    """The commands that read into the state."""
    begin, end = map(iso_time, (settled.start, settled.end))
    return {"poll": ("poll",), "backfill": ("backfill", "--from", begin, "--to", end)}


@pytest.mark.parametrize("name", ["poll", "backfill"])
def test_what_is_old_goes_and_what_has_settled_is_packed(
    command: Command, neglected: Ledger, old: TimeRange, settled: TimeRange, name: str
) -> None:
    """From cron, without any daemon; the totals stay, and nothing is counted anew."""
    done = command(*commands(settled)[name])
    assert done.code == 0, done.err
    assert neglected.tallies.sums(ORG, old) == []
    [kept] = [one for one in neglected.tallies.sums(ORG, settled) if one.key.action_id == "old"]
    assert kept.counts.count == 3
    totals = {key.action_id: one.count for key, one in neglected.state(ORG).totals.items()}
    assert totals["old"] == 6
    # All of it is packed already.
    assert neglected.housekeeping.pack(settled.end) == 0
    # Its lease is free again: a daemon that begins now need not wait.
    leases = neglected.reading_leases(SystemClock())
    assert leases.take(ORG)


def test_it_is_once_an_hour(command: Command, neglected: Ledger) -> None:
    """A poll each minute neither forgets nor packs one window at a time."""
    assert command("poll").code == 0
    pruned = neglected.housekeeping.pruned_before()
    assert pruned == floor_to(pruned, 3_600) > 0
    again = command("poll")
    assert again.code == 0
    assert '"event": "pruned"' not in again.err
    assert '"event": "packed"' not in again.err


def test_a_wrong_clock_forgets_nothing(
    command: Command, neglected: Ledger, old: TimeRange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten can't be read again."""
    monkeypatch.setattr("monitor.snapshot.CLOCK_OFF_SECONDS", -1.0)  # any clock is off then
    done = command("poll")
    assert '"event": "prune_left_out"' in done.err
    assert neglected.housekeeping.pruned_before() == 0
    assert neglected.tallies.sums(ORG, old)


def test_a_clock_that_nobody_has_confirmed_forgets_nothing(
    place: Place, command: Command, neglected: Ledger, old: TimeRange
) -> None:
    """Without an answer of the platform nobody knows what time it is."""
    place.simulator.close()
    command("poll")
    assert neglected.housekeeping.pruned_before() == 0
    assert neglected.tallies.sums(ORG, old)


def test_what_a_daemon_reads_is_the_daemons_to_keep_small(
    command: Command, neglected: Ledger, old: TimeRange, settled: TimeRange
) -> None:
    """A backfill beside it neither forgets nor packs."""
    leases = neglected.reading_leases(SystemClock())
    assert leases.take(ORG)
    done = command(*commands(settled)["backfill"])
    assert done.code == 0, done.err
    assert neglected.housekeeping.pruned_before() == 0
    assert neglected.housekeeping.pack(settled.end) > 0
    assert neglected.tallies.sums(ORG, old)


def test_a_state_without_anything_old_is_not_marked_as_pruned(
    place: Place, command: Command
) -> None:
    """Who raises the retention later can still fill it with what is older."""
    place.configure()
    assert command("poll").code == 0
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        assert ledger.housekeeping.pruned_before() == 0
