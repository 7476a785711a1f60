"""``rollback`` and ``history``: undoing a change, and what was changed."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context, FormatOption, OrgOption, OutputFormat, opened_ledger
from monitor.cli.investigate import MAX_ENTRIES
from monitor.cli.plan import exit_code_of, show_change
from monitor.cli.progress import waiting
from monitor.errors import ConfigurationError, LedgerError, RefusedError
from monitor.formats import exact_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config import OrgSettings
    from monitor.ledger import Change, Ledger


MOST_CHANGES = 2**63 - 1
"""The largest number that a database knows."""


def rollback(
    ctx: typer.Context,
    change: Annotated[
        int,
        typer.Argument(metavar="CHANGE", help="Its number; see history.", min=1, max=MOST_CHANGES),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Undo a change, where its value is still in force.

    It works while changes are paused.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.cli.planned import opened_remediations
    from monitor.remediation import person

    with opened_ledger(settings, changes=True) as ledger:
        org, found = _find(ledger, settings.org, change)
        line = (
            f"{found.action_name}: {exact_seconds(found.to_ms)} -> {exact_seconds(found.from_ms)}"
        )
        _ask(line, yes=yes)
        with opened_remediations(settings, ledger, [org]) as (remediation,):
            with waiting(f"Undoing change {change}"):
                done = remediation.reconciler.roll_back(found, f"asked for by {person()}")
            remediation.audit_file.catch_up()
    if isinstance(done, str):
        raise _refusal(found, done)
    show_change(done)
    code = exit_code_of(done)
    if code:
        raise typer.Exit(code)


def history(
    ctx: typer.Context,
    form: FormatOption = OutputFormat.TABLE,
    audit: Annotated[
        bool, typer.Option("--audit", help="Every line of the audit trail, not only changes.")
    ] = False,
    limit: Annotated[
        int, typer.Option(help="The newest so many of each org.", min=1, max=MAX_ENTRIES)
    ] = 50,
    org: OrgOption = None,
) -> None:
    """Show what was changed, by whom and what came of it.

    Changes that somebody made outside this program stand beside its own.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.cli.plan_views import audit_table, changes_table
    from monitor.cli.planned import chosen_orgs
    from monitor.cli.tables import console_for
    from monitor.render import history_document

    with opened_ledger(settings) as ledger:
        names = [one.name for one in chosen_orgs(settings, org)]
        changes = [one for name in names for one in ledger.journal.changes(name, limit)]
        outside = [one for name in names for one in ledger.journal.outside_changes(name, limit)]
        lines = [one for name in names for one in ledger.journal.audit(name, limit)]
    changes.sort(key=lambda one: one.change_id, reverse=True)
    outside.sort(key=lambda one: one.at, reverse=True)
    lines.sort(key=lambda one: one.entry_id, reverse=True)
    if form is OutputFormat.JSON:
        import msgspec

        document = msgspec.json.encode(history_document(changes, outside, lines))
        sys.stdout.write(msgspec.json.format(document, indent=2).decode() + "\n")
        return
    console_for().print(audit_table(lines) if audit else changes_table(changes, outside))


def _find(
    ledger: "Ledger", orgs: "Sequence[OrgSettings]", change_id: int
) -> "tuple[OrgSettings, Change]":
    for org in orgs:
        try:
            return org, ledger.journal.change(org.name, change_id)
        except LedgerError:
            continue
    raise ConfigurationError(
        f"There is no change {change_id}", "timeout-monitor history lists all of them."
    )


def _ask(line: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "Nobody is there to be asked whether to undo the change",
            "Run it with --yes where that is what you want.",
        )
    typer.confirm(f"{line}. Undo it?", abort=True)


def _refusal(change: "Change", reason: str) -> RefusedError:
    if reason == "mode":
        return RefusedError(
            "remediation.mode is off, so nothing is ever written",
            "Set it to recommend to undo the change, or set the timeout by hand.",
            guard=reason,
        )
    if reason == "later_change":
        return RefusedError(
            f"A later change of the same timeout is in force on top of change {change.change_id}",
            "Undo that one first; timeout-monitor history lists it.",
            guard=reason,
        )
    return RefusedError(
        f"Change {change.change_id} is {change.state}: there is nothing of it to undo",
        "timeout-monitor history shows what came of it.",
        guard=reason,
    )
