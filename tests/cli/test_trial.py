"""The command that tries one step up, on a simulated org over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import SystemClock
from monitor.ledger import Ledger
from tests.cli.conftest import Command
from tests.cli.test_remediation import HANGING, ORG, SLOW, STATIC, polled, timeout_of, writes
from tests.daemon.place import Place
from tests.simulated_org import serve_live_org


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The org, with twelve hours of history to be read."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with serve_live_org(ORG) as simulator:
        yield Place(tmp_path, simulator)


@contextmanager
def daemon_at_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another program holds the lease of reading the org."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger, monkeypatch.context() as patch:
        patch.setattr("monitor.ledger.reading_leases.running_program", lambda: "a daemon")
        leases = ledger.reading_leases(SystemClock())
        assert leases.take("acme")
        patch.undo()
        yield


def changes(command: Command) -> list[dict[str, Any]]:
    """What ``history --format json`` says of changes."""
    document: dict[str, Any] = json.loads(command("history", "--format", "json").out)
    found: list[dict[str, Any]] = document["changes"]
    return found


def test_a_trial_is_made_and_says_when_it_ends(
    slow: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step up, by a person, for as long as they say; and the history tells until when."""
    polled(command)
    with daemon_at_work(slow, monkeypatch):
        done = command("trial", SLOW, "--for", "2h", "--yes")

    assert (done.code, done.err) == (0, "")
    assert "Change 1: Order Status 5 s -> 7 s is watching" in done.out
    assert "A trial of 2 h tells whether it rescues any" in done.out
    assert "UTC: the daemon keeps it if fewer calls time out, and else sets it back" in done.out
    assert timeout_of(slow, SLOW) == 7
    (change,) = changes(command)
    assert change["state"] == "watching"
    assert change["sent_at"] < change["trial_ends_at"]
    assert "watching, a trial until 20" in command("history").out


def test_a_trial_that_nothing_would_end_is_refused(slow: Place, command: Command) -> None:
    """A timeout that was to be raised for two hours must not stay for good."""
    polled(command)

    done = command("trial", SLOW, "--yes")

    assert (done.code, writes(slow)) == (3, 0)
    assert done.said == [
        "No daemon watches acme, so nothing would measure a trial, or end it.",
        "Start timeout-monitor run with this state, and try again.",
    ]


@pytest.mark.parametrize(("name", "guard"), [(HANGING, "verdict"), (STATIC, "editable")])
def test_what_a_guard_refuses_is_not_tried(
    slow: Place, command: Command, monkeypatch: pytest.MonkeyPatch, name: str, guard: str
) -> None:
    """The guard is named with what it says, and the exit code is 3."""
    polled(command)
    with daemon_at_work(slow, monkeypatch):
        done = command("trial", name, "--yes")

    assert (done.code, writes(slow)) == (3, 0)
    assert f"{name} is not tried, for the guard {guard} stands against it: " in done.err


def test_a_dry_run_of_a_trial_writes_only_its_line_in_the_trail(
    slow: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every guard that spoke."""
    polled(command)
    with daemon_at_work(slow, monkeypatch):
        done = command("trial", SLOW, "--dry-run")

    assert (done.code, writes(slow), changes(command)) == (0, 0, [])
    assert "A dry run: nothing was sent" in done.out
    assert "  ok concurrency" in done.out


@pytest.mark.parametrize("text", ["0s", "5m", "8d", "soon", "-2h"])
def test_how_long_a_trial_lasts_has_bounds(slow: Place, command: Command, text: str) -> None:
    """One that is over before anything settled tells nothing."""
    polled(command)

    done = command("trial", SLOW, "--for", text, "--yes")

    assert (done.code, writes(slow)) == (2, 0)
    assert "--for" in done.err
