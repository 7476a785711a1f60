"""How long it takes to diagnose a whole org from its ledger, by the number of its actions.

    .venv/bin/python -m benchmarks.diagnosing                 250 to 2,000 actions, eight days
    .venv/bin/python -m benchmarks.diagnosing --actions 2000  one size alone

The ledger is a real SQLite file, filled with windows of five minutes: six actions in seven are far
below their timeout, the others have a slow tail, hangs or an outage. Elapsed time is what a user
waits; processor time is what a busy machine does not change. The slope is that of a straight line
through the logarithms of actions and processor time: 1 is linear.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks.resident import most_resident_kib
from benchmarks.rows import DisagreementError, Row
from monitor.config import DIAGNOSED_SECONDS, OrgSettings, Settings
from monitor.counts import Counts, SeriesKey, Tally
from monitor.diagnosis import diagnose_org, diagnosed_range, load_evidence, load_timeout_history
from monitor.diagnosis.carried import completed
from monitor.diagnosis.org import update_diagnosis
from monitor.diagnosis.told import all_told_after
from monitor.ledger import Ledger, Reading
from monitor.model import BAND_EDGES_MS, NO_ERROR, Action
from monitor.store import BAND_COLUMNS
from monitor.time_ranges import TimeRange

SIZES = (250, 500, 1_000, 2_000)
ORG = "benchmark"
T0 = 1_800_000_000
WINDOW_SECONDS = 300
WINDOWS = DIAGNOSED_SECONDS // WINDOW_SECONDS
CALLS_PER_WINDOW = 0.6
"""Some 170 a day: with 2,000 actions a tenth of the most that the platform lets an org run."""

CALLED_OF = 50
"""Of so many actions one is called in a window: 2 %."""

OPEN_SECONDS = 2 * 3_600
"""Windows younger than this are not packed."""

CALL_BANDS = tuple(int(edge == 500) for edge in (*BAND_EDGES_MS, 0))  # noqa: PLR2004
"""One call, in the band up to half a second."""

TIMED_OUT = "EXECUTION_TIMEOUT"
KINDS = 7
"""Of seven actions one each has a slow tail, hangs or an outage by turns of three."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one size took; seconds, elapsed and of the processor."""

    actions: int
    rows: int
    read: tuple[float, float]
    whole: tuple[float, float]
    verdicts: str


def fill(path: Path, actions: int, windows: int = WINDOWS, begin: int = T0) -> int:
    """Make a ledger of eight days; the rows of its windows.

    Args:
        path: Where.
        actions: How many data actions are called.
        windows: In how many of the newest windows they are; in those before nobody called.
        begin: When the first of the eight days begins; epoch seconds.
    """
    ids = [f"action-{number:05d}" for number in range(actions)]
    with Ledger.open(f"sqlite:///{path}") as ledger:
        listed = [Action(one, one, configured_timeout_ms=5_000) for one in ids]
        ledger.save_catalogue(ORG, listed, begin - 86_400.0)
        # One of each, so that the ledger makes its series.
        seeds = [
            Tally(SeriesKey(one, word, status), begin - WINDOW_SECONDS, Counts(count=1))
            for one in ids
            for word, status in ((NO_ERROR, "200"), (TIMED_OUT, ""))
        ]
        covered = TimeRange(begin - WINDOW_SECONDS, begin + DIAGNOSED_SECONDS)
        ledger.record(ORG, "actions", Reading(covered, WINDOW_SECONDS, covered.end, seeds))
    connection = sqlite3.connect(path)
    words = {
        (action_id, word): (number, org_id)
        for number, org_id, action_id, word in connection.execute(
            "SELECT id, org_id, action_id, error_type FROM series"
        )
    }
    org_id = next(iter(words.values()))[1]
    series = {
        word: np.array([words[one, word][0] for one in ids]) for word in (NO_ERROR, TIMED_OUT)
    }
    rng = np.random.default_rng(1)
    places = ", ".join("?" * (7 + len(BAND_COLUMNS)))
    rows = 0
    for window in range(WINDOWS - windows, WINDOWS):
        action = np.repeat(np.arange(actions), rng.poisson(CALLS_PER_WINDOW, actions))
        took_ms = _durations(action, window, rng)
        late = took_ms >= 5_000.0  # noqa: PLR2004 - the timeout of all of them
        for word, chosen in ((NO_ERROR, ~late), (TIMED_OUT, late)):
            start = begin + window * WINDOW_SECONDS
            found = _windows(org_id, start, series[word], action[chosen], took_ms[chosen])
            connection.executemany(f"INSERT INTO tallies VALUES ({places})", found)  # noqa: S608 - ours
            rows += len(found)
    connection.commit()
    connection.close()
    return rows


