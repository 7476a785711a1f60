"""The half of the overview that is about the monitor itself: remediation, and how current it is."""

from __future__ import annotations

from typing import Any

from dashboards.source.grafana import (
    GREEN,
    ORANGE,
    RED,
    STEP,
    YELLOW,
    Panel,
    Target,
    above,
    annotation,
)
from dashboards.source.objectives import Objectives
from dashboards.source.promql import grown, joined
from dashboards.source.queries import BEFORE, OF_ORG, RANGE, RATE, minutely

CHANGES = "timeout_monitor_remediation_changes_total"


def changes_made(*, shown: bool = True) -> dict[str, Any]:
    """Where remediation changed something, in whichever action of the org."""
    return annotation(
        "Remediation",
        f"{grown(f'{CHANGES}{{{OF_ORG}}}', RATE, 'org, result')} > 0",
        "Remediation: {{result}}",
        "timeout-monitor history shows which action, from what to what, and why.",
        "purple",
        shown=shown,
    )


def remediation() -> tuple[Panel, ...]:
    """What it may do, did, and refused to do."""
    off = "Not known"
    return (
        Panel(
            "stat",
            "Mode",
            "off: nothing is written, ever. recommend: only what a person applies. auto: "
            "allow-listed actions are raised, watched, and set back where it did not help.",
            (Target(f"max(timeout_monitor_remediation_mode{{{OF_ORG}}})", "Mode", instant=True),),
            "none",
            3,
            mappings={"0": "off", "1": "recommend", "2": "auto"},
            no_value=off,
        ),
        Panel(
            "stat",
            "Paused",
            "While paused nothing is written. timeout-monitor resume lets it go on; look at "
            "timeout-monitor history first.",
            (
                Target(
                    f"max(timeout_monitor_remediation_paused{{{OF_ORG}}})", "Paused", instant=True
                ),
            ),
            "none",
            3,
            thresholds=((None, GREEN), (1, ORANGE)),
            mappings={"0": "no", "1": "paused"},
            no_value=off,
        ),
        Panel(
            "timeseries",
            "Changes",
            f"What was done {BEFORE}, by result. applied is being watched; verified has helped; "
            "rolled_back has not and was undone; conflict met somebody else's change; failed was "
            "not made. timeout-monitor history tells each.",
            (
                Target(
                    grown(f"{CHANGES}{{{OF_ORG}}}", RATE, "result"),
                    "{{result}}",
                    step=STEP,
                ),
            ),
            "short",
            9,
            no_value="No change was ever made",
            custom={"drawStyle": "bars", "fillOpacity": 80},
        ),
        Panel(
            "timeseries",
            "Decisions",
            f"What was decided {BEFORE}, by the reason: the first guard that refused, or ok. It "
            "answers why an action was not changed; timeout-monitor plan shows every guard.",
            (
                Target(
                    grown(
                        f"timeout_monitor_remediation_decisions_total{{{OF_ORG}}}",
                        RATE,
                        "decision, reason",
                    ),
                    "{{decision}}: {{reason}}",
                    step=STEP,
                ),
            ),
            "short",
            9,
            no_value="Nothing was decided yet",
            custom={"stacking": {"mode": "normal"}},
        ),
    )


