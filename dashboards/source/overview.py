"""The overview: one org, what times out in it, and whether what is shown is current."""

from __future__ import annotations

from typing import Any

from dashboards.source.alerting import ACTION_UID, OVERVIEW_UID
from dashboards.source.grafana import (
    GREEN,
    ORANGE,
    RED,
    STEP,
    Panel,
    Row,
    Target,
    above,
    dashboard,
    data_source_variable,
    query_variable,
)
from dashboards.source.lost_callers import panels_of_org
from dashboards.source.objectives import Objectives
from dashboards.source.overview_monitor import changes_made, health, remediation
from dashboards.source.promql import INFO, grown, joined
from dashboards.source.queries import (
    BEFORE,
    BY_ACTION,
    FLOW,
    OF_ORG,
    RANGE,
    RATE,
    ended,
    minutely,
    of_actions,
    ran,
    share,
)

TO_ACTION = (
    f"/d/{ACTION_UID}?${{__url_time_range}}&${{datasource:queryparam}}&${{org:queryparam}}"
    "&${integration:queryparam}&var-action="
)
OF_SERIES = TO_ACTION + "${__field.labels.action_id}"
OF_ROW = TO_ACTION + "${__data.fields.action_id}"
HITS = "genesys_flow_timeout_conversations_total"


def overview(aims: Objectives) -> dict[str, Any]:
    """The dashboard of one org."""
    return dashboard(
        OVERVIEW_UID,
        "Timeout Monitor: overview",
        "Which data actions of an org time out, whom it hits, and what can be done about it.",
        variables=[
            data_source_variable(),
            query_variable("org", "Org", f"label_values({INFO}, org)"),
            query_variable(
                "integration",
                "Integration",
                f'label_values({INFO}{{org="$org"}}, integration_name)',
                several=True,
            ),
        ],
        annotations=[changes_made()],
        rows=[
            Row("What callers meet", _at_a_glance(aims)),
            Row("Which actions", _actions(aims)),
            Row("Callers lost in flows", panels_of_org()),
            Row("Room for executions", _concurrency(aims)),
            Row("Remediation", remediation()),
            Row("Is this current?", health(aims)),
        ],
    )


def _at_a_glance(aims: Objectives) -> tuple[Panel, ...]:
    timed_out = grown(ended("timeout"), RANGE, BY_ACTION)
    return (
        Panel(
            "stat",
            "Timeouts",
            "Executions that ran into their timeout. Look below for the actions that they are of.",
            (Target(f"sum({of_actions(timed_out)})", "Timeouts", instant=True),),
            "locale",
            4,
            4,
        ),
        Panel(
            "stat",
            "Share that timed out",
            f"Part of all executions. {aims.timeout_share:.0%} is the objective: above it, begin "
            f"with the topmost action of the table below. {FLOW}.",
            (
                Target(
                    joined(
                        f"sum({of_actions(timed_out)})",
                        "/",
                        f"(sum({of_actions(grown(ran(), RANGE, BY_ACTION))}) > 0)",
                        f"and on () count({ended('success')}) > 0",
                    ),
                    "Share",
                    instant=True,
                ),
            ),
            "percentunit",
            4,
            4,
            above(aims.timeout_share, aims.timeout_share * aims.slow.factor),
            f"{FLOW}; or nothing ran",
        ),
        Panel(
            "stat",
            "Conversations hit",
            "Conversations in which at least one data action timed out, from detail records. Each "
            "is a caller who heard silence. The flows that they were in are shown below.",
            (
                Target(
                    f"sum({of_actions(grown(f'{HITS}{{{OF_ORG}}}', RANGE, BY_ACTION))})",
                    "Conversations",
                    instant=True,
                ),
            ),
            "locale",
            4,
            4,
        ),
        Panel(
            "stat",
            "Actions that time out",
            "Actions with at least one timeout. Many at once, of one integration, are one broken "
            "back end.",
            (Target(f"count({of_actions(timed_out)} > 0) or vector(0)", "Actions", instant=True),),
            "short",
            4,
            4,
        ),
        Panel(
            "stat",
            "Concurrency used",
            f"Executions running at a time, of the org's limit, on average of the last hour. "
            f"Above {aims.concurrency:.0%}, peaks are refused: shorten or cache calls before "
            f"raising a timeout. {FLOW}.",
            (
                Target(
                    joined(
                        f"max(genesys_data_actions_concurrency_estimate{{{OF_ORG}}})",
                        f"/ (max(genesys_data_actions_concurrency_limit{{{OF_ORG}}}) > 0)",
                    ),
                    "Used",
                    instant=True,
                ),
            ),
            "percentunit",
            4,
            4,
            above(aims.concurrency * 0.7, aims.concurrency),
            f"{FLOW}; or a part of the last hour was not read",
        ),
        Panel(
            "stat",
            "Newest read",
            f"How long ago a source was last read. Above {aims.stale_seconds // 60} min this page "
            f"shows "
            "the past: see the last row.",
            (
                Target(
                    "max(time() - max by (source) "
                    f"(timeout_monitor_last_success_timestamp_seconds{{{OF_ORG}}}))",
                    "Age",
                    instant=True,
                ),
            ),
            "s",
            4,
            4,
            above(aims.stale_seconds / 3, aims.stale_seconds),
            "Never read",
        ),
    )


