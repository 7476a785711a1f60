"""``check``: is everything in place, and what to do where it is not."""

import typer

from monitor.cli.context import Context
from monitor.cli.remarks import say

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


def check(ctx: typer.Context) -> None:
    """Check settings, state, login, clock and permissions. Each has one line."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from rich.console import Console
    from rich.text import Text

    from monitor.checkup import Level, check_up
    from monitor.clock import SystemClock

    console = Console(soft_wrap=True)
    exit_code = failed = 0
    for finding in check_up(settings, SystemClock()):
        line = Text.assemble(
            (f"{finding.level:<8}", STYLES[finding.level]), f"{finding.subject}: {finding.detail}"
        )
        console.print(line)
        if finding.hint:
            console.print(Text(f"        {finding.hint}", style="dim"))
        exit_code = exit_code or finding.exit_code
        failed += finding.level is Level.FAILED
    if failed:
        say(
            f"{failed} {'check has' if failed == 1 else 'checks have'} failed",
            "Mend the first one first; what to do stands below it",
        )
        raise typer.Exit(exit_code)
