"""What ``report --since 7d`` takes for an org of two thousand actions.

    .venv/bin/python -m benchmarks.reporting            2,000 actions
    .venv/bin/python -m benchmarks.reporting --quick    a few of them

The command runs as a process of its own, on a state of eight days as a running daemon leaves it:
packed, and with the daemon's last diagnosis in it, which a report goes on from. What it takes where
no daemon has diagnosed, what reading and summing up take of it, and what the diagnoses add to the
state are told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.diagnosing import ORG, WINDOW_SECONDS, fill
from benchmarks.rows import DisagreementError, Row, user_environment
from monitor.config import DIAGNOSED_SECONDS, ClassifySettings, load
from monitor.contract import Contract
from monitor.diagnosis import LocalDiagnoser
from monitor.ledger import Ledger
from monitor.summary import settled, summarise
from monitor.time_ranges import TimeRange

MOST_SECONDS = 2.0
MOST_MEGABYTES = 250.0
WEEK_SECONDS = 7 * 86_400
PACK_AFTER_SECONDS = 2 * 3_600
SETTLE_SECONDS = 600

_REPORT = """
import atexit
from benchmarks.resident import most_resident_kib
atexit.register(lambda: print(most_resident_kib()))
from monitor.cli import main
main()
"""
_SETTINGS = """
[state]
url = "sqlite:///{path}"
[[org]]
name = "{org}"
region = "mypurecloud.com"
client_id = "x"
client_secret = "y"
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process took.

    Attributes:
        cpu_seconds: Of the processor, for itself.
        megabytes: The most memory that it had.
    """

    cpu_seconds: float
    megabytes: float


def made(folder: Path, actions: int) -> Path:
    """Make a state of the last eight days, and settings that name it; the settings."""
    path = folder / "state.db"
    end = int(time.time()) // WINDOW_SECONDS * WINDOW_SECONDS
    fill(path, actions, begin=end - DIAGNOSED_SECONDS)
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.housekeeping.pack(end - PACK_AFTER_SECONDS)
    settings = folder / "timeout-monitor.toml"
    settings.write_text(_SETTINGS.format(path=path, org=ORG))
    return settings


def diagnosed(settings: Path) -> dict[str, str]:
    """Diagnose the org as a daemon does, now, and write it into the state; the verdicts."""
    loaded = load(settings)
    diagnoser = LocalDiagnoser()
    with Ledger.open(f"sqlite:///{settings.with_name('state.db')}") as ledger:
        org, never = loaded.org[0], threading.Event()
        found = diagnoser.diagnose_org(ledger, org, loaded, time.time(), never)
        diagnoser.memory.keep(ledger, ORG)
    return {action_id: one.verdict.value for action_id, one in found.diagnoses.items()}


def reported(settings: Path) -> tuple[Taken, int, dict[str, str]]:
    """Run the command; what it took, how many executions it tells, and which verdicts."""
    output = settings.with_name("report.json")
    output.unlink(missing_ok=True)
    arguments = ["--config", str(settings), "report", "--since", "7d", "--format", "json"]
    process = subprocess.Popen(
        [sys.executable, "-c", _REPORT, *arguments, "--output", str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=user_environment(),
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    resident_kib = process.communicate()[0]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "report")
    told = json.loads(output.read_text())
    verdicts = {one["action_id"]: one["verdict"] for one in told["actions"]}
    return Taken(used.ru_utime, int(resident_kib) / 1024), _executions(told), verdicts


def _executions(document: object) -> int:
    """Return the sum of the executions of all actions, wherever a report has them."""
    if isinstance(document, dict):
        actions = document.get("actions")
        if isinstance(actions, list):
            return sum(int(one["executions"]) for one in actions if isinstance(one, dict))
        return sum(map(_executions, document.values()))
    return sum(map(_executions, document)) if isinstance(document, list) else 0


def used_bytes(state: Path) -> int:
    """Return how much of a state is in use: of one that was packed, parts of the file are free."""
    with closing(sqlite3.connect(state)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def summed_up(state: Path, now: float) -> tuple[float, TimeRange]:
    """Sum up the same week in this process; the CPU seconds, and which windows they are."""
    time_range = settled(now, WEEK_SECONDS, WINDOW_SECONDS, SETTLE_SECONDS)
    with Ledger.open(f"sqlite:///{state}") as ledger:
        begun = time.process_time()
        summarise(
            ledger,
            ORG,
            Contract.PLATFORM,
            time_range,
            ClassifySettings().classifier(),
            by_hour=True,
        )
        return time.process_time() - begun, time_range


def rows(*, quick: bool) -> list[Row]:
    """Return what a report takes, with its verdicts and without.

    Args:
        quick: Measure little; what is counted is compared all the same.

    Raises:
        DisagreementError: The report counts other executions than the state holds, or tells other
            verdicts than were found.
    """
    actions = 10 if quick else 2_000
    with tempfile.TemporaryDirectory() as folder:
        settings = made(Path(folder), actions)
        state = settings.with_name("state.db")
        anew, _, _ = reported(settings)
        bare_bytes = used_bytes(state)
        verdicts = diagnosed(settings)
        taken, sums = [], []
        for _ in range(1 if quick else 5):
            before = time.time()
            found, executions, told = reported(settings)
            taken.append(found)
            counted = {_counted(state, at) for at in (before, time.time())}
            if executions not in counted:
                raise DisagreementError(f"{executions} are reported of {counted} executions")
            if told != verdicts:
                raise DisagreementError("other verdicts are reported than were found")
            sums.append(summed_up(state, before)[0])
        more_bytes = used_bytes(state) - bare_bytes
    cpu = statistics.median(one.cpu_seconds for one in taken)
    megabytes = statistics.median(one.megabytes for one in taken)
    alone = statistics.median(sums)
    what = f"report --since 7d, {actions:,} actions"
    return [
        Row(
            f"{what}: CPU, verdicts included",
            f"{cpu:.1f} s",
            "",
            f"at most {MOST_SECONDS:g} s",
            cpu <= MOST_SECONDS,
        ),
        Row(
            f"{what}: reading and summing up, of that",
            f"{alone:.2f} s",
            "",
            f"at most {MOST_SECONDS / 2:g} s",
            alone <= MOST_SECONDS / 2,
        ),
        Row(
            f"{what}: peak RSS",
            f"{megabytes:.0f} MB",
            "",
            f"at most {MOST_MEGABYTES:g} MB",
            megabytes <= MOST_MEGABYTES,
        ),
        Row(
            f"{what}: CPU where no daemon has diagnosed",
            f"{anew.cpu_seconds:.1f} s, {anew.megabytes:.0f} MB",
            "",
            "none: every verdict is made anew",
            holds=True,
        ),
        Row(
            f"last diagnoses of {actions:,} actions in the state",
            f"{more_bytes / actions / 1_000:.2f} kB an action",
            "",
            "none",
            holds=True,
        ),
    ]


def _counted(state: Path, now: float) -> int:
    _, time_range = summed_up(state, now)
    with Ledger.open(f"sqlite:///{state}") as ledger:
        return sum(one.counts.count for one in ledger.tallies.sums(ORG, time_range, 3_600))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    found = rows(quick=parser.parse_args(arguments).quick)
    for row in found:
        print(f"{row.what}: {row.measured} (aim: {row.aim})")
    return int(not all(row.holds for row in found))


if __name__ == "__main__":
    raise SystemExit(main())
