"""The commands that change timeouts, on a simulated org over HTTP."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.remediation.guards import GUARD_NAMES
from monitor.simulator import PUNCTUAL, Scenario
from monitor.simulator.scenarios import BRANCH_FINDER, ORDER_STATUS, TAKE_PAYMENT
from tests.cli.conftest import Command
from tests.daemon.place import Finished, Place
from tests.simulated_org import STEADY, request_counts, serve_live_org

BUSY = replace(STEADY, per_hour=900)
ORG = Scenario(
    "slow",
    1,
    tuple(replace(one, arrivals=BUSY) for one in (ORDER_STATUS, TAKE_PAYMENT, BRANCH_FINDER)),
    (),
    PUNCTUAL,
)
"""A slow tail, one with calls that never answer, and one that nobody can edit."""

SLOW, HANGING, STATIC = "Order Status", "Take Payment", "Branch Finder"


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The org, with twelve hours of history to be read."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with serve_live_org(ORG) as simulator:
        yield Place(tmp_path, simulator)


def timeout_of(place: Place, name: str) -> int:
    """Seconds, as the platform has it."""
    action_id = next(one.action_id for one in ORG.actions if one.name == name)
    config = place.simulator.org.actions.get(action_id).config
    assert config.timeout_seconds is not None
    return config.timeout_seconds


def writes(place: Place) -> int:
    """How many write requests arrived, successful or not."""
    counts = request_counts(place.simulator.url)
    return sum(n for what, n in counts.items() if what.startswith(("PUT", "PATCH")))


def planned(command: Command) -> dict[str, dict[str, Any]]:
    """What ``plan --format json`` says, by the action's name."""
    done = command("plan", "--format", "json")
    assert done.code == 0, done.err
    return {one["action_name"]: one for one in json.loads(done.out)["actions"]}


def history(command: Command) -> dict[str, Any]:
    """What ``history --format json`` says."""
    document: dict[str, Any] = json.loads(command("history", "--format", "json").out)
    return document


def polled(command: Command) -> None:
    """Read the org."""
    done = command("poll")
    assert done.code == 0, done.err


def test_the_plan_tells_what_would_be_done_and_every_guard(slow: Place, command: Command) -> None:
    """For each action, and asks the platform nothing."""
    polled(command)
    before = request_counts(slow.simulator.url)
    plan = planned(command)

    assert (plan[SLOW]["decision"], plan[SLOW]["reason"]) == ("raise", "ok")
    assert (plan[SLOW]["from_seconds"], plan[SLOW]["to_seconds"]) == (5.0, 7.0)
    assert [guard["name"] for guard in plan[SLOW]["guards"]] == list(GUARD_NAMES)
    assert (plan[HANGING]["decision"], plan[HANGING]["reason"]) == ("keep", "verdict")
    assert (plan[STATIC]["decision"], plan[STATIC]["reason"]) == ("keep", "editable")
    assert plan[HANGING]["to_seconds"] is None
    after = request_counts(slow.simulator.url)
    assert after == before


def test_the_plan_for_people_shows_the_step_and_what_each_guard_says(
    slow: Place, command: Command
) -> None:
    """In a table, with the guards of what might be changed below it."""
    polled(command)
    shown = command("plan").out

    assert "5 s -> 7 s" in shown
    assert all(f"  ok {name}" in shown for name in GUARD_NAMES)
    assert writes(slow) == 0


def test_the_plan_for_terraform_is_the_one_attribute(slow: Place, command: Command) -> None:
    """Also for an action that Terraform keeps, which is never written to."""
    more = '[recommend]\nterraform_actions = ["Order*"]\n'
    slow.configure(more=more)
    polled(command)
    shown = command("plan", "--format", "terraform").out

    assert planned(command)[SLOW]["reason"] == "editable"
    assert 'resource "genesyscloud_integration_action" "order_status" {' in shown
    assert "  config_timeout_seconds = 7 # was 5\n}" in shown
    assert "take_payment" not in shown


def test_apply_changes_what_was_planned_and_says_so(slow: Place, command: Command) -> None:
    """And only that; the history tells who did it and on what grounds."""
    polled(command)
    done = command("apply", "--yes")

    assert (done.code, done.err) == (0, "")
    assert "Change 1: Order Status 5 s -> 7 s is watching" in done.out
    assert [timeout_of(slow, name) for name in (SLOW, HANGING)] == [7, 15]
    told = history(command)
    (change,) = told["changes"]
    assert (change["state"], change["from_seconds"], change["to_seconds"]) == ("watching", 5, 7)
    assert (change["version_before"], change["version_after"]) == ("1", "2")
    events = [line["event"] for line in told["audit"]]
    assert events == ["watching", "applied", "writing", "planned"]
    assert told["audit"][-1]["evidence"]["verdict"] == "slow_tail"
    assert "@" in change["actor"]
    assert planned(command)[SLOW]["decision"] == "keep"
    assert "watching" in command("history").out
    assert "writing" in command("history", "--audit").out


