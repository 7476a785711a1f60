"""Laws out of the range of the priors: what is true of them, and that counts agree with it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import verdicts
from benchmarks.strange_laws import (
    STRANGE_KINDS,
    Limited,
    Lognormal,
    Polled,
    Power,
    Slowed,
    Staircase,
    draw_strange,
)
from benchmarks.verdict_outcome import Outcome
from benchmarks.verdict_truth import Truth
from monitor.diagnosis import Verdict

LAW = Lognormal("lognormal", 1000.0, 0.5)


def truth_of(law: Lognormal | Limited, timeout_ms: float = 1500.0) -> Truth:
    """What is true of an action with this law."""
    return Truth("limit", law, 0.0, timeout_ms, 10_000, 86_400)


def test_a_server_that_gives_up_is_rescued_by_nothing_beyond() -> None:
    """It gives up at 1.8 s: a raise from 1.5 s rescues what answers by then, and no more."""
    truth = truth_of(Limited("limit", LAW, 1800.0))
    late, given_up = (float(LAW.survival(at_ms)) for at_ms in (1500, 1800))

    assert truth.rescued(1800) == pytest.approx(1 - given_up / late)
    assert truth.rescued(3000) == truth.rescued(1800)


def test_each_attempt_is_a_step() -> None:
    """A fifth of the attempts fails: after the first 0.2 are left, after the second 0.04."""
    law = Staircase("staircase", Lognormal("", 100.0, 0.1), 1000.0, 0.2, 2)

    assert law.survival([0.0, 999.0, 1001.0, 2000.0, 9000.0]) == pytest.approx(
        [1.0, 0.2, 0.2, 0.04, 0.04]
    )


def test_what_is_polled_is_seen_at_the_next_question() -> None:
    """Every 500 ms: between 1,000 and 1,499 ms nothing is added."""
    law = Polled("quantised", LAW, 500.0)

    assert law.survival([1000.0, 1499.0]) == pytest.approx([0.5, 0.5])
    assert float(law.survival(1500)) == float(LAW.survival(1500))


def test_heavy_tails_are_powers() -> None:
    """Burr XII: (1 + t^c)^-k. Frechet: 1 - exp(-t^-a)."""
    at_ms = np.array([0.5, 1.0, 4.0])

    assert Power("", 1.0, 2.0, 1.5).survival(at_ms) == pytest.approx((1 + at_ms**2) ** -1.5)
    assert Power("", 1.0, 2.0).survival(at_ms) == pytest.approx(1 - np.exp(-(at_ms**-2.0)))


def test_load_is_the_law_of_all_calls_together() -> None:
    """Half of the calls at half the speed: the mean of both shares."""
    law = Slowed("load", LAW, np.array([1.0, 2.0]), np.array([0.5, 0.5]))

    expected = (LAW.survival(2000) + LAW.survival(1000)) / 2
    assert float(law.survival(2000)) == pytest.approx(float(expected))


def test_counts_agree_with_what_is_true() -> None:
    """Of each kind, timeouts are as many as the truth says, by four standard errors."""
    seen = set()
    for index in range(60):
        truth, evidence = draw_strange(np.random.default_rng([5, index]))
        seen.add(truth.kind)
        timeouts = float(evidence.timeouts.sum())
        expected = truth.share * evidence.executions
        assert abs(timeouts - expected) <= 4 * expected**0.5 + 4, (index, truth.kind)
        if truth.early:
            assert timeouts == 0 or evidence.timeout_max_ms.max() < truth.timeout_ms
    assert seen == set(STRANGE_KINDS)


def outcome(truth: Truth, said: Verdict, bounds: tuple[float, float] | None) -> Outcome:
    """An outcome of which only the bounds matter."""
    return Outcome(
        seed=0, index=0, strange=True, truth=truth, said=said, expected=Verdict.SLOW_TAIL,
        right=False, in_order=False, strict=False, executions=10_000, rescued=0.0, raw_ms=0.0,
        capped_ms=0.0, low_ms=0.0, high_ms=0.0, promised=1.0, bounds=bounds,
    )  # fmt: skip


def test_unclear_is_right_within_the_bounds_that_it_names() -> None:
    """A raise rescues 93 %: within 20 to 95 %, not within 20 to 60 %, nor where none are named."""
    truth = truth_of(LAW)
    assert truth.rescued(3000) == pytest.approx(0.93, abs=0.01)

    held = [
        outcome(truth, Verdict.UNCLEAR, bounds).within_bounds
        for bounds in ((0.2, 0.95), (0.2, 0.6), None)
    ]
    assert held == [True, False, False]


def test_a_run_tells_both_kinds_of_laws(capsys: pytest.CaptureFixture[str]) -> None:
    """The headline stands first, with a column for each; every verdict that was said is counted."""
    assert verdicts.main(["--draws", "40", "--strange", "20", "--no-cost", "--seed", "2"]) == 0

    shown = capsys.readouterr().out
    assert "| | within the priors | out of range | all |" in shown
    assert "`slow_tail` of a true hang, per 1,000 hangs" in shown
    assert shown.index("## Within the priors") < shown.index("## Out of their range")