def health(aims: Objectives) -> tuple[Panel, ...]:
    """Whether what is shown is current, and what it costs the platform."""
    late = f"timeout_monitor_lateness_seconds_bucket{{{OF_ORG}}}"
    polls = f"timeout_monitor_polls_total{{{OF_ORG}}}"
    requests = f"timeout_monitor_api_requests_total{{{OF_ORG}}}"
    poll = "timeout_monitor_poll_duration_seconds"
    retries = f"timeout_monitor_api_retries_total{{{OF_ORG}}}"
    waited = f"timeout_monitor_rate_limited_seconds_total{{{OF_ORG}}}"
    return (
        Panel(
            "timeseries",
            "Age of what is known",
            "How far behind the watermark is, and how old the newest data. The first grows while "
            "reading fails or a hole is open; the second also when nobody calls. Look at the log, "
            "and run timeout-monitor check.",
            (
                Target(
                    "time() - max by (source) "
                    f"(timeout_monitor_watermark_timestamp_seconds{{{OF_ORG}}})",
                    "{{source}}: behind",
                ),
                Target(
                    f"max by (source) (timeout_monitor_data_lag_seconds{{{OF_ORG}}})",
                    "{{source}}: newest data",
                ),
            ),
            "s",
            8,
            thresholds=above(aims.stale_seconds / 3, aims.stale_seconds),
        ),
        Panel(
            "timeseries",
            "How late data comes",
            "95 of 100 late executions came within this time after their window. [collect] settle "
            "should be above it.",
            (
                Target(
                    joined(
                        f"histogram_quantile(0.95, {grown(late, RANGE, 'source, le')})",
                        "and on (source) (sum by (source) (increase("
                        f"timeout_monitor_lateness_seconds_count{{{OF_ORG}}}[{RANGE}])) > 0)",
                    ),
                    "{{source}}",
                ),
            ),
            "s",
            8,
            thresholds=((None, GREEN), (aims.late.value, ORANGE)),
            no_value="Nothing came late",
        ),
        Panel(
            "timeseries",
            "Polls",
            f"By result, {BEFORE}. partial: one source failed; failed: all did. What they owe is "
            "asked again. timeout-monitor check says what is wrong.",
            (Target(grown(polls, RATE, "result"), "{{result}}", step=STEP),),
            "short",
            8,
            overrides={
                "ok": _in(GREEN),
                "partial": _in(YELLOW),
                "failed": _in(RED),
            },
            custom={"stacking": {"mode": "normal"}},
        ),
        Panel(
            "timeseries",
            "Requests per minute",
            "What the monitor costs the platform, by endpoint. 240 a minute are the most it "
            "sends; the platform refuses more than 300.",
            (Target(minutely(requests, "endpoint"), "{{endpoint}}", step=STEP),),
            "cpm",
            8,
            thresholds=((None, GREEN), (240, RED)),
        ),
        Panel(
            "timeseries",
            "Retries and waiting for rate limits",
            f"Requests repeated, and seconds waited, {BEFORE}. If it goes on, something else uses "
            "the same client, or the platform is in trouble.",
            (
                Target(
                    f"sum({grown(retries, RATE, 'endpoint')}) or vector(0)",
                    "Retries",
                    step=STEP,
                ),
                Target(
                    f"sum({grown(waited, RATE, 'endpoint')}) or vector(0)",
                    "Seconds waited",
                    step=STEP,
                ),
            ),
            "short",
            8,
            thresholds=((None, GREEN), (aims.limited_seconds, ORANGE)),
        ),
        Panel(
            "timeseries",
            "Duration of a poll",
            "Mean. Near [collect] interval, polls begin to be left out: raise it, or look at the "
            "requests.",
            (
                Target(
                    joined(
                        f"sum(rate({poll}_sum{{{OF_ORG}}}[{RATE}]))",
                        f"/ (sum(rate({poll}_count{{{OF_ORG}}}[{RATE}])) > 0)",
                    ),
                    "Mean",
                    step=STEP,
                ),
            ),
            "s",
            8,
            thresholds=above(aims.poll.value / 2, aims.poll.value),
        ),
        Panel(
            "stat",
            "Sources",
            "Whether each source answers. One that does not lacks a permission: timeout-monitor "
            "check names it.",
            (
                Target(
                    f"max by (source) (timeout_monitor_source_available{{{OF_ORG}}})",
                    "{{source}}",
                    instant=True,
                ),
            ),
            "none",
            6,
            4,
            ((None, RED), (1, GREEN)),
            mappings={"0": "refused", "1": "answers"},
        ),
        Panel(
            "stat",
            "Readings that shrank, windows given up",
            "Counts that the platform later showed smaller (the larger is kept), and windows that "
            "were too far back to be read: their executions are missing. A longer max_backfill "
            "reads further.",
            (
                Target(
                    "sum("
                    + grown(f"timeout_monitor_restatements_total{{{OF_ORG}}}", RANGE, "source")
                    + ")",
                    "Readings",
                    instant=True,
                ),
                Target(
                    "sum("
                    + grown(f"timeout_monitor_skipped_windows_total{{{OF_ORG}}}", RANGE, "source")
                    + ")",
                    "Windows",
                    instant=True,
                ),
            ),
            "short",
            6,
            4,
            ((None, GREEN), (1, ORANGE)),
        ),
        Panel(
            "stat",
            "Found by the daily comparison",
            "Executions that came later than every read, which the daily comparison with the "
            "platform found and counted. Where it is seldom zero, a longer [collect] lookback "
            "reads them sooner; timeout-monitor reconcile shows where they are missing.",
            (
                Target(
                    "sum("
                    + grown(
                        f"timeout_monitor_reconciled_executions_total{{{OF_ORG}}}", RANGE, "org"
                    )
                    + ")",
                    "Executions",
                    instant=True,
                ),
            ),
            "short",
            6,
            4,
            ((None, GREEN), (1, ORANGE)),
        ),
        Panel(
            "stat",
            "State and version",
            "Whether the state can be written, and which versions run. Where it can't: disk, "
            "owner, database. It is shown for all orgs of a daemon together.",
            (
                Target(
                    "min(timeout_monitor_state_writable) "
                    f"and on () count(timeout_monitor_polls_total{{{OF_ORG}}})",
                    "State",
                    instant=True,
                ),
                Target(
                    "max by (version) (timeout_monitor_build_info) "
                    f"and on () count(timeout_monitor_polls_total{{{OF_ORG}}})",
                    "{{version}}",
                    instant=True,
                ),
            ),
            "none",
            6,
            4,
            ((None, RED), (1, GREEN)),
            mappings={"0": "refused", "1": "fine"},
        ),
    )


def _in(colour: str) -> dict[str, Any]:
    return {"color": {"mode": "fixed", "fixedColor": colour}}