def test_the_audit_trail_is_a_file_of_json_lines_too(slow: Place, command: Command) -> None:
    """Beside the state, whoever writes to it."""
    polled(command)
    command("apply", "--yes")
    command("pause", "--reason", "too many calls")
    text = (slow.folder / "state.audit.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]

    assert [line["event"] for line in lines] == [
        "planned", "writing", "applied", "watching", "paused",
    ]  # fmt: skip
    assert [line["entry_id"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1]["detail"] == "too many calls"


@pytest.mark.parametrize(("name", "guard"), [(HANGING, "verdict"), (STATIC, "editable")])
def test_what_a_guard_refuses_is_not_written(
    slow: Place, command: Command, name: str, guard: str
) -> None:
    """The guard is named, and the exit code is 3."""
    polled(command)
    done = command("apply", name, "--yes")

    assert done.code == 3
    assert f"{name} by {guard}" in done.err
    assert writes(slow) == 0


def test_a_dry_run_writes_nothing_but_its_line_in_the_trail(slow: Place, command: Command) -> None:
    """With the plan that it shows."""
    polled(command)
    done = command("apply", "--dry-run")

    assert done.code == 0
    assert "5 s -> 7 s" in done.out
    assert (writes(slow), timeout_of(slow, SLOW)) == (0, 5)
    assert [line["event"] for line in history(command)["audit"]] == ["dry_run"]


def test_nobody_to_be_asked_is_no_yes(slow: Place, command: Command) -> None:
    """A script that forgets --yes changes nothing."""
    polled(command)
    done = command("apply")

    assert done.code == 2
    assert "--yes" in done.err
    assert writes(slow) == 0


def test_stale_data_are_no_ground_for_a_change(
    slow: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven hours after the last poll of an org that is polled every hour."""
    polled(command)
    monkeypatch.setattr("monitor.clock.time.time", _later(7 * 3_600.0))
    done = command("apply", SLOW, "--yes")

    assert done.code == 3
    assert f"{SLOW} by fresh" in done.err
    assert writes(slow) == 0


def test_a_change_is_rolled_back_also_while_paused(slow: Place, command: Command) -> None:
    """The way out at three in the morning."""
    polled(command)
    command("apply", "--yes")
    assert command("pause").out == "Changes of acme are paused.\n"
    done = command("rollback", "1", "--yes")

    assert (done.code, timeout_of(slow, SLOW)) == (0, 5)
    assert "is rolled_back" in done.out
    assert history(command)["changes"][0]["state"] == "rolled_back"
    again = command("rollback", "1", "--yes")
    assert again.code == 3
    assert "nothing of it to undo" in again.err


def test_what_somebody_else_has_changed_is_not_rolled_back(slow: Place, command: Command) -> None:
    """It is theirs; the exit code says conflict."""
    polled(command)
    command("apply", "--yes")
    slow.simulator.org.actions.edit(ORDER_STATUS.action_id, 9_000)
    done = command("rollback", "1", "--yes")

    assert (done.code, timeout_of(slow, SLOW)) == (5, 9)
    assert "somebody has set 9 s" in done.out


def test_a_pause_holds_until_somebody_resumes(slow: Place, command: Command) -> None:
    """Also in programs that start afterwards."""
    polled(command)
    command("pause")
    done = command("apply", SLOW, "--yes")
    assert done.code == 3
    assert f"{SLOW} by paused" in done.err

    assert command("resume").out == "Changes of acme may go on.\n"
    assert command("apply", "--yes").code == 0
    assert timeout_of(slow, SLOW) == 7


def test_a_reason_and_a_name_that_are_no_text_hold_up_no_pause(
    slow: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed may be any bytes; what is kept of them can be shown."""
    slow.make_state()
    for variable in ("LOGNAME", "USER"):
        monkeypatch.setenv(variable, os.fsdecode(b"al\xffice"))

    assert command("pause", "--reason", os.fsdecode(b"bad\xff \x1b[31m")).code == 0

    (line,) = [one for one in history(command)["audit"] if one["event"] == "paused"]
    assert line["detail"] == "bad\ufffd \ufffd[31m"
    assert line["actor"].startswith("al\ufffdice@")


def test_a_quarantine_can_be_ended_for_one_action(slow: Place, command: Command) -> None:
    """By name, and on the record."""
    polled(command)
    command("apply", "--yes")
    command("rollback", "1", "--yes")
    guards = {one["name"]: one["passed"] for one in planned(command)[SLOW]["guards"]}
    assert not guards["quarantine"]

    done = command("resume", "--action", SLOW)

    assert done.out == "Order Status of acme is not in quarantine any more.\n"
    guards = {one["name"]: one["passed"] for one in planned(command)[SLOW]["guards"]}
    assert guards["quarantine"]
    assert history(command)["audit"][0]["event"] == "released"
    assert timeout_of(slow, SLOW) == 5


def test_off_writes_nothing_whoever_asks(
    slow: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither apply nor rollback."""
    polled(command)
    monkeypatch.setenv("TIMEOUT_MONITOR__REMEDIATION__MODE", "off")
    done = command("apply", SLOW, "--yes")

    assert done.code == 3
    assert f"{SLOW} by mode" in done.err
    assert writes(slow) == 0


def test_a_write_that_the_platform_refuses_is_told(slow: Place, command: Command) -> None:
    """With the permission that is missing, and exit code 1."""
    polled(command)
    permissions = slow.simulator.org.permissions - {"integrations:action:edit"}
    slow.simulator.org.grant(permissions)
    done = command("apply", "--yes")

    assert (done.code, timeout_of(slow, SLOW)) == (1, 5)
    assert "is failed" in done.out


def test_before_anything_was_collected_there_is_no_plan(slow: Place, command: Command) -> None:
    """It says what to run first."""
    slow.make_state()
    done: Finished = command("plan")

    assert done.code == 6
    assert "timeout-monitor poll" in done.err


def test_an_unknown_change_is_told(slow: Place, command: Command) -> None:
    """With where they are listed."""
    slow.make_state()
    done = command("rollback", "7", "--yes")

    assert done.code == 2
    assert "There is no change 7" in done.err
    assert writes(slow) == 0


def test_an_empty_history_says_so(slow: Place, command: Command) -> None:
    """In words, and as empty lists."""
    slow.make_state()
    assert command("history").out == "No timeout was ever changed.\n"
    assert history(command) == {"changes": [], "outside": [], "audit": []}


def _later(seconds: float) -> Any:  # noqa: ANN401 - a clock
    real = time.time
    return lambda: real() + seconds
