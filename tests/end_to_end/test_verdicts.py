"""From HTTP to ``report``: every action gets the verdict that its law deserves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.diagnosis import Verdict
from monitor.simulator import scenario
from tests.configuration_file import write_configuration
from tests.end_to_end.deployment import ROOT, await_answer, free_port
from tests.end_to_end.expected_verdicts import deserved
from tests.simulated_org import org_table

HERE = Path(__file__).parent
DAY_SECONDS = 86_400
AFTER_A_RESTART = datetime(2026, 11, 23, 20, tzinfo=UTC).timestamp()
"""Stock Level was restarted a day ago and is as fast as it gets."""

BEFORE_A_RESTART = datetime(2026, 11, 26, 20, tzinfo=UTC).timestamp()
"""Three days later it is as slow as it gets."""

pytestmark = pytest.mark.timeout(300)


class Moment:
    """A simulated org at one moment, and commands that run at it; all of them processes."""

    def __init__(self, folder: Path, at: float, scenario_name: str = "default") -> None:
        """Start the org and write a configuration with nothing but it."""
        self.at = at
        self.port = free_port()
        org = org_table(f"http://127.0.0.1:{self.port}")
        self.config = write_configuration(folder, org)
        self._simulator = subprocess.Popen(
            self._line("simulate", "--port", str(self.port), "--scenario", scenario_name),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        )
        await_answer(f"http://127.0.0.1:{self.port}/simulator/")

    def run(self, *arguments: str, at: float | None = None) -> str:
        """Run a command at the moment, or at another one; its standard output."""
        finished = subprocess.run(
            self._line("--config", str(self.config), *arguments, at=at),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def close(self) -> None:
        """End the org."""
        self._simulator.terminate()
        self._simulator.wait(30)

    def _line(self, *arguments: str, at: float | None = None) -> list[str]:
        script = str(HERE / "process_at_moment.py")
        return [sys.executable, script, repr(at or self.at), *arguments]


@pytest.fixture
def moment(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Moment]:
    """An org at the moment that the test names."""
    made = Moment(tmp_path, request.param)
    yield made
    made.close()


def strict(text: str) -> Any:  # noqa: ANN401 - a JSON document
    """A JSON document by the letter, which knows no NaN and no Infinity."""

    def refuse(word: str) -> float:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 time with a Z."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("moment", [AFTER_A_RESTART, BEFORE_A_RESTART], indirect=True)
def test_every_action_gets_the_verdict_that_its_law_deserves(moment: Moment) -> None:
    """After one poll of an org that nobody knew before, with the settings as they come."""
    moment.run("poll")
    document = strict(moment.run("report", "--format", "json"))
    begin, end = epoch(document["from"]), epoch(document["to"])
    verdicts = {one["action_id"]: Verdict(one["verdict"]) for one in document["actions"]}
    wrong = {
        action.name: (verdicts.get(action.action_id), sorted(deserved(action, begin, end)))
        for action in scenario().actions
        if verdicts.get(action.action_id) not in deserved(action, begin, end)
    }

    assert not wrong
    assert end - begin == DAY_SECONDS


def test_the_scenario_has_an_action_for_every_verdict() -> None:
    """So that whoever tries the demo sees each of them; unclear is what no law deserves."""
    told = {
        verdict
        for at in (AFTER_A_RESTART, BEFORE_A_RESTART)
        for action in scenario().actions
        for verdict in deserved(action, at - DAY_SECONDS, at)
    }

    assert told == set(Verdict) - {Verdict.UNCLEAR}
