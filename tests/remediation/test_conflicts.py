"""Somebody else wrote first, in each way in which the platform may say so."""

from __future__ import annotations

import pytest

from monitor.errors import ConflictError
from monitor.ledger import ChangeState
from monitor.simulator.world import World
from tests.remediation.bench import LISTED, Bench, Program
from tests.remediation.conftest import MakeBench
from tests.remediation.steps import Steps
from tests.remediation.test_turn import newest, turn

S = ChangeState
STATUSES = ["409", "400", "408"]


@pytest.fixture(params=STATUSES)
def bench(request: pytest.FixtureRequest, make_bench: MakeBench) -> Bench:
    """An org of integration actions that says it in this way."""
    return make_bench(world=World(conflict=str(request.param)))


@pytest.mark.parametrize("timeout_ms", [None, 11_000])
def test_what_somebody_else_saved_stands(bench: Bench, timeout_ms: int | None) -> None:
    """A 408 could be anything, so the platform is read, and nothing is sent again."""
    steps = Steps(bench=bench)
    steps.before["write"] = [lambda: bench.edit(LISTED, timeout_ms)]

    turn(bench, steps=steps)
    bench.move_clock(200)
    bench.pause()
    bench.refresh()
    turn(bench)

    assert (bench.writes, bench.value_ms(LISTED)) == (1, timeout_ms or 4_000)
    said = bench.org.world.conflict != "408"
    expected = S.CONFLICT if said else S.SUPERSEDED if timeout_ms else S.ABANDONED
    assert newest(bench).state is expected
    assert bench.raw_standing().tripped is None


def test_by_hand_it_is_told_with_both_values(bench: Bench) -> None:
    """Nothing of theirs is overwritten."""
    steps = Steps(bench=bench, by_hand=True)
    steps.before["write"] = [lambda: bench.edit(LISTED, 11_000)]

    with pytest.raises(ConflictError, match=r"4000 ms.* is 11000 ms now"):
        Program(bench, "person").setting(steps, LISTED, 8_000).run()

    assert bench.value_ms(LISTED) == 11_000
