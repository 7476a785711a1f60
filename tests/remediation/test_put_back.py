"""A write that changes more than the timeout: put back at once, told, and never forgotten."""

from __future__ import annotations

from contextlib import suppress

import pytest

from monitor.errors import ReadBackError, RefusedError
from monitor.ledger import ChangeState
from monitor.remediation.effect import Effect
from monitor.remediation.put_back import DAMAGED
from tests.remediation.bench import LISTED, ORG, UNLISTED, Bench, Program
from tests.remediation.steps import Killed, Steps
from tests.remediation.test_turn import apply, events, fault, newest, roll_back, turn

S = ChangeState


def spoil(bench: Bench, **more: object) -> None:
    """Let a write change something beside the timeout, on its way or on the platform."""
    bench.may_spoil = True
    fault(bench, "spoilt", **more)


def others(bench: Bench) -> object:
    """All but timeouts and what the far side counts."""
    return [bench._others(one) for one in (LISTED, UNLISTED)]  # noqa: SLF001 - the bench's own


def details(bench: Bench) -> list[str]:
    """What the audit trail says of the newest change, the oldest first."""
    lines = reversed(bench.ledger.journal.audit(ORG, 100))
    return [one.detail for one in lines if one.change_id == newest(bench).change_id]


def test_it_is_put_back_at_once_and_everything_stops(bench: Bench) -> None:
    """With the timeout; the record says what differed, and that nothing does any more."""
    before = others(bench)
    spoil(bench)

    turn(bench)

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert newest(bench).state is S.ROLLED_BACK
    place = "$.description" if bench.kind == "flow" else "$.config.request.headers.X-Edited"
    assert newest(bench).note == (
        f"{DAMAGED}: {place}; put back as it was read before, and nothing differs any more"
    )
    assert events(bench)[1:] == [
        *("planned", "writing", "applied", "unhelpful", "tripped", "undoing", "rolled_back")
    ]
    tripped = bench.raw_standing().tripped
    assert tripped is not None
    assert place in tripped.reason
    assert bench.raw_standing().quarantines[LISTED].reason == "rolled_back"


def test_nothing_else_is_changed_in_the_same_turn(bench: Bench) -> None:
    """Somebody asked for two changes, and the first shows that none can be relied on."""
    spoil(bench)

    report = apply(bench, LISTED, UNLISTED)

    assert len(report.made) == 1
    assert list(report.refused) == [UNLISTED]
    assert (bench.writes, bench.value_ms(UNLISTED)) == (2, 4_000)


def test_a_pause_does_not_leave_it_half_done(bench: Bench) -> None:
    """What is put back was under way when the switch was pulled; nothing follows it."""
    before = others(bench)
    spoil(bench)
    steps = Steps(bench=bench)
    steps.before["restore"] = [bench.pause]

    turn(bench, steps=steps)

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)


@pytest.mark.parametrize("kind", ["reset_after", "server_error"])
def test_an_answer_that_is_lost_hides_nothing(bench: Bench, kind: str) -> None:
    """What was carried out is compared all the same, and what was not is not."""
    before = others(bench)
    spoil(bench)
    if kind == "reset_after":
        fault(bench, kind)  # the first fault of a request wins: the second write loses its answer
    else:
        fault(bench, kind, skip=0)

    turn(bench)
    bench.move_clock(200)
    turn(bench)

    told = [one for one in details(bench) if DAMAGED in one]
    assert told
    assert others(bench) == before or newest(bench).state is S.UNHELPFUL


def test_an_edit_in_between_is_not_put_back_over(bench: Bench) -> None:
    """Once, under the lock of what was seen; what is there then stays, and is told."""
    spoil(bench)
    steps = Steps(bench=bench)
    steps.before["restore"] = [lambda: bench.edit(LISTED, 11_000)]

    turn(bench, steps=steps)

    assert bench.value_ms(LISTED) == 11_000
    assert "not put back: Somebody else wrote before" in newest(bench).note
    assert bench.raw_standing().tripped is not None
    bench.move_clock(200)
    bench.refresh()
    turn(bench)
    assert DAMAGED in newest(bench).note


