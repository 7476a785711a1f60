"""``check``: is everything in place, and what to do where it is not."""

import sys
from typing import TYPE_CHECKING

import typer

from monitor.cli.context import Context, FormatOption, OutputFormat
from monitor.cli.terminal import json_text, print_error
from monitor.formats import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from monitor.checkup import Finding

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


def check(
    ctx: typer.Context,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """Check settings, state, port, logins, clock and permissions.

    Each has one line. It changes nothing, and makes nothing.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.checkup import Level, check_up
    from monitor.clock import SystemClock

    found: list[Finding] = []
    console = None if form is OutputFormat.JSON else _console()
    for finding in check_up(settings, SystemClock()):
        found.append(finding)
        if console is not None:
            _show(finding, console)
    if console is None:
        sys.stdout.write(_as_json(found, [org.name for org in settings.org]))
    failed = [one for one in found if one.level is Level.FAILED]
    if failed:
        print_error(
            f"{count_of(len(failed), 'check has', 'checks have')} failed",
            "Mend the first one first; what to do stands below it",
        )
        raise typer.Exit(next(one.exit_code for one in failed))


def _console() -> "Console":
    from rich.console import Console

    return Console(soft_wrap=True)


def _show(finding: "Finding", console: "Console") -> None:
    from rich.text import Text

    line = Text.assemble(
        (f"{finding.level:<8}", STYLES[finding.level]), f"{finding.subject}: {finding.detail}"
    )
    console.print(line)
    if finding.hint:
        console.print(Text(f"        {finding.hint}", style="dim"))


def _as_json(found: "Sequence[Finding]", orgs: "Sequence[str]") -> str:
    def org_of(finding: "Finding") -> str | None:
        return next((org for org in orgs if finding.subject.startswith(f"{org}: ")), None)

    document = {
        "ok": not any(one.exit_code for one in found),
        "checks": [
            {
                "org": org_of(one),
                "subject": one.subject.removeprefix(f"{org_of(one)}: "),
                "level": str(one.level),
                "detail": one.detail,
                "hint": one.hint,
                "exit_code": one.exit_code,
            }
            for one in found
        ],
    }
    return json_text(document)
