"""How soon a verdict follows what happens, and how often it changes though nothing happened.

    .venv/bin/python -m benchmarks.over_time                  the figures of docs/verdicts.md
    .venv/bin/python -m benchmarks.over_time --draws 10       the same, sooner and rougher
    .venv/bin/python -m benchmarks.over_time onset trials     only some

Each draw is an action that is called for weeks and whose law changes at a known moment, or never.
It is counted as the platform counts it and diagnosed hour by hour, each time from the eight days
before, as the daemon does it. Of what changes is told how long it took until that was said; of what
does not, how often the verdict or the advised timeout changed in a week.

A trial is right where it is kept and rescues at least a fifth of the timeouts, which is what a
change has to be worth, or is set back where it rescues less than half of them. One that was set
back because its time was over is counted apart: nothing was found out, and that was too soon where
it would have rescued half.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks.counted import EDGES, START, WINDOW_SECONDS, day_shape, end_calls, evidence_of
from benchmarks.verdict_truth import Law, Part, draw
from monitor.config import DIAGNOSED_SECONDS
from monitor.diagnosis import ActionEvidence, Diagnosis, DiagnosisSettings, Verdict, diagnose
from monitor.diagnosis.told import ToldVerdict, told_after
from monitor.remediation.effect import Effect, Measured, held_against, judge, windows_to_look_at
from monitor.remediation.trials import usual_trial_seconds

HOUR = 3_600
DAY = 24 * HOUR
WEEK = 7 * DAY
PROCESSES = 2
SETTINGS = DiagnosisSettings(step_ms=1_000.0)
TIMEOUT_MS = 5_000.0
WORTH = 0.2
HALF = 0.5
VERIFY_WINDOWS = 6
SETTLE_SECONDS = 600

SICK = frozenset(
    {Verdict.HANGS, Verdict.UNCLEAR, Verdict.BIMODAL, Verdict.SLOW_TAIL, Verdict.AT_CAP}
)


@dataclass(frozen=True, slots=True)
class Phase:
    """A time in which an action behaves alike.

    Attributes:
        seconds: How long.
        median_ms: Half of the answers take at most so long.
        sigma: How far the others stray, as the standard deviation of the logarithm.
        never: Share of the calls that never answer.
    """

    seconds: int
    median_ms: float = 700.0
    sigma: float = 0.3
    never: float = 0.0

    def survival(self) -> np.ndarray:
        """Return the share of the calls that outlast each edge, or the timeout."""
        law = Law("lognormal", (Part(1.0, "lognormal", self.median_ms, self.sigma),))
        at = np.minimum(np.asarray(EDGES), TIMEOUT_MS)
        return np.asarray(self.never + (1 - self.never) * law.survival(at))


@dataclass(frozen=True, slots=True)
class Case:
    """What happens to an action, and what is asked of its verdicts.

    Attributes:
        name: What it is called.
        what: What is measured.
        aim: What is aimed at, in words.
        phases: What happens, in order of time.
        calls_per_hour: How often it is called, on average over a day.
        by_day: Whether it is called ten times less by night; each change is at midnight.
        said: Whether a diagnosis says what has become true with the last phase; None where nothing
            changes, and changes are counted.
        most: The most that is aimed at: hours, or changes in a week.
    """

    name: str
    what: str
    aim: str
    phases: tuple[Phase, ...]
    calls_per_hour: float
    said: Callable[[Diagnosis], bool] | None
    most: float
    by_day: bool = True


def _share(share: float) -> Phase:
    """Return two weeks of a slow tail of which so many calls outlast the timeout."""
    law = Law("lognormal", (Part(1.0, "lognormal", 1.0, 0.6),))
    return Phase(DIAGNOSED_SECONDS + 2 * WEEK, TIMEOUT_MS / law.quantile(share), 0.6)


HEALTHY = Phase(DIAGNOSED_SECONDS)
CASES = (
    Case(
        "onset",
        "a 5 % hang begins: hours until it is said",
        "at most 6 h",
        (HEALTHY, Phase(4 * DAY, never=0.05)),
        100,
        lambda found: found.verdict in SICK,
        6,
        by_day=False,
    ),
    Case(
        "fixed",
        "a 5 % hang of a week is fixed: hours until it is no longer said",
        "at most 24 h",
        (HEALTHY, Phase(WEEK, never=0.05), Phase(9 * DAY)),
        100,
        lambda found: found.verdict not in SICK,
        24,
    ),
    Case(
        "outage",
        "an outage of two hours is over: hours until it is no longer said",
        "at most 24 h",
        (HEALTHY, Phase(2 * HOUR, never=0.9), Phase(9 * DAY)),
        100,
        lambda found: found.verdict is not Verdict.OUTAGE,
        24,
    ),
    Case(
        "cured",
        "a slow tail of a week is cured by a deploy: hours until no raise is advised",
        "at most 24 h",
        (Phase(DIAGNOSED_SECONDS + WEEK, 1_800.0, 0.6), Phase(9 * DAY)),
        100,
        lambda found: found.recommendation is None,
        24,
    ),
)
STEADY = (
    Case("steady", "slow tail of 7 %, unchanged", "at most 0.05", (_share(0.07),), 100, None, 0.05),
    Case("calm", "healthy, unchanged", "at most 0.05", (_share(0.001),), 100, None, 0.05),
    Case("border", "at the border of the target", "at most 0.1", (_share(0.01),), 100, None, 0.1),
    Case("value", "slow tail of 5 %, 300 calls a day", "0.2", (_share(0.05),), 12.5, None, 0.2),
)
NIGHT = Case(
    "night",
    "the same at midnight, when 21 an hour are called: hours until it is said",
    "no aim",
    (HEALTHY, Phase(4 * DAY, never=0.05)),
    100,
    lambda found: found.verdict in SICK,
    math.inf,
)
ALL = (*CASES, *STEADY, NIGHT)
NAMES = (*(one.name for one in ALL), "trials")


@dataclass(frozen=True, slots=True)
class Course:
    """What one draw came to.

    Attributes:
        hours: Until it was said; infinite where it never was, 0 where nothing changes.
        flips: Changes of the verdict in a week.
        moves: Changes of the advised timeout in a week.
    """

    hours: float
    flips: float
    moves: float


def follow(case: Case, seed: int, index: int) -> Course:
    """Draw what happens to an action, and diagnose it hour by hour."""
    evidence = counted(case, np.random.default_rng([seed, index]))
    lengths = [one.seconds for one in case.phases]
    begin, end = (
        START + (lengths[0] if len(lengths) == 1 else sum(lengths[:-1])),
        START + sum(lengths),
    )
    if case.said is None:
        begin = START + DIAGNOSED_SECONDS
    found, told = list[Diagnosis](), None
    for at in range(begin, end + 1, HOUR):
        found.append(_at(evidence, at, told))
        told = told_after(told, found[-1], at)
    weeks = (end - begin) / WEEK
    verdicts = [one.verdict for one in found]
    advised = [one.recommendation and one.recommendation.capped_ms for one in found]
    # A value that comes or goes with its verdict is a change of that.
    values = [one for one in advised if one is not None]
    hours = 0.0
    if case.said is not None:
        # For good: what is said, and then another thing again, is not known yet.
        wrong = [place for place, one in enumerate(found) if not case.said(one)]
        last = max(wrong, default=-1) + 1
        hours = float(last) if last < len(found) else math.inf
    return Course(hours, _changes(verdicts) / weeks, _changes(values) / weeks)


def _follow_named(name: str, seed: int, index: int) -> Course:
    """Follow a case in another process, which what it asks can't be sent to."""
    return follow(next(one for one in ALL if one.name == name), seed, index)


