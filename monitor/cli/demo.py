"""``demo``: a simulated org, the daemon and its page, with nothing to configure."""

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.context import Context
from monitor.cli.progress import waiting
from monitor.cli.simulate import MOST_SEED
from monitor.cli.terminal import console_for, untamed
from monitor.errors import StaleDataError
from monitor.formats import count_of
from monitor.signals import ShutdownSignal

if TYPE_CHECKING:
    from rich.text import Text

    from monitor.cli.demo_screen import DemoScreen
    from monitor.config import Settings
    from monitor.daemon import Daemon
    from monitor.simulator import RunningSimulator, SimulatedOrg

REDRAW_SECONDS = 5.0
LOOK_SECONDS = 0.2
"""How late a window that was made larger or smaller is drawn anew."""

PROMPT_LINES = 3
"""Stand below the last screen: make's word that it was interrupted, and the shell's prompt."""

POLL_INTERVAL = "10s"
FIRST_POLL_SECONDS = 120.0
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
    from monitor.daemon import Daemon
    from monitor.simulator import BELIEVABLE, SimulatedOrg, serve
    from monitor.simulator import scenario as named

    clock = SystemClock()
    org = SimulatedOrg(named(scenario, seed=seed), clock, world=BELIEVABLE)
    deadline = None if duration is None else time.monotonic() + duration
    with (
        tempfile.TemporaryDirectory(prefix="timeout-monitor-") as folder,
        serve(org) as simulator,
    ):
        settings = _settings(org, simulator, Path(folder), host, port)
        daemon = Daemon(settings, clock=clock)
        try:
            daemon.start()
            with waiting("Reading 24 h of history and judging it"):
                _await_first_verdicts(daemon, shutdown)
            _refuse_to_show_nothing(daemon, shutdown)
            _show(daemon, shutdown, deadline)
        finally:
            daemon.close()
    _say_goodbye(daemon)


def _settings(
    org: "SimulatedOrg", simulator: "RunningSimulator", folder: Path, host: str, port: int
) -> "Settings":
    from monitor.config import OrgSettings, Settings

    return Settings.model_validate(
        {
            "collect": {"interval": POLL_INTERVAL},
            "serve": {"host": host, "port": port},
            "state": {"url": f"sqlite:///{folder / 'demo.db'}"},
            "org": [
                OrgSettings.model_validate(
                    {
                        "name": "demo",
                        "client_id": org.client_id,
                        "client_secret": org.client_secret,
                        "api_url": simulator.url,
                        "contract": org.contract,
                    }
                )
            ],
        }
    )


def _await_first_verdicts(daemon: "Daemon", shutdown: ShutdownSignal) -> None:
    """Wait for the first poll, and for what it says of each action where it read anything."""
    patience = time.monotonic() + FIRST_POLL_SECONDS
    while not shutdown.wait(0.05) and time.monotonic() < patience:
        org_snapshots = daemon.holder.current.orgs
        if any(
            org_snapshot.diagnosis or org_snapshot.health.polls.get("failed")
            for org_snapshot in org_snapshots
        ):
            return


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
    from rich.console import Group
    from rich.text import Text

    from monitor.cli.tables import report_table

    def left() -> float:
        return REDRAW_SECONDS if deadline is None else deadline - time.monotonic()

    if _has_window():
        _show_in_window(daemon, shutdown, left)
        return
    shown = daemon.holder.current
    days = [org_snapshot.day for org_snapshot in shown.orgs]
    console_for().print(Group(report_table(days, shown.diagnoses), Text(), _addresses(daemon)))
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
    with Live(_screen(daemon, foot), console=console, screen=True, auto_refresh=False) as live:
        drawn, size = time.monotonic(), console.size
        live.refresh()
        while left() > 0 and not shutdown.wait(min(LOOK_SECONDS, left())):
            if console.size != size:
                size, drawn = console.size, -REDRAW_SECONDS
                console.clear()  # what a wider window held must not stay beside what comes
            if time.monotonic() - drawn >= REDRAW_SECONDS:
                drawn = time.monotonic()
                live.update(_screen(daemon, foot), refresh=True)
        console.clear()  # some terminals would keep what hangs over after a resize


def _screen(
    daemon: "Daemon", foot: "tuple[Text, Text] | None" = None, spare_lines: int = 0
) -> "DemoScreen":
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


def _say_goodbye(daemon: "Daemon") -> None:
    """Leave the last screen where the shell goes on, with a sentence below it."""
    goodbye = "\n".join(_goodbyes(daemon))
    if _has_window():
        console = console_for()
        lines = sum(1 + len(line) // console.width for line in goodbye.splitlines())
        console.print(_screen(daemon, spare_lines=lines + PROMPT_LINES))
    typer.echo(goodbye)


def _goodbyes(daemon: "Daemon") -> Iterator[str]:
    for org_snapshot in daemon.holder.current.orgs:
        polls = org_snapshot.health.polls
        executions = sum(total.count for total in org_snapshot.state.totals.values())
        yield (
            f"\nWatched {org_snapshot.org} with {count_of(sum(polls.values()), 'poll')} "
            f"({polls.get('failed', 0)} failed): {count_of(executions, 'execution')} counted, "
            f"{count_of(org_snapshot.day.total.timeouts, 'timeout')} in 24 h."
        )
