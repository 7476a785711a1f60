"""What a command takes to start, beside what the same Python takes to start at all.

    .venv/bin/python -m benchmarks.startup            measure and print
    .venv/bin/python -m benchmarks.startup --check    the same, and exit 1 over target

Processor time, its own and the system's for it. The runs are interleaved, so that a machine that is
busy for a moment slows all of them alike; the median forgets what is left. A command that imports
pandas fails with or without --check: that one import costs more than the whole target, whatever
this machine's speed makes of the ratio.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Row, user_environment

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
    Target("timeout-monitor history, of nothing", (str(SCRIPT), "history"), 15.0),
    Target("timeout-monitor pause", (str(SCRIPT), "pause"), 15.0),
)

RUNS = 5


def prepare(directory: Path) -> None:
    """Write a configuration and an empty state, for commands that want them."""
    url = f"sqlite:///{directory / 'state.db'}"
    (directory / "timeout-monitor.toml").write_text(
        f'[state]\nurl = "{url}"\n[[org]]\nname = "acme"\nregion = "mypurecloud.ie"\n'
        'client_id = "made-up"\nclient_secret = "made-up"\n',
        encoding="utf-8",
    )
    make = f"from monitor.ledger import Ledger; Ledger.open({url!r}).close()"
    subprocess.run([sys.executable, "-c", make], cwd=directory, check=True)


def start_seconds(arguments: Sequence[str], directory: Path) -> float:
    """Return the processor time that one run of this interpreter takes, in seconds.

    Raises:
        subprocess.CalledProcessError: The command failed, so its time means nothing.
    """
    began = _children_seconds()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=user_environment(),
        check=True,
    )
    return _children_seconds() - began


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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


def measure(
    runs: int, directory: Path, targets: Sequence[Target] = TARGETS
) -> dict[tuple[str, ...], float]:
    """Median seconds of the baseline and of each target, by their arguments."""
    commands = (BASELINE, *(target.arguments for target in targets))
    for command in commands:  # the first run of each fills the file cache and writes bytecode
        start_seconds(command, directory)
    samples: dict[tuple[str, ...], list[float]] = {command: [] for command in commands}
    for _ in range(runs):
        for command in commands:
            samples[command].append(start_seconds(command, directory))
    return {command: statistics.median(taken) for command, taken in samples.items()}


def rows(*, quick: bool) -> list[Row]:
    """Return what each command takes, beside an interpreter that does nothing.

    Args:
        quick: Run each once, and only what needs no state.

    Raises:
        subprocess.CalledProcessError: A command failed.
    """
    targets = TARGETS[:2] if quick else TARGETS
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        if not quick:
            prepare(directory)
        medians = measure(1 if quick else RUNS, directory, targets)
    base = medians[BASELINE]
    return [
        Row(
            target.name,
            f"{medians[target.arguments] * 1e3:.0f} ms",
            f"python -c pass: {base * 1e3:.0f} ms",
            f"at most {target.most:g} x",
            medians[target.arguments] <= target.most * base,
            medians[target.arguments] / base,
        )
        for target in targets
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each command")
    parser.add_argument("--check", action="store_true", help="exit 1 when over target")
    options = parser.parse_args(arguments)
    fast, light = True, True
    # A directory of its own: no configuration file of this machine is read.
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        prepare(directory)
        medians = measure(options.runs, directory)
        print(f"{'python -c pass':36}{medians[BASELINE] * 1000:8.1f} ms")
        for target in TARGETS:
            seconds = medians[target.arguments]
            ratio = seconds / medians[BASELINE]
            heavy = "pandas" in imported_modules(target.arguments, directory)
            fast, light = fast and ratio <= target.most, light and not heavy
            print(
                f"{target.name:36}{seconds * 1000:8.1f} ms{ratio:6.1f}x, target {target.most:g}x"
                f"{'' if ratio <= target.most else ': OVER'}"
                f"{', IMPORTS PANDAS' if heavy else ''}"
            )
    return 0 if light and (fast or not options.check) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
