"""A day in which the program is killed 300 times: nothing is lost, doubled, or told wrongly."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

import pytest

from monitor.journal import Change, OutsideChange
from monitor.ledger import Ledger, OrgState
from monitor.model import UNKNOWN_ACTION
from monitor.remediation.audit_file import as_json_line
from monitor.simulator.scenarios import ORDER_STATUS, PAYMENT_LINE, UPDATE_CASE
from tests.clocks import HOUR, NOON
from tests.kills.boundaries import size_of
from tests.kills.killed_day import ENDS, KilledDay, counted_bands
from tests.simulated_org import ORG

KILLS = 300
LIFE_SECONDS = 290
"""Of simulated time: three hundred lives are a day, and outlast the lease of a dead program."""

TORN_EVERY = 6
"""One life in so many ends inside a write, at a byte that chance names."""

MOST_TORN_BYTES = 60_000
"""What a life writes to the log."""

LATEST_DATA_SECONDS = 4 * HOUR
"""The latest record (40 min), a lookback, and the polls until the next deep read."""

EDITED = {60: 9_000, 150: 11_000, 240: 8_000}
"""Before which lives somebody else saves another action, and with what timeout."""

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Lived:
    """A day that is over: the org, and all that is known of it."""

    day: KilledDay
    first_window: int
    edits: list[tuple[float, int]]
    state: OrgState
    changes: tuple[Change, ...]
    outside: list[OutsideChange]
    audit: list[bytes]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Live the day, each life killed at another boundary than the one before it."""
    with KilledDay(tmp_path_factory.mktemp("killed_day")) as day:
        edits = live_and_die(day)
        with Ledger.open(day.url) as ledger:
            yield Lived(
                day,
                ledger.coverage(ORG, "actions")[0].start,
                edits,
                ledger.state(ORG),
                tuple(reversed(ledger.journal.changes(ORG, 10_000))),
                ledger.journal.platform_audit.outside_changes(ORG, 10_000),
                [as_json_line(one) for one in ledger.journal.audit.after(0, 1_000_000)],
            )


def live_and_die(day: KilledDay) -> list[tuple[float, int]]:
    """Live until the day is over and enough lives were killed, then to the last late record.

    Returns:
        When somebody else saved the other action, and with what timeout.
    """
    chance = random.Random(13)  # noqa: S311 - the same bytes in every run
    edits: list[tuple[float, int]] = []
    action_id = ORDER_STATUS.action_id
    now = float(NOON)
    day.live(now)
    now += LIFE_SECONDS
    day.live(now, set_timeout=[action_id, 9_000])
    boundaries = day.memory.taken
    stride = next(n for n in range(boundaries * 5 // 8, boundaries) if gcd(n, boundaries) == 1)
    number = 0
    while day.lives[signal.SIGKILL] + day.lives[signal.SIGXFSZ] < KILLS or now < ENDS:
        number += 1
        now += LIFE_SECONDS
        day.memory.time = now
        if number in EDITED:
            day.org.edit(UPDATE_CASE.action_id, UPDATE_CASE.action_id, EDITED[number])
            edits.append((now, EDITED[number]))
        request = [action_id, 4_000 + number % 20 * 1_000]
        if number % TORN_EVERY:
            kill_at = 1 + number * stride % boundaries
            day.live(now, set_timeout=request, kill_at=kill_at)
        else:
            tear_at = size_of(day.log) + chance.randrange(1, MOST_TORN_BYTES)
            day.live(now, set_timeout=request, tear_at=tear_at)
    while now < ENDS + LATEST_DATA_SECONDS:
        now += 3 * LIFE_SECONDS
        day.live(now)
    # What is open of the last change is settled by whoever changes the same timeout next.
    day.live(now + LIFE_SECONDS, set_timeout=[action_id, 30_000])
    return edits


def told_action(hit: dict[str, str]) -> str:
    """Return the action that detail records tell of; those of one flow name the flow alone."""
    return UNKNOWN_ACTION if hit["flow_id"] == PAYMENT_LINE.flow_id else hit["action_id"]


def test_it_was_killed_everywhere(lived: Lived) -> None:
    """At least 300 lives, some of them inside a write; the others ended by themselves."""
    lives = lived.day.lives
    assert lives[signal.SIGKILL] + lives[signal.SIGXFSZ] >= KILLS
    assert lives[signal.SIGXFSZ] >= KILLS // TORN_EVERY // 2
    assert set(lives) == {0, signal.SIGKILL, signal.SIGXFSZ}


def test_every_count_and_histogram_equals_the_truth(lived: Lived) -> None:
    """By action and outcome, band by band: as many executions as really happened."""
    true = lived.day.true_bands(lived.first_window)
    assert sum(map(sum, true.values())) > 5_000
    assert counted_bands(lived.state) == true
    counted = Counter[str]()
    for key, counts in lived.state.totals.items():
        counted[key.action_id] += counts.count
    happened = Counter[str]()
    for (action_id, _), bands in true.items():
        happened[action_id] += sum(bands)
    assert counted == happened


def test_lateness_is_counted_once(lived: Lived) -> None:
    """As many late executions as came to light after their window had been read whole."""
    late = lived.day.truly_late(lived.first_window)
    assert late > 100
    assert sum(lived.state.lateness["actions"].executions) == late


def test_conversations_and_lost_callers_equal_the_truth(lived: Lived) -> None:
    """What detail records and flow aggregates tell, once each."""
    truth = lived.day.org.truth(lived.first_window * 1_000, (ENDS + HOUR) * 1_000)
    totals = lived.state.incident_totals
    hit = {(one.flow_id, one.action_id): (one.incidents, one.conversations) for one in totals}
    flows = truth["flows"]
    assert isinstance(flows, list)
    assert hit == {
        (one["flow_id"], told_action(one)): (one["timeouts"], one["conversations"]) for one in flows
    }
    lost = {(o.flow_id, o.exit_reason): o.callers for o in lived.state.flow_error_totals}
    errors = truth["flow_errors"]
    assert isinstance(errors, list)
    assert lost == {(one["flow_id"], one["exit_reason"]): one["callers"] for one in errors}


def test_every_write_is_recorded_once(lived: Lived) -> None:
    """The changes that were made are those that the platform has carried out, in their order."""
    made = [(one.from_ms, one.to_ms) for one in lived.changes if one.applied_at is not None]
    assert len(made) > 20
    assert made == lived.day.carried_out(ORDER_STATUS.action_id)


def test_the_audit_file_holds_every_line_once(lived: Lived) -> None:
    """The same lines as the state, in their order, though it was torn and cut off."""
    file = lived.day.folder / "state.audit.jsonl"
    assert file.read_bytes().splitlines(keepends=True) == lived.audit
    numbers = [json.loads(line)["entry_id"] for line in lived.audit]
    assert numbers == sorted(set(numbers))


def test_what_others_changed_is_known_once(lived: Lived) -> None:
    """Each timeout that somebody else has set, and when, as the platform's audit log has it."""
    told = sorted((one.at, one.to_ms) for one in lived.outside)
    assert told == lived.edits
