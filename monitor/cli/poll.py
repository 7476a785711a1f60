"""``poll`` and ``backfill``: one collection, now or of the past."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.context import Context, opened_ledger, opened_watches
from monitor.cli.progress import waiting
from monitor.cli.remarks import no_actions, say
from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.collect import PollReport
    from monitor.errors import GenesysError
    from monitor.watch import OrgWatch

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
TIMES = "UTC: 2026-11-23 or 2026-11-23T14:30"


def poll(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Collect once, now. Whatever is due since the last time is read."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs()
    from monitor.watch import OrgWatch

    with (
        opened_ledger(settings, may_create=True) as ledger,
        opened_watches(settings, ledger) as watches,
    ):
        _read(watches, OrgWatch.poll, as_json=as_json)


def backfill(
    ctx: typer.Context,
    begin: Annotated[
        datetime, typer.Option("--from", formats=FORMATS, metavar="TIME", help=f"Begin, {TIMES}.")
    ],
    end: Annotated[
        datetime, typer.Option("--to", formats=FORMATS, metavar="TIME", help=f"End, {TIMES}.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read a stretch of history, again or for the first time. Nothing is counted twice."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    from monitor.clock import SystemClock
    from monitor.model import TimeRange

    now = SystemClock().now()
    stretch = TimeRange(
        int(begin.replace(tzinfo=UTC).timestamp()), int(end.replace(tzinfo=UTC).timestamp())
    )
    if stretch.seconds <= 0:
        raise ConfigurationError("--to must be later than --from", "Swap them.")
    if stretch.end > now:
        raise ConfigurationError("--to lies in the future", "Choose a time that has passed.")
    if stretch.start < now - settings.state.retention:
        raise ConfigurationError(
            "--from lies further back than the state is kept",
            "Raise [state] retention first: what was forgotten could be counted again.",
        )
    context.configure_logs()
    with (
        opened_ledger(settings, may_create=True) as ledger,
        opened_watches(settings, ledger) as watches,
    ):
        _read(watches, lambda watch: watch.read_again(stretch), as_json=as_json)


def _read(
    watches: "Sequence[OrgWatch]", read: "Callable[[OrgWatch], PollReport]", *, as_json: bool
) -> None:
    """Read every org, print what that did, and say what went wrong.

    Raises:
        GenesysError: A source that should answer was not read.
        LedgerError: The state can't be read or written.
    """
    reports: list[PollReport] = []
    for watch in watches:
        with waiting(f"Reading {watch.name}"):
            reports.append(read(watch))
    _print(reports, as_json=as_json)
    for watch, report in zip(watches, reports, strict=True):
        if report.result == "ok" and watch.has_nothing_to_watch:
            say(*no_actions(watch.name))
    _refuse_failures(reports)


def _print(reports: "Sequence[PollReport]", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        documents = [_document(report) for report in reports]
        typer.echo(msgspec.json.format(msgspec.json.encode(documents), indent=2).decode())
        return
    for report in reports:
        typer.echo(
            f"{report.org}: {report.result}, {report.executions_added} executions and "
            f"{report.incidents_added} incidents added with {report.requests} requests "
            f"in {report.duration_seconds:.1f} s"
        )


def _refuse_failures(reports: "Sequence[PollReport]") -> None:
    """Say what was not read; the first that matters gives the exit code.

    A source that was refused while others answer is switched off, which is no failure.
    """
    failures: dict[str, GenesysError] = {}
    for report in reports:
        # Two sources may ask the same endpoint, and fail for the same reason: it is told once.
        told = {error.message: error for error in report.errors.values()}
        if report.result == "ok":
            for error in told.values():
                say(error.message, error.hint)
        else:
            failures = told | failures
    if not failures:
        return
    first, *others = failures.values()
    for error in others:
        say(error.message, error.hint)
    raise first


def _document(report: "PollReport") -> dict[str, Any]:
    return {
        "org": report.org,
        "result": str(report.result),
        "duration_seconds": round(report.duration_seconds, 3),
        "requests": report.requests,
        "executions_added": report.executions_added,
        "incidents_added": report.incidents_added,
        "flow_errors_added": report.flow_errors_added,
        "restatements": report.restatements,
        "skipped_windows": report.skipped_windows,
        "sources": dict(report.available),
        "errors": {source: error.message for source, error in report.errors.items()},
    }
