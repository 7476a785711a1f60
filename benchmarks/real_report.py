"""What the benchmark on measured laws prints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.measured_laws import CALM, DRIFTING, SPELLS, TARGET
from benchmarks.narrow_laws import NarrowTold, print_narrow
from benchmarks.real_outcome import TOLERANCE, Told
from benchmarks.rivals import HALF, RIVALS
from monitor.diagnosis import Verdict

TEXTBOOK = "lognormal, cure by AIC"
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
        for vainly, to in ((_vain_at_value, "its value"), (_vain_at_reach, "the reach")):
            found, count, share_missed, bar = with_bar(told, weight, place, vain, vainly)
            if not count:
                print(f"| {TEXTBOOK}, raised to {to}, any {word} | 0.0% | 0 | more |")
                continue
            print(
                f"| {TEXTBOOK}, raised to {to}, {word} at least {bar:.3f} | {percent(found)} | "
                f"{count} | {percent(share_missed)} |"
            )


def rival_at(
    told: Sequence[Told], weight: dict[str, float], name: str, sure: Callable[[Told], bool]
) -> tuple[float, int, float]:
    """Return what a rival finds, how often it raises and how often in vain, where it is sure."""

    def raises(one: Told) -> bool:
        return not math.isnan(one.rivals[name][0]) and sure(one)

    raised = [one for one in told if raises(one)]
    found = share((one for one in told if one.slow_tail), weight, raises)
    return found, len(raised), share(raised, weight, lambda one: one.rivals[name][0] < HALF)


def _vain_at_value(one: Told) -> bool:
    return one.rivals[TEXTBOOK][0] < HALF


def _vain_at_reach(one: Told) -> bool:
    return not one.slow_tail


def with_bar(
    told: Sequence[Told],
    weight: dict[str, float],
    place: int,
    vain: float,
    missed: Callable[[Told], bool] = _vain_at_value,
) -> tuple[float, int, float, float]:
    """Return the same of the textbook fit, its bar just so high that it is as seldom vain.

    Args:
        told: All draws.
        weight: Of each family.
        place: Of what the bar is on: 1 for its estimate, 2 for its certainty.
        vain: How much of its raises may be vain.
        missed: Whether a raise is vain, by how far it goes.
    """
    raised = [one for one in told if not math.isnan(one.rivals[TEXTBOOK][0])]
    raised.sort(key=lambda one: -one.rivals[TEXTBOOK][place])
    bars = np.array([one.rivals[TEXTBOOK][place] for one in raised])
    parts = np.cumsum([weight[one.family] for one in raised])
    in_vain = np.cumsum([weight[one.family] * missed(one) for one in raised])
    # Only where the next one has a lower bar of its own, so that equals are raised together.
    last = np.append(bars[:-1] > bars[1:], bars.size > 0)[: bars.size]
    seldom = np.flatnonzero(last & (in_vain <= vain * parts + 1e-12))
    if seldom.size:
        bar = float(bars[seldom[-1]])
        found, count, _ = rival_at(
            told, weight, TEXTBOOK, lambda one: one.rivals[TEXTBOOK][place] >= bar
        )
        return found, count, float(in_vain[seldom[-1]] / parts[seldom[-1]]), bar
    return 0.0, 0, math.nan, math.inf


def print_headline(
    told: Sequence[Told], weight: dict[str, float], narrow: Sequence[NarrowTold]
) -> None:
    """Print the figures that are asked for, and what is asked."""
    true = [one for one in told if one.slow_tail]
    raised = [one for one in told if one.says(Verdict.SLOW_TAIL)]
    hangs = [one for one in told if one.says(Verdict.HANGS)]
    slower = [one for one in true if one.slowness != CALM]
    found = share(true, weight, lambda one: one.says(Verdict.SLOW_TAIL))
    vain = share(raised, weight, lambda one: one.at_value < HALF)
    textbook = max(
        with_bar(told, weight, place, vain, missed)[0]
        for place in (1, 2)
        for missed in (_vain_at_value, _vain_at_reach)
    )
    wrong = [word for _, word in narrow].count(str(Verdict.SLOW_TAIL))
    rows = {
        "slow tails found": (percent(found), "at least 45 %"),
        "raises vain": (percent(vain), "at most 3 %"),
        "slow tails called `hangs`": (
            percent(share(true, weight, lambda one: one.says(Verdict.HANGS))), "at most 10 %",
        ),
        "wrongly called `hangs`, of those called so": (
            percent(share(hangs, weight, lambda one: one.slow_tail)), "at most 10 %",
        ),
        'interval holds the plain quantile, or says "at least"': (
            percent(share((one for one in told if one.held is not None), weight,
                          lambda one: one.held)), "at least 85 %",
        ),
        "found, per slow tail that the textbook finds with as few vain raises": (
            f"{found / textbook:.2f}" if textbook else "it finds none", "at least 1.3",
        ),
        "slow times that a raise would help, called `outage`": (
            percent(share(slower, weight, lambda one: one.says(Verdict.OUTAGE))), "at most 10 %",
        ),
        "narrow laws with hangs called `slow_tail`, of 1,000": (
            f"{1000 * wrong / len(narrow):.1f}" if narrow else "", "at most 2",
        ),
    }  # fmt: skip
    print("| | measured | asked |")
    print("|---|---:|---:|")
    for name, (measured, asked) in rows.items():
        print(f"| {name} | {measured} | {asked} |")


def report(told: Sequence[Told], narrow: Sequence[NarrowTold]) -> None:
    """Print all tables of the draws."""
    counts = {one.family: sum(other.family == one.family for other in told) for one in told}
    weight = {family: 1 / count for family, count in counts.items()}
    plain = [one for one in told if one.slowness == CALM and one.hangs <= 0]
    print(f"#### Measured laws, {len(told)} draws, each family with the same weight\n")
    print_headline(told, weight, narrow)
    print("\n#### By family\n")
    print_main(told, weight, "family", lambda one: one.family)
    print(f"\n#### Where nothing hangs and nothing is slower for a time, {len(plain)} draws\n")
    print_main(plain, weight, "family", lambda one: one.family)
    print("\n#### By what was drawn\n")
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
    if narrow:
        print("\n#### Narrow laws with hangs\n")
        print_narrow(narrow)
