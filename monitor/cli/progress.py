"""Showing that something takes its time: moving on a terminal, a plain line otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SLOW_SECONDS = 2.0


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on stderr that ``what`` is under way.

    On a terminal a bar moves until it is done; elsewhere one line tells afterwards how long it
    took, if it was long.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        with bar:
            bar.add_task(what, total=None)
            yield
        return
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    if seconds > SLOW_SECONDS:
        sys.stderr.write(f"{what} took {seconds:.0f} s\n")