def _durations(action: npt.NDArray[np.int64], window: int, rng: np.random.Generator) -> Floats:
    """What each call would take."""
    kind = action % (3 * KINDS)
    median = np.where(kind == 0, 1_800.0, 420.0)
    took_ms = median * np.exp(np.where(kind == 0, 0.6, 0.4) * rng.standard_normal(len(action)))
    silent = (kind == KINDS) & (rng.random(len(action)) < 0.03)  # noqa: PLR2004 - hangs
    outage = (kind == 2 * KINDS) & (window % 288 < 12)  # noqa: PLR2004 - the first hour of a day
    return np.where(silent | outage, 1e9, took_ms)


def _windows(
    org_id: int, start: int, series: Floats, action: npt.NDArray[np.int64], took_ms: Floats
) -> list[tuple[float, ...]]:
    took_ms = np.minimum(took_ms, 5_003.0)
    number, at = np.unique(action, return_inverse=True)
    bands = np.zeros((len(number), len(BAND_COLUMNS)), dtype=int)
    np.add.at(bands, (at, np.searchsorted(BAND_EDGES_MS, took_ms, side="right")), 1)
    spent = np.bincount(at, weights=took_ms, minlength=len(number))
    shortest, longest = np.full(len(number), np.inf), np.zeros(len(number))
    np.minimum.at(shortest, at, took_ms)
    np.maximum.at(longest, at, took_ms)
    return [
        (
            *(org_id, start, int(series[number[row]]), int(bands[row].sum())),
            *(float(spent[row]), float(shortest[row]), float(longest[row])),
            *bands[row].tolist(),
        )
        for row in range(len(number))
    ]


def measure(actions: int) -> Cost:
    """Fill a ledger, read it, and diagnose it."""
    org = OrgSettings.model_validate({"name": ORG, "client_id": "x", "client_secret": "y"})
    settings, now = Settings(), T0 + DIAGNOSED_SECONDS + 600.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        rows = fill(path, actions)
        with Ledger.open(f"sqlite:///{path}") as ledger:
            begun = _clocks()
            org_evidence = load_evidence(
                ledger,
                org,
                settings,
                diagnosed_range(settings, now, settings.collect.window),
                ledger.state(ORG),
            )
            known = load_timeout_history(ledger, ORG)
            for action_id in org_evidence.action_ids:
                org_evidence.evidence(action_id, known.get(action_id, ()))
            read = _since(begun)
            del org_evidence
            begun = _clocks()
            found = diagnose_org(ledger, org, settings, now)
            whole = _since(begun)
    verdicts = Counter(one.verdict.value for one in found.diagnoses.values())
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    return Cost(actions, rows, read, whole, told)


@dataclass(frozen=True, slots=True)
class Repeated:
    """What diagnoses of one org took, in a process that does nothing else.

    Attributes:
        whole: User CPU seconds of judging all actions, at the median.
        update: The same of going on from there, after some actions were called.
        most_mb: Peak RSS.
        judged: How many actions an update judged, at most.
        problem: Where an update says something else than a diagnosis of everything; else empty.
    """

    whole: float
    update: float
    most_mb: float
    judged: int
    problem: str


