"""How often verdicts are right, and what the recommended timeouts are worth.

    .venv/bin/python -m benchmarks.verdicts                 the figures of docs/verdicts.md
    .venv/bin/python -m benchmarks.verdicts --draws 600     the same, sooner and rougher

Each draw is an action whose law is known. Its executions are counted as the platform counts them
and diagnosed, and what was said is held against what is true. Where a border is a matter of degree
both sides are right near it, and the table says how often that was needed:

* a success share within half a point of the target, and as much around the throttling that breaks
  it; outages and remote timeouts that make 40 to 60 % of the timeouts;
* 99.9 % of the answers within 25 to 40 % of the timeout, or fewer than 20 hangs (``too_long``);
* a drawn second mode: ``bimodal`` is right where at most 60 % of it lies below the timeout,
  ``hangs`` where at most 5 % does, for nobody could see it.

``slow_tail`` has no such border: it is right exactly when the recommended timeout rescues at least
half of the timeouts, and where a raise would, nothing else is right save for what stands above.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.verdict_truth import LAWS, TARGET, Truth, draw
from monitor.analysis.diagnosis import diagnose
from monitor.analysis.recommendation import CAP_MS
from monitor.analysis.verdict import Verdict

TOLERANCE = 0.005
"""Half a percentage point, as the success share at the recommended value is allowed too."""

LEAST_TIMEOUTS = 10
PROCESSES = 2
SCALE = (250, 500, 1_000, 2_000)
WEEK_HOURS = 168


@dataclass(frozen=True, slots=True)
class Outcome:
    """One draw and what was said of it; NaN where no value was recommended."""

    seed: int
    index: int
    truth: Truth
    said: Verdict
    expected: Verdict
    right: bool
    strict: bool
    executions: float
    rescued: float
    raw_ms: float
    low_ms: float
    high_ms: float


def expected(truth: Truth, timeouts: float) -> tuple[Verdict, frozenset[Verdict]]:
    """The one verdict that fits best, and all that are right."""
    best, right = _steady(truth)
    if timeouts < LEAST_TIMEOUTS and timeouts <= (1 - TARGET) * truth.executions:
        best, right = Verdict.HEALTHY, {Verdict.HEALTHY}
    for part, verdict in ((truth.early, Verdict.REMOTE_TIMEOUT), (truth.outage, Verdict.OUTAGE)):
        if part >= 0.4 and timeouts >= LEAST_TIMEOUTS:  # noqa: PLR2004 - see above
            right = {verdict} if part >= 0.6 else right | {verdict}  # noqa: PLR2004 - see above
            best = verdict if part >= 0.5 else best  # noqa: PLR2004 - half of the timeouts
    if truth.throttled >= 1 - TARGET - TOLERANCE:
        certain = truth.throttled >= 1 - TARGET + TOLERANCE
        right = {Verdict.THROTTLED} if certain else right | {Verdict.THROTTLED}
        best = Verdict.THROTTLED if truth.throttled >= 1 - TARGET else best
    return best, frozenset(right)


def _steady(truth: Truth) -> tuple[Verdict, set[Verdict]]:
    """The same for a back end that is not down, whose timeouts are ours."""
    reach_ms = 2 * truth.timeout_ms
    tail = Verdict.HANGS
    if truth.rescued(min(CAP_MS, reach_ms)) >= 0.5:  # noqa: PLR2004 - half of the timeouts
        tail = Verdict.SLOW_TAIL
    elif truth.rescued(reach_ms) >= 0.5:  # noqa: PLR2004 - half of the timeouts
        tail = Verdict.AT_CAP
    late = {tail}
    below = truth.second_below
    if below is not None and below <= 0.6:  # noqa: PLR2004 - see above
        late.add(Verdict.BIMODAL)
        if below <= 0.05:  # noqa: PLR2004 - see above
            late.add(Verdict.HANGS)
        elif tail is Verdict.HANGS:
            tail = Verdict.BIMODAL
    calm, rest = _calm(truth)
    right: set[Verdict] = set()
    if truth.share <= 1 - TARGET + TOLERANCE:
        right |= rest
    if truth.share > 1 - TARGET - TOLERANCE:
        right |= late
    return (calm if truth.share <= 1 - TARGET else tail), right


def _calm(truth: Truth) -> tuple[Verdict, frozenset[Verdict]]:
    """The same where the target is met."""
    answered = truth.law.quantile(0.001) / truth.timeout_ms
    hangs = truth.never > truth.share / 2
    right = set()
    if answered > 0.25 or not hangs or truth.never * truth.executions < 2 * LEAST_TIMEOUTS:  # noqa: PLR2004
        right.add(Verdict.HEALTHY)
    if answered < 0.4 and hangs:  # noqa: PLR2004 - see above
        right.add(Verdict.TOO_LONG)
    idle = answered <= 1 / 3 and hangs and truth.never * truth.executions >= LEAST_TIMEOUTS
    return (Verdict.TOO_LONG if idle else Verdict.HEALTHY), frozenset(right)


def judge(seed: int, index: int) -> Outcome:
    """Draw, diagnose, compare."""
    truth, evidence = draw(np.random.default_rng([seed, index]))
    diagnosis = diagnose(evidence)
    value = diagnosis.recommendation
    best, accepted = expected(truth, diagnosis.timeouts)
    rescued = truth.rescued(value.capped_ms) if value and value.capped_ms else math.nan
    right = diagnosis.verdict in accepted
    if diagnosis.verdict is Verdict.SLOW_TAIL:
        # What rescues half is a slow tail, unless something above it in the order holds.
        above = accepted <= {Verdict.THROTTLED, Verdict.OUTAGE, Verdict.REMOTE_TIMEOUT}
        right = rescued >= 0.5 and not above  # noqa: PLR2004 - half of the timeouts
    return Outcome(
        seed=seed,
        index=index,
        truth=truth,
        said=diagnosis.verdict,
        expected=best,
        right=right,
        strict=right and diagnosis.verdict is best,
        executions=diagnosis.executions,
        rescued=rescued,
        raw_ms=value.raw_ms if value else math.nan,
        low_ms=value.low_ms if value else math.nan,
        high_ms=value.high_ms if value else math.nan,
    )


def mistaken(outcome: Outcome) -> bool:
    """Whether ``slow_tail`` was said of a hang, an outage or throttling."""
    truth = outcome.truth
    of_another = (
        truth.never > truth.share / 2
        or truth.outage >= 0.6  # noqa: PLR2004 - see above
        or truth.throttled >= 1 - TARGET + TOLERANCE
    )
    return outcome.said is Verdict.SLOW_TAIL and not outcome.right and of_another


def print_confusion(outcomes: Sequence[Outcome]) -> None:
    """What fits best, down, against what was said, across."""
    said = [verdict for verdict in Verdict if any(one.said is verdict for one in outcomes)]
    counts = Counter((one.expected, one.said) for one in outcomes)
    print("| fits best \\ said | " + " | ".join(said) + " | right |")
    print("|---|" + "---:|" * (len(said) + 1))
    for row in Verdict:
        of_row = [one for one in outcomes if one.expected is row]
        if of_row:
            cells = " | ".join(str(counts[row, verdict] or "") for verdict in said)
            share = sum(one.right for one in of_row) / len(of_row)
            print(f"| {row} | {cells} | {share:.1%} |")
    total = len(outcomes)
    right, strict = sum(one.right for one in outcomes), sum(one.strict for one in outcomes)
    print(f"\nRight: {right / total:.2%} of {total} draws (at least 95 %).")
    print(f"Right and the one that fits best, borders or not: {strict / total:.2%}.")
    wrong = [one for one in outcomes if mistaken(one)]
    print(
        f"`slow_tail` said of a hang, an outage or throttling: {len(wrong)} of {total} draws, "
        f"{1000 * len(wrong) / total:.2f} of 1,000 (at most 1).\n"
    )
    others = [one for one in outcomes if one.said is Verdict.SLOW_TAIL and not one.right]
    print("| seed, draw | kind | law | executions | timeouts | never | rescued | a hang |")
    print("|---|---|---|---:|---:|---:|---:|---|")
    for one in others:
        print(
            f"| {one.seed}, {one.index} | {one.truth.kind} | {one.truth.law.name} | "
            f"{one.executions:.0f} | {one.truth.share:.2%} | {one.truth.never:.2%} | "
            f"{one.rescued:.0%} | {'yes' if mistaken(one) else 'no'} |"
        )


def print_slow_tails(outcomes: Sequence[Outcome]) -> None:
    """What the recommended value is worth where the true quantile lies in reach."""
    reach = [
        one
        for one in outcomes
        if one.said is Verdict.SLOW_TAIL
        and one.truth.timeout_ms < one.truth.quantile_ms <= 2 * one.truth.timeout_ms
    ]
    print("| law | draws | within 0.5 points | value / smallest, median | 90th | interval holds |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in (*LAWS, "modes", "all"):
        chosen = [one for one in reach if name in {one.truth.law.name, "all"}]
        if not chosen:
            continue
        enough = [float(one.truth.survival(one.raw_ms)) <= 1 - TARGET + TOLERANCE for one in chosen]
        ratio = [one.raw_ms / one.truth.quantile_ms for one in chosen]
        held = [
            one.low_ms <= one.truth.wanted_ms * 1.001 and one.high_ms >= one.truth.wanted_ms * 0.999
            for one in chosen
        ]
        print(
            f"| {name} | {len(chosen)} | {np.mean(enough):.1%} | {np.median(ratio):.3f} | "
            f"{np.quantile(ratio, 0.9):.2f} | {np.mean(held):.1%} |"
        )
    print("\nAsked for: at least 98 %, at most 1.1, and an interval that holds in at least 90 %.")


def print_small(outcomes: Sequence[Outcome]) -> None:
    """What was said with fewer executions."""
    numbers = sum(
        not math.isnan(one.raw_ms) for one in outcomes if one.said is Verdict.INSUFFICIENT
    )
    said = Counter(one.said for one in outcomes)
    right = sum(one.right or one.said is Verdict.INSUFFICIENT for one in outcomes)
    print(
        f"{len(outcomes)} draws: {said[Verdict.INSUFFICIENT]} `insufficient`, {numbers} of them "
        f"with a number; {right / max(1, len(outcomes)):.1%} right or `insufficient`."
    )


def cost(seed: int, actions: int, worker: int) -> float:
    """Seconds that one process takes for its part of so many actions of a week."""
    rngs = [np.random.default_rng([seed, worker, index]) for index in range(actions // PROCESSES)]
    drawn = [draw(rng, WEEK_HOURS)[1] for rng in rngs]
    began = time.perf_counter()
    for evidence in drawn:
        diagnose(evidence)
    return time.perf_counter() - began


def print_cost(seed: int, workers: ProcessPoolExecutor) -> None:
    """Wall time by number of actions, and its slope."""
    print("| actions, 7 days each | seconds on two processes | ms an action and process |")
    print("|---:|---:|---:|")
    taken = []
    for actions in SCALE:
        taken.append(max(workers.map(partial(cost, seed, actions), range(PROCESSES))))
        print(f"| {actions} | {taken[-1]:.1f} | {1000 * PROCESSES * taken[-1] / actions:.1f} |")
    slope = np.polyfit(np.log(SCALE), np.log(taken), 1)[0]
    print(f"\nTime grows with actions to the power {slope:.2f} (linear is 1); at most 60 s.")


def main(arguments: Sequence[str]) -> int:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=8_000, help="how many actions to draw")
    parser.add_argument("--seed", type=int, default=2_026, help="decides every draw")
    parser.add_argument("--least", type=int, default=2_000, help="executions that count")
    parser.add_argument("--no-cost", action="store_true", help="leave out the wall times")
    options = parser.parse_args(arguments)
    with ProcessPoolExecutor(PROCESSES) as workers:
        outcomes = list(
            workers.map(partial(judge, options.seed), range(options.draws), chunksize=25)
        )
        enough = [one for one in outcomes if one.executions >= options.least]
        print(f"### Verdicts, {len(enough)} draws of {options.least} executions and more\n")
        print_confusion(enough)
        print("\n### Recommended timeouts of slow tails\n")
        print_slow_tails(enough)
        print(f"\n### Fewer than {options.least} executions\n")
        print_small([one for one in outcomes if one.executions < options.least])
        if not options.no_cost:
            print("\n### Cost\n")
            print_cost(options.seed, workers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
