"""``backfill``: a part of the past, as far as it can still be told from what was counted."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import (
    TIMES,
    Context,
    moment_of,
    opened_ledger,
    opened_pollers,
    upkeep_afterwards,
)
from monitor.cli.poll import refuse_failures, tell_reports
from monitor.cli.progress import backfilling
from monitor.cli.terminal import print_error
from monitor.errors import ConfigurationError
from monitor.formats import iso_time

if TYPE_CHECKING:
    from monitor.poller import BackfillListener, OrgPoller, PollReport
    from monitor.time_ranges import TimeRange

ORGS_AT_ONCE = 4

PACE_SHARE = 0.25
"""Of the pace of a client: a minute's other requests are the daemon's."""


def backfill(
    ctx: typer.Context,
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help=f"Begin: {TIMES}.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End, likewise.")],
    again: Annotated[
        bool,
        typer.Option("--again", help="Read what a backfill that was ended has read as well."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read a period of history, again or for the first time. Nothing is counted twice.

    One that was ended goes on where it was, within a day. The daemon may run beside it.
    """
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    from monitor.clock import SystemClock
    from monitor.time_ranges import TimeRange

    now = SystemClock().now()
    since = moment_of("--from", begin, now)
    time_range = TimeRange(int(since.at), int(moment_of("--to", end, now).at))
    if time_range.seconds <= 0:
        raise ConfigurationError("--to must be later than --from", "Swap them.")
    if since.seconds_ago > settings.state.retention:
        raise ConfigurationError(
            "--from lies further back than the state is kept",
            "Raise [state] retention first: what was forgotten could be counted again.",
        )
    context.configure_logs()
    with opened_ledger(settings, may_create=True) as ledger:
        pruned = _pruned_part(time_range, ledger.housekeeping.pruned_before())

        def read(poller: "OrgPoller", listener: "BackfillListener") -> "PollReport":
            from dataclasses import replace

            from monitor.poller import PollResult

            report = poller.backfill(time_range, listener, again=again)
            is_short = report.result is PollResult.OK and (pruned or report.unreadable)
            return replace(report, result=PollResult.PARTIAL) if is_short else report

        with (
            upkeep_afterwards(settings, ledger) as note_read,
            opened_pollers(settings, ledger, pace_share=PACE_SHARE) as pollers,
        ):
            note_read(pollers)
            reports = _read_together(pollers, read)
            tell_reports(pollers, reports, as_json=as_json, pruned=pruned)
    _say_what_was_not_read(reports, time_range, pruned)
    refuse_failures(reports)
    if pruned or any(report.unreadable for report in reports):
        raise typer.Exit(1)


def _read_together(
    pollers: "Sequence[OrgPoller]",
    read: "Callable[[OrgPoller, BackfillListener], PollReport]",
) -> "list[PollReport]":
    """Read several orgs at once, and show how far each has come."""
    with backfilling([poller.name for poller in pollers]) as listener:
        if len(pollers) == 1:
            return [read(pollers[0], listener)]
        from concurrent.futures import ThreadPoolExecutor

        threads = ThreadPoolExecutor(min(ORGS_AT_ONCE, len(pollers)), "backfill")
        try:
            return list(threads.map(lambda poller: read(poller, listener), pollers))
        except BaseException:
            for poller in pollers:
                poller.close()
            raise
        finally:
            threads.shutdown(cancel_futures=True)


def _pruned_part(time_range: "TimeRange", before: int) -> "TimeRange | None":
    """What of it can't be read any more; None where all of it can.

    Raises:
        ConfigurationError: Nothing of it can.
    """
    from monitor.time_ranges import TimeRange

    if time_range.end <= before:
        raise ConfigurationError(
            f"Everything before {iso_time(before)} was pruned, and what of it was counted can't be "
            "told from what is new: nothing was read",
            "Choose a later --from and --to; a state of its own can be filled with what is older.",
        )
    return TimeRange(time_range.start, before) if time_range.start < before else None


def _say_what_was_not_read(
    reports: "Sequence[PollReport]", time_range: "TimeRange", pruned: "TimeRange | None"
) -> None:
    """Say what was left out: a backfill that did nothing must not look like one that did."""
    if pruned:
        print_error(
            f"{iso_time(pruned.start)} to {iso_time(pruned.end)} was pruned, and was not read",
            "What of it was counted can't be told from what is new; a state of its own can be "
            "filled with it",
        )
    asked = f"between {iso_time(time_range.start)} and {iso_time(time_range.end)}"
    for report in reports:
        if report.unreadable:
            print_error(
                f"{report.unreadable} answers of {report.org} held no record that could be read: "
                "what they stand for was not counted, and is not marked as read",
                "The log says what was the matter; run it again when that is mended",
            )
        elif report.result == "ok" and not report.shown:
            print_error(
                f"The platform shows nothing of {report.org} {asked}",
                "It keeps what happened for a limited time: what it has forgotten can't be counted",
            )
