"""``poll``: one collection now; and how the result of a collection is told."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.context import Context, opened_ledger, opened_pollers, upkeep_afterwards
from monitor.cli.progress import waiting
from monitor.cli.terminal import json_text, no_actions, print_error
from monitor.formats import count_of, iso_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.errors import GenesysError, UnforeseenError
    from monitor.poller import OrgPoller, PollReport
    from monitor.time_ranges import TimeRange


def poll(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Collect once, now. Whatever is due since the last time is read."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs()
    from monitor.poller import OrgPoller

    with opened_ledger(settings, may_create=True) as ledger:
        with (
            upkeep_afterwards(settings, ledger) as note_read,
            opened_pollers(settings, ledger) as pollers,
        ):
            reports = read_orgs(pollers, OrgPoller.poll, as_json=as_json)
            note_read(pollers)
        refuse_failures(reports)


def read_orgs(
    pollers: "Sequence[OrgPoller]",
    read: "Callable[[OrgPoller], PollReport]",
    *,
    as_json: bool,
) -> "list[PollReport]":
    """Read every org, and print what that did.

    Args:
        pollers: The orgs.
        read: What to do with each.
        as_json: Whether to print a document instead of a line an org.

    Raises:
        NotLeasedError: Another program reads one of them; the others were read.
        LedgerError: The state can't be read or written.
    """
    from monitor.errors import NotLeasedError

    reports: list[PollReport] = []
    elsewhere: list[NotLeasedError] = []
    for poller in pollers:
        with waiting(f"Reading {poller.name}"):
            try:
                reports.append(read(poller))
            except NotLeasedError as error:
                elsewhere.append(error)
    tell_reports(pollers, reports, as_json=as_json)
    if elsewhere:
        first, *others = elsewhere
        for one in others:
            print_error(one.message)
        raise first
    return reports


def tell_reports(
    pollers: "Sequence[OrgPoller]",
    reports: "Sequence[PollReport]",
    *,
    as_json: bool,
    pruned: "TimeRange | None" = None,
) -> None:
    """Print what reading has done, and say where an org has nothing to be read.

    Args:
        pollers: The orgs.
        reports: What came of each.
        as_json: Whether to print a document instead of a line an org.
        pruned: What was not asked for because its windows were pruned.
    """
    _print(reports, pruned, as_json=as_json)
    watched = {poller.name: poller for poller in pollers}
    for report in reports:
        if report.result == "ok" and watched[report.org].has_nothing_to_watch:
            print_error(*no_actions(report.org))


def _print(reports: "Sequence[PollReport]", pruned: "TimeRange | None", *, as_json: bool) -> None:
    if as_json:
        documents = [_document(report, pruned) for report in reports]
        sys.stdout.write(json_text(documents))
        return
    for report in reports:
        typer.echo(
            f"{report.org}: {report.result}, {count_of(report.executions_added, 'execution')} and "
            f"{count_of(report.incidents_added, 'incident')} added with "
            f"{count_of(report.requests, 'request')} "
            f"in {report.duration_seconds:.1f} s"
        )


def refuse_failures(reports: "Sequence[PollReport]") -> None:
    """Say what was not read; the first that matters gives the exit code.

    A source that was refused while others answer is switched off, which is no failure.

    Raises:
        GenesysError: A source that should answer was not read.
    """
    failures: dict[str, GenesysError | UnforeseenError] = {}
    for report in reports:
        # Two sources may ask the same endpoint, and fail for the same reason: it is told once.
        told = {error.message: error for error in report.errors.values()}
        if report.result == "ok":
            for error in told.values():
                print_error(error.message, error.hint)
        else:
            failures = told | failures
    if not failures:
        return
    first, *others = failures.values()
    for error in others:
        print_error(error.message, error.hint)
    raise first


def _document(report: "PollReport", pruned: "TimeRange | None") -> dict[str, Any]:
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
        "forgotten": report.forgotten,
        "pruned": pruned and {"from": iso_time(pruned.start), "to": iso_time(pruned.end)},
        "sources": dict(report.available),
        "errors": {source: error.message for source, error in report.errors.items()},
    }
