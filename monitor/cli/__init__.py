"""The command line, ``timeout-monitor``: parse, call, print. No logic lives here.

What is slow to import is imported by the command that needs it, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

__all__ = ["main", "open_missing_streams"]

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


def open_missing_streams() -> None:
    """Let each standard stream that is closed lead nowhere; to be called before anything else.

    Where one was closed before the program began, as ``>&-`` does, its number is free, and the next
    file to be opened takes it: the state itself could become the place that output is written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
