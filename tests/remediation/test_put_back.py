"""A write that changes more than the timeout: put back at once, told, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from monitor.cli.plan import exit_code_of
from monitor.errors import ReadBackError, RefusedError
from monitor.journal import ChangeState
from monitor.remediation.effect import Effect
from monitor.remediation.put_back import DAMAGED, NOBODY_CAN_TELL, is_damaged, why_set_back
from monitor.simulator.flow_documents import _written
from tests.remediation.bench import FLOW, LISTED, ORG, UNLISTED, Bench, Program
from tests.remediation.conftest import MakeBench
from tests.remediation.crash_points import Killed, Steps
from tests.remediation.test_reconcile import apply, events, fault, newest, roll_back, turn

S = ChangeState


def spoil(bench: Bench, **more: object) -> None:
    """Let a write change something beside the timeout, on its way or on the platform."""
    bench.may_spoil = True
    bench.may_spoil_timeouts = bench.may_spoil_timeouts or "timeout_ms" in more
    fault(bench, "spoilt", action_id=LISTED, **more)


def others(bench: Bench) -> object:
    """All but timeouts and what the far side counts."""
    return [bench._others(one) for one in (LISTED, UNLISTED)]  # noqa: SLF001 - the bench's own


def details(bench: Bench) -> list[str]:
    """What the audit trail says of the newest change, the oldest first."""
    lines = reversed(bench.ledger.journal.audit.newest(ORG, 100))
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
    tripped = bench.raw_state().tripped
    assert tripped is not None
    assert place in tripped.reason
    assert bench.raw_state().quarantines[LISTED].reason == "rolled_back"


def die_before(steps: Steps, name: str, calls: int = 1) -> None:
    """End the program before its so many-th call of a name."""

    def die() -> None:
        steps.dead = True

    def wait() -> None:
        die_before(steps, name, calls - 1)

    steps.before.setdefault(name, []).append(die if calls == 1 else wait)


def test_damage_that_was_seen_is_known_whoever_saves_the_action_afterwards(bench: Bench) -> None:
    """A program finds it, and ends at the next step; then somebody saves the action."""
    spoil(bench)
    first, second = Steps(bench=bench), Steps(bench=bench)
    die_before(first, "move")
    with suppress(Killed):
        turn(bench, steps=first)
    assert (newest(bench).state, bench.writes) == (S.WRITING, 1)
    bench.machine.at += 1_000
    die_before(second, "move", 2)
    with suppress(Killed):
        turn(bench, steps=second, program="another")

    bench.machine.at += 1_000
    bench.edit(LISTED, None)
    turn(bench, program="a third")

    assert bench.raw_state().tripped is not None
    assert is_damaged(newest(bench))
    assert newest(bench).state is S.UNHELPFUL


def test_damage_of_an_undo_is_known_whoever_saves_the_action_afterwards(bench: Bench) -> None:
    """The program that finds it ends before it puts anything back; somebody saves, and resumes."""
    turn(bench)
    spoil(bench)
    steps = Steps(bench=bench, by_hand=True)
    die_before(steps, "send", 2)
    reconciler = Program(bench, "person").reconciler(steps, "ann@desk")
    with suppress(Killed):
        reconciler.roll_back(newest(bench), "asked by ann")
    assert (newest(bench).state, bench.writes) == (S.UNDOING, 2)
    assert bench.raw_state().tripped is not None

    bench.machine.at += 1_000
    bench.edit(LISTED, None)
    bench.resume()
    turn(bench, program="another")

    assert is_damaged(newest(bench))
    assert exit_code_of(newest(bench)) == 1


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
    assert bench.raw_state().tripped is not None
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
    assert bench.raw_state().tripped is None


def test_where_it_is_spoilt_again_it_is_told_so(bench: Bench) -> None:
    """The gateway changes what is put back, too: it still differs, and where is said."""
    spoil(bench, count=2)

    turn(bench)

    assert bench.value_ms(LISTED) == 4_000
    assert "still differs at" in newest(bench).note or "not put back" in newest(bench).note
    assert bench.raw_state().tripped is not None


def test_undoing_that_changes_more_is_put_back_too(bench: Bench) -> None:
    """All of it, and the timeout from before the change stays in force."""
    turn(bench)
    before = others(bench)
    spoil(bench)

    turn(bench, Effect.NOT_HELPED)

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert newest(bench).state is S.ROLLED_BACK
    assert "put back as it was read before" in newest(bench).note
    assert bench.raw_state().tripped is not None


def test_a_rollback_by_hand_that_changes_more_is_put_back_too(bench: Bench) -> None:
    """And says so."""
    turn(bench)
    before = others(bench)
    spoil(bench)

    done = roll_back(bench, newest(bench))

    assert not isinstance(done, str)
    assert (done.state, DAMAGED in done.note) == (S.ROLLED_BACK, True)
    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    [(asked, reason, detail)] = bench.ledger.journal.audit.undone_changes(ORG)
    assert why_set_back(asked=asked, reason=reason, detail=detail) == "damage"


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
    assert bench.raw_state().tripped is not None
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
        assert bench.raw_state().tripped is not None
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
        assert bench.raw_state().tripped is not None
    bench.check_that_damage_is_told()


def during(steps: Steps, number: int, happening: Callable[[], None], name: str = "read") -> None:
    """Let something happen right before a reading, or another step, counted from 1."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1
        if taken == number:
            happening()
        else:
            steps.before[name] = [count]

    steps.before[name] = [count]


