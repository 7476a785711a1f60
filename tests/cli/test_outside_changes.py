"""Somebody changes a timeout in the platform's pages: what the commands say of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.simulator import World
from monitor.simulator.scenarios import ORDER_STATUS
from tests.cli.conftest import Command
from tests.cli.test_remediation import ORG, SLOW, history, planned, polled
from tests.daemon.place import Place
from tests.simulated_org import serve_live_org

ACTION = f"/api/v2/integrations/actions/{ORDER_STATUS.action_id}"
LATER_SECONDS = 900.0
Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Let so many seconds pass, for the org and for the commands."""
    real, passed = time.time, [0.0]
    monkeypatch.setattr("monitor.clock.time.time", lambda: real() + passed[0])

    def wait(seconds: float) -> None:
        passed[0] += seconds

    return wait


def edited(place: Place) -> str:
    """A person sets 9 s; their name."""
    org = place.simulator.org
    org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
    return org.audits.editors[-1].user_name


def guard_of(command: Command, name: str) -> dict[str, Any]:
    """What one guard says of the slow action."""
    guards: list[dict[str, Any]] = planned(command)[SLOW]["guards"]
    return next(one for one in guards if one["name"] == name)


@pytest.mark.parametrize("told", ["none", "paths"])
def test_history_names_who_changed_a_timeout_beside_our_own_changes(
    tmp_path: Path, command: Command, later: Later, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """And so do the plan, before anything stands down, and the note of the change that did."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with serve_live_org(ORG, world=World(audit_properties=told)) as simulator:
        place = Place(tmp_path, simulator)
        polled(command)
        assert command("apply", "--yes").code == 0
        later(60)
        name = edited(place)
        later(LATER_SECONDS)
        polled(command)

        shown = command("history").out
        (outside,) = history(command)["outside"]
        assert [(outside[key]) for key in ("from_seconds", "to_seconds", "who")] == [7, 9, name]
        assert outside["told_by"] == "audits"
        assert name in shown
        assert "7 s -> 9 s" in shown
        assert f"{name} has set 9 s" in guard_of(command, "changed_since")["detail"]

        assert command("apply", SLOW, "--yes").code == 3
        (change,) = history(command)["changes"]
        assert (change["state"], change["note"][: len(name) + 12]) == (
            "superseded",
            f"{name} has set 9 s",
        )
        assert name in guard_of(command, "quarantine")["detail"]
        assert "7 s -> 9 s" in command("history").out


def test_where_no_log_is_to_be_read_who_did_it_is_unknown(
    tmp_path: Path, command: Command, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That somebody did is known from the catalogue, and said."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with serve_live_org(ORG, world=World(audits="absent")) as simulator:
        place = Place(tmp_path, simulator)
        polled(command)
        assert command("apply", "--yes").code == 0
        edited(place)
        later(LATER_SECONDS)
        polled(command)
        command("apply", SLOW, "--yes")

        told = history(command)
        (outside,) = told["outside"]
        assert (outside["who"], outside["user_id"], outside["told_by"]) == (
            "unknown",
            None,
            "catalogue",
        )
        assert told["changes"][0]["note"] == "somebody has set 9 s; who is unknown"
        assert "when the catalogue noticed it" in command("history").out


def test_our_own_changes_are_not_listed_as_somebodys(
    tmp_path: Path, command: Command, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a raise nor what undid it, though the log has both."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with serve_live_org(ORG) as simulator:
        Place(tmp_path, simulator)
        polled(command)
        assert command("apply", "--yes").code == 0
        later(LATER_SECONDS)
        polled(command)
        assert command("rollback", "1", "--yes").code == 0
        later(LATER_SECONDS)
        polled(command)

        assert len(simulator.org.audits.editors) == 2
        assert history(command)["outside"] == []
