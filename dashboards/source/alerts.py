"""All alerts, in the order in which the runbook tells of them."""

from __future__ import annotations

from dashboards.source.alerting import Alert
from dashboards.source.alerts_blind import alerts_about_blindness
from dashboards.source.alerts_callers import alerts_about_callers
from dashboards.source.alerts_monitor import alerts_about_collection, alerts_about_remediation
from dashboards.source.lost_callers import callers_lost
from dashboards.source.objectives import Objectives


def alert_groups(aims: Objectives) -> dict[str, list[Alert]]:
    """The alerts by the name of their group."""
    return {
        "genesys-data-actions": [*alerts_about_callers(aims), callers_lost(aims)],
        "timeout-monitor-remediation": alerts_about_remediation(aims),
        "timeout-monitor-collection": [
            *alerts_about_collection(aims),
            *alerts_about_blindness(aims),
        ],
    }


def alerts(aims: Objectives) -> list[Alert]:
    """All of them."""
    return [alert for group in alert_groups(aims).values() for alert in group]
