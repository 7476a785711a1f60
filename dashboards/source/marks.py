"""What is marked in graphs: verdicts that were told anew, incidents, timeouts that were changed."""

from __future__ import annotations

from typing import Any

from dashboards.source.grafana import BLUE, ORANGE, RED, annotation
from dashboards.source.promql import joined
from dashboards.source.queries import BY_ACTION, OF_ACTION, RATE

VERDICT = f"genesys_data_action_verdict{{{OF_ACTION}}}"
SINCE = f"genesys_data_action_verdict_since_timestamp_seconds{{{OF_ACTION}}}"


def verdict_changed() -> dict[str, Any]:
    """Where another verdict was told than until then.

    Two of one action are seen within the time that a rate looks back over: a daemon that is
    restarted, or a scrape that fails, marks nothing.
    """
    return annotation(
        "Verdict changed",
        joined(
            f"max by ({BY_ACTION}, verdict) ({VERDICT})",
            f"and on ({BY_ACTION})",
            f"  count by ({BY_ACTION}) (",
            f"    max by ({BY_ACTION}, verdict) (max_over_time({VERDICT}[{RATE}]))",
            "  ) > 1",
        ),
        "Verdict: {{verdict}}",
        "Its page has all that was told of it, since when and until when.",
        ORANGE,
    )


def incident_began() -> dict[str, Any]:
    """Where an outage was found after another verdict, or after another outage."""
    outage = VERDICT.replace("}", ', verdict="outage"}')
    return annotation(
        "Incident",
        joined(
            f"max by ({BY_ACTION}) (changes({SINCE}[{RATE}])) > 0",
            f"and on ({BY_ACTION}) {outage}",
        ),
        "An incident was found",
        "Timeouts came bunched: timeout-monitor report says from when to when.",
        RED,
    )


def timeout_changed() -> dict[str, Any]:
    """Where the timeout in force became another."""
    return annotation(
        "Timeout changed",
        f"max by ({BY_ACTION}) "
        f"(changes(genesys_data_action_timeout_seconds{{{OF_ACTION}}}[{RATE}])) > 0",
        "The timeout was changed",
        "By remediation or by hand: timeout-monitor history tells which.",
        BLUE,
    )
