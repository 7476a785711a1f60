"""``check``: is everything in place, and what to do where it is not."""

import typer
from monitor.cli.context import Context

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


def check(ctx: typer.Context) -> None:
    """Check settings, state, credentials, clock and each permission; one line each."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    from rich.console import Console
    from rich.text import Text

    from monitor.checkup import check_up
    from monitor.clock import SystemClock

    console = Console(soft_wrap=True)
    exit_code = 0
    for finding in check_up(settings, SystemClock()):
        line = Text.assemble(
            (f"{finding.level:<8}", STYLES[finding.level]), f"{finding.subject}: {finding.detail}"
        )
        console.print(line)
        if finding.hint:
            console.print(Text(f"        {finding.hint}", style="dim"))
        exit_code = exit_code or finding.exit_code
    if exit_code:
        raise typer.Exit(exit_code)