def _actions(aims: Objectives) -> tuple[Panel, ...]:
    used = f"max by ({BY_ACTION}) (genesys_data_action_timeout_budget_used_ratio{{{OF_ORG}}})"
    return (
        Panel(
            "timeseries",
            "Timeouts per minute",
            "By action. A sudden peak is an incident of a back end; a steady line is a timeout "
            "that does not fit, or a back end that is slow for some. Click a line for its action.",
            (
                Target(
                    of_actions(minutely(ended("timeout"), BY_ACTION)), "{{action_name}}", step=STEP
                ),
            ),
            "cpm",
            12,
            9,
            link=OF_SERIES,
        ),
        Panel(
            "timeseries",
            "Share that timed out",
            f"By action; the line is the objective of {aims.timeout_share:.0%}. An action that "
            f"stays above it is worth its verdict. {FLOW}.",
            (Target(of_actions(share(OF_ORG, RATE)), "{{action_name}}", step=STEP),),
            "percentunit",
            12,
            9,
            ((None, GREEN), (aims.timeout_share, RED)),
            f"{FLOW}; or nothing ran",
            custom={"thresholdsStyle": {"mode": "dashed"}},
            link=OF_SERIES,
        ),
        _top(aims),
        Panel(
            "bargauge",
            "Timeout budget used",
            "p99 duration of the last settled hour, as a part of the timeout in force. Above "
            f"{aims.budget:.0%} a little more load makes callers wait in vain: open the action, "
            f"read its verdict. {FLOW}.",
            (Target(of_actions(used), "{{action_name}}", instant=True),),
            "percentunit",
            8,
            12,
            above(aims.budget * 0.75, aims.budget),
            f"{FLOW}; or nothing ran in the last hour",
            maximum=1,
            link=OF_SERIES,
        ),
        Panel(
            "table",
            "Verdicts",
            "Why each action times out, and so what helps: slow_tail is raised in steps, hangs "
            "and outage are the back end's, throttled wants fewer or shorter calls, at_cap an "
            "asynchronous call, unclear a supervised call with a long timeout, insufficient more "
            "data. timeout-monitor report gives the evidence.",
            (
                Target(
                    of_actions(
                        f"max by ({BY_ACTION}, verdict) (genesys_data_action_verdict{{{OF_ORG}}}) "
                        f"== 1"
                    ),
                    instant=True,
                    form="table",
                ),
            ),
            "short",
            12,
            10,
            # The link of a row needs it.
            overrides={"action_id": {"custom.hidden": True}},
            transformations=_columns({"action_name": "Action", "verdict": "Verdict"}, "Value"),
            link=OF_ROW,
        ),
        Panel(
            "timeseries",
            "Conversations hit by flow",
            f"New ones {BEFORE}, from detail records: where callers are when it happens. "
            "Give such a flow an error path that says something.",
            (
                Target(
                    joined(
                        f"({grown(f'{HITS}{{{OF_ORG}}}', RATE, 'org, flow_id')})",
                        "* on (org, flow_id) group_left (flow_name)",
                        "topk by (org, flow_id) (1, max by (org, flow_id, flow_name) "
                        f"(genesys_data_action_flow_info{{{OF_ORG}}}))",
                    ),
                    "{{flow_name}}",
                    step=STEP,
                ),
            ),
            "short",
            12,
            10,
        ),
    )


