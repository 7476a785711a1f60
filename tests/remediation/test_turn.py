"""Turns at an org: each ending that a change can have, on both targets."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from monitor.errors import BusyError, TimeoutMonitorError
from monitor.ledger import Change, ChangeState
from monitor.remediation.effect import Effect
from monitor.remediation.targets import IntegrationActionTarget
from monitor.remediation.turn import TurnReport
from tests.remediation.conftest import MakeWorld
from tests.remediation.steps import Killed, Steps
from tests.remediation.world import (
    LISTED,
    ORG,
    UNLISTED,
    Program,
    World,
    judged,
)

DAY = 86_400
S = ChangeState


def turn(
    world: World,
    effect: Effect = Effect.NOT_YET,
    *,
    steps: Steps | None = None,
    program: str = "daemon",
) -> TurnReport:
    """The daemon's turn after a poll."""
    world.move_clock(60)
    world.poll()
    steps = steps or Steps(world=world)
    turns = Program(world, program).turns(steps, "auto@host")
    known = world.known()
    steps.data = known.data
    return turns.by_itself(known, judged(effect))


def newest(world: World) -> Change:
    """The newest change."""
    return world.changes()[0]


def fault(world: World, kind: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    """Let the next write go wrong."""
    method = "PUT" if world.kind == "flow" else "PATCH"
    world.wire.order(
        kind=kind, method=method, path_prefix="/api/v2/", retry_after_seconds=None, **more
    )


def events(world: World) -> list[str]:
    """What the audit trail tells, the oldest first."""
    return [one.event for one in reversed(world.ledger.journal.audit(ORG, 100))]


def roll_back(world: World, change: Change) -> Change | str:
    """Somebody types ``rollback``."""
    steps = Steps(world=world, by_hand=True)
    return Program(world, "person").turns(steps, "ann@desk").roll_back(change, "asked by ann")


def set_by_hand(world: World, timeout_ms: int) -> None:
    """Somebody types ``set-timeout``, and may be refused."""
    steps = Steps(world=world, by_hand=True)
    with suppress(TimeoutMonitorError):
        Program(world, "person").setting(steps, LISTED, timeout_ms).run()


def apply(world: World, *action_ids: str) -> TurnReport:
    """Somebody types ``apply``."""
    steps = Steps(world=world, by_hand=True)
    turns = Program(world, "person").turns(steps, "ann@desk")
    known = world.known()
    steps.data = known.data
    return turns.for_somebody(known, judged(Effect.NOT_YET), frozenset(action_ids))


def test_a_slow_tail_is_raised_by_one_step_and_read_back(world: World) -> None:
    """Only the action that is named, and with everything that was said about it on record."""
    report = turn(world)

    assert (world.value_ms(LISTED), world.value_ms(UNLISTED)) == (6_000, 4_000)
    assert newest(world).state is S.WATCHING
    assert [one.reason for one in report.decisions] == ["ok", "allow_list"]
    assert events(world) == ["refused", "planned", "writing", "applied", "watching"]
    planned = world.ledger.journal.audit(ORG, 100)[3]
    assert planned.evidence["verdict"] == "slow_tail"
    assert len(planned.evidence["guards"]) == 22  # type: ignore[arg-type]  # JSON


def test_a_change_that_helped_is_verified_and_followed_by_the_next_step(world: World) -> None:
    """After the cooldown."""
    turn(world)
    turn(world, Effect.HELPED)
    assert newest(world).state is S.VERIFIED
    assert turn(world).made == ()

    world.move_clock(DAY)
    turn(world)

    assert world.value_ms(LISTED) == 9_000


def test_steps_end_where_the_data_ask_for_no_more(world: World) -> None:
    """4, 6, 9, 13, 19 and then 26 s, which is what is wanted."""
    values = []
    for _ in range(8):
        turn(world)
        turn(world, Effect.HELPED)
        values.append(world.value_ms(LISTED))
        world.move_clock(DAY)

    assert values == [6_000, 9_000, 13_000, 19_000, 26_000, 26_000, 26_000, 26_000]


@pytest.mark.parametrize("effect", [Effect.NOT_HELPED, Effect.HARMED])
def test_a_change_that_did_not_help_is_undone_and_its_action_left_alone(
    world: World, effect: Effect
) -> None:
    """For the length of its quarantine."""
    turn(world)
    turn(world, effect)

    assert (newest(world).state, world.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    told = [event for event in events(world) if event != "refused"]
    assert told[-3:] == ["unhelpful", "undoing", "rolled_back"]
    world.move_clock(2 * DAY)
    (listed, _) = turn(world).decisions
    assert listed.reason == "quarantine"
    world.move_clock(29 * DAY)
    turn(world)
    assert world.value_ms(LISTED) == 6_000


def test_what_nobody_has_named_is_undone_by_a_person_alone(world: World) -> None:
    """Though the daemon undoes by itself what it may change by itself."""
    apply(world, UNLISTED)
    turn(world, Effect.NOT_HELPED)
    (change,) = [one for one in world.changes() if one.action_id == UNLISTED]

    assert (change.state, world.value_ms(UNLISTED)) == (S.UNHELPFUL, 6_000)
    roll_back(world, change)
    assert world.value_ms(UNLISTED) == 4_000


def test_recommend_leaves_the_undoing_to_a_person(world: World) -> None:
    """It says that the change did not help, and writes nothing."""
    turn(world)
    world.settings = world.settings.model_copy(update={"mode": "recommend"})
    writes = world.writes
    turn(world, Effect.NOT_HELPED)

    assert (newest(world).state, world.writes) == (S.UNHELPFUL, writes)
    undone = roll_back(world, newest(world))
    assert isinstance(undone, Change)
    assert (undone.state, world.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("conflict", S.CONFLICT),
        ("forbidden", S.FAILED),
        ("bad_request", S.FAILED),
        ("not_found", S.FAILED),
        ("rate_limited", S.ABANDONED),
    ],
)
def test_a_write_that_was_refused_has_changed_nothing(
    world: World, kind: str, state: ChangeState
) -> None:
    """It is not repeated; the next turn decides anew."""
    fault(world, kind)
    turn(world)

    assert (newest(world).state, world.value_ms(LISTED), world.writes) == (state, 4_000, 1)
    turn(world)
    assert (newest(world).state, world.value_ms(LISTED)) == (S.WATCHING, 6_000)


@pytest.mark.parametrize("kind", ["reset_after", "html"])
def test_a_write_without_an_answer_is_looked_for(world: World, kind: str) -> None:
    """And found where it arrived; where it did not, it is given up after a while."""
    fault(world, kind)
    turn(world)
    arrived = kind == "reset_after"

    assert world.writes == 1
    assert newest(world).state is (S.WATCHING if arrived else S.WRITING)
    if not arrived:
        world.move_clock(120)
        turn(world)
        first, second = world.changes()[1], world.changes()[0]
        assert (first.state, second.state) == (S.ABANDONED, S.WATCHING)


def test_somebody_who_was_quicker_wins(world: World) -> None:
    """The value that was decided upon is not in force any more: nothing is sent."""
    steps = Steps(world=world)
    steps.happenings[5] = [lambda: world.edit(LISTED, 7_000)]
    turn(world, steps=steps)

    assert (world.value_ms(LISTED), world.writes) == (7_000, 0)
    assert newest(world).state is S.ABANDONED
    assert "7 s is in force by now" in newest(world).note


def test_a_value_that_somebody_has_changed_since_is_theirs(world: World) -> None:
    """The program stands down, and undoes nothing."""
    turn(world)
    world.edit(LISTED, 5_000)
    world.refresh()
    turn(world, Effect.NOT_HELPED)

    assert (newest(world).state, world.value_ms(LISTED)) == (S.SUPERSEDED, 5_000)
    world.move_clock(2 * DAY)
    assert turn(world).decisions[0].reason == "quarantine"
    assert roll_back(world, newest(world)) == "not_in_force"
    assert world.value_ms(LISTED) == 5_000


def test_a_person_can_not_undo_what_somebody_else_has_changed_since(world: World) -> None:
    """Not even before the daemon has seen it."""
    turn(world)
    world.edit(LISTED, 5_000)
    undone = roll_back(world, newest(world))

    assert isinstance(undone, Change)
    assert (undone.state, world.value_ms(LISTED)) == (S.SUPERSEDED, 5_000)


def test_another_field_that_somebody_edits_is_no_reason_to_stand_down(world: World) -> None:
    """The timeout is still ours, and can be undone without touching their edit."""
    turn(world)
    world.edit(LISTED, None)
    turn(world, Effect.NOT_HELPED)

    assert (newest(world).state, world.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_failures_in_a_row_stop_everything_until_somebody_resumes(world: World) -> None:
    """Three of them."""
    for _ in range(3):
        fault(world, "forbidden")
        turn(world)
    turn(world)

    assert world.raw_standing().tripped is not None
    assert (turn(world).decisions[0].reason, world.value_ms(LISTED)) == ("tripped", 4_000)
    world.resume()
    turn(world)
    assert world.value_ms(LISTED) == 6_000


def test_a_pause_stops_the_undoing_too(world: World) -> None:
    """But not a person who asks for it by name."""
    turn(world)
    world.pause()
    turn(world, Effect.NOT_HELPED)
    assert (newest(world).state, world.value_ms(LISTED)) == (S.UNHELPFUL, 6_000)

    roll_back(world, newest(world))

    assert world.value_ms(LISTED) == 4_000


def test_off_undoes_nothing_either(world: World) -> None:
    """Off means that nothing is ever written."""
    turn(world)
    world.settings = world.settings.model_copy(update={"mode": "off"})

    assert roll_back(world, newest(world)) == "mode"
    assert world.value_ms(LISTED) == 6_000


def test_a_change_that_was_rolled_back_by_a_person_is_not_made_again(world: World) -> None:
    """For the length of a quarantine."""
    turn(world)
    turn(world, Effect.HELPED)
    roll_back(world, newest(world))
    world.move_clock(2 * DAY)

    assert (turn(world).decisions[0].reason, world.value_ms(LISTED)) == ("quarantine", 4_000)


@pytest.mark.parametrize("step", range(1, 20))
def test_a_program_that_dies_anywhere_is_carried_on_by_the_next(world: World, step: int) -> None:
    """The change is found and measured, or was never made; it is never made twice."""
    with_death = Steps(world=world, kill_after={step})
    died = False
    try:
        turn(world, steps=with_death)
    except Killed:
        died = True
    world.machine.at += 200  # the dead program's lease ends
    world.move_clock(200)
    turn(world)

    assert died == (step <= with_death.taken)
    assert world.value_ms(LISTED) == 6_000
    assert newest(world).state is S.WATCHING
    assert sum(one.applied_at is not None for one in world.changes()) == 1


def test_while_one_program_is_at_it_another_is_told_to_wait(world: World) -> None:
    """Without having asked the platform anything."""
    refused: list[str] = []

    def another() -> None:
        with pytest.raises(BusyError) as caught:
            turn(world, program="another")
        refused.append(caught.value.message)

    steps = Steps(world=world)
    steps.happenings[3] = [another]
    turn(world, steps=steps)

    assert refused == [f"Another program is changing timeouts of {ORG} at this moment"]
    assert world.writes == 1


def test_a_write_that_arrives_late_is_found_all_the_same(world: World) -> None:
    """It was given up, and is on record; so the program measures it as its own."""
    fault(world, "reset")
    turn(world)
    world.move_clock(120)
    world.pause()
    turn(world)
    assert newest(world).state is S.ABANDONED

    world.org.edit(world.path(LISTED), LISTED, 6_000)
    turn(world)

    assert newest(world).state is S.WATCHING


def test_a_value_of_ours_that_shows_long_after_is_recorded_and_left_alone(world: World) -> None:
    """A network that was very slow, or a person who has followed the same advice."""
    fault(world, "reset")
    turn(world)
    world.move_clock(120)
    world.pause()
    turn(world)
    world.move_clock(DAY)
    world.org.edit(world.path(LISTED), LISTED, 6_000)
    world.refresh()
    turn(world)
    assert newest(world).state is S.KEPT
    assert newest(world).applied_at is not None

    world.resume()
    turn(world, Effect.NOT_HELPED)
    assert world.value_ms(LISTED) == 6_000


def test_of_two_writes_that_were_given_up_one_is_found(world: World) -> None:
    """Nobody knows which of them has arrived, and one value can't be measured as two changes."""
    for _ in range(2):
        fault(world, "reset")
        turn(world)
        world.move_clock(120)
    world.pause()
    turn(world)
    assert [one.state for one in world.changes()] == [S.ABANDONED, S.ABANDONED]
    world.org.edit(world.path(LISTED), LISTED, 6_000)
    turn(world)

    assert [one.state for one in world.changes()] == [S.WATCHING, S.ABANDONED]


def test_a_write_that_changes_more_than_the_timeout_stops_everything(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform has done something that nobody has foreseen: a person has to look at it."""
    world = make_world()
    monkeypatch.setattr(
        IntegrationActionTarget, "differences", lambda *_: ("$.config.request.headers",)
    )
    turn(world)

    assert newest(world).state is S.UNHELPFUL
    assert newest(world).note.endswith("$.config.request.headers")
    assert world.value_ms(LISTED) == 6_000
    turn(world)
    tripped = world.raw_standing().tripped
    assert tripped is not None
    assert "changed more than the timeout" in tripped.reason


def test_an_undoing_that_changes_more_than_the_timeout_stops_everything_too(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is undone, and nothing is believed of the platform any more."""
    world = make_world()
    turn(world)
    monkeypatch.setattr(
        IntegrationActionTarget, "differences", lambda *_: ("$.config.request.headers",)
    )
    turn(world, Effect.NOT_HELPED)

    assert (newest(world).state, world.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert newest(world).note.endswith("$.config.request.headers")
    assert world.raw_standing().tripped is not None


@pytest.mark.parametrize("kind", ["reset_after", "reset"])
def test_an_undoing_without_an_answer_is_looked_for(world: World, kind: str) -> None:
    """It is not sent again before it can't be under way any more."""
    turn(world)
    fault(world, kind)
    turn(world, Effect.NOT_HELPED)
    arrived = kind == "reset_after"

    assert newest(world).state is (S.ROLLED_BACK if arrived else S.UNDOING)
    turn(world)
    assert world.writes == 2
    world.move_clock(120)
    turn(world)
    assert (newest(world).state, world.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_a_write_that_can_not_be_read_back_is_read_at_the_next_turn(world: World) -> None:
    """The turn goes on to its end, and says what it knows."""

    def nothing_can_be_read() -> None:
        world.wire.order(kind="unavailable", method="GET", path_prefix="/api/v2/")

    steps = Steps(world=world)
    steps.before["write"] = [nothing_can_be_read]
    (made,) = turn(world, steps=steps).made

    assert made.state is S.APPLIED
    turn(world)
    assert (newest(world).change_id, newest(world).state) == (made.change_id, S.WATCHING)


def test_people_make_changes_with_all_rails_but_the_allow_list(world: World) -> None:
    """What a rail refuses is refused to them, too."""
    world.settings = world.settings.model_copy(update={"mode": "recommend"})

    report = apply(world, LISTED, UNLISTED)

    assert [one.actor for one in report.made] == ["ann@desk"]
    assert list(report.refused.values()) == ["one_per_poll"]
    world.move_clock(60)
    world.poll()
    assert [one.action_id for one in apply(world, LISTED, UNLISTED).made] != [
        report.made[0].action_id
    ]
    assert (world.value_ms(LISTED), world.value_ms(UNLISTED)) == (6_000, 6_000)


def test_an_older_change_is_not_undone_while_a_later_one_stands(world: World) -> None:
    """The value in force is the later one's, which is no reason to call it somebody else's."""
    turn(world)
    turn(world, Effect.HELPED)
    world.move_clock(DAY)
    turn(world)
    later, older = world.changes()

    assert (older.state, later.state, world.value_ms(LISTED)) == (S.VERIFIED, S.WATCHING, 9_000)
    assert roll_back(world, older) == "later_change"
    set_by_hand(world, 8_000)
    assert [one.state for one in world.changes()] == [S.WATCHING, S.VERIFIED]
    roll_back(world, later)
    assert world.value_ms(LISTED) == 6_000


def test_an_older_change_is_not_undone_while_a_later_write_may_still_arrive(world: World) -> None:
    """Two writes at once could not be told apart."""
    turn(world)
    turn(world, Effect.HELPED)
    world.move_clock(DAY)
    fault(world, "reset")
    turn(world)
    later, older = world.changes()

    assert (later.state, world.value_ms(LISTED)) == (S.WRITING, 6_000)
    assert roll_back(world, older) == "later_change"
    assert (world.value_ms(LISTED), world.writes) == (6_000, 2)


def test_a_later_change_that_nobody_could_read_is_not_taken_for_somebody_elses(
    world: World,
) -> None:
    """It has arrived, and the catalogue shows it before the platform could be asked."""

    def nothing_can_be_read() -> None:
        world.wire.order(kind="unavailable", method="GET", path_prefix="/api/v2/")

    turn(world)
    turn(world, Effect.HELPED)
    world.move_clock(DAY)
    fault(world, "reset_after")
    steps = Steps(world=world)
    steps.before["write"] = [nothing_can_be_read]
    turn(world, steps=steps)
    assert (newest(world).state, world.value_ms(LISTED)) == (S.WRITING, 9_000)

    world.refresh()
    nothing_can_be_read()
    turn(world)
    assert [one.state for one in world.changes()] == [S.WRITING, S.VERIFIED]

    turn(world)
    assert [one.state for one in world.changes()] == [S.WATCHING, S.VERIFIED]


def test_a_machines_clock_that_was_set_back_does_not_block_for_a_day(world: World) -> None:
    """A dead program's lease can't end later than any lease may last."""
    with pytest.raises(Killed):
        turn(world, steps=Steps(world=world, kill_after={3}))
    world.machine.at -= DAY
    world.move_clock(200)
    turn(world, program="another")

    assert world.value_ms(LISTED) == 6_000


def test_a_program_that_was_stopped_past_its_lease_sends_nothing(world: World) -> None:
    """Another has gone on by then; the last look comes right before the request."""
    steps = Steps(world=world)

    def another_goes_on() -> None:
        world.machine.at += 1_000
        world.move_clock(3_600)
        turn(world, program="another")

    steps.before["write"] = [another_goes_on]
    with pytest.raises(BusyError):
        turn(world, steps=steps)

    first, second = reversed(world.changes())
    assert (first.state, second.state) == (S.ABANDONED, S.WATCHING)
    assert (world.value_ms(LISTED), world.writes) == (6_000, 1)


def test_a_program_whose_lease_is_over_calls_its_change_off(world: World) -> None:
    """Though nobody has taken over: somebody could, at any moment."""
    steps = Steps(world=world)

    def time_goes_by() -> None:
        world.machine.at += 1_000

    steps.before["write"] = [time_goes_by]
    turn(world, steps=steps)

    assert (newest(world).state, world.writes) == (S.ABANDONED, 0)
    assert "took longer than its lease" in newest(world).note


def test_a_person_whose_program_was_stopped_past_its_lease_sends_nothing(world: World) -> None:
    """Whoever has taken over meanwhile goes on from what is recorded."""
    steps = Steps(world=world, by_hand=True)

    def time_goes_by() -> None:
        world.machine.at += 1_000

    steps.before["write"] = [time_goes_by]
    with pytest.raises(BusyError, match="longer than its lease"):
        Program(world, "person").setting(steps, LISTED, 5_000).run()

    assert (newest(world).state, world.writes) == (S.FAILED, 0)
