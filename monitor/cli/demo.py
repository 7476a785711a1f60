"""``demo``: a simulated org, the daemon and its page, with nothing to configure."""

import math
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context
from monitor.cli.demo_daemon import await_first_verdicts, demo_daemon
from monitor.cli.progress import waiting
from monitor.cli.simulate import MOST_SEED
from monitor.cli.terminal import console_for, drawn, untamed
from monitor.errors import StaleDataError
from monitor.formats import count_of
from monitor.signals import ShutdownSignal

if TYPE_CHECKING:
    from rich.text import Text

    from monitor.cli.demo_screen import DemoScreen
    from monitor.daemon import Daemon

REDRAW_SECONDS = 5.0
LOOK_SECONDS = 0.2
"""How late a window that was made larger or smaller is drawn anew."""

PROMPT_LINES = 3
"""Stand below the last screen: make's word that it was interrupted, and the shell's prompt."""

GOOD_POLLS = ("ok", "partial")


DAY_SECONDS = 86_400


def _a_number(duration: float | None) -> float | None:
    """What was given, where it is a number: "nan" is neither too small nor too large."""
    if duration is not None and math.isnan(duration):
        raise typer.BadParameter("nan is no number of seconds.")
    return duration


def demo(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(help="Port of the status page; 0 for any.", min=0, max=65535)
    ] = 9840,
    duration: Annotated[
        float | None,
        typer.Option(
            help="End after this many seconds.", min=0, max=DAY_SECONDS, callback=_a_number
        ),
    ] = None,
    scenario: Annotated[str, typer.Option(help="Which org to play.")] = "default",
    host: Annotated[str, typer.Option(help="Address of the status page.")] = "127.0.0.1",
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same traffic.", min=0, max=MOST_SEED)
    ] = 1,
) -> None:
    """Watch a simulated org: no account, no settings. It has a day of history."""
    shutdown = ShutdownSignal()
    context: Context = ctx.obj
    context.configure_logs(quiet=not context.verbose)
    from monitor.clock import SystemClock

    deadline = None if duration is None else time.monotonic() + duration
    with demo_daemon(SystemClock(), scenario=scenario, seed=seed, host=host, port=port) as daemon:
        with waiting("Reading 24 h of history and judging it"):
            await_first_verdicts(daemon, shutdown)
        _refuse_to_show_nothing(daemon, shutdown)
        was_ended_early = shutdown.wait(0)
        if not was_ended_early:
            _show(daemon, shutdown, deadline)
    if not was_ended_early and _has_window():
        _leave_last_screen(daemon)
    typer.echo(_goodbye(daemon))


def _refuse_to_show_nothing(daemon: "Daemon", shutdown: ShutdownSignal) -> None:
    """Tell why there is nothing to be seen, unless the user has ended it before there could be.

    Raises:
        StaleDataError: Nothing has been read.
    """
    org_snapshots = daemon.holder.current.orgs
    read = any(
        org_snapshot.health.polls.get(result)
        for org_snapshot in org_snapshots
        for result in GOOD_POLLS
    )
    if read or shutdown.wait(0):
        return
    why = next(
        (
            org_snapshot.health.problem
            for org_snapshot in org_snapshots
            if org_snapshot.health.problem
        ),
        "",
    )
    raise StaleDataError(
        "The simulated org could not be read" + (f": {why.rstrip('.')}" if why else " in time"),
        "Try it again with --verbose before the command, and report what it prints.",
    )


def _show(daemon: "Daemon", shutdown: ShutdownSignal, deadline: float | None) -> None:
    """Print the table and the addresses once; on a terminal redraw them until it is time to end."""
    from rich.text import Text

    from monitor.cli.tables import report_table

    def left() -> float:
        return REDRAW_SECONDS if deadline is None else deadline - time.monotonic()

    if _has_window():
        _show_in_window(daemon, shutdown, left)
        return
    shown = daemon.holder.current
    days = [org_snapshot.day for org_snapshot in shown.orgs]
    sys.stdout.write(drawn(report_table(days, shown.diagnoses), Text(), _addresses(daemon)))
    sys.stdout.flush()
    shutdown.wait(None if deadline is None else left())


def _has_window() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def _show_in_window(daemon: "Daemon", shutdown: ShutdownSignal, left: Callable[[], float]) -> None:
    """Draw what the window holds, and follow its size; nothing of it goes to the scrollback."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=untamed(sys.stdout))
    foot = _addresses(daemon), _addresses_in_a_line(daemon)
    with Live(demo_screen(daemon, foot), console=console, screen=True, auto_refresh=False) as live:
        drawn, size = time.monotonic(), console.size
        live.refresh()
        while left() > 0 and not shutdown.wait(min(LOOK_SECONDS, left())):
            if console.size != size:
                size, drawn = console.size, -REDRAW_SECONDS
                console.clear()  # what a wider window held must not stay beside what comes
            if time.monotonic() - drawn >= REDRAW_SECONDS:
                drawn = time.monotonic()
                live.update(demo_screen(daemon, foot), refresh=True)
        console.clear()  # some terminals would keep what hangs over after a resize


def demo_screen(
    daemon: "Daemon", foot: "tuple[Text, Text] | None" = None, spare_lines: int = 0
) -> "DemoScreen":
    """Return what a window shows of the newest snapshot."""
    from monitor.cli.demo_screen import DemoScreen

    shown = daemon.holder.current
    days = [org_snapshot.day for org_snapshot in shown.orgs]
    return DemoScreen(days, shown.diagnoses, foot, spare_lines)


def _addresses(daemon: "Daemon") -> "Text":
    from rich.text import Text

    text = Text()
    for what, where in (
        ("Status page", daemon.address),
        ("Metrics", f"{daemon.address}/metrics"),
        ("JSON", f"{daemon.address}/api/v1/actions"),
    ):
        text.append(f"{what:<12} {where}\n")
    text.append("Ctrl-C ends it", style="dim")
    return text


def _addresses_in_a_line(daemon: "Daemon") -> "Text":
    from rich.text import Text

    text = Text(f"Status page  {daemon.address} (/metrics, /api/v1/actions)  ")
    return text.append("Ctrl-C ends it", style="dim")


def _leave_last_screen(daemon: "Daemon") -> None:
    """Print where the shell goes on what was in the window, less the addresses."""
    console = console_for()
    lines = sum(1 + len(line) // console.width for line in _goodbye(daemon).splitlines())
    console.print(demo_screen(daemon, spare_lines=lines + PROMPT_LINES))


def _goodbye(daemon: "Daemon") -> str:
    """Return a blank line, and what was counted."""
    words = ""
    for org_snapshot in daemon.holder.current.orgs:
        polls = org_snapshot.health.polls
        executions = sum(total.count for total in org_snapshot.state.totals.values())
        words += (
            f"\nWatched {org_snapshot.org} with {count_of(sum(polls.values()), 'poll')} "
            f"({polls.get('failed', 0)} failed): {count_of(executions, 'execution')} counted, "
            f"{count_of(org_snapshot.day.total.timeouts, 'timeout')} in 24 h."
        )
    return words
