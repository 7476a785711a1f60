"""``poll`` and ``backfill``: what they print, and how they end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import SystemClock
from monitor.ledger import Ledger, Reading
from monitor.time_ranges import TimeRange
from tests.cli.conftest import Command
from tests.daemon.place import Place, eventually
from tests.simulated_org import ORG, SECRET

REPORT_KEYS = {
    "org",
    "result",
    "duration_seconds",
    "requests",
    "executions_added",
    "incidents_added",
    "restatements",
    "flow_errors_added",
    "skipped_windows",
    "forgotten",
    "pruned",
    "sources",
    "errors",
}


def day(days_ago: int) -> str:
    """A day of the past, as the options take it."""
    return (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%d")


def test_a_poll_tells_what_it_added(place: Place) -> None:
    """One line on stdout; the log, with its one line about the poll, on stderr."""
    finished = place.run("poll")

    assert finished.code == 0
    assert finished.out.startswith("acme: ok, ")
    assert len(finished.out.splitlines()) == 1
    # A busy machine has it say how long it took, too.
    lines = [json.loads(line) for line in finished.err.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines].count("poll") == 1
    assert SECRET not in finished.out + finished.err


def test_a_poll_as_json(place: Place, command: Command) -> None:
    """One document on stdout, with what each org's poll did."""
    finished = command("poll", "--json")

    [document] = json.loads(finished.out)
    assert document.keys() == REPORT_KEYS
    assert document["result"] == "ok"
    assert document["executions_added"] > 0
    assert document["sources"] == {"actions": True, "conversations": True, "flow-errors": True}
    assert document["errors"] == {}
    # Detail records take a page more while the night before belongs to them.
    assert place.asked("/analytics/") >= 2


def test_a_second_poll_counts_nothing_twice(place: Place, command: Command) -> None:
    """What is counted stays counted once; only what is new is added."""
    place.configure()
    [first] = json.loads(command("poll", "--json").out)
    [second] = json.loads(command("poll", "--json").out)

    assert second["executions_added"] < first["executions_added"] / 10


def test_a_failed_poll_as_json(place: Place, command: Command) -> None:
    """The document comes all the same, and the exit code tells."""
    place.simulator.org.grant([])

    finished = command("poll", "--json")

    [document] = json.loads(finished.out)
    assert finished.code == 4
    assert document["result"] == "failed"
    assert document["errors"].keys() == {"actions", "conversations", "flow-errors"}


def test_every_org_is_polled(place: Place, command: Command) -> None:
    """One line an org; one that fails holds up no other and gives the exit code."""
    place.configure("acme", "globex")
    place.order("unauthorized", "/api/v2/integrations", count=2)

    finished = command("poll")

    assert [line.split(",")[0] for line in finished.out.splitlines()] == [
        "acme: failed",
        "globex: ok",
    ]
    assert finished.code == 4


def test_the_flow_contract(flow_place: Place, command: Command) -> None:
    """Detail records alone are asked for."""
    [document] = json.loads(command("poll", "--json").out)

    assert document["sources"] == {"conversations": True, "flow-errors": True}
    assert document["executions_added"] == document["incidents_added"] > 0
    assert flow_place.asked("/analytics/actions") == 0


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_poll_that_is_interrupted(place: Place, number: signal.Signals, code: int) -> None:
    """Ctrl-C ends it at once, without a trace and without exit code 0."""
    place.order("hang", "/api/v2/analytics", hang_seconds=60)
    process = place.start("poll")
    eventually(lambda: place.faults_left() == 0, "a hanging request")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)  # the request would be given up after 30

    assert process.returncode == code
    assert "Traceback" not in err
    assert out == ""


def test_a_poll_on_a_terminal_shows_that_it_works(place: Place) -> None:
    """A bar moves on stderr while it reads, and is gone afterwards."""
    here, there = pty.openpty()
    process = place.start("poll", stdout=subprocess.PIPE, stderr=there)
    os.close(there)
    out, _ = process.communicate(timeout=30)
    shown = os.read(here, 65_536).decode(errors="replace")  # it may end within a character
    os.close(here)

    assert process.returncode == 0
    assert out.startswith("acme: ok, ")
    assert "Reading acme" in shown


def test_a_backfill_adds_once(place: Place, command: Command) -> None:
    """A period of the past is read on demand; the second time it adds nothing."""
    assert command("poll").code == 0
    words = ("backfill", "--from", day(3), "--to", day(2), "--json")

    [first] = json.loads(command(*words).out)
    [second] = json.loads(command(*words).out)

    assert first["executions_added"] > 100
    assert second["executions_added"] == 0
    assert place.state.exists()


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
def test_a_backfill_to_the_minute(place: Place, command: Command, form: str) -> None:
    """Times are UTC, to the day, the minute or the second."""
    end = datetime.now(UTC) - timedelta(hours=20)
    begin = end - timedelta(minutes=10)

    finished = command("backfill", "--from", begin.strftime(form), "--to", end.strftime(form))

    assert finished.code == 0
    assert finished.out.startswith("acme: ok, ")
    assert place.state.exists()


