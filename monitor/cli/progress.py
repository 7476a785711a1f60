"""Showing that something takes its time: moving on a terminal, plain lines otherwise."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from monitor.cli.terminal import untamed
from monitor.formats import count_of, format_duration, whole_percent
from monitor.sanitize import tame

if TYPE_CHECKING:
    from rich.progress import Progress

    from monitor.poller import BackfillListener
    from monitor.sources import ProgressListener

SLOW_SECONDS = 2.0
LINE_EVERY_SECONDS = 10.0


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on stderr that ``what`` is under way.

    On a terminal a bar moves until it is done; elsewhere one line tells afterwards how long it
    took, if it was long.
    """
    if sys.stderr.isatty():
        with _bar() as bar:
            bar.add_task(tame(what), total=None)
            yield
        return
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    if seconds > SLOW_SECONDS:
        sys.stderr.write(f"{what} took {seconds:.0f} s\n")


@contextmanager
def reading(what: str) -> Iterator[ProgressListener]:
    """Show on stderr how far a long list has been read.

    On a terminal a bar moves and counts; elsewhere a line now and then does, once it takes long.
    """
    if sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task(tame(what), total=None)
            yield _ProgressText(what, lambda words: bar.update(task, description=tame(words)))
        return
    yield _ProgressText(
        what, SparseLines(lambda line: sys.stderr.write(f"{line}\n"), time.monotonic)
    )


@contextmanager
def backfilling(orgs: Sequence[str]) -> Iterator[BackfillListener]:
    """Show on stderr how much of each org has been read, and how long the rest will take.

    On a terminal a bar moves for each; elsewhere a line now and then tells, once it takes long.
    """
    if sys.stderr.isatty():
        with _bar() as bar:
            tasks = {org: bar.add_task(tame(f"Reading {org}"), total=1.0) for org in orgs}
            yield _BackfillText(
                lambda org, share, words: bar.update(
                    tasks[org], completed=share, description=tame(words)
                )
            )
        return
    sparse = {
        org: SparseLines(lambda line: sys.stderr.write(f"{line}\n"), time.monotonic) for org in orgs
    }
    yield _BackfillText(lambda org, _, words: sparse[org](words))


class _BackfillText:
    """Puts into words how far a backfill has come; safe to use from several threads."""

    def __init__(self, say: Callable[[str, float, str], object]) -> None:
        self._say = say
        self._begun = time.monotonic()

    def have_read(self, org: str, share: float) -> None:
        """So much of an org has been read, from 0 to 1."""
        words = f"Reading {org}: {whole_percent(share)}"
        if 0 < share < 1:
            left = (time.monotonic() - self._begun) * (1 - share) / share
            words += f", about {format_duration(math.ceil(left))} left"
        self._say(org, share, words)


class SparseLines:
    """Lets a line through now and then: none while it goes quickly, few when it takes long."""

    def __init__(self, write: Callable[[str], object], monotonic: Callable[[], float]) -> None:
        """Begin to wait for what takes long.

        Args:
            write: Writes one line.
            monotonic: The time in seconds.
        """
        self._write = write
        self._monotonic = monotonic
        self._quiet_until = monotonic() + SLOW_SECONDS

    def __call__(self, line: str) -> None:
        """Write this line, or leave it out."""
        now = self._monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + LINE_EVERY_SECONDS
            self._write(line)


class _ProgressText:
    """Puts progress into words."""

    def __init__(self, what: str, say: Callable[[str], object]) -> None:
        self._what = what
        self._say = say

    def job_is(self, state: str) -> None:
        """The platform is at work."""
        self._say(f"{self._what}: the platform's job is {state}")

    def have_read(self, executions: int) -> None:
        """Results come in."""
        self._say(f"{self._what}: {count_of(executions, 'execution')}")


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(file=untamed(sys.stderr), stderr=True),
        transient=True,
    )
