"""Every command at a gateway that speaks the flow contract and answers 404 to all else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.end_to_end.flow_shell import ACTION_ID
from tests.end_to_end.proxied_flow_shell import CONTRACT, HOST, Desk, desk_in


@pytest.fixture
def desk(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Five variables and a proxy, and the program in the test's own process."""
    with desk_in(tmp_path) as one:
        for name, value in one.shell.variables.items():
            monkeypatch.setenv(name, value)
        yield replace(one, shell=replace(one.shell, command=command))


COMMANDS = (
    ("check",),
    ("poll",),
    ("poll", "--json"),
    ("backfill", "--from", "{from}", "--to", "{to}"),
    ("report",),
    ("report", "--format", "json"),
    ("report", "--format", "csv"),
    ("investigate", ACTION_ID),
    ("plan",),
    ("plan", "--format", "json"),
    ("plan", "--format", "terraform"),
    ("apply", "--yes"),
    ("apply", ACTION_ID, "--yes"),
    ("apply", ACTION_ID, "--dry-run"),
    ("trial", ACTION_ID, "--yes"),
    ("flow", "show"),
    ("flow", "show", "--format", "json"),
    ("flow", "set-timeout", "6000"),
    ("flow", "set-timeout", "7000", "--dry-run"),
    ("reconcile",),
    ("history",),
    ("rollback", "1"),
    ("pause",),
    ("resume",),
    ("export", "openmetrics"),
    ("state", "check"),
)
"""Every command that may ask a platform something; ``run`` has a test of its own."""

REFUSED = {"apply": (3,), "trial": (3,), "rollback": (2, 3), "flow": (3,)}
"""What may end in a refusal, for there are no successes to judge by; all else has to be done."""


def test_no_command_asks_for_anything_else(desk: Desk) -> None:
    """Whatever it ends with: a gateway that answers 404 to all else is never asked for it."""
    now = dt.datetime.now(dt.UTC)
    words = {
        "from": f"{now - dt.timedelta(hours=30):%Y-%m-%dT%H:%M}",
        "to": f"{now:%Y-%m-%dT%H:%M}",
    }
    for arguments in COMMANDS:
        done = desk.run(*(argument.format_map(words) for argument in arguments))
        assert desk.routes() <= CONTRACT, arguments
        assert done.code in {0, *REFUSED.get(arguments[0], ())}, (arguments, done.err)
    assert desk.proxy.hosts == {HOST}


def test_every_command_is_tried(desk: Desk) -> None:
    """A command that is new has to show that it keeps to the contract."""
    # `run` has a test above; `demo` and `simulate` bring their own org.
    elsewhere = {"run", "demo", "simulate"}
    listed = desk.run("--help").out.partition("Commands:")[2]
    commands = set(re.findall(r"^  (\w[\w-]*)", listed, flags=re.MULTILINE))
    assert commands - elsewhere == {arguments[0] for arguments in COMMANDS}
