"""Every command in an org whose people put into names, ids and versions what a terminal obeys.

And the monitor's own client secret: whoever may name an action may have seen it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.simulator import PUNCTUAL, Scenario
from monitor.simulator.scenario_types import Integration, SimulatedFlow, Step
from monitor.simulator.scenarios import BRANCH_FINDER, ORDER_STATUS, TAKE_PAYMENT
from tests.cli.conftest import Command
from tests.daemon.place import Finished, Place
from tests.genesys.far_side import TOKEN, FarSide, Reply, listening
from tests.simulated_org import SECRET, STEADY, serve_live_org

STEERING = "\x1b]0;owned\x07\x1b[2J\u202egpj\x9b31m\r\u2066"
"""A title, a cleared screen, what is read from right to left, and colour in one character."""

OBEYED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
"""What a terminal obeys, but for line ends and tabs."""

FLOW = "11111111-2222-5333-8444-555555555555"
BUSY = replace(STEADY, per_hour=900)


def named(what: str) -> str:
    """A name that steers and that gives the secret away."""
    return f"{what} {STEERING} {SECRET}"


ACTIONS = tuple(
    replace(
        one,
        name=named(one.name),
        arrivals=BUSY,
        category=named("Services"),
        integration=Integration(
            one.integration.integration_id, named("CRM"), one.integration.type_id
        ),
    )
    for one in (ORDER_STATUS, TAKE_PAYMENT, BRANCH_FINDER)
)
ORG = Scenario(
    "hostile",
    1,
    ACTIONS,
    (SimulatedFlow(FLOW, named("Main"), (Step(ORDER_STATUS.action_id, 5_000),)),),
    PUNCTUAL,
)
SLOW = ORDER_STATUS.action_id


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The org, with twelve hours of history to be read."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with serve_live_org(ORG) as simulator:
        yield Place(tmp_path, simulator)


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A scripted platform on loopback."""
    with listening() as far_side:
        far_side.on(TOKEN, Reply(body={"access_token": "tok-1234567890", "expires_in": 3600}))
        yield far_side


def assert_tame(done: Finished, command: str) -> None:
    """Neither stream steers a terminal, nor holds the secret."""
    said = done.out + done.err
    assert not OBEYED.search(said), (command, OBEYED.findall(said), said)
    assert SECRET not in said, (command, said)
    assert "Traceback" not in said


COMMANDS = (
    "check",
    "check --format json",
    "-v poll",
    "poll --json",
    "report",
    "report --format json",
    "report --format csv",
    "report --format html",
    f"investigate {SLOW}",
    f"investigate {SLOW} --format json",
    "investigate Nothing",
    "plan",
    "plan --format json",
    "plan --format terraform",
    f"apply {SLOW} --dry-run",
    f"apply {SLOW} --yes",
    "apply Nothing --yes",
    "history",
    "history --format json",
    "rollback 1 --yes",
    "rollback 1 --yes",
    "rollback 7 --yes",
    "pause --reason why",
    f"apply {SLOW} --yes",
    "resume",
    f"resume --action {SLOW}",
    "resume --action Nothing",
    "history",
    f"flow show {FLOW}",
    f"flow show {FLOW} --format json",
    f"flow set-timeout {FLOW} {SLOW} 6000 --dry-run",
    f"flow set-timeout {FLOW} {SLOW} 6000",
    f"flow set-timeout {FLOW} {SLOW} 6000 --format json",
    f"flow set-timeout {FLOW} {SLOW} 1000",
    f"flow set-timeout {FLOW} Nothing 1000",
    "export openmetrics --from 2h --to 1h",
    "state check",
)


def test_no_command_steers_a_terminal_or_gives_the_secret_away(
    place: Place, command: Command
) -> None:
    """Nor does what they leave on the disk."""
    for one in COMMANDS:
        assert_tame(command(*one.split()), one)

    for path in place.folder.iterdir():
        if path != place.config:
            assert SECRET.encode() not in path.read_bytes(), path.name


HOSTILE = STEERING.replace("\r", "")
FLOW_COMMANDS = (
    f"flow show {FLOW}",
    f"flow show {FLOW} --format json",
    f"flow set-timeout {FLOW} A 6000 --dry-run",
    f"flow set-timeout {FLOW} A 6000 --format json",
    f"flow set-timeout {FLOW} A 6000",
    f"flow set-timeout {FLOW} A 1000",
    f"flow set-timeout {FLOW} Nothing 1000",
    "check",
    "poll",
    "report",
    "report --format json",
    "plan",
    "history",
    "history --format json",
)


def flow_document(timeout: object = 5_000, **more: object) -> dict[str, object]:
    """A flow in which everything that can be named is hostile."""
    entry = {
        "id": f"id-{HOSTILE}",
        "name": "A",
        "type": "data",
        "data": {"timeout": timeout, "url": f"https://{HOSTILE}/", "method": HOSTILE},
    }
    return {"id": FLOW, "name": HOSTILE, "version": HOSTILE, "actions": [entry], **more}


@pytest.mark.parametrize(
    "answer",
    [
        Reply(body=flow_document(), headers={"ETag": '"\x9b31m"', "ININ-Correlation-Id": "\x9b2J"}),
        Reply(body=flow_document(), headers={"ETag": '"1"'}),
        Reply(body=flow_document("soon"), headers={"ETag": '"1"'}),
        Reply(body={**flow_document(), "id": HOSTILE}, headers={"ETag": '"1"'}),
        Reply(400, {"message": HOSTILE, "code": HOSTILE}, {"ININ-Correlation-Id": "\x9b2J"}),
        Reply(200, {}, {"Content-Type": "text/\x9b31m"}),
        Reply(302, {}, {"Location": "https://\x9b31m.example/"}),
    ],
)
def test_no_flow_of_whatever_content_does(
    far_side: FarSide, tmp_path: Path, command: Command, answer: Reply
) -> None:
    """Ids, versions, ETags and error codes come to the terminal, too."""
    (tmp_path / "timeout-monitor.toml").write_text(
        f"""
[[org]]
name = "acme"
client_id = "client-1"
client_secret = "{SECRET}"
api_url = "{far_side.url}"
contract = "flow"
flow_id = "{FLOW}"
action_id = {json.dumps("id-" + HOSTILE)}
"""
    )
    far_side.otherwise = answer

    for one in FLOW_COMMANDS:
        assert_tame(command(*one.split()), one)