def hide_configurations(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the platform show no configuration of any action from now on."""
    shown = bench.org.actions.shown

    def hidden(*args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - as it is shown
        return {k: v for k, v in shown(*args, **kwargs).items() if k != "config"}

    monkeypatch.setattr(bench.org.actions, "shown", hidden)


def test_a_timeout_that_is_damaged_with_the_rest_is_put_back_too(bench: Bench) -> None:
    """Nobody else has set it: the lock of our own answer is still there."""
    before = others(bench)
    spoil(bench, timeout_ms=60_000)

    turn(bench)

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert newest(bench).state is S.ROLLED_BACK
    assert "timeout" in newest(bench).note.partition(";")[0].removeprefix(DAMAGED)
    assert "put back as it was read before" in newest(bench).note
    assert bench.raw_state().tripped is not None


def test_a_damaged_timeout_of_an_undo_is_put_back_too(bench: Bench) -> None:
    """What is in force then is neither the value before nor ours."""
    turn(bench)
    before = others(bench)
    spoil(bench, timeout_ms=60_000)

    turn(bench, Effect.NOT_HELPED)

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert (newest(bench).state, DAMAGED in newest(bench).note) == (S.ROLLED_BACK, True)
    assert bench.raw_state().tripped is not None


def test_a_damaged_timeout_of_a_value_set_by_hand_is_put_back_too(bench: Bench) -> None:
    """And nobody is blamed for it."""
    before = others(bench)
    spoil(bench, timeout_ms=60_000)

    with pytest.raises(ReadBackError, match="was put back as it was read before"):
        Program(bench, "person").setting(Steps(bench=bench, by_hand=True), LISTED, 8_000).run()

    assert (bench.value_ms(LISTED), others(bench)) == (4_000, before)
    assert bench.raw_state().tripped is not None


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_next_program_finds_a_damaged_timeout(bench: Bench, *, by_hand: bool) -> None:
    """The write was accepted, under a lock that is still there: it was not somebody else."""
    spoil(bench, timeout_ms=30_000)
    steps = Steps(bench=bench)
    during(steps, 2, lambda: setattr(steps, "dead", True))
    with suppress(Killed):
        turn(bench, steps=steps)
    assert newest(bench).state is S.APPLIED
    bench.machine.at += 300

    if by_hand:
        again = Steps(bench=bench, by_hand=True)
        with pytest.raises(RefusedError):
            Program(bench, "person").setting(again, LISTED, 8_000).run()
    else:
        turn(bench)

    assert DAMAGED in newest(bench).note
    assert newest(bench).left_ms is None
    assert bench.raw_state().tripped is not None


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_configuration_that_is_not_shown_any_more_stops_everything(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, *, by_hand: bool
) -> None:
    """It was there before the write, and there is nothing to compare; it is not asked for ever."""
    bench = make_bench("integration-action")
    steps = Steps(bench=bench, by_hand=by_hand)
    during(steps, 2, lambda: hide_configurations(bench, monkeypatch))
    if by_hand:
        with pytest.raises(ReadBackError, match="no configuration"):
            Program(bench, "person").setting(steps, LISTED, 8_000).run()
    else:
        turn(bench, steps=steps)

    assert (newest(bench).state, DAMAGED in newest(bench).note) == (S.UNHELPFUL, True)
    assert bench.raw_state().tripped is not None


def test_a_configuration_that_the_next_program_is_not_shown_stops_everything(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change does not wait for ever for what will not come."""
    bench = make_bench("integration-action")
    steps = Steps(bench=bench)
    during(steps, 2, lambda: setattr(steps, "dead", True))
    with suppress(Killed):
        turn(bench, steps=steps)
    hide_configurations(bench, monkeypatch)
    bench.machine.at += 200
    turn(bench)

    assert (newest(bench).state, DAMAGED in newest(bench).note) == (S.UNHELPFUL, True)
    assert bench.raw_state().tripped is not None


@pytest.mark.parametrize(("timeout_ms", "state"), [(None, S.UNHELPFUL), (11_000, S.SUPERSEDED)])
def test_a_version_does_not_overrule_the_lock(
    make_bench: MakeBench, timeout_ms: int | None, state: ChangeState
) -> None:
    """An editor may save without counting: theirs is not overwritten, and everything stops."""
    bench = make_bench("flow")
    steps, flows = Steps(bench=bench), bench.org.flows

    def save_uncounted() -> None:
        version = flows.get(FLOW).body["version"]
        bench.edit(LISTED, timeout_ms)
        current = flows.get(FLOW)
        body = {**current.body, "version": version, "description": "Theirs"}
        flows._keep(FLOW, current, _written(current.number, body))  # noqa: SLF001 - no such editor

    during(steps, 2, save_uncounted)
    turn(bench, steps=steps)

    assert (flows.get(FLOW).body["description"], bench.writes) == ("Theirs", 1)
    assert newest(bench).state is state
    assert "not put back, for nobody can tell" in newest(bench).note
    assert bench.raw_state().tripped is not None


def test_undoing_a_damaged_change_does_not_make_it_look_whole(bench: Bench) -> None:
    """The record still says what it has damaged; what was resumed does not stop again for it."""
    spoil(bench)
    steps = Steps(bench=bench)
    steps.before["restore"] = [lambda: bench.edit(UNLISTED, None), lambda: bench.edit(LISTED, None)]
    turn(bench, steps=steps)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.UNHELPFUL, 6_000)
    bench.move_clock(60)
    bench.resume()

    done = roll_back(bench, newest(bench))

    assert not isinstance(done, str)
    assert (done.state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert DAMAGED in done.note
    assert exit_code_of(done) == 1
    turn(bench)
    assert bench.raw_state().tripped is None


def test_what_was_resumed_does_not_trip_when_it_is_given_up_later(bench: Bench) -> None:
    """Somebody has looked at it; that somebody else sets the timeout since is no new damage."""
    spoil(bench)
    steps = Steps(bench=bench)
    steps.before["restore"] = [lambda: bench.edit(UNLISTED, None), lambda: bench.edit(LISTED, None)]
    turn(bench, steps=steps)
    bench.move_clock(60)
    bench.resume()
    bench.edit(LISTED, 11_000)
    bench.refresh()

    turn(bench)

    assert (newest(bench).state, DAMAGED in newest(bench).note) == (S.SUPERSEDED, True)
    assert bench.raw_state().tripped is None


@pytest.mark.parametrize("undo", [False, True])
def test_a_lease_that_runs_short_does_not_hide_the_damage(bench: Bench, *, undo: bool) -> None:
    """It is not put back any more, and that is said, with what was damaged."""
    if undo:
        turn(bench)
    spoil(bench)
    steps = Steps(bench=bench)

    def wait() -> None:
        bench.machine.at += 200

    during(steps, 2, wait)
    turn(bench, Effect.NOT_HELPED if undo else Effect.NOT_YET, steps=steps)

    assert f"{DAMAGED}: $." in newest(bench).note
    assert "; not put back: " in newest(bench).note
    assert newest(bench).state is (S.ROLLED_BACK if undo else S.UNHELPFUL)
    assert bench.raw_state().tripped is not None


def test_by_hand_a_lease_that_runs_short_does_not_hide_the_damage(bench: Bench) -> None:
    """Who typed it reads what was damaged, and not that another program is busy."""
    spoil(bench)
    steps = Steps(bench=bench, by_hand=True)

    def wait() -> None:
        bench.machine.at += 200

    during(steps, 2, wait)
    setting = Program(bench, "person").setting(steps, LISTED, 8_000)
    with pytest.raises(ReadBackError, match=r"differs at another place now: .*not put back: "):
        setting.run()

    assert DAMAGED in newest(bench).note
    assert "; not put back: " in newest(bench).note
    assert bench.raw_state().tripped is not None


def die_after_sending(bench: Bench, undo: bool) -> None:  # noqa: FBT001 - which of two writes
    """End the program once a write was accepted, before it is read back."""
    steps = Steps(bench=bench)
    during(steps, 2, lambda: setattr(steps, "dead", True))
    with suppress(Killed):
        turn(bench, Effect.NOT_HELPED if undo else Effect.NOT_YET, steps=steps)
    bench.machine.at += 300


@pytest.mark.parametrize(("timeout_ms", "state"), [(None, S.WATCHING), (11_000, S.SUPERSEDED)])
def test_a_save_before_the_next_program_leaves_a_remark(
    bench: Bench, timeout_ms: int | None, state: ChangeState
) -> None:
    """Nobody can tell then who has changed what, and nobody takes the change for compared."""
    spoil(bench)
    die_after_sending(bench, undo=False)
    assert newest(bench).state is S.APPLIED
    bench.edit(LISTED, timeout_ms)

    turn(bench)

    assert newest(bench).state is state
    words = f"{NOBODY_CAN_TELL}: it was written again before that was compared"
    assert newest(bench).note.endswith(f"; {words}")
    assert not is_damaged(newest(bench))
    assert bench.raw_state().tripped is None


def test_a_save_before_the_next_program_leaves_a_remark_on_an_undo(bench: Bench) -> None:
    """As on a raise."""
    turn(bench)
    die_after_sending(bench, undo=True)
    assert newest(bench).state is S.UNDOING
    bench.edit(LISTED, None)
    bench.move_clock(200)

    turn(bench)

    assert newest(bench).state is S.ROLLED_BACK
    assert NOBODY_CAN_TELL in newest(bench).note


def test_what_was_compared_or_never_arrived_has_no_remark(bench: Bench) -> None:
    """Of a write that the next program can compare, or that was not made, there is none to make."""
    die_after_sending(bench, undo=False)
    turn(bench)
    assert newest(bench).state is S.WATCHING
    assert not any(NOBODY_CAN_TELL in one for one in details(bench))


def test_templates_that_could_not_be_read_back_are_no_damage(make_bench: MakeBench) -> None:
    """Where nobody knows for a moment what an action is, its templates are not asked for."""
    bench = make_bench("integration-action")
    steps = Steps(bench=bench)

    def hide_integrations() -> None:
        bench.wire.order(kind="forbidden", method="GET", path_prefix="/api/v2/integrations", skip=1)

    during(steps, 2, hide_integrations)
    turn(bench, steps=steps)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.WATCHING, 6_000)
    assert bench.raw_state().tripped is None


