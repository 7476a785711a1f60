"""How good the advice is on latencies that were really measured.

    .venv/bin/python -m benchmarks.real_latencies --laws FILE                 all that is asked
    .venv/bin/python -m benchmarks.real_latencies --laws FILE --draws 400     the same, rougher

``FILE`` is JSON, and anyone can bring their own; none comes with the program::

    {"laws": [{"family": "web", "name": "web-001", "quantiles_ms": [81.0, 95.0, ..., null]}]}

Each law is one back end: what it is called, the family it belongs to (families weigh the same,
however many laws they have), and quantiles of its response times in milliseconds, ascending, at
equal steps of level from 0 (the fastest answer) to 1 (the slowest). null is a quantile that is
only known to lie beyond 20 s. Other keys are not read.

What is drawn: each law stretched by 1, 4 and 16; timeouts T of 1, 2, 3, 5, 8, 10, 15 and 20 s that
cut off 1 to 30 % of it; 2,000 and 10,000 executions in a week shaped by days; 0, 2 and 10 % of the
calls made to hang. Between quantiles a law is log-linear. What lies beyond a null is unknown beyond
20 s times the stretch: there such a draw is judged only inside it, a value that lies beyond at its
edge. Within reach of a raise is up to the smaller of 2 T and 30 s.

A third of the draws have times in which answers are slower than the law says, never faster. Half of
these are ``drifting``: the log of the slowness of each window is a first-order autoregression with
a standard deviation of 0.3 to 0.7 and a memory of 1 to 6 hours, and its positive part counts. The
other half has ``spells``: one to four of one to six hours, 2 to 4 times slower, of a law and a
timeout such that 1 to 30 % of all calls are cut off and most of these in a spell. What is true is
the law of all calls together, for that is what a timeout works on.

A *slow tail* is a draw in which a raise within reach would rescue half of the timeouts, hangs
included. A raise is *vain* that rescues less at the value that is recommended. The *interval* holds
the smallest timeout with which 99 % of all calls succeed; where none in reach does, it holds when
its upper end is the reach, which says "at least". The bounds of a verdict are on what the longest
raise within reach would rescue.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import narrow_laws
from benchmarks.measured_laws import (
    CALM,
    DRIFTING,
    SPELLS,
    TARGET,
    Case,
    cases,
    draw_real,
    read_laws,
)
from benchmarks.rivals import HALF, RIVALS, Counted
from monitor.diagnosis import Verdict, diagnose
from monitor.model import CAP_MS

PROCESSES = 2
TOLERANCE = 0.005
"""Half a percentage point: what the success share after a raise may lack."""

CLOSE = 1.001
TEXTBOOK = "lognormal, cure by AIC"


@dataclass(frozen=True, slots=True)
class Told:
    """One draw, what is true of it, and what was said; NaN where nothing was.

    Attributes:
        family: Of the law.
        law: Its name.
        stretch: By how much it was stretched.
        timeout_ms: The timeout in force.
        executions: Mean number of executions.
        hangs: Share of the calls that never answer.
        slowness: ``calm``, ``drifting`` or ``spells``.
        cut_off: Share of all calls that outlast the timeout.
        at_reach: What the longest raise within reach rescues.
        verdict: What was said.
        value_ms: The recommended value.
        at_value: What that rescues.
        promised: The success share that was promised there.
        success: The true one.
        held: Whether the interval holds; None where none was given.
        bounds: What was said that a raise rescues; None where nothing was.
        rivals: What each rival's raise rescues, its own estimate and its certainty.
    """

    family: str
    law: str
    stretch: int
    timeout_ms: float
    executions: int
    hangs: float
    slowness: str
    cut_off: float
    at_reach: float
    verdict: str
    value_ms: float
    at_value: float
    promised: float
    success: float
    held: bool | None
    bounds: tuple[float, float] | None
    rivals: dict[str, tuple[float, float, float]]

    @property
    def slow_tail(self) -> bool:
        """Whether a raise within reach would rescue half."""
        return self.at_reach >= HALF

    @property
    def within_bounds(self) -> bool:
        """Whether the truth lies within the bounds that were named, give or take half a point."""
        if self.bounds is None:
            return False
        return self.bounds[0] - TOLERANCE <= self.at_reach <= self.bounds[1] + TOLERANCE

    def says(self, verdict: str) -> bool:
        """Whether this was said."""
        return self.verdict == verdict


def judge(case: Case) -> Told:
    """Draw, diagnose, ask the rivals, compare."""
    truth, evidence = draw_real(case)
    diagnosis = diagnose(evidence)
    value = diagnosis.recommendation
    value_ms = value.capped_ms if value and value.capped_ms else math.nan
    given = not math.isnan(value_ms)
    held = None
    if value is not None:
        wanted_ms = min(truth.quantile_ms, truth.reach_ms)
        # Where none in reach does, the upper end has to be the reach.
        held = value.low_ms <= wanted_ms * CLOSE and value.high_ms * CLOSE >= wanted_ms
    seen = Counted(
        bands=evidence.bands.sum(axis=0),
        timeouts=float(evidence.timeouts.sum()),
        timeout_ms=case.timeout_ms,
        reach_ms=min(2 * case.timeout_ms, float(CAP_MS)),
    )
    rivals = {}
    for name, rival in RIVALS.items():
        advice = rival(seen)
        rescued = truth.rescued(advice.value_ms) if advice.value_ms else math.nan
        rivals[name] = (rescued, advice.rescued, advice.certainty)
    return Told(
        family=case.law.family,
        law=case.law.name,
        stretch=case.stretch,
        timeout_ms=case.timeout_ms,
        executions=case.executions,
        hangs=case.never,
        slowness=case.slowness,
        cut_off=float(truth.survival(case.timeout_ms)),
        at_reach=truth.rescued_at_reach,
        verdict=str(diagnosis.verdict),
        value_ms=value_ms,
        at_value=truth.rescued(value_ms) if given else math.nan,
        promised=value.expected_success_share if value and given else math.nan,
        success=1 - float(truth.survival(min(value_ms, truth.reach_ms))) if given else math.nan,
        held=held,
        bounds=diagnosis.rescue_bounds,
        rivals=rivals,
    )


Key = Callable[[Told], str]
"""By what draws are told apart."""


def share(
    of: Iterable[Told], weight: dict[str, float], holds: Callable[[Told], bool | None]
) -> float:
    """Return the weighted share of draws of which something holds; NaN of none."""
    pairs = [(weight[one.family], bool(holds(one))) for one in of]
    total = sum(part for part, _ in pairs)
    return sum(part for part, holding in pairs if holding) / total if total else math.nan


def percent(value: float) -> str:
    """Return a share in percent; nothing where there is none."""
    return "" if math.isnan(value) else f"{value:.1%}"


def print_main(told: Sequence[Told], weight: dict[str, float], column: str, key: Key) -> None:
    """Print the figures that are asked for, of all and by some property."""
    print(
        f"| {column} | draws | slow tails | found | raises vain | vain at reach | `hangs` of slow "
        "tails | `hangs` wrong | `unclear` | interval holds |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    rows = sorted({key(one) for one in told})
    for row in ["all", *rows]:
        of_row = [one for one in told if row in {"all", key(one)}]
        true = [one for one in of_row if one.slow_tail]
        raised = [one for one in of_row if one.says(Verdict.SLOW_TAIL)]
        hangs = [one for one in of_row if one.says(Verdict.HANGS)]
        cells = (
            share(of_row, weight, lambda one: one.slow_tail),
            share(true, weight, lambda one: one.says(Verdict.SLOW_TAIL)),
            share(raised, weight, lambda one: one.at_value < HALF),
            share(raised, weight, lambda one: not one.slow_tail),
            share(true, weight, lambda one: one.says(Verdict.HANGS)),
            share(hangs, weight, lambda one: one.slow_tail),
            share(of_row, weight, lambda one: one.says(Verdict.UNCLEAR)),
            share((one for one in of_row if one.held is not None), weight, lambda one: one.held),
        )
        print(f"| {row} | {len(of_row)} | " + " | ".join(percent(cell) for cell in cells) + " |")


def print_verdicts(told: Sequence[Told], weight: dict[str, float]) -> None:
    """Print what was said of slow tails, and of the others."""
    said = [str(one) for one in Verdict if any(told_.says(one) for told_ in told)]
    print("| a raise within reach | draws | " + " | ".join(said) + " |")
    print("|---|---:|" + "---:|" * len(said))
    for row, slow in (("rescues half", True), ("rescues less", False)):
        of_row = [one for one in told if one.slow_tail is slow]
        cells = (
            share(of_row, weight, lambda one, verdict=verdict: one.says(verdict))  # type: ignore[misc]
            for verdict in said
        )
        print(f"| {row} | {len(of_row)} | " + " | ".join(percent(cell) for cell in cells) + " |")
    named = [one for one in told if one.bounds is not None]
    if named:
        unclear = [one for one in named if one.says(Verdict.UNCLEAR)]
        print(
            f"\nThe truth lies within the bounds that are named: "
            f"{percent(share(named, weight, lambda one: one.within_bounds))} of {len(named)}, of "
            f"`unclear` {percent(share(unclear, weight, lambda one: one.within_bounds))} of "
            f"{len(unclear)}; their median width is "
            f"{100 * np.median([_width(one) for one in named]):.0f} and "
            f"{100 * np.median([_width(one) for one in unclear or named]):.0f} points."
        )


def _width(one: Told) -> float:
    return one.bounds[1] - one.bounds[0] if one.bounds is not None else 1.0


def print_spells(told: Sequence[Told], weight: dict[str, float]) -> None:
    """Print what is said where answers are slower for some of the time."""
    print("| slowness | draws | that a raise would help | `outage` said of these | found |")
    print("|---|---:|---:|---:|---:|")
    for row, kinds in (
        (CALM, {CALM}), (DRIFTING, {DRIFTING}), (SPELLS, {SPELLS}),
        ("drifting and spells", {DRIFTING, SPELLS}),
    ):  # fmt: skip
        of_row = [one for one in told if one.slowness in kinds]
        true = [one for one in of_row if one.slow_tail]
        outage = share(true, weight, lambda one: one.says(Verdict.OUTAGE))
        found = share(true, weight, lambda one: one.says(Verdict.SLOW_TAIL))
        print(f"| {row} | {len(of_row)} | {len(true)} | {percent(outage)} | {percent(found)} |")


def print_promises(told: Sequence[Told], weight: dict[str, float]) -> None:
    """Print the success share promised at the recommended value against the true one."""
    raised = [one for one in told if one.says(Verdict.SLOW_TAIL) and not math.isnan(one.promised)]
    if not raised:
        return
    high = share(raised, weight, lambda one: one.promised > one.success + TOLERANCE)
    excess = [one.promised - one.success for one in raised]
    reached = [one for one in raised if one.hangs <= 0]
    met = share(reached, weight, lambda one: one.success >= TARGET - TOLERANCE)
    print(
        f"Promised more than half a point too much: {percent(high)} of {len(raised)} raises; "
        f"promised less true, 90th percentile: {100 * float(np.quantile(excess, 0.9)):.2f} "
        "points.\n"
        f"After the raise the target is met within 0.5 points: {percent(met)} of the "
        f"{len(reached)} without hangs."
    )


def print_rivals(told: Sequence[Told], weight: dict[str, float]) -> None:
    """Print what others find and raise in vain on the same counts."""
    true = [one for one in told if one.slow_tail]
    raised = [one for one in told if one.says(Verdict.SLOW_TAIL)]
    ours = share(true, weight, lambda one: one.says(Verdict.SLOW_TAIL))
    vain = share(raised, weight, lambda one: one.at_value < HALF)
    print("| | slow tails found | raises | raises vain |")
    print("|---|---:|---:|---:|")
    print(f"| this program | {percent(ours)} | {len(raised)} | {percent(vain)} |")
    for name in RIVALS:
        found, count, missed = rival_at(told, weight, name, lambda _: True)
        print(f"| {name} | {percent(found)} | {count} | {percent(missed)} |")
    for place, word in ((1, "estimate"), (2, "certainty")):
        found, count, missed, bar = with_bar(told, weight, place, vain)
        print(
            f"| {TEXTBOOK}, {word} at least {bar:.3f} | {percent(found)} | {count} | "
            f"{percent(missed)} |"
        )
        factor = f"{ours / found:.2f}" if found > 0 else "no bound"
        print(f"| this program, per that | {factor} | | |")


def rival_at(
    told: Sequence[Told], weight: dict[str, float], name: str, sure: Callable[[Told], bool]
) -> tuple[float, int, float]:
    """Return what a rival finds, how often it raises and how often in vain, where it is sure."""

    def raises(one: Told) -> bool:
        return not math.isnan(one.rivals[name][0]) and sure(one)

    raised = [one for one in told if raises(one)]
    found = share((one for one in told if one.slow_tail), weight, raises)
    return found, len(raised), share(raised, weight, lambda one: one.rivals[name][0] < HALF)


def with_bar(
    told: Sequence[Told], weight: dict[str, float], place: int, vain: float
) -> tuple[float, int, float, float]:
    """Return the same of the textbook fit, its bar just so high that it is as seldom vain."""
    bars = sorted({one.rivals[TEXTBOOK][place] for one in told})
    for bar in [bars[at] for at in np.linspace(0, len(bars) - 1, 400).astype(int)]:
        found, count, missed = rival_at(
            told, weight, TEXTBOOK, lambda one, bar=bar: one.rivals[TEXTBOOK][place] >= bar  # type: ignore[misc]
        )  # fmt: skip
        if count and missed <= vain:
            return found, count, missed, bar
    return 0.0, 0, math.nan, math.inf


def report(told: Sequence[Told]) -> None:
    """Print all tables of the draws."""
    counts = {one.family: sum(other.family == one.family for other in told) for one in told}
    weight = {family: 1 / count for family, count in counts.items()}
    print(f"#### Measured laws, {len(told)} draws, each family with the same weight\n")
    print_main(told, weight, "family", lambda one: one.family)
    plain = [one for one in told if one.slowness == CALM and one.hangs <= 0]
    print(f"\n#### Nothing hangs and nothing is slower for a time, {len(plain)} draws\n")
    print_main(plain, weight, "family", lambda one: one.family)
    print("\n#### All, by what was drawn\n")
    print_main(told, weight, "executions", lambda one: str(one.executions))
    print()
    print_main(told, weight, "never answer", lambda one: f"{one.hangs:.0%}")
    print()
    print_main(told, weight, "slowness", lambda one: one.slowness)
    print("\n#### What was said\n")
    print_verdicts(told, weight)
    print()
    print_promises(told, weight)
    print("\n#### Times in which answers are slower\n")
    print_spells(told, weight)
    print("\n#### Other ways to choose a timeout, on the same counts\n")
    print_rivals(told, weight)
    print("\n#### The same where nothing hangs and nothing is slower for a time\n")
    print_rivals(plain, weight)


def main(arguments: Sequence[str]) -> int:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--laws", type=Path, required=True, help="file of laws, see the docstring")
    parser.add_argument("--draws", type=int, default=2_400, help="how many actions to draw")
    parser.add_argument("--seed", type=int, default=20_261_202, help="decides every draw")
    parser.add_argument("--families", default="", help="of the file, parted by commas; all if none")
    parser.add_argument("--narrow", type=int, default=1_000, help="draws of narrow laws with hangs")
    parser.add_argument("--each", type=Path, help="write each draw here, as lines of JSON")
    options = parser.parse_args(arguments)
    laws = read_laws(options.laws)
    if options.families:
        laws = [law for law in laws if law.family in options.families.split(",")]
    with ProcessPoolExecutor(PROCESSES) as workers:
        told = list(workers.map(judge, cases(laws, options.draws, options.seed), chunksize=20))
        report(told)
        if options.narrow:
            print("\n#### Narrow laws with hangs\n")
            narrow_laws.report(workers, options.narrow, options.seed)
    if options.each:
        options.each.write_text("".join(json.dumps(_line(one)) + "\n" for one in told), "utf-8")
    return 0


def _line(one: Told) -> dict[str, object]:
    names = (name for name in Told.__slots__)
    return {name: getattr(one, name) for name in names}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
