"""``export``: what was collected, for a Prometheus that was not there at the time."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import TIMES, Context, OrgOption, moment_of, opened_ledger
from monitor.cli.progress import waiting
from monitor.cli.results import Result
from monitor.cli.terminal import print_error
from monitor.errors import ConfigurationError, StaleDataError
from monitor.formats import utc_minute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config import OrgSettings, Settings
    from monitor.exporter import PastOrg
    from monitor.ledger import Ledger
    from monitor.time_ranges import TimeRange


_LONGEST_SHOWN = 80


class ExportFormat(StrEnum):
    """What the export is written for."""

    OPENMETRICS = "openmetrics"


def export(
    ctx: typer.Context,
    form: Annotated[ExportFormat, typer.Argument(metavar="FORMAT", help="openmetrics")],  # noqa: ARG001 - there is one
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help=f"Begin: {TIMES}.", show_default=False),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End, likewise.", show_default=False),
    ] = None,
    org: OrgOption = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A label that scrapes add; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
) -> None:
    """Write down what was collected, with its times, for promtool. It asks nothing."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    time_range = _time_range(begin, end)
    orgs = settings.chosen_orgs(org)
    labels = _labels(label or [])
    with opened_ledger(settings) as ledger, waiting("Writing"):
        result = Result.of(output, "export", context, settings)
        pasts = _write(settings, ledger, orgs, time_range, labels, result)
    if output:
        for past in pasts:
            _say_what(past, output)


def _time_range(begin: str | None, end: str | None) -> "TimeRange":
    from monitor.clock import SystemClock
    from monitor.time_ranges import TimeRange

    now = SystemClock().now()
    start = 0 if begin is None else int(moment_of("--from", begin, now).at)
    stop = int(now if end is None else moment_of("--to", end, now).at)
    if stop <= start:
        raise ConfigurationError("--to must be later than --from", "Swap them.")
    return TimeRange(start, stop)


def _labels(written: "Sequence[str]") -> dict[str, str]:
    from monitor.exporter import METRICS
    from monitor.sanitize import sanitize

    own = {name for spec in METRICS for name in spec.labels} | {"le"}
    labels: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        why = ""
        if not equals or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
            why = "it is no NAME=VALUE whose name has letters, digits and _ alone"
        elif name.startswith("__"):
            why = f"names that begin with __, such as {name}, are Prometheus' own"
        elif name in own:
            why = f"series have a label {name} already"
        elif name in labels:
            why = f"{name} is given twice"
        elif not value or sanitize(value, len(value) + 1) != value:
            why = f"{name} is empty, which is no label, or holds what no line of text can"
        if why:
            raise ConfigurationError(
                f"--label: {sanitize(text, _LONGEST_SHOWN)} can't be added to every series: {why}",
                "Write a name that the series don't have, for example job=timeout-monitor.",
            )
        labels[name] = value
    return labels


def _write(
    settings: "Settings",
    ledger: "Ledger",
    orgs: "Sequence[OrgSettings]",
    time_range: "TimeRange",
    labels: dict[str, str],
    result: Result,
) -> "Sequence[PastOrg]":
    from monitor.exporter import openmetrics, past_of

    window = settings.collect.window
    with ledger.history() as history:
        pasts = [past_of(history, org.name, org.contract, time_range, window) for org in orgs]
        if not any(past.times for past in pasts):
            raise StaleDataError(
                "Nothing was collected in this period",
                "Choose another one, or read it first: timeout-monitor backfill --from --to.",
            )
        with result.opened() as file:
            classifier = settings.classify.classifier()
            detail = settings.serve.histogram
            file.writelines(openmetrics(history, pasts, classifier, labels, detail))
    return pasts


def _say_what(past: "PastOrg", output: Path) -> None:
    if not past.times:
        print_error(f"{past.org}: nothing was collected in this period")
        return
    first, last = (utc_minute(at) for at in (past.times[0], past.times[-1]))
    typer.echo(f"{past.org}: {first} to {last} UTC, in {output}", err=True)
