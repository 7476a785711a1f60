"""Which flows use an action: what is told where dependency tracking can't tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.simulator import World
from monitor.simulator.scenarios import BRANCH_FINDER, PAYMENT_LINE, TAKE_PAYMENT
from tests.cli.conftest import Command
from tests.daemon.place import Place
from tests.simulated_org import serve_live_org

NOT_KNOWN = "Which flows use a data action is not known"


@pytest.fixture
def unbuilt_place(tmp_path: Path) -> Iterator[Place]:
    """An org whose dependency tracking was never built, and whose records name no flow's action."""
    with serve_live_org(
        world=World(dependency_tracking="unbuilt", detail_errors="hidden")
    ) as simulator:
        yield Place(tmp_path, simulator)


def used_by(command: Command) -> dict[str, object]:
    """What the report says of each action's use."""
    told = json.loads(command("report", "--format", "json").out)
    return {row["action_id"]: row["used_by"] for row in told["actions"]}


@pytest.mark.usefixtures("place")
def test_no_flow_is_an_empty_list(command: Command) -> None:
    """Tracking was built, and names none: that is an answer."""
    command("poll")
    told = used_by(command)
    assert (told[TAKE_PAYMENT.action_id], told[BRANCH_FINDER.action_id]) == (
        [PAYMENT_LINE.name],
        [],
    )
    assert NOT_KNOWN not in command("report").out + command("report").err


@pytest.mark.usefixtures("unbuilt_place")
def test_what_is_not_known_is_null_and_a_note(command: Command) -> None:
    """In no place is it told as no flow."""
    command("poll")
    assert set(used_by(command).values()) == {None}
    assert NOT_KNOWN in command("report").out
    (org,) = json.loads(command("report", "--format", "json").out)["orgs"]
    assert any(NOT_KNOWN in note for note in org["notes"])

    looked = command("investigate", TAKE_PAYMENT.action_id)
    assert "Which flows use it is not known" in looked.out + looked.err
    told = json.loads(command("investigate", TAKE_PAYMENT.action_id, "--format", "json").out)
    assert any("Which flows use it is not known" in note for note in told["notes"])

    checked = command("check")
    assert checked.code == 0
    assert "warning acme: flow use: Dependency tracking was not built" in checked.out
    assert "in Architect" in checked.out