def prune(place: Place, days_ago: int) -> None:
    """Let the state forget what is older than the beginning of that day."""
    before = datetime.strptime(day(days_ago), "%Y-%m-%d").replace(tzinfo=UTC)
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.housekeeping.prune(int(before.timestamp()))


def covered(place: Place) -> dict[str, tuple[TimeRange, ...]]:
    """What the state holds to be read, by source."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        return dict(ledger.state("acme").coverage)


def test_a_backfill_of_what_was_pruned_is_refused(place: Place, command: Command) -> None:
    """It says what can't be read any more; nothing is asked, counted or marked as read."""
    assert command("poll").code == 0
    prune(place, 2)
    before, asked = covered(place), place.asked("/analytics/")

    finished = command("backfill", "--from", day(4), "--to", day(3))

    assert finished.code == 2
    assert finished.out == ""
    assert f"Everything before {day(2)}T00:00:00Z was pruned" in finished.err
    assert covered(place) == before
    assert place.asked("/analytics/") == asked


def test_a_backfill_of_what_was_pruned_in_part_reads_the_rest(
    place: Place, command: Command
) -> None:
    """The rest is counted, and the part that can't be is told: it is no success."""
    assert command("poll").code == 0
    prune(place, 2)
    before = covered(place)

    finished = command("backfill", "--from", day(3), "--to", day(1), "--json")

    [document] = json.loads(finished.out)
    assert finished.code == 1
    assert document["result"] == "partial"
    assert document["executions_added"] > 100
    assert document["pruned"] == {"from": f"{day(3)}T00:00:00Z", "to": f"{day(2)}T00:00:00Z"}
    assert f"{day(3)}T00:00:00Z to {day(2)}T00:00:00Z was pruned" in finished.err
    begin = int(datetime.strptime(day(2), "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    for source, ranges in covered(place).items():
        new = [one for one in ranges if one not in before[source]]
        assert min(one.start for one in new) >= begin


def test_a_backfill_of_which_the_platform_shows_nothing_says_so(
    quiet_place: Place, command: Command
) -> None:
    """It may keep nothing that is so old: nothing added is not said as if all were well."""
    assert quiet_place.config.is_file()

    finished = command("backfill", "--from", day(3), "--to", day(2))

    assert finished.code == 0
    assert "The platform shows nothing of acme between " in finished.err


def test_a_backfill_makes_nothing_fresh(place: Place, command: Command) -> None:
    """Executions of the past, read now, are no newer than they are: guards must not be misled."""
    assert command("backfill", "--from", day(3), "--to", day(2)).code == 0

    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        newest = [one.last_success_at for one in ledger.state("acme").sources.values()]
    assert set(newest) == {0.0}


def test_an_org_that_another_program_reads_is_not_asked_twice(
    place: Place, command: Command
) -> None:
    """One sentence says which program reads it; a part of the past is read all the same."""
    place.make_state()
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        leases = ledger.reading_leases(SystemClock())
        assert leases.take("acme")
        refused = command("poll")
        assert (refused.code, refused.out) == (5, "")
        assert refused.said[0].startswith("Another program reads acme, ")
        assert f"(process {os.getpid()})" in refused.said[0]
        assert not ledger.state("acme").sources
        assert command("backfill", "--from", day(1), "--to", day(0)).code == 0
        leases.give_back()
        assert command("poll").code == 0


def test_reconcile_of_a_fresh_state_says_that_there_is_nothing(
    place: Place, command: Command
) -> None:
    """What was read an hour ago is read again anyway."""
    assert command("poll").code == 0
    assert place.state.exists()
    assert "nothing to compare" in command("reconcile").out


def test_reconcile_compares_and_adds_once(place: Place, command: Command) -> None:
    """A sentence an org, or a document: hours that showed empty are missing, and then no more."""
    hour = int(datetime.now(UTC).timestamp()) // 3_600 * 3_600
    empty = TimeRange(hour - 6 * 3_600, hour - 2 * 3_600)
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.record(
            ORG, "actions", Reading(empty, 300, float(empty.end), complete_until=empty.end)
        )
    assert command("poll").code == 0

    [first] = json.loads(command("reconcile", "--since", "2d", "--json").out)
    finished = command("reconcile")

    assert first["missing"] > 100
    assert first["platform"] == first["counted"] + first["missing"] - first["surplus"]
    assert first["executions_added"] == first["missing"]
    assert finished.code == 0
    assert finished.out.startswith("acme: ")
    assert "none is missing" in finished.out
    assert place.state.exists()
