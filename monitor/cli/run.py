"""``run``: the daemon."""

import os
import queue
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from monitor.cli.context import Context


def run(ctx: typer.Context) -> None:
    """Watch every org until SIGTERM. SIGHUP reloads the configuration."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    with _heard_at_once(signals):
        context: Context = ctx.obj
        settings = context.load_with_orgs()
        context.configure_logs()
        from monitor.clock import SystemClock
        from monitor.daemon import Daemon
        from monitor.diagnosis import Diagnoser

        daemon = Daemon(
            settings,
            clock=SystemClock(),
            load=context.load_with_orgs,
            diagnoser=Diagnoser.of(settings),
        )
        daemon.run(signals)
    if not daemon.finished:
        # A request hangs in a thread that would hold up the exit by its read timeout.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


@contextmanager
def _heard_at_once(signals: queue.SimpleQueue[int]) -> Iterator[None]:
    """Hear signals before all is imported and opened, which can take seconds.

    To end is to end at once: nothing has begun that must be finished, for what is being written to
    the state is whole or is not there. A wish to reload is kept.
    """
    before = {
        number: signal.signal(number, lambda *_: os._exit(0))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    before[signal.SIGHUP] = signal.signal(
        signal.SIGHUP, lambda received, _frame: signals.put(received)
    )
    try:
        yield
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise
