"""``report``: what times out, for whom, and how close the rest is."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context, opened_ledger
from monitor.cli.progress import waiting
from monitor.errors import ConfigurationError, StaleDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.analysis.values import Summary
    from monitor.config import Settings
    from monitor.ledger import Ledger


class Format(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def report(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(help="How far back: 90m, 24h, 7d.")] = "24h",
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
) -> None:
    """Report what times out, from what was collected; nothing is asked of the platform."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    seconds = _seconds(since)
    with opened_ledger(settings) as ledger, waiting("Reading the state"):
        summaries, generated_at = _summaries(settings, ledger, seconds)
    _warn_of_gaps(summaries)
    text = _render(summaries, form, generated_at, to_file=output is not None)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The report can't be written to {output}: {error.strerror}",
            "Choose a file in a directory that exists and that this user may write.",
        ) from error


def _seconds(since: str) -> int:
    from monitor.config import parse_duration

    try:
        return int(float(str(parse_duration(since))))
    except ValueError as error:
        raise ConfigurationError(f"--since: {error}", "For example --since 24h.") from error


def _summaries(
    settings: "Settings", ledger: "Ledger", seconds: int
) -> "tuple[list[Summary], float]":
    from monitor.analysis.summary import settled, summarise
    from monitor.clock import SystemClock

    collect = settings.collect
    now = SystemClock().now()
    stretch = settled(now, seconds, collect.window, collect.settle)
    unread = [org.name for org in settings.org if not ledger.state(org.name).sources]
    if len(unread) == len(settings.org):
        raise StaleDataError(
            "Nothing has been collected yet",
            "Run timeout-monitor poll once, or leave timeout-monitor run at work.",
        )
    classifier = settings.classify.classifier()
    summaries = [
        summarise(ledger, org.name, org.contract, stretch, classifier) for org in settings.org
    ]
    return summaries, now


def _warn_of_gaps(summaries: "Sequence[Summary]") -> None:
    for summary in summaries:
        if summary.missing_seconds:
            minutes = -(-summary.missing_seconds // 60)
            typer.echo(
                f"{summary.org}: {minutes} min of this stretch were not read; "
                "timeout-monitor poll reads what is due.",
                err=True,
            )


def _render(
    summaries: "Sequence[Summary]", form: Format, generated_at: float, *, to_file: bool
) -> str:
    if form is Format.TABLE:
        from monitor.cli.tables import console_for, report_table

        console = console_for(200 if to_file else None)
        with console.capture() as captured:
            console.print(report_table(summaries))
        return captured.get()
    from monitor.analysis.report import as_csv, as_document

    if form is Format.CSV:
        return as_csv(summaries)
    import msgspec

    document = msgspec.json.encode(as_document(summaries, generated_at))
    return msgspec.json.format(document, indent=2).decode() + "\n"
