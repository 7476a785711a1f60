"""Queries that panels share. All stand on what is scraped, so that imported history shows too."""

from __future__ import annotations

from dashboards.source.promql import EXECUTIONS, INFO, grown, joined, per_minute

RATE = "$__rate_interval"
RANGE = "$__range"
FLOW = "No data: with contract flow only timeouts are known"
"""What a panel says that needs what such an org does not show."""

BEFORE = "in the 20 min before each point (more where the range is long)"
"""What ``$__rate_interval`` is with the least step of the panels."""

OF_ORG = 'org="$org"'
OF_ACTION = 'org="$org", action_id="$action"'
BY_ACTION = "org, action_id"


def names(*labels: str) -> str:
    """The chosen actions with their names, one series an action."""
    kept = ", ".join((BY_ACTION, *labels))
    chosen = f'{INFO}{{{OF_ORG}, integration_name=~"$integration"}}'
    return f"topk by ({BY_ACTION}) (1, max by ({kept}) ({chosen}))"


def of_actions(expression: str, *labels: str) -> str:
    """An expression by action, for the chosen actions only, with their names."""
    labels = labels or ("action_name",)
    return joined(
        f"({expression})",
        f"* on ({BY_ACTION}) group_left ({', '.join(labels)})",
        names(*labels),
    )


def ran(matchers: str = OF_ORG) -> str:
    """Executions, whatever their outcome."""
    return f"{EXECUTIONS}{{{matchers}}}"


def ended(outcome: str, matchers: str = OF_ORG) -> str:
    """Executions of one outcome."""
    return f'{EXECUTIONS}{{{matchers}, outcome="{outcome}"}}'


def share(matchers: str, window: str, outcome: str = "timeout") -> str:
    """Share of executions with an outcome, by action, where all are known and some ran."""
    return joined(
        f"{grown(ended(outcome, matchers), window, BY_ACTION)}",
        "/",
        f"({grown(ran(matchers), window, BY_ACTION)} > 0)",
        f"and on ({BY_ACTION}) group by ({BY_ACTION}) ({ended('success', matchers)})",
    )


def quantile(rank: float, matchers: str, window: str) -> str:
    """A quantile of the durations, where there were any."""
    metric = "genesys_data_action_duration_seconds"
    return joined(
        f"histogram_quantile({rank}, {grown(f'{metric}_bucket{{{matchers}}}', window, 'le')})",
        f"and on () (sum(increase({metric}_count{{{matchers}}}[{window}])) > 0)",
    )


def minutely(selector: str, by: str) -> str:
    """Per minute, at the resolution of the graph."""
    return per_minute(selector, RATE, by)
