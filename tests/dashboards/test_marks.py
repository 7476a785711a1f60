"""Marks of verdicts, asked of Debian's promtool: where another one was told, and nowhere else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.panels import Query, marks
from tests.dashboards.variables import View, resolved

MINUTES = 600
STEP = 3
LABELS = '{org="acme", action_id="crm"'
LOOKS_BACK = 12
"""Minutes: what a mark looks back over, with the least step that marks have."""

SERIES = {
    # For half an hour nobody scraped; what is told no more is stale at the next scrape.
    f'genesys_data_action_verdict{LABELS}, verdict="healthy"}}': (
        "1x59 _x30 1x29 stale _x359 1x119"
    ),
    f'genesys_data_action_verdict{LABELS}, verdict="hangs"}}': "_x120 1x119 stale",
    f'genesys_data_action_verdict{LABELS}, verdict="outage"}}': "_x240 1x239 stale",
    f"genesys_data_action_verdict_since_timestamp_seconds{LABELS}}}": (
        "_x120 1000x119 2000x119 3000x119 stale"
    ),
    'genesys_data_action_verdict{org="acme", action_id="calm", verdict="healthy"}': "1x599",
}
"""Healthy; hangs from minute 120 on; an outage from 240 on, another from 360; healthy from 480."""


def mark(name: str) -> Query:
    """The query of one kind of marks of the dashboard of an action."""
    [found] = [one for one in marks() if (one.dashboard, one.panel) == ("action", f"marks: {name}")]
    return found


def stands(begin: int, minute: int) -> bool:
    """Whether a mark of something that happened at one minute stands at another."""
    return begin <= minute < begin + LOOKS_BACK - 1


def expected(name: str, action: str, minute: int) -> list[dict[str, Any]]:
    """What the marks show at a minute."""
    if action == "calm":
        return []
    plain = '{action_id="crm", org="acme"'
    if name == "Incident":
        return [{"labels": f"{plain}}}", "value": 1} for at in (240, 360) if stands(at, minute)]
    told = {120: "hangs", 240: "outage", 480: "healthy"}
    return [
        {"labels": f'{plain}, verdict="{verdict}"}}', "value": 1}
        for at, verdict in told.items()
        if stands(at, minute)
    ]


@pytest.mark.parametrize("action", ["crm", "calm"])
@pytest.mark.parametrize("name", ["Verdict changed", "Incident"])
def test_marks_stand_where_something_else_was_told(
    tmp_path: Path, require_tool: Callable[[str], str], name: str, action: str
) -> None:
    """With the verdict's name; not at the first scrape, not after a gap, and no other action's."""
    query = mark(name)
    view = View(0, MINUTES * 60, 60, MINUTES)
    expression, _ = resolved(
        query.expression, {"org": "acme", "action": action}, view, query.minimal_step
    )
    assert f"[{LOOKS_BACK * 60}s]" in expression
    asked = [
        {
            "expr": expression,
            "eval_time": f"{minute}m",
            "exp_samples": expected(name, action, minute),
        }
        for minute in range(0, MINUTES, STEP)
    ]
    series = [{"series": one, "values": values} for one, values in SERIES.items()]
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": asked}]
    file = tmp_path / "marks.yml"
    # JSON is YAML.
    file.write_text(json.dumps({"evaluation_interval": "1m", "tests": tests}), encoding="utf-8")
    done = subprocess.run(
        [require_tool("promtool"), "test", "rules", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
