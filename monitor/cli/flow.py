"""``flow show`` and ``flow set-timeout``: the data actions of one flow document, by hand."""

import os
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import (
    Context,
    FormatOption,
    OneOrgOption,
    OutputFormat,
    opened_ledger,
    opened_or_passing_ledger,
)
from monitor.cli.progress import waiting
from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config import OrgSettings, Settings

FLOW_VARIABLE = "FLOW_ID"
ACTION_VARIABLE = "ACTION_ID"
USUAL_TIMEOUT_MS = 5000
"""What is set where no value is given: the script that the contract came with sets it."""

MOST_WORDS = 3
_MOST_DIGITS = 18
_LONGEST_SHOWN = 60
_LOOKS_LIKE_A_TIME = re.compile(r"[-+]?\d[\d.,_]*\s*(ms|s|m)?", re.IGNORECASE)
"""Meant as a timeout, and no whole number of milliseconds: never taken for an action's name."""


flow = typer.Typer(
    help="Look at a flow's document, and set a timeout in it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@flow.command()
def show(
    ctx: typer.Context,
    flow_id: Annotated[
        str | None,
        typer.Argument(
            metavar="FLOW",
            help=f"Id of a flow; may be left out where {FLOW_VARIABLE} is set.",
            show_default=False,
        ),
    ] = None,
    form: FormatOption = OutputFormat.TABLE,
    org: OneOrgOption = None,
) -> None:
    """List the data actions of a flow. Nested ones are found, too."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from contextlib import closing

    from monitor.cli.flow_views import shown_flow
    from monitor.genesys import connect, get_flow

    chosen = _org(settings, org)
    flow_id = flow_id or _flow_of(chosen)
    if not flow_id:
        raise _missing("FLOW", FLOW_VARIABLE)
    with closing(connect(chosen)) as client, waiting(f"Reading the flow {flow_id}"):
        document = get_flow(client, flow_id)
    sys.stdout.write(shown_flow(document, chosen.name, as_json=form is OutputFormat.JSON))


@flow.command("set-timeout")
def set_timeout(
    ctx: typer.Context,
    first: Annotated[
        str | None,
        typer.Argument(
            metavar="FLOW",
            help=f"Id of a flow; may be left out where {FLOW_VARIABLE} is set.",
            show_default=False,
        ),
    ] = None,
    second: Annotated[
        str | None,
        typer.Argument(
            metavar="ACTION",
            help=(
                "Id of a data action in it, or its name; may be left out where "
                f"{ACTION_VARIABLE} is set."
            ),
            show_default=False,
        ),
    ] = None,
    third: Annotated[
        str | None,
        typer.Argument(
            metavar="MS",
            help=f"The new timeout in milliseconds; {USUAL_TIMEOUT_MS} where it is left out.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")
    ] = False,
    allow_lower: Annotated[
        bool, typer.Option("--allow-lower", help="Lower it, too, where MS is less than now.")
    ] = False,
    form: FormatOption = OutputFormat.TABLE,
    org: OneOrgOption = None,
) -> None:
    """Set the timeout of one data action in a flow. Nothing else in it changes."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    chosen = _org(settings, org)
    flow_id, action, timeout_ms = _meant(
        [word for word in (first, second, third) if word is not None], chosen
    )
    from contextlib import closing

    from monitor.cli.flow_views import shown_result
    from monitor.clock import SystemClock
    from monitor.genesys import connect
    from monitor.remediation import (
        BUDGET_SECONDS,
        AuditFile,
        FlowOrder,
        FlowSettings,
        audit_path,
        person,
        set_flow_timeout,
    )
    from monitor.store import running_program

    order = FlowOrder(
        flow_id=flow_id,
        action=action,
        timeout_ms=timeout_ms,
        allow_lower=allow_lower,
        dry_run=dry_run,
        actor=person(),
        holder=running_program(),
    )
    rules = FlowSettings(settings.remediation, settings.recommend.terraform_actions)
    opened = (
        opened_or_passing_ledger(settings) if dry_run else opened_ledger(settings, may_create=True)
    )
    with (
        opened as ledger,
        closing(connect(chosen.as_writer(), deadline_seconds=BUDGET_SECONDS)) as client,
        waiting(f"Setting the timeout of {action}"),
    ):
        if ledger.was_created and not dry_run:
            typer.echo(f"A new state was made: {ledger.name}", err=True)
        try:
            found, result = set_flow_timeout(order, chosen, rules, client, ledger, SystemClock())
        finally:
            if not (dry_run and ledger.was_created):
                AuditFile(audit_path(settings), ledger.journal).catch_up()
    sys.stdout.write(shown_result(found, result, chosen.name, as_json=form is OutputFormat.JSON))


def _meant(words: "Sequence[str]", org: "OrgSettings") -> tuple[str, str, int]:
    """Flow, action and milliseconds; what is left out is the environment's, the org's, or usual.

    Raises:
        ConfigurationError: One is missing, or the last is no number.
    """
    from monitor.sanitize import sanitize

    *named, last = words or ("",)
    if last.isascii() and last.isdecimal() and len(last) <= _MOST_DIGITS:
        timeout_ms = int(last)
    elif len(words) == MOST_WORDS or _LOOKS_LIKE_A_TIME.fullmatch(last):
        raise ConfigurationError(
            f"{sanitize(last, _LONGEST_SHOWN)} is no timeout in milliseconds",
            "Give the new timeout last, in milliseconds, such as 5000 for 5 s.",
        )
    else:
        named, timeout_ms = list(words), USUAL_TIMEOUT_MS
    flow_id, action = _flow_of(org), _action_of(org)
    match named:
        case [one] if action and not flow_id:
            flow_id = one
        case [one]:
            action = one
        case [first, second]:
            flow_id, action = first, second
        case _:
            pass
    if not flow_id:
        raise _missing("FLOW", FLOW_VARIABLE)
    if not action:
        raise _missing("ACTION", ACTION_VARIABLE)
    return flow_id, action, timeout_ms


def _flow_of(org: "OrgSettings") -> str:
    """The flow that is meant where none is named; empty where nothing says."""
    from monitor.config import without_wrapping

    return without_wrapping(os.environ.get(FLOW_VARIABLE, "")) or org.flow_id or ""


def _action_of(org: "OrgSettings") -> str:
    """The data action that is meant where none is named; empty where nothing says."""
    from monitor.config import without_wrapping

    return without_wrapping(os.environ.get(ACTION_VARIABLE, "")) or org.action_id or ""


def _missing(argument: str, variable: str) -> ConfigurationError:
    return ConfigurationError(
        f"{argument} is missing", f"Give its id, or set the variable {variable}."
    )


def _org(settings: "Settings", name: str | None) -> "OrgSettings":
    """The org that is meant.

    Raises:
        ConfigurationError: None is, or any of several could be.
    """
    found = settings.chosen_orgs(name)
    if len(found) > 1:
        raise ConfigurationError(
            f"{len(found)} orgs are configured, {', '.join(org.name for org in found)}",
            "Say which one with --org.",
        )
    return found[0]
