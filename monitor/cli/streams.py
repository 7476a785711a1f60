"""Standard streams that were closed before the program began, as ``>&-`` does.

Their numbers are free then, and the next file to be opened takes one: the state itself could become
the place that output is written to. So they lead nowhere instead, and every command works.
"""

from __future__ import annotations

import os
import sys


def open_missing_streams() -> None:
    """Let each standard stream that is closed lead nowhere; to be called before anything else."""
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
