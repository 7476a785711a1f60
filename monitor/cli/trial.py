"""``trial``: one step up for a while, to find out what nothing but a longer timeout can show."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.completion import complete_action
from monitor.cli.context import Context, OrgOption, opened_ledger, seconds_of
from monitor.cli.plan import exit_code_of, show_change
from monitor.cli.progress import waiting
from monitor.cli.terminal import confirm, drawn
from monitor.errors import ConfigurationError, RefusedError
from monitor.formats import format_duration, utc_minute

if TYPE_CHECKING:
    from monitor.cli.planned import Planned
    from monitor.journal import Change
    from monitor.ledger import Ledger
    from monitor.remediation import Decision


def trial(
    ctx: typer.Context,
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION", help="Its id or its name.", autocompletion=complete_action
        ),
    ],
    lasts: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="DURATION",
            help="How long, such as 2h; else as long as it takes to tell.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Record what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    org: OrgOption = None,
) -> None:
    """Try one step up for a while, to see whether more time helps.

    It is measured, then kept if it helped, and else set back at its end.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs(quiet=not context.verbose)
    seconds = None if lasts is None else _trial_seconds(lasts)
    from monitor.cli.planned import opened_remediations, planned, resolve_actions

    orgs = settings.chosen_orgs(org)
    with (
        opened_ledger(settings, changes=True) as ledger,
        opened_remediations(settings, ledger, orgs) as remediations,
    ):
        with waiting("Reading the state"):
            found = planned(settings, ledger, remediations)
        ((name, action_ids),) = resolve_actions([action], ledger, found).items()
        (action_id,) = action_ids
        one = next(each for each in found if each.remediation.name == name)
        decision, seconds = _decide(one, action_id, seconds)
        _refuse_without_daemon(ledger, name)
        _show(decision)
        if dry_run:
            one.remediation.reconciler.record_dry_run([decision])
            one.remediation.audit_file.catch_up()
            typer.echo("\nA dry run: nothing was sent.")
        if decision.reason != "ok":
            raise _refusal(decision.candidate.action_name, decision.reason, decision.detail)
        if dry_run:
            return
        _ask(decision, yes=yes)
        with waiting(f"Changing a timeout of {name}"):
            report = one.remediation.try_requested(one.diagnosis, action_id, seconds)
    for reason in report.refused.values():
        raise _refusal(decision.candidate.action_name, reason, "")
    for change in report.made:
        _tell(change)


def _trial_seconds(text: str) -> float:
    """Return how long a trial is to last.

    Raises:
        ConfigurationError: It is no duration, or one that no trial may have.
    """
    from monitor.remediation import LONGEST_TRIAL_SECONDS, SHORTEST_TRIAL_SECONDS

    seconds = seconds_of("--for", text, "2h")
    if not SHORTEST_TRIAL_SECONDS <= seconds <= LONGEST_TRIAL_SECONDS:
        least = format_duration(SHORTEST_TRIAL_SECONDS)
        most = format_duration(LONGEST_TRIAL_SECONDS)
        raise ConfigurationError(
            f"--for: a trial lasts {least} to {most}",
            "A shorter one is over before anything of it has settled.",
        )
    return seconds


def _decide(one: "Planned", action_id: str, seconds: float | None) -> "tuple[Decision, float]":
    """Return whether an action may be tried, and for how long.

    Raises:
        ConfigurationError: Nothing is known of the action.
    """
    from monitor.remediation import usual_trial_seconds

    inputs = one.remediation.inputs(one.diagnosis)
    diagnosis = one.diagnosis.diagnoses.get(action_id)
    if seconds is None and diagnosis is not None:
        seconds = usual_trial_seconds(diagnosis, inputs.data.diagnosed_seconds)
    decision = one.remediation.reconciler.decide_trial(inputs, action_id, seconds or 0.0)
    if decision is None or seconds is None:
        raise ConfigurationError(
            f"Nothing is known of {action_id} that a trial could rest on",
            "timeout-monitor report lists the actions that are watched.",
        )
    return decision, seconds


def _refuse_without_daemon(ledger: "Ledger", org: str) -> None:
    """Make sure that a program is at work which will end the trial.

    Raises:
        RefusedError: None is.
    """
    from monitor.clock import SystemClock

    leases = ledger.reading_leases(SystemClock())
    leases.refresh()
    if not leases.read_by(org):
        raise RefusedError(
            f"No daemon watches {org}, so nothing would measure a trial, or end it",
            "Start timeout-monitor run with this state, and try again.",
            guard="no_daemon",
        )


def _show(decision: "Decision") -> None:
    from monitor.cli.plan_views import plan_table

    sys.stdout.write(drawn(plan_table([decision])))


def _ask(decision: "Decision", *, yes: bool) -> None:
    from monitor.cli.plan_views import raise_summary

    ends = "At its end it is kept if it helped, and else set back"
    lasts = format_duration(round(decision.trial_seconds))
    confirm(f"\n{raise_summary(decision)} {ends}.\nTry it for {lasts}?", "try it", yes=yes)


def _tell(change: "Change") -> None:
    show_change(change)
    code = exit_code_of(change)
    if change.is_open and change.trial_ends_at is not None:
        typer.echo(
            f"It ends at {utc_minute(change.trial_ends_at)} UTC: the daemon keeps it if fewer "
            "calls time out, and else sets it back.\n"
            f"timeout-monitor rollback {change.change_id} ends it at once."
        )
    if code:
        raise typer.Exit(code)


def _refusal(name: str, reason: str, detail: str) -> RefusedError:
    why = f": {detail}" if detail else ""
    return RefusedError(
        f"{name} is not tried, for the guard {reason} stands against it{why}",
        "docs/remediation.md says why it is there.",
        guard=reason,
    )
