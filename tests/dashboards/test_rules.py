"""The rules as Prometheus's own tools see them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

SHIPPED = Path(__file__).parents[2] / "dashboards"
RULES = SHIPPED / "prometheus"
TESTS = sorted(path.stem for path in (RULES / "tests").iterdir())


def ran(*arguments: str | Path, folder: Path = RULES) -> tuple[int, str]:
    """Exit code, and all that a program said."""
    done = subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_promtool_finds_nothing_to_remark(require_tool: Callable[[str], str]) -> None:
    """In the rules, nor in the configuration that takes them in."""
    promtool = require_tool("promtool")
    code, said = ran(promtool, "check", "rules", "rules.yml", "alerts.yml")
    assert code == 0, said
    assert "FAILED" not in said
    code, said = ran(promtool, "check", "config", "prometheus.yml")
    assert code == 0, said


def test_amtool_finds_nothing_to_remark(require_tool: Callable[[str], str]) -> None:
    """In the routes."""
    code, said = ran(require_tool("amtool"), "check-config", "../alertmanager/alertmanager.yml")
    assert code == 0, said


@pytest.mark.parametrize(
    ("alert", "receiver"),
    [
        ("alertname=GenesysDataActionOutage severity=critical", "pager"),
        ("alertname=GenesysDataActionHangs severity=warning", "office-hours"),
    ],
)
def test_critical_wakes_somebody_and_a_warning_does_not(
    require_tool: Callable[[str], str], alert: str, receiver: str
) -> None:
    """Alertmanager itself says to whom an alert goes."""
    routes = SHIPPED / "alertmanager" / "alertmanager.yml"
    code, said = ran(
        require_tool("amtool"),
        "config",
        "routes",
        "test",
        f"--config.file={routes}",
        *alert.split(),
    )
    # A machine with settings of its own for amtool gets a remark after it.
    assert code == 0, said
    assert said.splitlines()[0] == receiver


@pytest.mark.parametrize("name", TESTS)
def test_an_alert_does_what_its_tests_say(
    require_tool: Callable[[str], str], tmp_path: Path, name: str
) -> None:
    """It fires, not just below, resolves; counters begin anew, nobody calls, data comes late."""
    shutil.copytree(RULES, tmp_path, dirs_exist_ok=True)
    # No alert reads another, and promtool would reckon all of them for each.
    alerts = yaml.safe_load((RULES / "alerts.yml").read_text(encoding="utf-8"))
    for group in alerts["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule["alert"] == name]
    assert any(group["rules"] for group in alerts["groups"])
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(alerts), encoding="utf-8")
    promtool = require_tool("promtool")

    code, said = ran(promtool, "test", "rules", f"tests/{name}.yml", folder=tmp_path)

    assert code == 0, said


def test_a_verdict_at_the_border_to_hangs_is_alerted_as_unclear(
    require_tool: Callable[[str], str], tmp_path: Path
) -> None:
    """Where each window says the other one neither stands for an hour, and callers are hit."""
    shutil.copytree(RULES, tmp_path, dirs_exist_ok=True)
    action = 'org="acme", action_id="a1"'
    names = f'{action}, action_name="Order Status", integration_id="i", integration_name="Orders"'
    turns = [minute // 5 % 2 for minute in range(150)]
    series = {
        f"genesys_data_action_info{{{names}}}": "1x149",
        f'genesys_data_action_executions_total{{{action}, outcome="success"}}': "0+19x149",
        f'genesys_data_action_executions_total{{{action}, outcome="timeout"}}': "0+1x149",
        f'genesys_data_action_verdict{{{action}, verdict="hangs"}}': " ".join(
            "1" if turn else "stale" for turn in turns
        ),
        f'genesys_data_action_verdict{{{action}, verdict="unclear"}}': " ".join(
            "stale" if turn else "1" for turn in turns
        ),
    }
    firing = 'count by (alertname) (ALERTS{alertname=~".*(Hangs|Unclear)", alertstate="firing"})'
    expected = {"labels": '{alertname="GenesysDataActionUnclear"}', "value": 1}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": "140m", "exp_samples": [expected]}],
    }
    document = {"rule_files": ["rules.yml", "alerts.yml"], "tests": [test]}
    (tmp_path / "border.yml").write_text(yaml.safe_dump(document), encoding="utf-8")

    code, said = ran(require_tool("promtool"), "test", "rules", "border.yml", folder=tmp_path)

    assert code == 0, said


def test_the_tests_of_an_alert_run_as_they_are_shipped(require_tool: Callable[[str], str]) -> None:
    """Beside all other alerts, as whoever has changed a threshold runs them."""
    code, said = ran(require_tool("promtool"), "test", "rules", "tests/TimeoutMonitorAbsent.yml")
    assert code == 0, said


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("GenesysDataActionsConcurrencyHigh", "> 0.7", "> 0.75"),
        ("GenesysDataActionsConcurrencyHigh", "> 0.7", "> 0.65"),
        ("TimeoutMonitorAbsent", "for: 5m", "for: 20m"),
        ("TimeoutMonitorStateNotWritable", "min(timeout_monitor_state_writable) == 0", "vector(1)"),
    ],
)
def test_a_rule_that_is_wrong_is_found(
    require_tool: Callable[[str], str], tmp_path: Path, name: str, old: str, new: str
) -> None:
    """Promtool's tests fail for a threshold, a length of time, an expression that is another."""
    shutil.copytree(RULES, tmp_path, dirs_exist_ok=True)
    alerts = (tmp_path / "alerts.yml").read_text(encoding="utf-8")
    begin = alerts.index(f"alert: {name}")
    assert old in alerts[begin:]
    (tmp_path / "alerts.yml").write_text(alerts[:begin] + alerts[begin:].replace(old, new, 1))

    code, said = ran(
        require_tool("promtool"), "test", "rules", f"tests/{name}.yml", folder=tmp_path
    )

    assert code == 1
    assert "FAILED" in said
