"""One action: how its executions end, how long they take, and whether more time would help."""

from __future__ import annotations

from typing import Any

from dashboards.source.alerting import ACTION_UID
from dashboards.source.grafana import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    STEP,
    YELLOW,
    Panel,
    Row,
    Target,
    above,
    dashboard,
    data_source_variable,
    query_variable,
)
from dashboards.source.lost_callers import panel_of_action
from dashboards.source.marks import incident_began, timeout_changed, verdict_changed
from dashboards.source.objectives import Objectives
from dashboards.source.overview import HITS
from dashboards.source.overview_monitor import changes_made
from dashboards.source.promql import INFO, grown, joined
from dashboards.source.queries import (
    BEFORE,
    BY_ACTION,
    FLOW,
    OF_ACTION,
    RANGE,
    RATE,
    ended,
    minutely,
    quantile,
    ran,
    share,
)

IN_FORCE = f"max(genesys_data_action_timeout_seconds{{{OF_ACTION}}})"
DURATION = "genesys_data_action_duration_seconds"


def recommended(kind: str) -> str:
    """What the data asks for (``raw``), or what the guards allow of it (``capped``)."""
    return f'max(genesys_data_action_recommended_timeout_seconds{{{OF_ACTION}, kind="{kind}"}})'


def action(aims: Objectives) -> dict[str, Any]:
    """The dashboard of one action."""
    return dashboard(
        ACTION_UID,
        "Timeout Monitor: action",
        "How the executions of one data action end, how long they take, and whether a longer "
        "timeout would help.",
        variables=[
            data_source_variable(),
            query_variable("org", "Org", f"label_values({INFO}, org)"),
            query_variable(
                "integration",
                "Integration",
                f'label_values({INFO}{{org="$org"}}, integration_name)',
                several=True,
            ),
            query_variable(
                "action",
                "Action",
                f'query_result({INFO}{{org="$org", integration_name=~"$integration"}})',
                regex='/action_id="(?<value>[^"]+)|action_name="(?<text>[^"]+)/g',
            ),
        ],
        annotations=[
            # It knows no actions: what became of a change of this one can be had beside its mark.
            changes_made(shown=False),
            timeout_changed(),
            verdict_changed(),
            incident_began(),
        ],
        rows=[
            Row("Now", _now(aims)),
            Row("How executions end", _endings(aims)),
            Row("How long they take", _durations()),
            Row("Whom it hits", (*_flows(), panel_of_action())),
        ],
    )


def _now(aims: Objectives) -> tuple[Panel, ...]:
    return (
        Panel(
            "table",
            "Verdict",
            "Why it times out. slow_tail: raise it, in steps. hangs, outage: the back end must "
            "answer; more time would mostly make callers wait. unclear: a supervised call with a "
            "long timeout tells. throttled: fewer or shorter calls. remote_timeout: the back end's "
            "own limit. at_cap: call it asynchronously. too_long: a shorter one frees slots. "
            "timeout-monitor investigate shows the calls.",
            (
                Target(
                    f"max by (verdict) (genesys_data_action_verdict{{{OF_ACTION}}}) == 1",
                    instant=True,
                    form="table",
                ),
            ),
            "short",
            4,
            4,
            options={"showHeader": False},
            transformations=[
                {
                    "id": "organize",
                    "options": {"excludeByName": {"Time": True, "Value": True}},
                }
            ],
            no_value="No verdict yet",
        ),
        Panel(
            "stat",
            "Timeout in force",
            "What the platform waits for. Where none is set it is 60 s (15 s for function "
            "actions). timeout-monitor plan says whether and how it would be changed.",
            (Target(IN_FORCE, "In force", instant=True),),
            "s",
            4,
            4,
            above(30.001, 60),
            "Nobody can know it: a static action",
        ),
        Panel(
            "stat",
            "Recommended",
            "What the data asks for, and what the guards allow of it in one step. Equal to the "
            "timeout in force, or nothing: leave it as it is. timeout-monitor report says how "
            "sure that is.",
            (
                Target(recommended("raw"), "The data", instant=True),
                Target(recommended("capped"), "The guards", instant=True),
            ),
            "s",
            4,
            4,
            no_value="No other value is recommended; with contract flow none can be",
        ),
        Panel(
            "stat",
            "Budget used",
            f"p99 of the last settled hour by the timeout in force. Above {aims.budget:.0%} it is "
            f"about to time out for some; read the verdict. {FLOW}.",
            (
                Target(
                    f"max(genesys_data_action_timeout_budget_used_ratio{{{OF_ACTION}}})",
                    "Used",
                    instant=True,
                ),
            ),
            "percentunit",
            4,
            4,
            above(aims.budget * 0.75, aims.budget),
            f"{FLOW}; or nothing ran in the last hour",
        ),
        Panel(
            "stat",
            "Timeouts",
            "Executions that ran into their timeout.",
            (
                Target(
                    f"sum({grown(ended('timeout', OF_ACTION), RANGE, BY_ACTION)})",
                    "Timeouts",
                    instant=True,
                ),
            ),
            "locale",
            4,
            4,
        ),
        Panel(
            "stat",
            "Share that timed out",
            f"Part of its executions; {aims.timeout_share:.0%} is the objective. {FLOW}.",
            (Target(f"max({share(OF_ACTION, RANGE)})", "Share", instant=True),),
            "percentunit",
            4,
            4,
            above(aims.timeout_share, aims.timeout_share * aims.slow.factor),
            f"{FLOW}; or nothing ran",
        ),
    )


