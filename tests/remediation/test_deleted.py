"""An action, or its flow, that is deleted while a change of it wants something done."""

from __future__ import annotations

from contextlib import suppress

import pytest

from monitor.errors import NotFoundError
from monitor.journal import GONE, Change, ChangeState
from monitor.remediation.effect import Effect
from tests.remediation.bench import LISTED, Bench
from tests.remediation.crash_points import Killed, Steps
from tests.remediation.test_reconcile import events, newest, roll_back, turn

S = ChangeState


def test_a_raise_that_did_not_help_is_not_undone_for_good(bench: Bench) -> None:
    """There is nothing left to undo."""
    turn(bench)
    bench.delete(LISTED)
    bench.refresh()

    turn(bench, Effect.NOT_HELPED)

    assert (newest(bench).state, newest(bench).reason) == (S.SUPERSEDED, GONE)
    told = len(events(bench))
    turn(bench)
    assert events(bench)[told:] == [], "nothing more is to be done"


@pytest.mark.parametrize("step", range(1, 13))
def test_a_write_that_was_cut_short_is_not_looked_for_for_good(bench: Bench, step: int) -> None:
    """Wherever its program was killed."""
    with suppress(Killed):
        turn(bench, steps=Steps(bench=bench, kill_after={step}))
    bench.delete(LISTED)
    bench.refresh()
    bench.machine.at += 1_000
    bench.move_clock(1_000)
    turn(bench)
    turn(bench, Effect.NOT_HELPED)

    assert not [one for one in bench.changes() if one.action_id == LISTED and one.is_open]


def test_an_undoing_that_was_cut_short_ends(bench: Bench) -> None:
    """Killed right after its write, and deleted before anybody could read it."""
    turn(bench)
    for step in range(1, 30):
        steps = Steps(bench=bench, kill_after={step})
        with suppress(Killed):
            turn(bench, Effect.NOT_HELPED, steps=steps)
        bench.machine.at += 1_000
        if newest(bench).state is S.UNDOING:
            break
    assert newest(bench).state is S.UNDOING
    bench.delete(LISTED)
    bench.refresh()

    turn(bench)

    assert (newest(bench).state, newest(bench).reason) == (S.SUPERSEDED, GONE)


def test_whoever_rolls_it_back_closes_it(bench: Bench) -> None:
    """In a mode in which nobody else would."""
    turn(bench)
    bench.delete(LISTED)
    with pytest.raises(NotFoundError):
        roll_back(bench, newest(bench))
    assert newest(bench).state is S.WATCHING, "the catalogue still shows it"
    bench.refresh()

    undone = roll_back(bench, newest(bench))

    assert isinstance(undone, Change)
    assert (undone.state, undone.reason) == (S.SUPERSEDED, GONE)
    assert "is gone" in undone.note
