"""``run``: the daemon."""

import os
import sys

import typer

from monitor.cli.context import Context


def run(ctx: typer.Context) -> None:
    """Watch every org until SIGTERM. SIGHUP reloads the configuration."""
    context: Context = ctx.obj
    settings = context.load_with_orgs()
    context.configure_logs()
    from monitor.clock import SystemClock
    from monitor.daemon import Daemon

    daemon = Daemon(settings, clock=SystemClock(), load=context.load_with_orgs)
    daemon.run()
    if not daemon.finished:
        # A request hangs in a thread that would hold up the exit by its read timeout.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