def test_what_somebody_else_wrote_since_is_theirs(bench: Bench) -> None:
    """It is not put back, and nobody is blamed for it."""
    steps = Steps(bench=bench)
    reads = 0

    def edit_before_the_second() -> None:
        nonlocal reads
        reads += 1
        if reads == 1:
            steps.before["read"] = [edit_before_the_second]
        else:
            bench.edit(LISTED, None)

    steps.before["read"] = [edit_before_the_second]
    turn(bench, steps=steps)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.WATCHING, 6_000)
    assert bench.raw_standing().tripped is None


def test_where_it_is_spoilt_again_it_is_told_so(bench: Bench) -> None:
    """The gateway changes what is put back, too: it still differs, and where is said."""
    spoil(bench, count=2)

    turn(bench)

    assert bench.value_ms(LISTED) == 4_000
    assert "still differs at" in newest(bench).note or "not put back" in newest(bench).note
    assert bench.raw_standing().tripped is not None


def test_undoing_that_changes_more_is_put_back_too(bench: Bench) -> None:
    """All of it, and the timeout from before the change stays in force."""
    turn(bench)
    before = others(bench)
    spoil(bench)

    turn(bench, Effect.NOT_HELPED)

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert newest(bench).state is S.ROLLED_BACK
    assert "put back as it was read before" in newest(bench).note
    assert bench.raw_standing().tripped is not None


def test_a_rollback_by_hand_that_changes_more_is_put_back_too(bench: Bench) -> None:
    """And says so."""
    turn(bench)
    before = others(bench)
    spoil(bench)

    done = roll_back(bench, newest(bench))

    assert not isinstance(done, str)
    assert (done.state, DAMAGED in done.note) == (S.ROLLED_BACK, True)
    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)


def test_a_value_set_by_hand_is_put_back_and_told(bench: Bench) -> None:
    """The person reads what happened; the daemon changes nothing either."""
    before = others(bench)
    spoil(bench)
    steps = Steps(bench=bench, by_hand=True)

    with pytest.raises(ReadBackError, match=r"with it another place: .* was put back") as caught:
        Program(bench, "person").setting(steps, LISTED, 8_000).run()

    assert "resume" in caught.value.hint
    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert newest(bench).state is S.ROLLED_BACK
    assert newest(bench).note.startswith(f"set by hand, {DAMAGED}")
    assert bench.raw_standing().tripped is not None
    bench.refresh()
    turn(bench)
    assert bench.value_ms(LISTED) == 4_000


@pytest.mark.parametrize("step", range(5, 30))
def test_a_program_that_dies_in_between_leaves_it_to_the_next(bench: Bench, step: int) -> None:
    """Whatever it had recorded by then, nobody goes on as if nothing had happened."""
    before = others(bench)
    spoil(bench)
    steps = Steps(bench=bench, kill_after={step})
    died = False
    try:
        turn(bench, steps=steps)
    except Killed:
        died = True
    bench.wire.mend()
    was_written = bench.spoilt or bench.value_ms(LISTED) != 4_000
    bench.machine.at += 200
    bench.move_clock(200)
    turn(bench)

    if not died:
        assert others(bench) == before
    if was_written:
        assert bench.raw_standing().tripped is not None
        assert DAMAGED in newest(bench).note
    bench.check_that_damage_is_told()


@pytest.mark.parametrize("step", range(3, 22))
def test_by_hand_it_is_found_by_the_next_as_well(bench: Bench, step: int) -> None:
    """Also where the next one is about another action of the same flow."""
    spoil(bench)
    steps = Steps(bench=bench, by_hand=True, kill_after={step})
    with suppress(Killed, ReadBackError):
        Program(bench, "person").setting(steps, LISTED, 8_000).run()
    bench.wire.mend()
    is_spoilt = bool(bench.spoilt)
    bench.machine.at += 300
    bench.move_clock(300)
    again = Steps(bench=bench, by_hand=True)
    other = Program(bench, "another").setting(again, LISTED, 8_500)
    if is_spoilt:
        with pytest.raises(RefusedError):
            other.run()
        assert bench.raw_standing().tripped is not None
    bench.check_that_damage_is_told()
