"""The command line, ``timeout-monitor``: parse, call, print. No logic lives here.

What is slow to import is imported by the command that needs it, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        from monitor import __version__

        sys.stdout.write(f"timeout-monitor {__version__}\n")
        return
    from monitor.cli.app import run

    run()
