"""What was changed, undoing it, and the switch that stops every change: also a daemon's.

``history``, ``rollback``, ``pause`` and ``resume``.
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.completion import complete_action
from monitor.cli.context import Context, FormatOption, OrgOption, OutputFormat, opened_ledger
from monitor.cli.investigate import MAX_ENTRIES
from monitor.cli.plan import exit_code_of, format_change, show_change
from monitor.cli.progress import waiting
from monitor.cli.terminal import confirm, drawn, json_text, print_error
from monitor.errors import ConfigurationError, LedgerError, RefusedError
from monitor.formats import exact_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config import OrgSettings, Settings
    from monitor.journal import Change
    from monitor.ledger import Ledger


MOST_CHANGES = 2**63 - 1
"""The largest number that a database knows."""


_LONGEST_REASON = 2_000
"""Characters of a reason that are kept: it is for people, who read it in one line."""


def _fit_to_keep(reason: str) -> str:
    """What was typed as a text that can be kept and shown: it may hold any bytes."""
    from monitor.sanitize import sanitize

    return sanitize(reason, _LONGEST_REASON)


ReasonOption = Annotated[str, typer.Option(help="Why, for the audit trail.", callback=_fit_to_keep)]


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
        confirm(f"{line}. Undo it?", "undo the change", yes=yes)
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
    from monitor.render import history_document

    with opened_ledger(settings) as ledger:
        names = [one.name for one in settings.chosen_orgs(org)]
        changes = [one for name in names for one in ledger.journal.changes(name, limit)]
        outside = [
            one
            for name in names
            for one in ledger.journal.platform_audit.outside_changes(name, limit)
        ]
        lines = [one for name in names for one in ledger.journal.audit.newest(name, limit)]
    changes.sort(key=lambda one: one.change_id, reverse=True)
    outside.sort(key=lambda one: one.at, reverse=True)
    lines.sort(key=lambda one: one.entry_id, reverse=True)
    if form is OutputFormat.JSON:
        sys.stdout.write(json_text(history_document(changes, outside, lines)))
        return
    table = audit_table(lines) if audit else changes_table(changes, outside)
    sys.stdout.write(drawn(table))


def pause(
    ctx: typer.Context,
    reason: ReasonOption = "",
    org: OrgOption = None,
) -> None:
    """Stop all changes at once, also those of a daemon, until resume.

    It outlives restarts. Only rollback still works.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.clock import SystemClock
    from monitor.journal import Switch
    from monitor.remediation import AuditFile, audit_path, person

    with opened_ledger(settings, changes=True) as ledger:
        switch = Switch(ledger.clock(SystemClock()).now(), person(), reason)
        said = []
        orgs = settings.chosen_orgs(org)
        for one in orgs:
            on_their_way = ledger.journal.pause(one.name, switch)
            said.append(f"Changes of {one.name} are paused.")
            said += [
                f"On its way at this moment: {format_change(change)}" for change in on_their_way
            ]
        AuditFile(audit_path(settings), ledger.journal).catch_up()
        unread = [one for one in orgs if _is_unread(ledger, settings, one.name)]
        state = ledger.name
    # Only when all of it is done: whoever no longer listens must not leave an org unpaused.
    typer.echo("\n".join(said))
    for one in unread:
        print_error(
            f"the state {state} was last read into for {one.name} so long ago that no daemon seems "
            "to use it",
            "If one is at work, name its configuration file with --config: it is not paused",
        )


def resume(
    ctx: typer.Context,
    action: Annotated[
        str | None,
        typer.Option(
            help="Only end the quarantine of this action.",
            show_default=False,
            autocompletion=complete_action,
        ),
    ] = None,
    reason: ReasonOption = "",
    org: OrgOption = None,
) -> None:
    """Let changes go on after a pause, and after failures in a row.

    With --action only the quarantine of that action ends.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.clock import SystemClock
    from monitor.investigation import find_action, known_actions
    from monitor.journal import AuditEntry, Switch
    from monitor.remediation import AuditFile, audit_path, person

    who = person()
    with opened_ledger(settings, changes=True) as ledger:
        now = ledger.clock(SystemClock()).now()
        orgs = settings.chosen_orgs(org)
        if action is None:
            said = []
            for one in orgs:
                ledger.journal.resume(one.name, Switch(now, who, reason))
                said.append(f"Changes of {one.name} may go on.")
        else:
            chosen = find_action(action, known_actions([ledger.state(one.name) for one in orgs]))
            named = chosen.action
            line = AuditEntry(
                now, chosen.org, "released", who, named.action_id, named.name, detail=reason
            )
            was = ledger.journal.release(chosen.org, named.action_id, line)
            ended = "is not in quarantine any more" if was else "was not in quarantine"
            said = [f"{named.name} of {chosen.org} {ended}."]
        AuditFile(audit_path(settings), ledger.journal).catch_up()
    typer.echo("\n".join(said))


def _is_unread(ledger: "Ledger", settings: "Settings", org: str) -> bool:
    """Whether nobody has read an org into this state for longer than a daemon at work would."""
    from monitor.clock import SystemClock

    newest = max((one.last_success_at for one in ledger.state(org).sources.values()), default=0.0)
    return ledger.clock(SystemClock()).now() - newest > settings.collect.stale_after_seconds


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
