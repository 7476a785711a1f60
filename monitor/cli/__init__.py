"""The command line, ``timeout-monitor``: parse, call, print. No logic lives here.

What is slow to import is imported by the command that needs it, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from monitor.cli.streams import open_missing_streams

__all__ = ["main"]

_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


def main() -> None:
    """Run the command line and exit with its code."""
    if os.getpid() == 1:
        # The first process of a container is sent only what it has asked for; until a command
        # knows better, SIGTERM does what it does to any other program.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(_ENDED_BY_SIGTERM))
    open_missing_streams()
    if sys.argv[1:] == ["--version"]:
        from monitor import __version__

        # Where it can't be written the slow way says why.
        with suppress(OSError):
            sys.stdout.write(f"timeout-monitor {__version__}\n")
            sys.stdout.flush()
            return
    from monitor.cli.app import run

    run()
