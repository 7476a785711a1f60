"""Names that a page, a spreadsheet, a terminal or a log could take for something else."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.sanitize import sanitize
from monitor.simulator import PUNCTUAL, Scenario
from monitor.simulator.scenario_types import Arrivals, SimulatedFlow, Step
from monitor.simulator.scenarios import ORDER_STATUS
from tests.cli.conftest import Command
from tests.daemon.place import Place
from tests.simulated_org import serve_live_org

NAMES = (
    "<img src=x onerror=alert(1)>",
    "long " * 100,
    "\u062d\u0627\u0644\u0629 \u0627\u0644\u0637\u0644\u0628",
    "\u202egpj.exe",
    "red \x1b[31mname\x07",
    "\U0001f355 Order \U0001f469\u200d\U0001f469\u200d\U0001f467",
    '=HYPERLINK("https://evil.example";"click")',
    "+1+1",
    "-1-1",
    "@SUM(A1:A9)",
    "\uff1dA1",
    "[bold red]not bold[/]",
    "two\r\nlines",
    "\"quoted\", 'both'; and ${var.secret}",
)
FLOW = "11111111-2222-5333-8444-555555555555"
ACTIONS = tuple(
    replace(
        ORDER_STATUS,
        name=name,
        action_id=f"{number:08}-0000-5000-8000-000000000000",
        arrivals=Arrivals(120, night_share=1.0),
    )
    for number, name in enumerate(NAMES)
)
ORG = Scenario(
    "named",
    1,
    ACTIONS,
    (SimulatedFlow(FLOW, NAMES[1], tuple(Step(one.action_id, 5_000) for one in ACTIONS)),),
    PUNCTUAL,
)
KEPT = tuple(sanitize(name) for name in NAMES)
"""As they are kept: what steers is replaced, and what is longer than 300 characters is cut."""


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A state in which an hour of all of them was read."""
    with serve_live_org(ORG) as simulator:
        place = Place(tmp_path_factory.mktemp("named"), simulator)
        done = place.run("poll")
        assert done.code == 0, done.err
        yield place


@pytest.fixture
def run(polled: Place, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command beside that state, in this process."""
    monkeypatch.chdir(polled.folder)
    return command


@pytest.mark.parametrize(
    "words", ["report", "plan", f"flow show {FLOW}", "report --output {folder}/report.txt"]
)
def test_a_name_stands_whole_where_there_is_no_terminal(
    run: Command, tmp_path: Path, words: str
) -> None:
    """On one line, to the last of its letters, and as the text that it is."""
    done = run(*words.format(folder=tmp_path).split())
    assert done.code == 0, done.err
    written = tmp_path / "report.txt"
    text = written.read_text(encoding="utf-8") if written.exists() else done.out

    for name in KEPT:
        assert name.rstrip() in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_a_history_has_names_whole(run: Command) -> None:
    """What was decided of an action too."""
    assert run("apply", ACTIONS[1].action_id, "--dry-run").code in {0, 3}

    assert KEPT[1].rstrip() in run("history", "--audit").out


def test_an_investigation_has_its_name_whole(run: Command) -> None:
    """And that of the flow that uses it."""
    done = run("investigate", ACTIONS[1].action_id)

    assert done.code == 0, done.err
    assert done.out.startswith(KEPT[1].rstrip())


def test_a_spreadsheet_reckons_no_name(run: Command) -> None:
    """A formula is a text, and every row has as many cells as the head."""
    rows = list(csv.DictReader(io.StringIO(run("report", "--format", "csv").out)))
    names = [row["action_name"] for row in rows]

    assert all(None not in row and None not in row.values() for row in rows)
    for name in KEPT:
        is_formula = name[0] in "=+-@\uff1d"
        assert (f"'{name}" if is_formula else name) in names


def test_json_has_every_name_as_it_is_kept(run: Command) -> None:
    """Letter by letter."""
    document: dict[str, Any] = json.loads(run("report", "--format", "json").out)

    assert {one["action_name"] for one in document["actions"]} >= set(KEPT)


def test_metrics_have_every_name_as_it_is_kept(run: Command) -> None:
    """Its quotes and backslashes are escaped, and nothing else is changed."""
    text = run("export", "openmetrics", "--from", "2h").out
    written = set(re.findall(r'[{,]action_name="((?:\\.|[^"\\])*)"', text))
    labels = {re.sub(r'\\([\\"])', r"\1", one) for one in written}

    assert labels >= set(KEPT)


def test_a_terraform_document_holds_no_name_outside_its_comments(run: Command) -> None:
    """Nothing of a name becomes a line, a string or an expression."""
    lines = run("plan", "--format", "terraform").out.splitlines()

    for line in lines:
        assert re.fullmatch(
            r"#.*|resource \"genesyscloud_integration_action\" \"[a-z0-9_]+\" \{"
            r"|  config_timeout_seconds = \d+ # was [\d.]+|\}|",
            line,
        ), line


def test_a_log_has_a_line_an_event(run: Command) -> None:
    """Whatever stands in a name."""
    lines = run("-v", "poll").err.splitlines()

    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_a_report_to_mail_holds_no_markup_of_a_name(run: Command, form: str) -> None:
    """Neither an element, nor what runs when one can't be loaded; the name is there as text."""
    done = run("report", "--format", form)
    assert done.code == 0, done.err

    assert not re.search(r"(?<!\\)<img src=x", done.out)
    assert "onerror=alert" in done.out
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
