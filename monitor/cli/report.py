"""``report``: what times out, why, and whether more time would help."""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import (
    SINCE,
    Context,
    collecting_rarely,
    moment_of,
    opened_ledger,
    refuse_no_data,
)
from monitor.cli.progress import waiting
from monitor.cli.results import Result
from monitor.cli.terminal import drawn, json_text, no_actions, print_error
from monitor.errors import ConfigurationError

HOUR_SECONDS = 3_600

if TYPE_CHECKING:
    from monitor.config import OrgSettings, Settings
    from monitor.diagnosis import OrgDiagnosis
    from monitor.investigation import ActionHistory, ActionTimeline
    from monitor.ledger import Ledger
    from monitor.summary import LimitUse, Summary
    from monitor.time_ranges import Moment, TimeRange


class MinSeverity(StrEnum):
    """How much a verdict matters, in the words of ``monitor.diagnosis.Severity``."""

    UNKNOWN = "unknown"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"


class ReportFormat(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    MARKDOWN = "markdown"


_BY_HOUR = frozenset({ReportFormat.JSON, ReportFormat.CSV})
"""Formats that tell the hours of each action; reading them takes as long as all the rest."""

_MAILED = frozenset({ReportFormat.HTML, ReportFormat.MARKDOWN})
"""Formats that show the worst actions closely."""


@collecting_rarely()
def report(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(metavar="TIME", help=SINCE)] = "24h",
    form: Annotated[
        ReportFormat, typer.Option("--format", help="How to write it.")
    ] = ReportFormat.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
    min_severity: Annotated[
        MinSeverity, typer.Option(help="Leave out what matters less.")
    ] = MinSeverity.UNKNOWN,
) -> None:
    """Report what times out, why, and whether more time would help.

    It asks nothing of the platform, only what was collected.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    moment = _since(since, settings.state.retention)
    with opened_ledger(settings) as ledger, waiting("Reading the state"):
        found = _found(settings, ledger, moment, min_severity, by_hour=form in _BY_HOUR)
        if form in _MAILED:
            found = replace(found, histories=_histories(settings, ledger, found))
    text = _render(found, form, to_file=output is not None)
    with Result.of(output, "report", context, settings).opened() as file:
        file.write(text)
    for summary in found.read:
        _remark_on(summary)
    for org, last in found.stale.items():
        _remark_on_age(org, found.generated_at - last)


def _since(text: str, retention_seconds: int) -> "Moment":
    from monitor.clock import SystemClock

    moment = moment_of("--since", text, SystemClock().now())
    if moment.seconds_ago > retention_seconds:
        raise ConfigurationError(
            f"--since: {text} is longer than the state is kept",
            f"Choose at most {retention_seconds // 3600}h, or raise [state] retention.",
        )
    return moment


@dataclass(frozen=True)
class _Found:
    """What is to be reported.

    Attributes:
        read: A summary of each org.
        shown: The same with the actions that are severe enough.
        diagnoses: Diagnoses by org.
        limits: By org: how much of each of its own limits the last settled hour used.
        generated_at: When; epoch seconds.
        stale: By org: since when its executions were not read, where that is too long ago.
        timelines: By org and action id: what was told in the period.
        histories: By org and action id: what pictures of the worst are drawn from, where asked for.
    """

    read: "list[Summary]"
    shown: "list[Summary]"
    diagnoses: "dict[str, OrgDiagnosis]"
    limits: "dict[str, tuple[LimitUse, ...]]"
    generated_at: float
    stale: "dict[str, float]"
    timelines: "dict[str, dict[str, ActionTimeline]]"
    histories: "dict[tuple[str, str], ActionHistory]" = field(default_factory=dict)


def _found(
    settings: "Settings", ledger: "Ledger", since: "Moment", least: MinSeverity, *, by_hour: bool
) -> _Found:
    from monitor.clock import SystemClock
    from monitor.diagnosis import Severity, latest_diagnosis
    from monitor.investigation import load_timelines
    from monitor.render import with_min_severity
    from monitor.summary import limits_in_use, settled, summarise
    from monitor.time_ranges import floor_to

    collect = settings.collect
    now = ledger.clock(SystemClock()).now()
    refuse_no_data(ledger, [org.name for org in settings.org])
    classifier = settings.classify.classifier()

    def last(org: "OrgSettings", seconds: float, begin: float | None = None) -> "TimeRange":
        """Return the newest settled windows; each org has its own length of them."""
        source = org.contract.execution_source
        window_seconds = ledger.window_seconds(org.name, source, collect.window)
        newest = settled(now, math.ceil(seconds), window_seconds, collect.settle)
        if begin is None:
            return newest
        first = floor_to(begin, window_seconds)
        return replace(newest, start=min(first, newest.end - window_seconds))

    begin = since.at if since.is_date else None
    summaries = [
        summarise(
            ledger,
            org.name,
            org.contract,
            last(org, since.seconds_ago, begin),
            classifier,
            by_hour=by_hour,
        )
        for org in settings.org
    ]
    diagnoses = {org.name: latest_diagnosis(ledger, org, settings, now) for org in settings.org}
    limits = {
        org.name: limits_in_use(ledger, org.name, org.contract, last(org, HOUR_SECONDS), classifier)
        for org in settings.org
    }
    shown = with_min_severity(Severity(least.value), summaries, diagnoses)
    stale = {
        org.name: read
        for org in settings.org
        if (read := _last_read(ledger, org)) and now - read > collect.stale_after_seconds
    }
    timelines = {
        one.org: load_timelines(
            ledger, one.org, replace(one.time_range, end=max(one.time_range.end, math.ceil(now)))
        )
        for one in summaries
    }
    return _Found(summaries, shown, diagnoses, limits, now, stale, timelines)


def _histories(
    settings: "Settings", ledger: "Ledger", found: _Found
) -> "dict[tuple[str, str], ActionHistory]":
    """Return what the state knows of the worst actions; of as many as get pictures."""
    from monitor.investigation import load_action_history
    from monitor.render import MOST_PICTURED, worst_actions

    orgs = {org.name: org for org in settings.org}
    periods = {summary.org: summary.time_range for summary in found.read}
    chosen, _ = worst_actions(found.shown, found.diagnoses)
    pictured = chosen[:MOST_PICTURED]
    states = {name: ledger.state(name) for name in {action.org for action in pictured}}
    return {
        (action.org, action.action_id): load_action_history(
            ledger,
            orgs[action.org],
            settings,
            states[action.org],
            action.action_id,
            periods[action.org],
        )
        for action in pictured
    }


def _last_read(ledger: "Ledger", org: "OrgSettings") -> float:

    state = ledger.source_state(org.name, org.contract.execution_source)
    return state.last_success_at if state else 0.0


def _remark_on(summary: "Summary") -> None:
    from monitor.formats import format_duration

    if summary.missing_seconds:
        print_error(
            f"{summary.org}: {format_duration(summary.missing_seconds)} of this period were not "
            "read, so the counts are too low",
            "timeout-monitor poll reads what is due, timeout-monitor backfill what is older",
        )
    if not summary.actions and summary.contract.knows_successes:
        print_error(*no_actions(summary.org))


def _remark_on_age(org: str, seconds: float) -> None:
    from monitor.formats import format_duration

    print_error(
        f"{org}: executions were last read {format_duration(int(seconds))} ago, so nothing newer "
        "is in the report",
        "timeout-monitor check says what is in the way, such as a permission that is missing",
    )


def _render(found: _Found, form: ReportFormat, *, to_file: bool) -> str:
    if form is ReportFormat.TABLE:
        from monitor.cli.tables import report_table

        table = report_table(found.shown, found.diagnoses, found.limits, found.timelines)
        return drawn(table, to_file=to_file)
    if form in _MAILED:
        return _mailed(found, form)
    from monitor.render import report_csv, report_document

    if form is ReportFormat.CSV:
        return report_csv(found.shown, found.diagnoses)
    document = report_document(
        found.shown, found.generated_at, found.diagnoses, found.limits, found.timelines
    )
    return json_text(document)


def _mailed(found: _Found, form: ReportFormat) -> str:
    """Return the report as one file that needs nothing else."""
    from monitor.render import ReportContent, report_html, report_markdown

    content = ReportContent.of(
        found.shown,
        found.diagnoses,
        found.limits,
        found.generated_at,
        found.histories,
        stale={org: found.generated_at - last for org, last in found.stale.items()},
    )
    if form is ReportFormat.MARKDOWN:
        return report_markdown(content)
    from monitor.web import report_assets

    return report_html(content, report_assets())
