"""One benchmark in a process of its own, which tells each row as soon as it has it.

    .venv/bin/python -m benchmarks.apart MODULE [--quick]

Each row is a line of JSON on standard output, and so is why there are no more of them. Whatever
else the benchmark or a process that it starts writes there, its log, goes nowhere.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.rows import Row, user_environment

INTERRUPTED: Final = 128 + signal.SIGINT
"""Exit code of what was interrupted, as a shell has it."""


class FailedError(Exception):
    """A benchmark ended before it had all of its rows; the text says why."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of what a benchmark tells.

    Attributes:
        row: A row; None where there are no more.
        problem: Why not.
    """

    row: Row | None = None
    problem: str = ""


_DECODER: Final = msgspec.json.Decoder(Told)


def rows_of(module: str, *, quick: bool) -> Iterator[Row]:
    """Yield the rows of a benchmark that runs in this process.

    Raises:
        FailedError: It failed.
    """
    try:
        yield from import_module(f"benchmarks.{module}").rows(quick=quick)
    except Exception as error:
        raise FailedError(f"{type(error).__name__}: {error}") from error


def rows_apart(module: str, *, quick: bool) -> Iterator[Row]:
    """Yield the rows of a benchmark that runs in a new process, each as soon as it is there.

    An interrupt ends that process, and is waited for: it may have processes of its own to end.

    Raises:
        FailedError: It failed, or its process was killed.
    """
    command = [sys.executable, "-m", "benchmarks.apart", module, *(["--quick"] if quick else [])]
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=root, env=user_environment()
    ) as process:
        try:
            for line in process.stdout or ():
                yield _row(_DECODER.decode(line))
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise FailedError(f"its process ended: {_ended(process.returncode)}")


def _row(told: Told) -> Row:
    """Return the row that is told.

    Raises:
        FailedError: It is told why there is none.
    """
    if told.row is None:
        raise FailedError(told.problem)
    return told.row


def _ended(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"exit code {code}"


def _interrupt(_number: int, _frame: object) -> None:
    """End what is under way, once: what is cleaned up then is not to be cut short.

    Raises:
        KeyboardInterrupt: Always.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    """Run one benchmark, and tell its rows; the exit code."""
    module, *options = arguments
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as out:
        # What a poller logs on its way is no row, and nobody reads thousands of such lines.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        try:
            for row in rows_of(module, quick="--quick" in options):
                out.write(msgspec.json.encode(Told(row)) + b"\n")
        except FailedError as error:
            out.write(msgspec.json.encode(Told(problem=str(error))) + b"\n")
        except KeyboardInterrupt:
            return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
