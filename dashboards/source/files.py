"""The text of every generated file, by its path under ``dashboards/``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from dashboards.source.action import action
from dashboards.source.alerts import alert_groups
from dashboards.source.lost_callers import lost_rule
from dashboards.source.objectives import GRAFANA, OBJECTIVES, RUNBOOK, Objectives
from dashboards.source.overview import overview
from dashboards.source.recording import recording_rules
from dashboards.source.situations import SITUATIONS, unit_test

HEAD = "# Written by `make dashboards` from dashboards/source: change it there.\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and never an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the library's signature
        """Repeat what is there twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(document: Mapping[str, Any]) -> str:
    """A document as YAML, under the line that says where it comes from."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100)
    return HEAD + text


def rules(aims: Objectives) -> str:
    """``rules.yml``."""
    group = {
        "name": "genesys-data-actions-recording",
        "rules": [*recording_rules(aims), lost_rule(aims)],
    }
    return as_yaml({"groups": [group]})


def alerts(aims: Objectives, grafana: str = GRAFANA, runbook: str = RUNBOOK) -> str:
    """``alerts.yml``."""
    groups = [
        {"name": name, "rules": [alert.rule(grafana, runbook) for alert in group]}
        for name, group in alert_groups(aims).items()
    ]
    return as_yaml({"groups": groups})


def as_json(document: Mapping[str, Any]) -> str:
    """A document as JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def generated(grafana: str = GRAFANA, runbook: str = RUNBOOK) -> dict[str, str]:
    """Every generated file."""
    return {
        "prometheus/rules.yml": rules(OBJECTIVES),
        "prometheus/alerts.yml": alerts(OBJECTIVES, grafana, runbook),
        "grafana/overview.json": as_json(overview(OBJECTIVES)),
        "grafana/action.json": as_json(action(OBJECTIVES)),
        **{
            f"prometheus/tests/{name}.yml": as_yaml(unit_test(name, situation))
            for name, situation in SITUATIONS.items()
        },
    }
