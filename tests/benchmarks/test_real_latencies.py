"""The benchmark on measured laws: what it takes for true, and that it says what it is asked for."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import real_latencies
from benchmarks.measured_laws import (
    SPELLS,
    Case,
    MeasuredLaw,
    RealTruth,
    cases,
    draw_real,
    read_laws,
)
from benchmarks.narrow_laws import Narrow
from tests.benchmarks import made_laws


@pytest.fixture
def laws(tmp_path: Path) -> dict[str, MeasuredLaw]:
    """The laws made for the tests, by name."""
    return {law.name: law for law in read_laws(made_laws.write(tmp_path / "laws.json"))}


def truth_of(law: MeasuredLaw, timeout_ms: float, reach_ms: float, never: float) -> RealTruth:
    """What is true where nothing is slower for a time."""
    return RealTruth(law, never, timeout_ms, reach_ms, np.ones(1), np.ones(1))


def test_what_a_raise_rescues_is_what_the_law_says(laws: dict[str, MeasuredLaw]) -> None:
    """Log-uniform from 100 to 1,300 ms: log 1.3 / log 13 of the answers lie beyond 1 s."""
    at, rescued = math.log(1.3) / math.log(13), math.log(1.3 / 1.1) / math.log(13)
    truth = truth_of(laws["even-1"], 1000, 2000, never=0.0)

    assert float(truth.survival(1000)) == pytest.approx(at)
    assert truth.rescued(1100) == pytest.approx(1 - rescued / at)
    assert truth.rescued_at_reach == pytest.approx(1.0)
    assert truth.quantile_ms == pytest.approx(1300 * 13**-0.01, rel=2e-3)


def test_calls_that_never_answer_are_rescued_by_nothing(laws: dict[str, MeasuredLaw]) -> None:
    """Of the same law a tenth hangs: so many timeouts stay, and no timeout meets 99 %."""
    truth = truth_of(laws["even-1"], 1000, 2000, never=0.1)
    late = 0.9 * math.log(1.3) / math.log(13)

    assert truth.rescued_at_reach == pytest.approx(late / (late + 0.1))
    assert truth.quantile_ms == math.inf


def test_times_of_slowness_count_as_often_as_they_are_called(laws: dict[str, MeasuredLaw]) -> None:
    """Twice as slow in a quarter of the calls: those are cut off as at half the timeout."""
    law = laws["even-1"]
    truth = RealTruth(law, 0.0, 1000, 2000, np.array([1.0, 2.0]), np.array([0.75, 0.25]))

    share = 0.75 * math.log(1.3) / math.log(13) + 0.25 * math.log(2.6) / math.log(13)
    assert float(truth.survival(1000)) == pytest.approx(share)


def test_nothing_is_judged_where_a_law_is_unknown(laws: dict[str, MeasuredLaw]) -> None:
    """A Pareto law seen for 20 s: a raise from 15 s reaches 20 s, and from 15 s stretched 30 s."""
    law = laws["heavy-1"]
    shown = [draw_real(Case(one, 1, 15_000.0, 2000, 0.0, "calm", (1,)))[0]
             for one in (law, law.stretched(4))]  # fmt: skip

    assert [truth.reach_ms for truth in shown] == [20_000.0, 30_000.0]
    assert shown[0].rescued(29_000) == shown[0].rescued(20_000)


def test_counts_are_those_of_the_law(laws: dict[str, MeasuredLaw]) -> None:
    """A week of 10,000 calls, with spells and hangs, shows as many timeouts as the truth says."""
    for slowness in ("calm", "drifting", SPELLS):
        case = Case(laws["even-2"], 1, 2000.0, 200_000, 0.02, slowness, (7,))
        truth, evidence = draw_real(case)
        share = float(evidence.timeouts.sum()) / evidence.executions

        assert share == pytest.approx(float(truth.survival(2000)), rel=0.05), slowness
        assert evidence.bands[:, 9:].sum() == 0


def test_every_family_is_drawn_alike(laws: dict[str, MeasuredLaw]) -> None:
    """Each family has its half of the draws, cut off by 1 to 30 %; most slow calls of a spell."""
    drawn = cases(list(laws.values()), 120, seed=3)

    assert [sum(one.law.family == family for one in drawn) for family in ("even", "heavy")] == [
        60,
        60,
    ]
    for one in drawn:
        truth, _ = draw_real(one)
        law = truth if one.slowness == SPELLS else one.law
        least = one.never * (one.slowness == SPELLS)
        assert 0.01 <= float(law.survival(one.timeout_ms)) - least <= 0.301
    assert {one.slowness for one in drawn} == {"calm", "drifting", SPELLS}


def test_a_narrow_law_with_hangs_is_a_hang_unless_its_own_tail_is_cut() -> None:
    """Of a median of 4.25 s and a tenth of hangs, sigma 0.03 leaves none to rescue, 0.2 many."""
    assert Narrow(0.03, 0.85, ()).hang
    assert not Narrow(0.2, 0.85, ()).hang


def test_the_report_tells_each_family_and_each_rival(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs on a file of one's own, and prints the figures of all and of each family."""
    path = made_laws.write(tmp_path / "laws.json")
    arguments = ["--laws", str(path), "--draws", "24", "--narrow", "0", "--seed", "1"]

    assert real_latencies.main(arguments) == 0

    shown = capsys.readouterr().out
    rows = {line.split(" | ")[0] for line in shown.splitlines() if line.startswith("| ")}
    assert {"| all", "| even", "| heavy", "| this program", "| double", "| p99 x 1.5"} <= rows
    assert "24 draws" in shown


def test_a_file_without_quantiles_is_refused(tmp_path: Path) -> None:
    """Quantiles that descend are no law: the file and the law are named."""
    path = tmp_path / "laws.json"
    path.write_text('{"laws": [{"family": "a", "name": "a-1", "quantiles_ms": [2, 1]}]}', "utf-8")

    with pytest.raises(ValueError, match="a-1 has no ascending quantiles"):
        read_laws(path)