def diagnose_repeatedly(path: str, actions: int, times: int) -> Repeated:
    """Diagnose an org whole, then after each of some windows in which few actions were called."""
    org = OrgSettings.model_validate({"name": ORG, "client_id": "x", "client_secret": "y"})
    settings, now = Settings(), T0 + DIAGNOSED_SECONDS + 600.0
    wholes, updates, judged, problem = [], [], 0, ""
    with Ledger.open(f"sqlite:///{path}") as ledger:
        update_diagnosis(ledger, org, settings, now)
        for _ in range(times):
            begun = _user_seconds()
            update = update_diagnosis(ledger, org, settings, now)
            wholes.append(_user_seconds() - begun)
        found = completed(update, None)
        told = all_told_after({}, found)
        for number in range(times):
            start = T0 + DIAGNOSED_SECONDS + number * WINDOW_SECONDS
            _call_some(ledger, actions, start, number)
            now += WINDOW_SECONDS
            begun = _user_seconds()
            update = update_diagnosis(ledger, org, settings, now, carried=update.carried, told=told)
            found = completed(update, found)
            told = all_told_after(told, found)
            updates.append(_user_seconds() - begun)
            judged = max(judged, len(update.rest.diagnoses))
        if found.diagnoses != diagnose_org(ledger, org, settings, now, told=told).diagnoses:
            problem = "going on says something else than judging all of it"
    most_mb = most_resident_kib() / 1024
    return Repeated(median(wholes), median(updates), most_mb, judged, problem)


def _call_some(ledger: Ledger, actions: int, start: int, number: int) -> None:
    """Let one action in fifty be called in a window, other ones each time."""
    called = [f"action-{one:05d}" for one in range(number, actions, CALLED_OF)]
    counts = Counts(1, 500.0, 500.0, 500.0, CALL_BANDS)
    tallies = [Tally(SeriesKey(one, NO_ERROR, "200"), start, counts) for one in called]
    covered = TimeRange(start, start + WINDOW_SECONDS)
    ledger.record(ORG, "actions", Reading(covered, WINDOW_SECONDS, covered.end, tallies))


def _user_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def rows(*, quick: bool) -> list[Row]:
    """Measure one large org: all of it, what has changed of it, and the memory that takes.

    Raises:
        DisagreementError: Going on from a diagnosis says something else than a new one.
    """
    actions, windows, times = (60, 240, 1) if quick else (2_000, WINDOWS, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        fill(path, actions, windows)
        with Ledger.open(f"sqlite:///{path}") as ledger:
            # As a daemon leaves it: all but the newest windows are packed.
            ledger.housekeeping.pack(T0 + DIAGNOSED_SECONDS - OPEN_SECONDS)
        if quick:
            found = diagnose_repeatedly(str(path), actions, times)
        else:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                found = apart.submit(diagnose_repeatedly, str(path), actions, times).result()
    if found.problem:
        raise DisagreementError(found.problem)
    what = f"diagnosis of {actions:,} actions x 8 days"
    return [
        Row(f"{what}, all of them", f"{found.whole:.1f} s", "", "at most 3 s", found.whole <= 3),  # noqa: PLR2004
        Row(
            f"{what}, after 2 % of them were called ({found.judged} judged)",
            f"{found.update:.2f} s",
            "",
            "at most 0.5 s",
            found.update <= 0.5,  # noqa: PLR2004
        ),
        Row(
            f"{what}, memory of the process that makes it",
            f"{found.most_mb:.0f} MB",
            "",
            "at most 250 MB",
            found.most_mb <= 250,  # noqa: PLR2004
        ),
    ]


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(begun: tuple[float, float]) -> tuple[float, float]:
    now = _clocks()
    return now[0] - begun[0], now[1] - begun[1]


def main() -> None:
    """Measure each size and print a line of it, then the slope."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", maxsplit=1)[0])
    parser.add_argument("--actions", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().actions
    print("Actions    Windows   reading and evidence      all of it           verdicts")
    print("                     elapsed   processor    elapsed   processor")
    costs = []
    for actions in sizes:
        cost = measure(actions)
        costs.append(cost)
        print(
            f"{cost.actions:7,}  {cost.rows:9,}   {cost.read[0]:6.1f} s    {cost.read[1]:6.1f} s"
            f"   {cost.whole[0]:6.1f} s    {cost.whole[1]:6.1f} s   {cost.verdicts}"
        )
        sys.stdout.flush()
    if len(costs) > 1:
        slope, _ = np.polyfit(
            np.log([cost.actions for cost in costs]), np.log([cost.whole[1] for cost in costs]), 1
        )
        print(f"Processor time grows as actions to the power {slope:.2f}.")
    most = most_resident_kib() / 1024
    print(f"At most {most:,.0f} MB were in use.")


if __name__ == "__main__":
    main()
