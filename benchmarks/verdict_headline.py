"""The figures that count, within the priors and out of their range, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.verdict_outcome import Outcome, mistaken, promised_too_much
from monitor.diagnosis import Verdict


def print_headline(outcomes: Sequence[Outcome]) -> None:
    """Print the headline; of draws with enough executions."""
    columns = {
        "within the priors": [one for one in outcomes if not one.strange],
        "out of range": [one for one in outcomes if one.strange],
        "all": list(outcomes),
    }
    rows: dict[str, Callable[[list[Outcome]], str]] = {
        "draws": lambda of: str(len(of)),
        "strictly right, of draws that need the tail": lambda of: _percent(
            (one for one in of if one.needs_tail), lambda one: one.strict
        ),
        "of these draws `unclear`, truth within its bounds": lambda of: _percent(
            (one for one in of if one.needs_tail),
            lambda one: one.said is Verdict.UNCLEAR and one.right,
        ),
        "right, of draws that need the tail": lambda of: _percent(
            (one for one in of if one.needs_tail), lambda one: one.right
        ),
        "slow tails found": lambda of: _percent(
            (one for one in of if one.expected is Verdict.SLOW_TAIL),
            lambda one: one.said is Verdict.SLOW_TAIL,
        ),
        "`slow_tail` of a true hang, per 1,000 hangs": lambda of: _per_mille(
            (one for one in of if one.hang), mistaken
        ),
        "vain, per 1,000 raises": lambda of: _per_mille(
            (one for one in of if one.said is Verdict.SLOW_TAIL), lambda one: not one.right
        ),
        "the same but for a server's limit above our timeout, which nothing shows": lambda of: (
            _per_mille(
                (one for one in of if one.said is Verdict.SLOW_TAIL and one.truth.kind != "limit"),
                lambda one: not one.right,
            )
        ),
        "`hangs` where a raise would rescue half, of `hangs` said": lambda of: _percent(
            (one for one in of if one.said is Verdict.HANGS),
            lambda one: one.expected is Verdict.SLOW_TAIL,
        ),
        'interval of a raise holds the plain 99 % quantile, or says "at least"': lambda of: (
            _percent(
                (one for one in of if one.said is Verdict.SLOW_TAIL), lambda one: one.holds_quantile
            )
        ),
        "the same where a timeout in reach meets the target": lambda of: _percent(
            (one for one in of if one.said is Verdict.SLOW_TAIL and one.reachable),
            lambda one: one.holds_quantile,
        ),
        "target met within 0.5 points after the raise, where one in reach meets it": lambda of: (
            _percent(
                (one for one in of if one.said is Verdict.SLOW_TAIL and one.reachable),
                lambda one: one.met,
            )
        ),
        "more than half a point too much promised": lambda of: _percent(
            (one for one in of if one.said is Verdict.SLOW_TAIL), promised_too_much
        ),
        "truth within the bounds of `unclear`": lambda of: _percent(
            (one for one in of if one.said is Verdict.UNCLEAR and one.needs_tail),
            lambda one: one.within_bounds,
        ),
        "median width of these bounds": _median_width,
    }
    print("| | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for name, figure in rows.items():
        print(f"| {name} | " + " | ".join(figure(of) for of in columns.values()) + " |")


def _median_width(of: list[Outcome]) -> str:
    width = [one.bounds[1] - one.bounds[0]
             for one in of if one.bounds is not None and one.said is Verdict.UNCLEAR]  # fmt: skip
    return f"{100 * median(width):.0f} points" if width else ""


def _percent(of: Iterable[Outcome], holds: Callable[[Outcome], bool]) -> str:
    holding = [holds(one) for one in of]
    return f"{sum(holding) / len(holding):.1%} of {len(holding)}" if holding else ""


def _per_mille(of: Iterable[Outcome], holds: Callable[[Outcome], bool]) -> str:
    holding = [holds(one) for one in of]
    return f"{1000 * sum(holding) / len(holding):.1f} ({sum(holding)})" if holding else ""
