"""What a benchmark found, as a row of the one table that all of them make together."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path


class DisagreementError(Exception):
    """A result differs from the rival's on the same bytes: then no figure of either means much."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        measured: The figure with its unit: user CPU time at the median of five, or peak RSS.
        rival: What it is held against in the same run, with its figure; empty where nothing is.
        aim: What is aimed at, in words.
        holds: Whether the figure reaches it.
        ratio: The figure in times of the rival's; None without one.
    """

    what: str
    measured: str
    rival: str
    aim: str
    holds: bool
    ratio: float | None = None


def user_environment() -> dict[str, str]:
    """Return the environment of a program that is measured: modules are compiled but once.

    Where a variable forbids Python to keep what it compiled, each start would compile the whole
    program, which no user's does.
    """
    kept = {name: value for name, value in os.environ.items() if name != _KEEPS_NO_BYTECODE}
    root = str(Path(__file__).parents[1])
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (kept.get("PYTHONPATH"), root)))}


_KEEPS_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


def machine_name() -> str:
    """Return the processor, how many of them there are, and the version of Python."""
    cpu = platform.processor() or platform.machine()
    told = Path("/proc/cpuinfo")
    if told.is_file():
        named = re.search(r"model name\s*: (.*)", told.read_text(encoding="utf-8"))
        cpu = named[1] if named else cpu
    return f"{os.cpu_count()} x {cpu}; Python {platform.python_version()}"
