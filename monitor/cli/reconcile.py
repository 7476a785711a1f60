"""``reconcile``: what was counted against what the platform shows now."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.context import SINCE, Context, moment_of, opened_ledger, opened_pollers
from monitor.cli.progress import waiting
from monitor.cli.terminal import json_text, print_error
from monitor.formats import count_of, iso_time

if TYPE_CHECKING:
    from monitor.poller import Reconciliation
    from monitor.time_ranges import TimeRange


def reconcile(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(metavar="TIME", help=SINCE)] = "2d",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare what was counted with the platform, and read again what differs."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    from monitor.clock import SystemClock

    now = SystemClock().now()
    seconds = moment_of("--since", since, now).seconds_ago
    context.configure_logs()
    from monitor.errors import GenesysError

    found: list[Reconciliation] = []
    failures: list[GenesysError] = []
    with (
        opened_ledger(settings) as ledger,
        opened_pollers(settings, ledger) as pollers,
    ):
        for poller in pollers:
            with waiting(f"Comparing {poller.name}"):
                try:
                    found.append(poller.reconcile(seconds))
                except GenesysError as failure:
                    failures.append(failure)
    _print(found, as_json=as_json)
    if failures:
        first, *others = failures
        for other in others:
            print_error(other.message, other.hint)
        raise first


def _print(found: "Sequence[Reconciliation]", *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json_text([_document(one) for one in found]))
        return
    for one in found:
        typer.echo(_sentence(one))


def _sentence(found: "Reconciliation") -> str:
    if not found.time_range.seconds:
        return f"{found.org}: nothing to compare: no whole hour in this period is read for good"
    period = f"{iso_time(found.time_range.start)} to {iso_time(found.time_range.end)}"
    head = f"{found.org}: {period}, {count_of(found.counted, 'execution')} counted"
    if not found.missing:
        result = "none is missing"
    else:
        result = f"{found.missing:,} missing, {found.added:,} added"
    more = f"; {found.surplus:,} kept that the platform shows no more" if found.surplus else ""
    more += "" if found.is_complete else "; run it again for the rest"
    return f"{head}, {result}{more} ({count_of(found.requests, 'request')})"


def _document(found: "Reconciliation") -> dict[str, Any]:
    return {
        "org": found.org,
        "period": _period(found.time_range) if found.time_range.seconds else None,
        "platform": found.platform,
        "counted": found.counted,
        "missing": found.missing,
        "surplus": found.surplus,
        "differing": [_period(one) for one in found.differing],
        "executions_added": found.added,
        "requests": found.requests,
        "complete": found.is_complete,
    }


def _period(time_range: "TimeRange") -> dict[str, str | None]:
    return {"from": iso_time(time_range.start), "to": iso_time(time_range.end)}