def counted(case: Case, rng: np.random.Generator) -> ActionEvidence:
    """Return what the platform shows of a case, window by window."""
    windows = [one.seconds // WINDOW_SECONDS for one in case.phases]
    start = START + np.arange(sum(windows)) * WINDOW_SECONDS
    shape = day_shape(start) / day_shape(START + np.arange(288) * 300).mean()
    per_window = case.calls_per_hour * WINDOW_SECONDS / HOUR
    calls = rng.poisson(per_window * (shape if case.by_day else np.ones(len(start))))
    bands, late, at = [], [], 0
    for phase, length in zip(case.phases, windows, strict=True):
        ended = end_calls(rng, calls[at : at + length], phase.survival())
        bands.append(ended[0])
        late.append(ended[1])
        at += length
    timeout_ms = np.full(len(start), TIMEOUT_MS)
    return evidence_of(start, timeout_ms, np.concatenate(bands), np.concatenate(late))


def _at(evidence: ActionEvidence, at: int, told: ToldVerdict | None) -> Diagnosis:
    """Return the diagnosis at a moment, from the eight days before it and what was told."""
    seen = (evidence.start >= at - DIAGNOSED_SECONDS) & (evidence.start < at)
    return diagnose(evidence.where(seen), SETTINGS, settled_until=float(at), told=told)


def _changes(values: Sequence[object]) -> int:
    return sum(one != other for one, other in pairwise(values))


def try_one(seed: int, index: int) -> str:
    """Draw an action, and try one step up where it is unclear; what came of it, in a word."""
    rng = np.random.default_rng([seed, index, 7])
    truth, evidence = draw(rng)
    found = diagnose(evidence, SETTINGS)
    from_ms, to_ms = truth.timeout_ms, math.floor(truth.timeout_ms * 1.5 / 1_000) * 1_000.0
    if found.verdict is not Verdict.UNCLEAR or to_ms <= from_ms or to_ms > SETTINGS.cap_ms:
        return ""
    rate = (found.successes + found.timeouts) / truth.seconds
    days = [min(DAY, truth.seconds - day) for day in range(0, int(min(WEEK, truth.seconds)), DAY)]
    before = held_against(
        _measured(rng, rate * day, truth.share, int(day // WINDOW_SECONDS)) for day in days
    )
    share = truth.share * (1 - truth.rescued(to_ms))
    lasts = usual_trial_seconds(found, truth.seconds) - SETTLE_SECONDS
    after, effect = Measured(), Effect.NOT_YET
    for windows in looks(int(lasts // WINDOW_SECONDS)):
        more = windows - after.windows
        came = _measured(rng, rate * more * WINDOW_SECONDS, share, more)
        after = Measured(windows, after.successes + came.successes, after.timeouts + came.timeouts)
        waited = windows * WINDOW_SECONDS + SETTLE_SECONDS
        effect = judge(before, after, first=VERIFY_WINDOWS, waited_seconds=waited).effect
        if effect is not Effect.NOT_YET:
            break
    rescued = truth.rescued(to_ms)
    if effect is Effect.NOT_YET:
        return "over" if rescued < HALF else "too soon"
    is_right = rescued >= WORTH if effect is Effect.HELPED else rescued < HALF
    return "right" if is_right else "wrong"


def looks(settled: int) -> tuple[int, ...]:
    """Return after how many windows a trial is looked at of which so many settle while it lasts.

    After K of them, 2 K, 4 K ..., and at its end at all of them.
    """
    usual = {windows_to_look_at(so_far, VERIFY_WINDOWS) for so_far in range(settled)} - {0}
    return (*sorted(usual), settled)


def _measured(rng: np.random.Generator, calls: float, share: float, windows: int) -> Measured:
    """Return calls of which such a share times out, as chance has it."""
    counted_calls = int(rng.poisson(max(calls, 0.0)))
    late = int(rng.binomial(counted_calls, share))
    return Measured(windows, counted_calls - late, late)


def main(arguments: Sequence[str]) -> int:
    """Follow every case, and print what it came to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", choices=[*NAMES, []], metavar="CASE")
    parser.add_argument("--draws", type=int, default=40, help="of each case; of trials 100 times")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chosen = options.cases or NAMES
    print(f"{options.draws} draws of each case, seed {options.seed}\n")
    print("| what | median | 95 % within | aim | holds |")
    print("|---|---:|---:|---|---|")
    with ProcessPoolExecutor(PROCESSES) as pool:
        for number, case in enumerate(ALL):
            if case.name in chosen:
                draws = range(number * 10_000, number * 10_000 + options.draws)
                found = [*pool.map(partial(_follow_named, case.name, options.seed), draws)]
                print("\n".join(rows_of(case, found)), flush=True)
        if "trials" in chosen:
            tried = pool.map(
                partial(try_one, options.seed), range(100 * options.draws), chunksize=50
            )
            print("\n" + _told_of_trials(Counter(filter(None, tried))))
    return 0


def rows_of(case: Case, found: Sequence[Course]) -> list[str]:
    """Return the rows of the table about a case."""
    if case.said is not None:
        hours = sorted(one.hours for one in found)
        within = hours[math.ceil(0.95 * len(hours)) - 1]
        middle = hours[len(hours) // 2]
        holds = within <= case.most
        return [_line(case.what, f"{middle:.0f} h", f"{within:.0f} h", case.aim, holds=holds)]
    flips = float(np.mean([one.flips for one in found]))
    moves = float(np.mean([one.moves for one in found]))
    lines = []
    if case.name != "value":
        what = f"{case.what}: changes of the verdict a week"
        lines.append(_line(what, f"{flips:.2f}", "", case.aim, holds=flips <= case.most))
    if case.name in {"value", "steady"}:
        what = f"{case.what}: changes of the advised timeout a week"
        lines.append(_line(what, f"{moves:.2f}", "", "at most 0.2", holds=moves <= 0.2))  # noqa: PLR2004 - the aim
    return lines


def _line(what: str, middle: str, within: str, aim: str, *, holds: bool) -> str:
    return f"| {what} | {middle} | {within} | {aim} | {'yes' if holds else '**no**'} |"


def _told_of_trials(tried: Counter[str]) -> str:
    settled = tried["right"] + tried["wrong"]
    share = tried["right"] / settled if settled else math.nan
    over, too_soon = tried["over"] + tried["too soon"], tried["too soon"]
    return (
        f"{tried.total()} actions were unclear and tried: {over} trials were over with nothing "
        f"shown, {too_soon} of them too soon; of the other {settled}, {tried['right']} were right, "
        f"{share:.1%} (aim: 98 %)."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
