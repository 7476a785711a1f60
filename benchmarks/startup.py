"""How long a command takes to start, beside what the same Python takes to start at all.

    .venv/bin/python benchmarks/startup.py            measure and print
    .venv/bin/python benchmarks/startup.py --check    the same, and exit 1 over target

The runs are interleaved, so that a machine that is busy for a moment slows all of them alike; the
median forgets what is left. A command that imports pandas fails with or without --check: that one
import costs more than the whole target, whatever this machine's speed makes of the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("timeout-monitor")
"""What users start; `make test` installs it beside this interpreter."""

BASELINE = ("-c", "pass")


@dataclass(frozen=True, slots=True)
class Target:
    """A command and the largest multiple of the baseline that it may take."""

    name: str
    arguments: tuple[str, ...]
    most: float


TARGETS = (
    Target("timeout-monitor --version", (str(SCRIPT), "--version"), 6.0),
    Target("timeout-monitor --help", (str(SCRIPT), "--help"), 10.0),
)


def start_seconds(arguments: Sequence[str], directory: Path) -> float:
    """Wall time of one run of this interpreter, in seconds.

    Raises:
        subprocess.CalledProcessError: The command failed, so its time means nothing.
    """
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def imported_modules(arguments: Sequence[str], directory: Path) -> frozenset[str]:
    """Every module that one run imports, as ``-X importtime`` lists them."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    # import time:   self [us] | cumulative | imported package
    return frozenset(
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    )


def measure(runs: int, directory: Path) -> dict[tuple[str, ...], float]:
    """Median seconds of the baseline and of each target, by their arguments."""
    commands = (BASELINE, *(target.arguments for target in TARGETS))
    for command in commands:  # the first run of each fills the file cache and writes bytecode
        start_seconds(command, directory)
    samples: dict[tuple[str, ...], list[float]] = {command: [] for command in commands}
    for _ in range(runs):
        for command in commands:
            samples[command].append(start_seconds(command, directory))
    return {command: statistics.median(taken) for command, taken in samples.items()}


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each command")
    parser.add_argument("--check", action="store_true", help="exit 1 when over target")
    options = parser.parse_args(arguments)
    fast, light = True, True
    # An empty directory: no configuration file of this machine is read.
    with tempfile.TemporaryDirectory() as empty:
        directory = Path(empty)
        medians = measure(options.runs, directory)
        print(f"{'python -c pass':28}{medians[BASELINE] * 1000:8.1f} ms")
        for target in TARGETS:
            seconds = medians[target.arguments]
            ratio = seconds / medians[BASELINE]
            pandas = "pandas" in imported_modules(target.arguments, directory)
            fast, light = fast and ratio <= target.most, light and not pandas
            print(
                f"{target.name:28}{seconds * 1000:8.1f} ms{ratio:6.1f}x, target {target.most:g}x"
                f"{'' if ratio <= target.most else ': OVER'}"
                f"{', IMPORTS PANDAS' if pandas else ''}"
            )
    return 0 if light and (fast or not options.check) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