def test_nor_are_those_that_the_next_program_can_not_read(make_bench: MakeBench) -> None:
    """It can't tell, and blames nobody."""
    bench = make_bench("integration-action")
    steps = Steps(bench=bench)
    during(steps, 2, lambda: setattr(steps, "dead", True))
    with suppress(Killed):
        turn(bench, steps=steps)
    bench.machine.at += 300
    bench.wire.order(kind="forbidden", method="GET", path_prefix="/api/v2/integrations", skip=1)

    turn(bench)

    assert newest(bench).state is S.WATCHING
    assert newest(bench).note.endswith("not all of what is there now could be read")
    assert bench.raw_state().tripped is None


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_lease_that_is_lost_in_between_does_not_hide_the_damage(
    bench: Bench, *, by_hand: bool
) -> None:
    """The other program changes nothing, for all has stopped; a person is told what was damaged."""
    spoil(bench)
    steps = Steps(bench=bench, by_hand=by_hand)

    def take_over() -> None:
        bench.machine.at += 1_000
        turn(bench, program="another")

    during(steps, 2, take_over, "send")
    setting = Program(bench, "person").setting(steps, LISTED, 8_000)
    if by_hand:
        with pytest.raises(ReadBackError, match="not put back: "):
            setting.run()
    else:
        turn(bench, steps=steps)

    assert (newest(bench).state, DAMAGED in newest(bench).note) == (S.UNHELPFUL, True)
    assert bench.raw_state().tripped is not None


def test_what_is_not_shown_any_more_while_it_is_put_back_stays_damaged(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its program died, and the next one is shown nothing to compare."""
    bench = make_bench("integration-action")
    spoil(bench)
    steps = Steps(bench=bench)
    during(steps, 1, lambda: setattr(steps, "dead", True), "restore")
    with suppress(Killed):
        turn(bench, steps=steps)
    assert newest(bench).state is S.UNDOING
    hide_configurations(bench, monkeypatch)
    bench.machine.at += 300
    turn(bench)

    assert newest(bench).state is S.UNHELPFUL
    assert DAMAGED in newest(bench).note
    assert "shows no configuration" in newest(bench).note
