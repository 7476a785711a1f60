"""How often verdicts are right, and what the recommended timeouts are worth.

    .venv/bin/python -m benchmarks.verdicts                 the figures of docs/verdicts.md
    .venv/bin/python -m benchmarks.verdicts --draws 600     the same, sooner and rougher

Two kinds of draws: those within the priors, whose laws are like those that the monitor fits, and
half as many out of their range (``benchmarks.strange_laws``). The headline counts strictly, and per
case in which it matters: rightness over draws that need the tail, ``slow_tail`` per true hang, vain
raises per raise, the interval against the plain quantile of success.

Each draw is an action whose law is known. Its executions are counted as the platform counts them,
looked at closely (``monitor.near_edges``) unless ``--no-closer-look``, and diagnosed, and what was
said is held against what is true. The law decides which one verdict is true, by the order of
precedence and without tolerance at any border. Three things besides are right, and what is left
without them is printed beside:

* ``slow_tail`` exactly when the value it recommends would rescue at least half of the timeouts and
  neither throttling nor an outage nor a remote timeout stands above it;
* ``hangs`` where 95 % of a second mode lie beyond the timeout, for nobody can tell it from calls
  that never answer;
* ``bimodal`` where at least half of a second mode lies beyond the timeout, for that is what it
  says: split the action, or raise if the mode can be reached. A stricter count takes ``slow_tail``
  alone where a raise would reach it. ``hangs`` is right beside it where no raise rescues half;
* ``unclear`` where there are too many timeouts, nothing above it in the order holds, and what a
  raise would rescue lies within the bounds that it names, give or take half a point. This counts as
  strictly right, and its share is printed beside.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.strange_laws import STRANGE_KINDS, draw_strange
from benchmarks.verdict_headline import print_headline
from benchmarks.verdict_outcome import HALF, Outcome, mistaken
from benchmarks.verdict_truth import KINDS, LAWS, TARGET, Truth, draw, quantile
from monitor.diagnosis import TOO_LONG_RATIO, Verdict, diagnose
from monitor.model import CAP_MS

TOLERANCE = 0.005
"""Half a percentage point: what the success share at the recommended value may lack."""

HIDDEN = 0.05
"""Of a second mode, the part below the timeout up to which nobody could see it."""

MOSTLY_BELOW = 0.5
"""A second mode of which more lies below the timeout has only its tail beyond."""

_REACHED = frozenset({Verdict.SLOW_TAIL, Verdict.AT_CAP})
LEAST_TIMEOUTS = 10
PROCESSES = 2
SCALE = (250, 500, 1_000, 2_000)
WEEK_HOURS = 168


def expected(truth: Truth, timeouts: float) -> tuple[Verdict, frozenset[Verdict]]:
    """The verdict that is true, and all that are right."""
    if truth.throttled >= 1 - TARGET:
        return _only(Verdict.THROTTLED)
    if timeouts < LEAST_TIMEOUTS and timeouts <= (1 - TARGET) * truth.executions:
        # Too few to say anything of, and the target is met: nothing to do.
        return _only(Verdict.HEALTHY)
    if truth.outage >= HALF:
        return _only(Verdict.OUTAGE)
    if truth.early >= HALF:
        return _only(Verdict.REMOTE_TIMEOUT)
    if truth.share <= 1 - TARGET:
        answered = quantile(truth.law, 0.001) / truth.timeout_ms
        hangs = truth.never > truth.share / 2 and timeouts >= LEAST_TIMEOUTS
        return _only(Verdict.TOO_LONG if hangs and answered <= TOO_LONG_RATIO else Verdict.HEALTHY)
    return _late(truth)


def _late(truth: Truth) -> tuple[Verdict, frozenset[Verdict]]:
    """The same where the back end is not down, the timeouts are ours, and there are too many."""
    reach_ms = 2 * truth.timeout_ms
    below = 1.0 if truth.second_below is None else truth.second_below
    besides = {Verdict.BIMODAL} if below <= MOSTLY_BELOW else set()
    if below <= HIDDEN:
        besides |= {Verdict.HANGS}
    if truth.rescued(min(CAP_MS, reach_ms)) >= HALF:
        return Verdict.SLOW_TAIL, frozenset({Verdict.SLOW_TAIL} | besides)
    if truth.rescued(reach_ms) >= HALF:
        return Verdict.AT_CAP, frozenset({Verdict.AT_CAP} | besides)
    # Whose calls make the timeouts: a second mode's that can be seen, or nobody's.
    second = HIDDEN < below <= MOSTLY_BELOW and truth.never <= truth.share / 2
    true = Verdict.BIMODAL if second else Verdict.HANGS
    return true, frozenset({Verdict.HANGS} | besides)


def _only(verdict: Verdict) -> tuple[Verdict, frozenset[Verdict]]:
    return verdict, frozenset({verdict})


def judge(seed: int, number: tuple[int, bool], *, closer_look: bool) -> Outcome:
    """Draw one within the priors or out of their range, diagnose, compare."""
    index, strange = number
    if strange:
        rng = np.random.default_rng([seed, index, 1])
        truth, evidence = draw_strange(rng, closer_look=closer_look)
    else:
        truth, evidence = draw(np.random.default_rng([seed, index]), closer_look=closer_look)
    diagnosis = diagnose(evidence)
    value = diagnosis.recommendation
    best, accepted = expected(truth, diagnosis.timeouts - truth.over)
    capped_ms = value.capped_ms if value and value.capped_ms else math.nan
    rescued = math.nan if math.isnan(capped_ms) else truth.rescued(capped_ms)
    right = diagnosis.verdict in accepted
    if diagnosis.verdict is Verdict.SLOW_TAIL:
        # What rescues half is a slow tail, unless something above it in the order holds.
        above = accepted <= {Verdict.THROTTLED, Verdict.OUTAGE, Verdict.REMOTE_TIMEOUT}
        right = rescued >= HALF and not above
    bounds = diagnosis.rescue_bounds
    outcome = Outcome(
        seed=seed,
        index=index,
        strange=strange,
        truth=truth,
        said=diagnosis.verdict,
        expected=best,
        right=right,
        in_order=right and not (diagnosis.verdict is Verdict.BIMODAL and best in _REACHED),
        strict=right and diagnosis.verdict is best,
        executions=diagnosis.executions,
        rescued=rescued,
        raw_ms=value.raw_ms if value else math.nan,
        capped_ms=capped_ms,
        low_ms=value.low_ms if value else math.nan,
        high_ms=value.high_ms if value else math.nan,
        promised=value.expected_success_share if value else math.nan,
        bounds=bounds,
    )
    if diagnosis.verdict is Verdict.UNCLEAR:
        right = outcome.needs_tail and outcome.within_bounds
        outcome = replace(outcome, right=right, in_order=right, strict=right)
    return outcome


def print_confusion(outcomes: Sequence[Outcome]) -> None:
    """What is true, down, against what was said, across."""
    said = [verdict for verdict in Verdict if any(one.said is verdict for one in outcomes)]
    counts = Counter((one.expected, one.said) for one in outcomes)
    print("| true \\ said | " + " | ".join(said) + " | right |")
    print("|---|" + "---:|" * (len(said) + 1))
    for row in Verdict:
        of_row = [one for one in outcomes if one.expected is row]
        if of_row:
            cells = " | ".join(str(counts[row, verdict] or "") for verdict in said)
            share = sum(one.right for one in of_row) / len(of_row)
            print(f"| {row} | {cells} | {share:.1%} |")
    total = max(1, len(outcomes))
    right, strict = sum(one.right for one in outcomes), sum(one.strict for one in outcomes)
    in_order = sum(one.in_order for one in outcomes)
    print(f"\nRight: {right / total:.2%} of {total} draws.")
    print(f"Right, and never `bimodal` where a raise reaches the mode: {in_order / total:.2%}.")
    print(f"The one true verdict: {strict / total:.2%}.")
    wrong = [one for one in outcomes if mistaken(one)]
    print(
        f"`slow_tail` said of a hang, an outage or throttling: {len(wrong)} of {total} draws, "
        f"{1000 * len(wrong) / total:.2f} of 1,000.\n"
    )


def print_vain(outcomes: Sequence[Outcome]) -> None:
    """Print each raise that rescues less than half, by what draws it again."""
    others = [one for one in outcomes if one.said is Verdict.SLOW_TAIL and not one.right]
    print("| seed, draw | kind | law | executions | timeouts | never | rescued | a hang |")
    print("|---|---|---|---:|---:|---:|---:|---|")
    for one in others:
        print(
            f"| {one.seed}, {one.index} | {one.truth.kind} | {one.truth.law.name} | "
            f"{one.executions:.0f} | {one.truth.share:.2%} | {one.truth.never:.2%} | "
            f"{one.rescued:.0%} | {'yes' if mistaken(one) else 'no'} |"
        )


def print_kinds(outcomes: Sequence[Outcome]) -> None:
    """The same by what was drawn, and by the law of the answers."""
    print("| drawn | draws | right | the one true |")
    print("|---|---:|---:|---:|")
    for name in dict.fromkeys((*KINDS, *LAWS, *STRANGE_KINDS)):
        of_kind = [one for one in outcomes if name in {one.truth.kind, one.truth.law.name}]
        if of_kind:
            right = np.mean([one.right for one in of_kind])
            strict = np.mean([one.strict for one in of_kind])
            print(f"| {name} | {len(of_kind)} | {right:.1%} | {strict:.1%} |")


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
    for name in (*LAWS, "modes", *STRANGE_KINDS, "all"):
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
    print(
        "\nThe interval is held against what the monitor itself asks for, as in `docs/verdicts.md`."
    )


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


def cost(seed: int, actions: int, worker: int) -> tuple[float, float]:
    """Wall and CPU seconds of one process for its part of so many actions of a week."""
    rngs = [np.random.default_rng([seed, worker, index]) for index in range(actions // PROCESSES)]
    drawn = [draw(rng, WEEK_HOURS)[1] for rng in rngs]
    wall, cpu = time.perf_counter(), time.process_time()
    for evidence in drawn:
        diagnose(evidence)
    return time.perf_counter() - wall, time.process_time() - cpu


def print_cost(seed: int, workers: ProcessPoolExecutor) -> None:
    """Time by number of actions, and its slope."""
    print("| actions, 7 days each | seconds on two processes | CPU seconds of both | ms CPU each |")
    print("|---:|---:|---:|---:|")
    taken = []
    for actions in SCALE:
        parts = list(workers.map(partial(cost, seed, actions), range(PROCESSES)))
        wall, cpu = max(part[0] for part in parts), sum(part[1] for part in parts)
        taken.append(cpu)
        print(f"| {actions} | {wall:.1f} | {cpu:.1f} | {1000 * cpu / actions:.1f} |")
    slope = np.polyfit(np.log(SCALE), np.log(taken), 1)[0]
    print(f"\nCPU time grows with actions to the power {slope:.2f} (linear is 1); at most 60 s.")


def _print_all(outcomes: Sequence[Outcome], least: int) -> None:
    enough = [one for one in outcomes if one.executions >= least]
    print(f"\n#### Verdicts, {len(enough)} draws of {least} executions and more\n")
    print_confusion(enough)
    print("\n#### The same by what was drawn\n")
    print_kinds(enough)
    print("\n#### Recommended timeouts of slow tails\n")
    print_slow_tails(enough)
    print(f"\n#### Fewer than {least} executions\n")
    print_small([one for one in outcomes if one.executions < least])


def main(arguments: Sequence[str]) -> int:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=24_000, help="how many within the priors")
    parser.add_argument("--strange", type=int, help="how many out of range; half as many if none")
    parser.add_argument("--seed", type=int, default=20_261_201, help="decides every draw")
    parser.add_argument("--least", type=int, default=2_000, help="executions that count")
    parser.add_argument("--list", action="store_true", help="list each vain raise")
    parser.add_argument("--no-closer-look", action="store_true", help="the fixed bands alone")
    parser.add_argument("--no-cost", action="store_true", help="leave out the wall times")
    options = parser.parse_args(arguments)
    strange = options.draws // 2 if options.strange is None else options.strange
    numbers = [(index, False) for index in range(options.draws)]
    numbers += [(index, True) for index in range(strange)]
    with ProcessPoolExecutor(PROCESSES) as workers:
        judged = partial(judge, options.seed, closer_look=not options.no_closer_look)
        drawn = list(workers.map(judged, numbers, chunksize=25))
        enough = [one for one in drawn if one.executions >= options.least]
        print(f"#### Headline, draws of {options.least} executions and more\n")
        print_headline(enough)
        print("\n#### Within the priors")
        _print_all([one for one in drawn if not one.strange], options.least)
        if strange:
            print("\n#### Out of their range")
            _print_all([one for one in drawn if one.strange], options.least)
        if options.list:
            print("\n#### Raises that rescue less than half\n")
            print_vain(enough)
        if not options.no_cost:
            print("\n#### Cost\n")
            print_cost(options.seed, workers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
