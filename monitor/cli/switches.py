"""``pause`` and ``resume``: the switch that stops every change, also of a daemon at work."""

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context, OrgOption, opened_ledger
from monitor.cli.messages import print_error
from monitor.cli.plan import format_change

if TYPE_CHECKING:
    from monitor.config import Settings
    from monitor.ledger import Ledger


_LONGEST_REASON = 2_000
"""Characters of a reason that are kept: it is for people, who read it in one line."""


def _fit_to_keep(reason: str) -> str:
    """What was typed as a text that can be kept and shown: it may hold any bytes."""
    from monitor.sanitize import sanitize

    return sanitize(reason, _LONGEST_REASON)


ReasonOption = Annotated[str, typer.Option(help="Why, for the audit trail.", callback=_fit_to_keep)]


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
    from monitor.cli.planned import chosen_orgs
    from monitor.clock import SystemClock
    from monitor.ledger import Switch
    from monitor.remediation import AuditFile, audit_path, person

    with opened_ledger(settings, changes=True) as ledger:
        switch = Switch(ledger.clock(SystemClock()).now(), person(), reason)
        said = []
        orgs = chosen_orgs(settings, org)
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


def _is_unread(ledger: "Ledger", settings: "Settings", org: str) -> bool:
    """Whether nobody has read an org into this state for longer than a daemon at work would."""
    from monitor.clock import SystemClock

    newest = max((one.last_success_at for one in ledger.state(org).sources.values()), default=0.0)
    return ledger.clock(SystemClock()).now() - newest > settings.collect.stale_after_seconds


def resume(
    ctx: typer.Context,
    action: Annotated[
        str | None,
        typer.Option(help="Only end the quarantine of this action.", show_default=False),
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
    from monitor.cli.planned import chosen_orgs
    from monitor.clock import SystemClock
    from monitor.investigation import find_action, known_actions
    from monitor.ledger import AuditEntry, Switch
    from monitor.remediation import AuditFile, audit_path, person

    who = person()
    with opened_ledger(settings, changes=True) as ledger:
        now = ledger.clock(SystemClock()).now()
        orgs = chosen_orgs(settings, org)
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
