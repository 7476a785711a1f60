"""``state check``, ``state backup`` and ``state repair``: looking after the state itself."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context, FormatOption, OutputFormat
from monitor.cli.progress import waiting
from monitor.cli.terminal import json_text, print_error
from monitor.formats import iso_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.store import IntegrityFault, StateMaintenance

state = typer.Typer(
    help="Check, copy or repair the state.", no_args_is_help=True, rich_markup_mode=None
)


OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The new file; beside the state otherwise."),
]


@state.command()
def check(ctx: typer.Context, form: FormatOption = OutputFormat.TABLE) -> None:
    """Check its pages, tables and sums. It changes nothing."""
    care = _care(ctx)
    with waiting("Checking the state"), care.faults() as rules:
        found = list(rules)
    _show(care, found, form)
    _refuse_faults(care, found)


@state.command()
def backup(ctx: typer.Context, output: OutputOption = None) -> None:
    """Copy it into a new file, also while a daemon is at work.

    Nothing is overwritten.
    """
    care = _care(ctx, output, "copy")
    with waiting("Copying the state"):
        place, size = care.back_up(output)
    typer.echo(f"{care.name} is copied to {place}, {size:,} bytes.")


@state.command()
def repair(
    ctx: typer.Context, output: OutputOption = None, form: FormatOption = OutputFormat.TABLE
) -> None:
    """Copy what can be read of it into a new file, and say what is lost.

    The old one stays as it is. A state on a server is only checked.
    """
    care = _care(ctx, output, "repaired state")
    if not care.is_file:
        with waiting("Checking the state"), care.faults() as rules:
            found = list(rules)
        _show(care, found, form)
        print_error(
            f"the state {care.name} is on a PostgreSQL server: it was checked, and nothing was "
            "changed",
            "pg_dump and pg_restore copy what can be read of it",
        )
        _refuse_faults(care, found)
        return
    with waiting("Repairing the state"):
        place, done = care.repair(output)
    before = done.not_counted_before
    if form is OutputFormat.JSON:
        sys.stdout.write(
            json_text(
                {
                    "state": care.name,
                    "repaired": str(place),
                    "kept": done.kept,
                    "lost": done.lost,
                    "mended": done.mended,
                    "not_mended": [{"rule": one.rule, "detail": one.detail} for one in done.faults],
                    "not_counted_before": iso_time(before) if before else None,
                    "paused": done.is_paused,
                }
            )
        )
    else:
        kept = ", ".join(f"{count:,} {name}" for name, count in sorted(done.kept.items()) if count)
        typer.echo(f"{care.name} is copied to {place}: {kept or 'nothing'}.")
        for one in done.lost or ["nothing"]:
            typer.echo(f"Lost: {one}.")
        for one in done.mended:
            typer.echo(f"Mended: {one}.")
        for fault in done.faults:
            typer.echo(f"Not mended: {fault.rule}: {fault.detail}.")
        if before:
            typer.echo(
                f"What happened before {iso_time(before)} is not counted again, though the "
                "platform may still show it: it stands in the totals."
            )
        if done.is_paused:
            typer.echo("All changes of timeouts are paused in it until timeout-monitor resume.")
    print_error(
        f"the old state {care.name} is as it was",
        f"Stop timeout-monitor, move it and its -wal and -shm away, put {place.name} in its "
        "place, and start it again",
    )
    if done.faults:
        print_error(
            f"{place} is not as it should be either: "
            f"{', '.join(fault.rule for fault in done.faults)}",
            "Restore a backup, or go on with it: timeout-monitor state check says the same of it",
        )
        raise typer.Exit(1)


def _care(ctx: typer.Context, output: Path | None = None, what: str = "") -> "StateMaintenance":
    """Return what looks after the state, unless a result of it is to go where it must not."""
    context: Context = ctx.obj
    settings = context.load()
    if output is not None:
        from monitor.cli.results import needed_files, refuse_what_is_needed

        refuse_what_is_needed(output, what, needed_files(context, settings))
    context.configure_logs(quiet=not context.verbose)
    from monitor.store import StateMaintenance

    return StateMaintenance(settings.state.url)


def _show(care: "StateMaintenance", found: "Sequence[IntegrityFault]", form: OutputFormat) -> None:
    if form is OutputFormat.JSON:
        rules = [{"rule": one.rule, "ok": not one.detail, "detail": one.detail} for one in found]
        sys.stdout.write(
            json_text({"state": care.name, "ok": all(one["ok"] for one in rules), "rules": rules})
        )
        return
    for one in found:
        typer.echo(f"{'failed' if one.detail else 'ok':<8}{one.rule}" + _after(one.detail))


def _after(detail: str) -> str:
    return f": {detail}" if detail else ""


def _refuse_faults(care: "StateMaintenance", found: "Sequence[IntegrityFault]") -> None:
    """End with exit code 1 where a rule is broken."""
    broken = [one.rule for one in found if one.detail]
    if not broken:
        return
    print_error(
        f"the state {care.name} is not as it should be: {', '.join(broken)}",
        "timeout-monitor state repair copies what can be read into a new file"
        if care.is_file
        else "Restore it from a dump",
    )
    raise typer.Exit(1)
