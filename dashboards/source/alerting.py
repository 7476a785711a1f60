"""What an alert rule consists of, and what every one of them says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dashboards.source.objectives import GRAFANA, RUNBOOK, Seconds

Severity = Literal["critical", "warning"]
"""``critical``: somebody gets up. ``warning``: somebody looks at it in office hours."""

OVERVIEW_UID = "timeout-monitor-overview"
ACTION_UID = "timeout-monitor-action"

ACTION = "{{ $labels.action_name }} ({{ $labels.org }})"
"""What an alert about an action calls it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule.

    Attributes:
        name: Its name, and the heading of its section in the runbook.
        severity: Whether it wakes somebody.
        expression: When it fires.
        hold: How long that must last; None: at once.
        summary: One line for a pager.
        description: What is known, with numbers, and what it means.
        about_action: Whether its labels name an action; otherwise an org, or nothing.
    """

    name: str
    severity: Severity
    expression: str
    hold: Seconds | None
    summary: str
    description: str
    about_action: bool = False

    def rule(self, grafana: str = GRAFANA, runbook: str = RUNBOOK) -> dict[str, Any]:
        """As Prometheus reads it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expression}
        if self.hold:
            rule["for"] = str(self.hold)
        rule["labels"] = {"severity": self.severity}
        rule["annotations"] = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": f"{runbook}#{self.name.lower()}",
            "dashboard_url": f"{grafana}{self._dashboard()}",
        }
        return rule

    def _dashboard(self) -> str:
        if self.about_action:
            return (
                f"/d/{ACTION_UID}?var-org={{{{ $labels.org | urlquery }}}}"
                "&var-action={{ $labels.action_id | urlquery }}"
            )
        if "$labels.org" in self.summary:
            return f"/d/{OVERVIEW_UID}?var-org={{{{ $labels.org | urlquery }}}}"
        return f"/d/{OVERVIEW_UID}"
