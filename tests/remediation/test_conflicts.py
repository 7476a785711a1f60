"""Somebody else wrote first, in each way in which the platform may say so."""

from __future__ import annotations

import pytest

from monitor.errors import ConflictError
from monitor.journal import ChangeState
from monitor.remediation.effect import Effect
from monitor.remediation.set_timeout import SetResult
from monitor.simulator.world import World
from tests.remediation.bench import LISTED, Bench, Program
from tests.remediation.conftest import MakeBench
from tests.remediation.crash_points import Steps
from tests.remediation.test_reconcile import fault, newest, turn

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
    assert bench.raw_state().tripped is None


def test_by_hand_it_is_told_with_both_values(bench: Bench) -> None:
    """Nothing of theirs is overwritten."""
    steps = Steps(bench=bench, by_hand=True)
    steps.before["write"] = [lambda: bench.edit(LISTED, 11_000)]

    with pytest.raises(ConflictError, match=r"4000 ms.* is 11000 ms now"):
        Program(bench, "person").setting(steps, LISTED, 8_000).run()

    assert bench.value_ms(LISTED) == 11_000


TWICE = [
    "conflict_after",
    "precondition_failed_after",
    "bad_request_after",
    "not_found_after",
    "rate_limited_after",
]
"""What the second of two equal requests may be answered where the first was carried out."""


@pytest.fixture(params=["flow", "integration-action"])
def place(request: pytest.FixtureRequest, make_bench: MakeBench) -> Bench:
    """Each place where timeouts are kept."""
    return make_bench(str(request.param))


@pytest.mark.parametrize("kind", TWICE)
def test_a_write_that_a_proxy_sent_twice_is_ours(place: Bench, kind: str) -> None:
    """The refusal is that of the second: what is there is our value, one version on."""
    fault(place, kind)

    turn(place)

    assert (newest(place).state, place.value_ms(LISTED), place.writes) == (S.WATCHING, 6_000, 1)


@pytest.mark.parametrize("kind", TWICE)
def test_an_undo_that_a_proxy_sent_twice_is_done(place: Bench, kind: str) -> None:
    """The value before is in force, and recorded so at once."""
    turn(place)
    fault(place, kind)

    turn(place, Effect.NOT_HELPED)

    assert (newest(place).state, place.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert place.writes == 2


@pytest.mark.parametrize("kind", TWICE)
def test_by_hand_a_write_that_a_proxy_sent_twice_is_done(place: Bench, kind: str) -> None:
    """It is told so, and recorded as kept."""
    fault(place, kind)
    steps = Steps(bench=place, by_hand=True)
    by_hand = Program(place, "person").setting(steps, LISTED, 8_000)

    result = by_hand.run()

    assert (result.outcome, newest(place).state) == (SetResult.CHANGED, S.KEPT)
    assert (place.value_ms(LISTED), place.writes) == (8_000, 1)
    assert "sent it twice" in result.remarks[0]


@pytest.mark.parametrize("kind", TWICE)
def test_what_is_put_back_and_sent_twice_is_put_back(place: Bench, kind: str) -> None:
    """What a write has changed besides is as it was, and nothing says otherwise."""
    place.may_spoil = True
    fault(place, "spoilt", action_id=LISTED)
    fault(place, kind)

    turn(place)

    assert (newest(place).state, place.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert newest(place).note.endswith("nothing differs any more")


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_same_value_with_another_field_is_somebody_elses(
    place: Bench, *, by_hand: bool
) -> None:
    """A write of ours would have changed the timeout alone, and by one version."""

    def same_and_more() -> None:
        place.org.edit(place.path(LISTED), LISTED, 6_000)
        place.org.edit(place.path(LISTED), LISTED, None)

    steps = Steps(bench=place, by_hand=by_hand)
    steps.before["write"] = [same_and_more]

    if by_hand:
        Program(place, "person").setting(steps, LISTED, 6_000).run()
    else:
        turn(place, steps=steps)

    assert newest(place).state is S.CONFLICT


def test_a_refusal_after_which_nothing_can_be_read_waits_for_the_next_turn(place: Bench) -> None:
    """It is not called a conflict before somebody has looked."""

    def gone() -> None:
        place.wire.order(kind="unavailable", method="GET", path_prefix="/api/v2/", count=99)

    fault(place, "conflict_after")
    steps = Steps(bench=place)
    steps.before["write"] = [gone]

    turn(place, steps=steps)
    assert newest(place).state is S.WRITING
    place.wire.mend()
    turn(place)

    assert (newest(place).state, place.writes) == (S.WATCHING, 1)
