"""``report``: its three forms, where it goes, and what it says beside its numbers."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from monitor.ledger import KeptDiagnosis, Ledger, SaidVerdict
from tests.cli.conftest import Command
from tests.daemon.place import ROOT, Place
from tests.simulated_org import SMALL, serve_live_org

GAPS = "of this period were not read, so the counts are too low."


def test_a_report_before_any_poll(place: Place, command: Command) -> None:
    """There is nothing to report yet: exit code 6, and what to do."""
    place.make_state()
    finished = command("report")

    assert finished.code == 6
    assert finished.out == ""
    assert finished.said == [
        "Nothing has been collected yet.",
        "Run timeout-monitor poll once, or leave timeout-monitor run at work.",
    ]
    assert place.asked("/") == 0


def test_a_table(place: Place, command: Command) -> None:
    """Every action with its integration, worst first; nothing is asked of the platform."""
    command("poll")
    asked = place.asked("/")
    finished = command("report", "--since", "30m")

    assert finished.code == 0
    assert finished.err == ""
    for text in ("acme", "Action", "Order Status", "Order Service", "Timeouts", "Branch Finder"):
        assert text in finished.out
    assert place.asked("/") == asked


def test_executions_that_were_not_read_for_long_are_told(place: Place, command: Command) -> None:
    """The numbers look like any others; beside them stands how old they are, and what to do."""
    command("poll")
    place.configure(interval="1m")
    with time_machine.travel(time.time() + 20 * 60, tick=True):
        finished = command("report", "--since", "30m")

    assert finished.code == 0
    assert "acme: executions were last read 20 min" in finished.err
    assert "timeout-monitor check" in finished.err


def test_a_table_in_a_pipe_is_not_folded(place: Place) -> None:
    """Without a terminal there is room for every column, and there are no colours."""
    place.run("poll")
    finished = place.run("report", "--since", "30m")

    assert finished.code == 0
    table = finished.out.split("\n\n")[0].splitlines()
    rows = [line for line in table if line.startswith("Take Payment")]
    assert len(rows) == 1
    assert "\x1b" not in finished.out


def test_json(place: Place, command: Command) -> None:
    """One document, in the words that the API speaks too."""
    command("poll")
    document = json.loads(command("report", "--since", "30m", "--format", "json").out)

    assert document.keys() == {"generated_at", "from", "to", "actions", "orgs"}
    names = {action["action_name"] for action in document["actions"]}
    assert names == {"Order Status", "Take Payment", "Branch Finder"}
    assert document["orgs"][0]["complete"] is True
    assert place.state.exists()


def test_csv(place: Place, command: Command) -> None:
    """A header and a line an action."""
    command("poll")
    rows = list(csv.DictReader(io.StringIO(command("report", "--format", "csv").out)))

    assert {row["action_name"] for row in rows} == {"Order Status", "Take Payment", "Branch Finder"}
    assert {row["org"] for row in rows} == {"acme"}
    assert place.state.exists()


def test_less_severe_actions_can_be_left_out(place: Place, command: Command) -> None:
    """--min-severity keeps what is at least so severe, in every form."""
    command("poll")
    everything = json.loads(command("report", "--format", "json").out)["actions"]
    kept = json.loads(command("report", "--format", "json", "--min-severity", "warning").out)
    rows = command("report", "--format", "csv", "--min-severity", "critical").out.splitlines()
    table = command("report", "--min-severity", "critical").out

    severe = [one for one in everything if one["severity"] in {"warning", "critical"}]
    critical = [one for one in everything if one["severity"] == "critical"]
    assert severe
    assert len(severe) < len(everything)
    assert [one["action_id"] for one in kept["actions"]] == [one["action_id"] for one in severe]
    assert len(rows) == 1 + len(critical)
    assert "Branch Finder" not in table
    assert place.state.exists()


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_report_to_a_file(place: Place, command: Command, form: str) -> None:
    """--output writes what stdout would have shown, and stdout stays empty."""
    command("poll")
    target = place.folder / "report.out"
    finished = command("report", "--since", "30m", "--format", form, "-o", str(target))

    assert finished.code == 0
    assert finished.out == ""
    assert "Order Status" in target.read_text(encoding="utf-8")


def test_a_period_with_gaps(place: Place, command: Command) -> None:
    """What was not read is told on stderr, with how to read it; the report comes all the same."""
    command("poll")
    finished = command("report", "--since", "24h")

    assert finished.code == 0
    assert finished.said[0].endswith(GAPS)
    assert "timeout-monitor backfill" in finished.said[1]
    assert "Order Status" in finished.out
    assert place.state.exists()


def test_the_shortest_period_is_a_window(place: Place, command: Command) -> None:
    """Less than a window can't be told apart."""
    command("poll")
    document = json.loads(command("report", "--since", "1ms", "--format", "json").out)

    assert document["from"] < document["to"]
    assert place.state.exists()