def _endings(aims: Objectives) -> tuple[Panel, ...]:
    colours = {"success": GREEN, "timeout": RED, "error": ORANGE, "throttled": YELLOW}
    return (
        Panel(
            "timeseries",
            "Outcomes per minute",
            "How its executions end. A gap of successes with timeouts in it is an outage; "
            "timeouts that follow the load are a slow back end. With contract flow only timeouts "
            "are known.",
            (Target(minutely(ran(OF_ACTION), "outcome"), "{{outcome}}", step=STEP),),
            "cpm",
            12,
            overrides={
                name: {"color": {"mode": "fixed", "fixedColor": colour}}
                for name, colour in colours.items()
            },
            custom={"fillOpacity": 60, "stacking": {"mode": "normal"}},
        ),
        Panel(
            "timeseries",
            "Share that timed out, that failed",
            f"Of its executions; the line is the objective of {aims.timeout_share:.0%}. Failures "
            f"that are no timeouts are not cured by time. {FLOW}.",
            (
                Target(f"max({share(OF_ACTION, RATE)})", "timeout", step=STEP),
                Target(f"max({share(OF_ACTION, RATE, 'error')})", "error", step=STEP),
                Target(f"max({share(OF_ACTION, RATE, 'throttled')})", "throttled", step=STEP),
            ),
            "percentunit",
            12,
            thresholds=((None, GREEN), (aims.timeout_share, RED)),
            no_value=f"{FLOW}; or nothing ran",
            custom={"thresholdsStyle": {"mode": "dashed"}},
        ),
        Panel(
            "timeseries",
            "Failures as the platform names them, per minute",
            "errorType and response status. A 504 well before the timeout is a gateway's own "
            "limit; 5xx is the back end; 429 and concurrency are the platform's limits. A word "
            "that should count as a timeout goes into [classify].",
            (
                Target(
                    minutely(
                        f"genesys_data_action_errors_total{{{OF_ACTION}}}",
                        "error_type, response_status",
                    ),
                    "{{error_type}} {{response_status}}",
                    step=STEP,
                ),
            ),
            "cpm",
            24,
            no_value="It has never failed",
        ),
    )


def _durations() -> tuple[Panel, ...]:
    return (
        Panel(
            "heatmap",
            "Durations",
            "Executions by duration; one that timed out counts as long as it ran. A dark band at "
            "the timeout with nothing below it: calls that seem never to answer. A band that thins "
            "out into it: a slow tail, which more time may rescue. Two bands: two kinds of calls. "
            "The picture below has the "
            f"timeout as a line. {FLOW}.",
            (
                Target(
                    grown(f"{DURATION}_bucket{{{OF_ACTION}}}", RATE, "le"),
                    "{{le}}",
                    form="heatmap",
                    step=STEP,
                ),
            ),
            "short",
            24,
            10,
            no_value=FLOW,
        ),
        Panel(
            "timeseries",
            "Percentiles against the timeout",
            "Where p99 touches the timeout in force, the slowest hundredth is cut off, and how "
            "long it would have taken can't be seen here: that is what the recommendation "
            "estimates. Near the "
            f"timeout read a percentile as 'at least'. Percentiles: {FLOW}.",
            (
                Target(quantile(0.5, OF_ACTION, RATE), "p50", step=STEP),
                Target(quantile(0.95, OF_ACTION, RATE), "p95", step=STEP),
                Target(quantile(0.99, OF_ACTION, RATE), "p99", step=STEP),
                Target(IN_FORCE, "Timeout in force"),
                Target(recommended("raw"), "Recommended by the data"),
                Target(recommended("capped"), "Allowed by the guards"),
            ),
            "s",
            24,
            10,
            no_value=f"{FLOW}; or nothing ran",
            overrides={
                "Timeout in force": _line(RED),
                "Recommended by the data": _line(BLUE),
                "Allowed by the guards": _line(GREEN),
            },
        ),
    )


def _flows() -> tuple[Panel, ...]:
    hits = f"{HITS}{{{OF_ACTION}}}"
    return (
        Panel(
            "table",
            "Flows that use it",
            "With the conversations hit in this stretch of time. Their Timeout path is what "
            "callers hear: let it say something.",
            (
                Target(
                    joined(
                        "max by (flow_id, flow_name) "
                        f"(genesys_data_action_flow_info{{{OF_ACTION}}})",
                        "* on (flow_id) group_left ()",
                        f"sum by (flow_id) ({grown(hits, RANGE, 'org, action_id, flow_id')})",
                    ),
                    instant=True,
                    form="table",
                ),
            ),
            "locale",
            10,
            transformations=[
                {
                    "id": "organize",
                    "options": {
                        "excludeByName": {"Time": True, "flow_id": True},
                        "renameByName": {"flow_name": "Flow", "Value": "Conversations hit"},
                    },
                },
                {
                    "id": "sortBy",
                    "options": {"sort": [{"field": "Conversations hit", "desc": True}]},
                },
            ],
            no_value="No flow that uses it is known",
        ),
        Panel(
            "timeseries",
            "Conversations hit by flow",
            f"New ones {BEFORE}, from detail records.",
            (
                Target(
                    joined(
                        f"({grown(hits, RATE, 'org, flow_id')})",
                        "* on (org, flow_id) group_left (flow_name)",
                        "topk by (org, flow_id) (1, max by (org, flow_id, flow_name) "
                        f"(genesys_data_action_flow_info{{{OF_ACTION}}}))",
                    ),
                    "{{flow_name}}",
                    step=STEP,
                ),
            ),
            "short",
            14,
            no_value="No flow that uses it is known",
        ),
    )


def _line(colour: str) -> dict[str, Any]:
    return {
        "color": {"mode": "fixed", "fixedColor": colour},
        "custom.lineWidth": 2,
        "custom.fillOpacity": 0,
        "custom.lineStyle": {"fill": "dash", "dash": [10, 6]},
    }