def _top(aims: Objectives) -> Panel:
    labels = ("action_name", "integration_name")
    timed_out = of_actions(grown(ended("timeout"), RANGE, BY_ACTION), *labels)
    every = of_actions(grown(ran(), RANGE, BY_ACTION), *labels)
    part = of_actions(share(OF_ORG, RANGE), *labels)
    limit = of_actions(
        f"max by ({BY_ACTION}) (genesys_data_action_timeout_seconds{{{OF_ORG}}})", *labels
    )
    return Panel(
        "table",
        "Top actions",
        "Most timeouts first. Click a row for its action. An integration with several rows has one "
        "back end in trouble. With contract flow there are timeouts alone.",
        tuple(
            Target(expression, instant=True, form="table")
            for expression in (timed_out, every, part, limit)
        ),
        "short",
        16,
        12,
        no_value="Nothing in this stretch of time; with contract flow, timeouts alone",
        overrides={
            "Share": {
                "unit": "percentunit",
                "thresholds": {
                    "mode": "absolute",
                    "steps": [
                        {"color": colour, "value": value}
                        for value, colour in above(
                            aims.timeout_share, aims.timeout_share * aims.slow.factor
                        )
                    ],
                },
                "custom.cellOptions": {"type": "color-text"},
            },
            "Timeout in force": {"unit": "s"},
            "Timeouts": {"unit": "locale", "decimals": 0},
            "Executions": {"unit": "locale", "decimals": 0},
            "action_id": {"custom.hidden": True},
        },
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "org": True},
                    "indexByName": {
                        name: place
                        for place, name in enumerate(
                            (
                                "action_name",
                                "integration_name",
                                "Value #A",
                                "Value #B",
                                "Value #C",
                                "Value #D",
                                "action_id",
                            )
                        )
                    },
                    "renameByName": {
                        "action_name": "Action",
                        "integration_name": "Integration",
                        "Value #A": "Timeouts",
                        "Value #B": "Executions",
                        "Value #C": "Share",
                        "Value #D": "Timeout in force",
                    },
                },
            },
            {"id": "sortBy", "options": {"sort": [{"field": "Timeouts", "desc": True}]}},
        ],
        link=OF_ROW,
    )


def _concurrency(aims: Objectives) -> tuple[Panel, ...]:
    return (
        Panel(
            "timeseries",
            "Concurrent executions against the limit",
            "Mean of the last hour, by Little's law, and the org's own limit. Peaks are higher "
            "than the mean: near the limit the platform refuses executions of every action. Rare "
            "hangs with a "
            f"long timeout hold slots: too_long in the verdicts. The estimate: {FLOW}.",
            (
                Target(
                    f"max(genesys_data_actions_concurrency_estimate{{{OF_ORG}}})", "In use (mean)"
                ),
                Target(f"max(genesys_data_actions_concurrency_limit{{{OF_ORG}}})", "Limit"),
            ),
            "short",
            8,
            no_value=f"{FLOW}; or a part of the last hour was not read",
        ),
        Panel(
            "timeseries",
            "Limits used",
            "How much of each of the org's own limits the busiest window of the last hour used. "
            "The highest is the one that will refuse executions first; a limit that the platform "
            f"does not show is not here. {FLOW}.",
            (
                Target(
                    f"max by (limit) (genesys_data_actions_limit_used_ratio{{{OF_ORG}}})",
                    "{{limit}}",
                ),
            ),
            "percentunit",
            8,
            thresholds=above(aims.limit * 0.7, aims.limit),
            no_value=f"{FLOW}; or the platform shows no limits",
        ),
        Panel(
            "timeseries",
            "Refused by the platform, per minute",
            "Executions that Genesys Cloud itself refused to run. Anything above zero for long "
            "wants "
            f"fewer, shorter or cached calls; a longer timeout makes it worse. {FLOW}.",
            (
                Target(
                    of_actions(minutely(ended("throttled"), BY_ACTION)),
                    "{{action_name}}",
                    step=STEP,
                ),
            ),
            "cpm",
            8,
            thresholds=((None, GREEN), (aims.throttled_least / 30, ORANGE)),
            no_value=FLOW,
            link=OF_SERIES,
        ),
    )


def _columns(shown: dict[str, str], *hidden: str) -> list[dict[str, Any]]:
    """Only these columns of a table, in this order, under these names."""
    return [
        {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(("Time", "org", *hidden), True),
                "indexByName": {name: place for place, name in enumerate(shown)},
                "renameByName": shown,
            },
        }
    ]