@pytest.mark.parametrize("since", ["yesterday", "{day}", "{day} 00:00", "{day}T01:00+01:00"])
def test_a_period_that_begins_at_a_date(place: Place, command: Command, since: str) -> None:
    """It begins at that very moment, and not at some minutes before it."""
    command("poll")
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    words = ("report", "--since", since.format(day=day), "--format", "json")
    document = json.loads(command(*words).out)

    assert document["from"] == f"{day}T00:00:00Z"
    assert place.state.exists()


def test_an_org_that_was_never_read_beside_one_that_was(place: Place, command: Command) -> None:
    """One org's data is reported although another's is still to come."""
    command("poll")
    place.configure("acme", "globex")
    finished = command("report", "--since", "30m")

    assert finished.code == 0
    assert "Order Status" in finished.out
    assert any(line.startswith("globex: ") for line in finished.said)


def test_the_flow_contract_says_what_can_not_be_known(flow_place: Place, command: Command) -> None:
    """Timeouts are counted; executions, shares and percentiles are unknown, and it says so."""
    assert command("backfill", "--from", "2026-01-01", "--to", "2026-01-02").code == 2
    assert command("poll").code == 0
    table = command("report", "--since", "30m")
    document = json.loads(command("report", "--since", "30m", "--format", "json").out)

    assert table.code == 0
    assert "without successes there is no share of timeouts and no percentile" in table.out
    for action in document["actions"]:
        assert action["timeouts"] > 0
        assert action["timeout_share"] is None
        assert action["p99_seconds"] is None
        assert action["successes"] is None
    assert "contract flow shows timeouts only" in " ".join(document["orgs"][0]["notes"])
    assert flow_place.asked("/analytics/actions") == 0


def test_a_reader_that_has_seen_enough(place: Place) -> None:
    """A pipe that is closed early, as by head, ends it without a word."""
    place.run("poll")
    for words in (["report"], ["report", "--format", "json"], ["check"], ["--help"]):
        reading, writing = os.pipe()
        os.close(reading)
        process = place.start(*words, stdout=writing)
        os.close(writing)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "Broken pipe" not in err
        assert "Traceback" not in err
        assert "Exception ignored" not in err


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_full_disk(place: Place, form: str) -> None:
    """What can't be written to stdout is told in a sentence and a hint."""
    place.run("poll")
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - no path to be kept
        process = place.start("report", "--since", "30m", "--format", form, stdout=full)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert err.splitlines()[-2:] == [
        "The output can't be used: No space left on device.",
        "Check that it exists, that this user may use it, and that the disk has room.",
    ]


def test_a_version_that_can_not_be_written(place: Place) -> None:
    """A sentence and no traceback."""
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - no path to be kept
        process = place.start("--version", stdout=full)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert err.splitlines()[0] == "The output can't be used: No space left on device."


def test_a_terminal_that_lacks_letters(place: Place) -> None:
    """A character that stdout can't show is written as its code, and the rest as it is."""
    foreign = replace(SMALL.actions[0], name="Filialgr\u00f6\u00dfe")
    with serve_live_org(replace(SMALL, actions=(foreign,), flows=())) as simulator:
        place.configure(url=simulator.url)
        assert place.run("poll").code == 0
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "report", "--since", "30m"],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert rb"Filialgr\xf6\xdfe" in done.stdout


def test_one_file_to_mail(place: Place, command: Command) -> None:
    """HTML that needs nothing else, with pictures of what is not well; markdown on stdout."""
    command("poll")
    asked = place.asked("/")
    finished = command("report", "--format", "html", "--output", "report.html")
    assert (finished.code, finished.out) == (0, "")
    html = (place.folder / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "Timeouts of data actions: acme" in html
    assert 'class="chart"' in html
    assert len(html.encode()) <= 500_000

    finished = command("report", "--format", "markdown")
    assert finished.code == 0
    assert finished.out.startswith("# Timeouts of data actions: acme\n")
    assert "| Data action | Org | Verdict |" in finished.out
    assert place.asked("/") == asked


def test_what_changed_is_told(place: Place, command: Command) -> None:
    """A line of the table names what was told anew in the period; JSON has the whole timeline."""
    command("poll")
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        [action] = [one for one in ledger.state("acme").actions if one.name == "Take Payment"]
        for ago, verdict in ((7_200.0, "healthy"), (3_600.0, "hangs")):
            kept, _ = ledger.diagnoses.last("acme")
            ids = frozenset({action.action_id})
            made = KeptDiagnosis(
                "x", time.time() - ago, b"", dict.fromkeys(ids, b""), kept.stamp if kept else ""
            )
            ledger.diagnoses.keep("acme", made, ids, {action.action_id: SaidVerdict(verdict)})
    table = command("report", "--since", "90m").out
    document = json.loads(command("report", "--since", "90m", "--format", "json").out)

    assert "Changed: Take Payment: healthy → hangs (20" in table
    told = {one["action_name"]: one["timeline"] for one in document["actions"]}
    assert [one["verdict"] for one in told["Take Payment"]["verdicts"]] == ["healthy", "hangs"]
    assert told["Branch Finder"]["verdicts"] == []
    assert "Changed:" not in command("report", "--since", "5m").out
