"""The daemon as users run it: signals, reloads, what it says and how it ends."""

from __future__ import annotations

import math
import os
import pty
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter

import pytest

from monitor.ledger import Ledger
from tests.daemon.daemon_process import RunningDaemon, families, sample
from tests.daemon.place import PATIENCE_SECONDS, Place, eventually
from tests.simulated_org import SECRET

STOP_SECONDS = 5.0
ANALYTICS = "/api/v2/analytics/actions"


def test_an_idle_daemon_ends_in_time(place: Place) -> None:
    """SIGTERM between two polls: exit code 0 within five seconds."""
    with RunningDaemon(place) as daemon:
        daemon.await_polls(1)
        code, seconds = daemon.end()

    assert code == 0
    assert seconds < STOP_SECONDS
    assert daemon.lines()[-1]["event"] == "stopped"
    assert "Traceback" not in daemon.log


def test_ctrl_c_is_a_way_to_end_it(place: Place) -> None:
    """SIGINT does what SIGTERM does, without a trace."""
    with RunningDaemon(place) as daemon:
        daemon.await_polls(1)
        code, _ = daemon.end(signal.SIGINT)

    assert code == 0
    assert "Traceback" not in daemon.log


def test_a_hanging_request_does_not_hold_up_the_stop(place: Place) -> None:
    """SIGTERM while the platform keeps us waiting: the poll is given up, and nothing is lost."""
    place.order("hang", ANALYTICS, hang_seconds=60)
    with RunningDaemon(place) as daemon:
        eventually(lambda: place.faults_left() == 0, "a hanging request")
        code, seconds = daemon.end()

    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Traceback" not in daemon.log
    # Its end is no finding about the platform.
    assert daemon.lines("poll") == []
    assert len(daemon.lines("poll_abandoned")) == 1


def test_the_transaction_in_hand_is_finished(place: Place) -> None:
    """SIGTERM while a write waits for another program's lock: the write is made, then it ends."""
    Ledger.open(f"sqlite:///{place.state}").close()
    other = sqlite3.connect(place.state, isolation_level=None)
    # It has its lease once it asks, and is kept from its catalogue until the state is locked.
    place.order("rate_limited", "/api/v2/integrations", retry_after_seconds=2)
    with RunningDaemon(place) as daemon:
        eventually(lambda: place.faults_left() == 0, "a question")
        asked = place.asked("/integrations")
        other.execute("BEGIN IMMEDIATE")
        # The catalogue's pages have come, and what they list is about to be written.
        eventually(lambda: place.asked("/integrations") > asked + 1, "a catalogue")
        time.sleep(0.3)
        daemon.send(signal.SIGTERM)
        time.sleep(0.3)
        other.execute("ROLLBACK")
        # How soon an end comes is another test's; here the machine may be as busy as it likes.
        assert daemon.process.wait(PATIENCE_SECONDS) == 0
    other.close()

    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        names = {action.name for action in ledger.state("acme").actions}
    assert names == {"Order Status", "Take Payment", "Branch Finder"}


def test_a_state_that_another_program_holds_does_not_hold_up_the_stop(place: Place) -> None:
    """A write that never gets its turn is given up: exit code 0, in time all the same."""
    Ledger.open(f"sqlite:///{place.state}").close()
    other = sqlite3.connect(place.state, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with RunningDaemon(place) as daemon:
        time.sleep(0.3)
        code, seconds = daemon.end()
    other.execute("ROLLBACK")
    other.close()

    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Traceback" not in daemon.log
    assert daemon.lines("stopped_while_asking")


def test_sighup_brings_a_new_org(place: Place) -> None:
    """An org that was added to the file is watched after SIGHUP, beside the one that was there."""
    with RunningDaemon(place) as daemon:
        daemon.await_polls(1)
        place.configure("acme", "globex")
        daemon.send(signal.SIGHUP)
        eventually(lambda: len(daemon.lines("poll")) >= 3, "a poll of both")
        orgs = [org["org"] for org in daemon.get("/api/v1/status").json()["orgs"]]

    assert orgs == ["acme", "globex"]
    assert daemon.lines("reloaded")[0]["orgs"] == ["acme", "globex"]
    assert {line["org"] for line in daemon.lines("poll")} == {"acme", "globex"}


def test_sighup_changes_the_interval(place: Place) -> None:
    """A shorter interval is kept to from the reload on; the counts of polls go on."""
    with RunningDaemon(place) as daemon:
        daemon.await_polls(1)
        place.configure(interval="100ms")
        daemon.send(signal.SIGHUP)
        daemon.await_polls(5)
        polls = sample(
            families(daemon.address), "timeout_monitor_polls_total", org="acme", result="ok"
        )
    assert polls >= 4


def test_a_reload_leaves_the_daemon_ready(place: Place) -> None:
    """What was read before stays good: a reload is no reason to take the target out of service."""
    with RunningDaemon(place) as daemon:
        # The line is written a moment before the snapshot is shown.
        eventually(lambda: daemon.get("/readyz").status_code == 200, "readiness")
        place.order("hang", "/", count=100, hang_seconds=60)
        daemon.send(signal.SIGHUP)
        eventually(lambda: daemon.lines("reloaded"), "a reload")

        assert daemon.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("mistake", "why"),
    [
        ({"more": "nonsense = 1\n"}, "nonsense: is not a setting"),
        ({"more": "[broken"}, "The settings can't be read"),
        ({"interval": "0s"}, "collect.interval"),
        ({"state": "sqlite:///elsewhere.db"}, "[state] has changed"),
        ({"secret": ""}, "client_secret is empty"),
    ],
)
def test_sighup_with_a_mistake_keeps_the_old_settings(
    place: Place, mistake: dict[str, str], why: str
) -> None:
    """The log says why not in one line with a hint, and the daemon goes on as it was."""
    place.interval = "200ms"
    place.configure()
    with RunningDaemon(place) as daemon:
        daemon.await_polls(1)
        place.configure(**mistake)
        daemon.send(signal.SIGHUP)
        eventually(lambda: daemon.lines("reload_refused"), "a refusal")
        daemon.await_polls(len(daemon.lines("poll")) + 2)
        assert daemon.get("/readyz").status_code == 200

    [refused] = daemon.lines("reload_refused")
    assert why in refused["why"]
    assert refused["hint"]
    assert not daemon.lines("reloaded")
    assert "Traceback" not in daemon.log


