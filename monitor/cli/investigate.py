"""``investigate``: single slow executions of one data action, and whom they hit."""

import math
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.completion import complete_action
from monitor.cli.context import (
    SINCE,
    Context,
    FormatOption,
    OrgOption,
    OutputFormat,
    moment_of,
    opened_ledger,
    seconds_of,
)
from monitor.cli.progress import reading
from monitor.cli.terminal import console_for, drawn, json_text
from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from monitor.investigation import Investigation


MAX_ENTRIES = 1_000_000
"""More than anybody reads, or than are ever asked for."""


def investigate(
    ctx: typer.Context,
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION", help="Id or name of a data action.", autocompletion=complete_action
        ),
    ],
    since: Annotated[str, typer.Option(metavar="TIME", help=SINCE)] = "1h",
    form: FormatOption = OutputFormat.TABLE,
    limit: Annotated[
        int, typer.Option(help="The most entries of each list.", min=1, max=MAX_ENTRIES)
    ] = 20,
    org: OrgOption = None,
    wait: Annotated[str, typer.Option(help="How long to wait for the platform.")] = "2m",
) -> None:
    """Look closely at one data action. It asks the platform for its single executions."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.clock import SystemClock
    from monitor.investigation import InvestigationRequest, collect_investigation
    from monitor.model import Truncation
    from monitor.sources import ExecutionBounds

    now = SystemClock().now()
    request = InvestigationRequest(
        action=action,
        seconds=_no_longer(
            "--since", since, moment_of("--since", since, now).seconds_ago, settings.state.retention
        ),
        org=org,
        limit=limit,
        bounds=ExecutionBounds(
            seconds=_no_longer("--wait", wait, seconds_of("--wait", wait, "15m"), 24 * 3600)
        ),
    )
    with opened_ledger(settings) as ledger, reading(f"Reading {action}") as listener:
        clock = ledger.clock(SystemClock())
        found = collect_investigation(request, settings, ledger, clock, listener)
    sys.stdout.write(_render(found, form, clock.now()))
    if found.executions and found.executions.truncation is Truncation.INTERRUPTED:
        raise typer.Exit(130)


def _no_longer(option: str, text: str, seconds: float, most: int) -> float:
    if seconds > most:
        raise ConfigurationError(
            f"{option}: {text} is too long", f"Choose at most {math.floor(most / 3600)}h."
        )
    return seconds


def _render(found: "Investigation", form: OutputFormat, generated_at: float) -> str:
    if form is OutputFormat.JSON:
        from monitor.render import investigation_document

        return json_text(investigation_document(found, generated_at))
    from monitor.cli.investigation_view import investigation_view

    console = console_for()
    plain = not console.is_terminal or console.options.ascii_only
    return drawn(investigation_view(found, console.width, ascii_only=plain))
