"""``plan`` and ``apply``: what would be changed, and changing it."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.completion import complete_action
from monitor.cli.context import Context, OrgOption, opened_ledger
from monitor.cli.progress import waiting
from monitor.cli.terminal import confirm, drawn, json_text, print_error
from monitor.formats import exact_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.cli.planned import Planned
    from monitor.journal import Change
    from monitor.remediation import Decision

REFUSED = 3
CONFLICT = 5
UNKNOWN = 6


class PlanFormat(StrEnum):
    """How the plan is written."""

    TABLE = "table"
    JSON = "json"
    TERRAFORM = "terraform"


def plan(
    ctx: typer.Context,
    form: Annotated[
        PlanFormat, typer.Option("--format", help="How to write it.")
    ] = PlanFormat.TABLE,
    org: OrgOption = None,
) -> None:
    """Show the changes that apply would make, and every guard that spoke.

    It asks nothing of the platform, and changes nothing.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.cli.planned import decisions_worst_first, opened_remediations, planned

    orgs = settings.chosen_orgs(org)
    with (
        opened_ledger(settings) as ledger,
        opened_remediations(settings, ledger, orgs) as remediations,
    ):
        with waiting("Reading the state"):
            found = planned(settings, ledger, remediations)
        _show(decisions_worst_first(found), form)


def apply(
    ctx: typer.Context,
    actions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ACTION]...",
            help="Ids or names; all that plan would raise where none is given.",
            show_default=False,
            autocompletion=complete_action,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Record what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    org: OrgOption = None,
) -> None:
    """Make planned changes: write, read back, record.

    It shows the plan and asks first. The daemon measures what a change does, and so does the next
    apply.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    from monitor.cli.planned import (
        decisions_worst_first,
        opened_remediations,
        planned,
        resolve_actions,
    )
    from monitor.remediation import DecisionKind

    orgs = settings.chosen_orgs(org)
    with (
        opened_ledger(settings, changes=True) as ledger,
        opened_remediations(settings, ledger, orgs) as remediations,
    ):
        with waiting("Reading the state"):
            found = planned(settings, ledger, remediations)
        named = resolve_actions(actions or [], ledger, found)
        shown = [
            one
            for one in decisions_worst_first(found)
            if (
                one.candidate.action_id in named.get(one.candidate.org, ())
                if actions
                else one.kind is DecisionKind.RAISE
            )
        ]
        if not shown:
            typer.echo("No timeout is to be changed; timeout-monitor plan says why.")
            return
        _show(shown, PlanFormat.TABLE)
        if dry_run:
            _note_dry_run(found, shown)
        else:
            _ask(shown, yes=yes)
        refused = {
            one.candidate.action_id: one.reason
            for one in shown
            if one.kind is not DecisionKind.RAISE
        }
        code = 0 if dry_run else _make(found, shown, refused)
    if refused:
        _say_what_was_refused(shown, refused)
    code = code or (REFUSED if refused else 0)
    if code:
        raise typer.Exit(code)


def _show(decisions: "Sequence[Decision]", form: PlanFormat) -> None:
    if form is PlanFormat.TABLE:
        from monitor.cli.plan_views import plan_table

        sys.stdout.write(drawn(plan_table(decisions)))
        return
    from monitor.render import plan_document, terraform

    if form is PlanFormat.TERRAFORM:
        sys.stdout.write(terraform(decisions))
        return
    sys.stdout.write(json_text(plan_document(decisions)))


def _ask(shown: "Sequence[Decision]", *, yes: bool) -> None:
    from monitor.cli.plan_views import raise_summary
    from monitor.remediation import DecisionKind

    raises = [one for one in shown if one.kind is DecisionKind.RAISE]
    if raises:
        what = "this change" if len(raises) == 1 else "these changes"
        told = "\n".join(raise_summary(one) for one in raises)
        confirm(f"\n{told}\nMake {what}?", "change timeouts", yes=yes)


def _note_dry_run(found: "Sequence[Planned]", shown: "Sequence[Decision]") -> None:
    for each in found:
        own = [one for one in shown if one.candidate.org == each.remediation.name]
        each.remediation.reconciler.record_dry_run(own)
        each.remediation.audit_file.catch_up()
    typer.echo("\nA dry run: nothing was sent.")


def _make(found: "Sequence[Planned]", shown: "Sequence[Decision]", refused: dict[str, str]) -> int:
    """Make the changes; the exit code for what came of them, and what was refused after all."""
    code = 0
    for each in found:
        name = each.remediation.name
        action_ids = frozenset(
            one.candidate.action_id for one in shown if one.candidate.org == name
        )
        if not action_ids:
            continue
        with waiting(f"Changing timeouts of {name}"):
            report = each.remediation.apply_requested(each.diagnosis, action_ids)
        refused |= report.refused
        for change in report.made:
            # One that an earlier change stood in the way of was made once that was settled.
            refused.pop(change.action_id, None)
            show_change(change)
            code = code or exit_code_of(change)
    return code


def format_change(change: "Change") -> str:
    """One change in one line."""
    return (
        f"Change {change.change_id}: {change.action_name} "
        f"{exact_seconds(change.from_ms)} -> {exact_seconds(change.to_ms)} is {change.state}"
        + (f" ({change.explanation})" if change.explanation else "")
    )


def show_change(change: "Change") -> None:
    """Print what came of a change, and on stderr what to do where nobody knows that yet."""
    typer.echo(format_change(change))
    if exit_code_of(change) == UNKNOWN:
        print_error(
            f"Whether the timeout of {change.action_name} was changed is not known yet: the "
            "platform gave no clear answer, and the write may still arrive",
            "Nothing needs doing: the daemon, or the next apply, looks after two minutes what "
            "became of it, and timeout-monitor history tells",
        )


def exit_code_of(change: "Change") -> int:
    """What the command line exits with after a change that came this far."""
    from monitor.remediation import is_damaged

    if is_damaged(change):
        return 1
    codes: Mapping[str, int] = {
        "conflict": CONFLICT,
        "superseded": CONFLICT,
        "abandoned": CONFLICT,
        "writing": UNKNOWN,
        "undoing": UNKNOWN,
        "applied": UNKNOWN,
        "failed": 1,
        "unhelpful": 1,
    }
    return codes.get(str(change.state), 0)


def _say_what_was_refused(shown: "Sequence[Decision]", refused: "Mapping[str, str]") -> None:
    names = {one.candidate.action_id: one.candidate.action_name for one in shown}
    reasons = ", ".join(f"{names[action_id]} by {reason}" for action_id, reason in refused.items())
    print_error(
        f"Refused by a guard: {reasons}",
        "timeout-monitor plan shows what each guard says; docs/remediation.md says why it is there",
    )