def test_one_line_a_poll(place: Place) -> None:
    """Each poll leaves exactly one line, of JSON, with what it did and what it cost."""
    place.interval = "100ms"
    place.configure()
    with RunningDaemon(place) as daemon:
        daemon.await_polls(3)
        daemon.end()
        counted = Counter(line["event"] for line in daemon.lines())

    polls = daemon.lines("poll")
    asked = place.asked("/analytics/actions/aggregates/query")
    # Two requests each, for all latency bands. The last poll may have been given up before both.
    given_up = counted["poll_abandoned"]
    assert given_up <= 1
    assert len(polls) in {math.ceil(asked / 2), math.ceil(asked / 2) - given_up}
    assert counted["catalogue"] == 1
    assert polls[0].keys() >= {
        "timestamp",
        "level",
        "org",
        "result",
        "duration_seconds",
        "requests",
        "executions_added",
        "incidents_added",
        "restatements",
        "skipped_windows",
    }
    assert polls[0]["executions_added"] > 0
    # Executions (two), callers lost (asked by the first poll too), and one to five pages of detail
    # records: telephony's errors come as they like, and the hours asked for may begin a day before.
    assert 4 <= polls[0]["requests"] <= 8


def test_a_poll_that_fails_has_one_line_too(place: Place) -> None:
    """A refused login is told in the poll's own line; whatever is told, no secret is."""
    place.configure(secret="wrong-and-never-shown", interval="200ms")  # noqa: S106 - a test's
    with RunningDaemon(place, "--verbose") as daemon:
        daemon.await_polls(2)
        assert daemon.get("/readyz").status_code == 503
        code, _ = daemon.end()

    assert code == 0
    first = daemon.lines("poll")[0]
    assert first["result"] == "failed"
    assert "refused the credentials" in first["actions_error"]
    assert "wrong-and-never-shown" not in daemon.log
    assert "Traceback" not in daemon.log


def test_verbose_shows_more_and_still_no_secret(place: Place) -> None:
    """With --verbose the log tells of each request, but neither of the secret nor of a token."""
    with RunningDaemon(place, "--verbose") as daemon:
        daemon.await_polls(1)
        daemon.end()

    assert any("/oauth/token" in line["event"] for line in daemon.lines())
    assert SECRET not in daemon.log
    assert "Bearer" not in daemon.log
    assert "Basic " not in daemon.log


def test_the_log_on_a_terminal_is_for_people(place: Place) -> None:
    """Where stderr is a terminal, the poll's line is plain text in colours instead of JSON."""
    here, there = pty.openpty()
    process = place.start("run", stdout=subprocess.DEVNULL, stderr=there)
    os.close(there)
    shown = ""
    try:
        while "executions_added" not in shown:
            shown += os.read(here, 4_096).decode()
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        os.close(here)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain != shown
    assert re.search(r"\[info +\] poll ", plain)
    assert '{"' not in plain
    assert SECRET not in plain


def test_a_port_in_use_ends_it_at_once(place: Place) -> None:
    """One sentence, one hint, exit code 2; nothing was asked of the platform."""
    with RunningDaemon(place) as daemon:
        port = daemon.address.rpartition(":")[2]
        daemon.await_polls(1)
        finished = place.run("run", TIMEOUT_MONITOR__SERVE__PORT=port)
        assert place.asked("/oauth/token") == 1

    assert finished.code == 2
    assert finished.said == [
        f"Port {port} on 127.0.0.1 is in use by another program.",
        "End that program, or set [serve] port (or --port) to another one.",
    ]


def test_a_daemon_may_be_started_before_its_org(place: Place) -> None:
    """Where nobody answers yet it serves, says so at /readyz, and can be ended in time."""
    place.simulator.close()
    place.configure(interval="200ms")
    with RunningDaemon(place) as daemon:
        answer = daemon.get("/readyz")
        assert answer.status_code == 503
        assert daemon.get("/healthz").status_code == 200
        assert daemon.get("/metrics").status_code == 200
        code, seconds = daemon.end()

    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Traceback" not in daemon.log
