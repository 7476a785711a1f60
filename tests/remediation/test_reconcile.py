"""Reconciling an org: each ending that a change can have, on both targets."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from monitor.errors import (
    BusyError,
    ConnectionFailedError,
    RefusedError,
    TimeoutMonitorError,
)
from monitor.journal import Change, ChangeState
from monitor.model import TimeoutEdit
from monitor.remediation.effect import Effect, Judgement
from monitor.remediation.put_back import why_set_back
from monitor.remediation.reconcile import ReconcileReport
from monitor.remediation.targets import (
    FlowTarget,
    IntegrationActionTarget,
    PreSendCheck,
    TargetState,
    Written,
)
from tests.remediation.bench import (
    LISTED,
    ORG,
    UNLISTED,
    Bench,
    Program,
    judged,
)
from tests.remediation.conftest import MakeBench
from tests.remediation.crash_points import Killed, Steps

DAY = 86_400
S = ChangeState


def turn(
    bench: Bench,
    effect: Effect = Effect.NOT_YET,
    *,
    steps: Steps | None = None,
    program: str = "daemon",
) -> ReconcileReport:
    """The daemon's turn after a poll."""
    bench.move_clock(60)
    bench.poll()
    steps = steps or Steps(bench=bench)
    reconciler = Program(bench, program).reconciler(steps, "auto@host")
    inputs = bench.inputs()
    steps.data = inputs.data
    return reconciler.reconcile(inputs, judged(effect))


def newest(bench: Bench) -> Change:
    """The newest change."""
    return bench.changes()[0]


def fault(bench: Bench, kind: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    """Let the next write go wrong."""
    method = "PUT" if bench.kind == "flow" else "PATCH"
    bench.wire.order(
        kind=kind, method=method, path_prefix="/api/v2/", retry_after_seconds=None, **more
    )


def events(bench: Bench) -> list[str]:
    """What the audit trail tells, the oldest first."""
    return [one.event for one in reversed(bench.ledger.journal.audit.newest(ORG, 100))]


def roll_back(bench: Bench, change: Change) -> Change | str:
    """Somebody types ``rollback``."""
    steps = Steps(bench=bench, by_hand=True)
    return Program(bench, "person").reconciler(steps, "ann@desk").roll_back(change, "asked by ann")


def set_by_hand(bench: Bench, timeout_ms: int) -> None:
    """Somebody types ``set-timeout``, and may be refused."""
    steps = Steps(bench=bench, by_hand=True)
    with suppress(TimeoutMonitorError):
        Program(bench, "person").setting(steps, LISTED, timeout_ms).run()


def apply(bench: Bench, *action_ids: str) -> ReconcileReport:
    """Somebody types ``apply``."""
    steps = Steps(bench=bench, by_hand=True)
    reconciler = Program(bench, "person").reconciler(steps, "ann@desk")
    inputs = bench.inputs()
    steps.data = inputs.data
    return reconciler.apply_requested(inputs, judged(Effect.NOT_YET), frozenset(action_ids))


def test_a_slow_tail_is_raised_by_one_step_and_read_back(bench: Bench) -> None:
    """Only the action that is named, and with everything that was said about it on record."""
    report = turn(bench)

    assert (bench.value_ms(LISTED), bench.value_ms(UNLISTED)) == (6_000, 4_000)
    assert newest(bench).state is S.WATCHING
    assert [one.reason for one in report.decisions] == ["ok", "allow_list"]
    assert events(bench) == ["refused", "planned", "writing", "applied", "watching"]
    planned = bench.ledger.journal.audit.newest(ORG, 100)[3]
    assert planned.evidence["verdict"] == "slow_tail"
    assert len(planned.evidence["guards"]) == 25  # type: ignore[arg-type]  # JSON


def test_what_can_not_be_sent_back_whole_is_left_alone_for_an_hour(bench: Bench) -> None:
    """And not planned and given up again at every poll; what it lacks is on record."""
    path = bench.path(LISTED) if bench.kind == "flow" else f"{bench.path(LISTED)}/templates/"
    kind = "cut" if bench.kind == "flow" else "not_found"
    bench.wire.order(kind=kind, method="GET", path_prefix=path, count=99)
    turn(bench)
    report = turn(bench)

    (change,) = bench.changes()
    assert (change.state, bench.writes) == (S.ABANDONED, 0)
    assert "came whole" in change.note or "does not know the template" in change.note
    guards = {one.name: one.detail for one in report.decisions[0].guards if not one.passed}
    assert "more hours" in guards["quarantine"]
    bench.wire.mend()
    bench.move_clock(3_600)
    turn(bench)
    assert bench.value_ms(LISTED) == 6_000


def test_an_undo_that_can_not_be_sent_rests_for_an_hour(bench: Bench) -> None:
    """It is not tried at every poll; why is on record, and it is undone once that is mended."""
    turn(bench)
    path = bench.path(LISTED) if bench.kind == "flow" else f"{bench.path(LISTED)}/templates/"
    kind = "cut" if bench.kind == "flow" else "not_found"
    bench.wire.order(kind=kind, method="GET", path_prefix=path, count=99)
    turn(bench, Effect.NOT_HELPED)
    assert (newest(bench).state, bench.writes) == (S.UNHELPFUL, 1)
    assert newest(bench).note.startswith("not undone: ")
    told = len(events(bench))
    bench.wire.mend()
    turn(bench)
    turn(bench)
    assert (len(events(bench)), bench.value_ms(LISTED)) == (told, 6_000)
    assert newest(bench).explanation.startswith("judged not_helped; not undone: ")

    bench.move_clock(3_600)
    turn(bench)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert newest(bench).explanation == "judged not_helped; the platform shows the value before"


def test_a_rollback_that_can_not_be_sent_says_why_and_changes_nothing(
    make_bench: MakeBench,
) -> None:
    """Who asked for it is told; the change goes on as if nobody had asked."""
    bench = make_bench("integration-action")
    turn(bench)
    path = f"{bench.path(LISTED)}/templates/"
    bench.wire.order(kind="not_found", method="GET", path_prefix=path, count=99)

    with pytest.raises(RefusedError, match="does not know the template"):
        roll_back(bench, newest(bench))

    assert (newest(bench).state, bench.writes) == (S.WATCHING, 1)


def test_an_undo_that_the_platform_refuses_rests_for_an_hour(bench: Bench) -> None:
    """A right that is missing does not come back within a minute."""
    turn(bench)
    fault(bench, "forbidden", count=9)
    turn(bench, Effect.NOT_HELPED)
    turn(bench)
    turn(bench)
    assert (newest(bench).state, bench.writes) == (S.UNHELPFUL, 2)

    bench.move_clock(3_600)
    turn(bench)

    assert bench.writes == 3


def test_an_undo_that_somebody_else_overtakes_is_tried_at_the_next_poll(bench: Bench) -> None:
    """They have saved something else; the timeout is still to be undone."""
    turn(bench)
    steps = Steps(bench=bench)
    steps.before["write"] = [lambda: bench.edit(LISTED, None)]
    turn(bench, Effect.NOT_HELPED, steps=steps)
    assert newest(bench).note.startswith("undoing put off: ")

    turn(bench)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_a_change_that_helped_is_verified_and_followed_by_the_next_step(bench: Bench) -> None:
    """After the cooldown."""
    turn(bench)
    turn(bench, Effect.HELPED)
    assert newest(bench).state is S.VERIFIED
    assert turn(bench).made == ()

    bench.move_clock(DAY)
    turn(bench)

    assert bench.value_ms(LISTED) == 9_000


def test_steps_end_where_the_data_ask_for_no_more(bench: Bench) -> None:
    """4, 6, 9, 13, 19 and then 26 s, which is what is wanted."""
    bench.required_ms = 26_000.0
    values = []
    for _ in range(8):
        turn(bench)
        turn(bench, Effect.HELPED)
        values.append(bench.value_ms(LISTED))
        bench.move_clock(DAY)

    assert values == [6_000, 9_000, 13_000, 19_000, 26_000, 26_000, 26_000, 26_000]


@pytest.mark.parametrize("effect", [Effect.NOT_HELPED, Effect.HARMED])
def test_a_change_that_did_not_help_is_undone_and_its_action_left_alone(
    bench: Bench, effect: Effect
) -> None:
    """For the length of its quarantine."""
    turn(bench)
    turn(bench, effect)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    told = [event for event in events(bench) if event != "refused"]
    assert told[-3:] == ["unhelpful", "undoing", "rolled_back"]
    bench.move_clock(2 * DAY)
    (listed, _) = turn(bench).decisions
    assert listed.reason == "quarantine"
    bench.move_clock(29 * DAY)
    turn(bench)
    assert bench.value_ms(LISTED) == 6_000


def test_what_nobody_has_named_is_undone_by_a_person_alone(bench: Bench) -> None:
    """Though the daemon undoes by itself what it may change by itself."""
    apply(bench, UNLISTED)
    turn(bench, Effect.NOT_HELPED)
    (change,) = [one for one in bench.changes() if one.action_id == UNLISTED]

    assert (change.state, bench.value_ms(UNLISTED)) == (S.UNHELPFUL, 6_000)
    roll_back(bench, change)
    assert bench.value_ms(UNLISTED) == 4_000


def test_recommend_leaves_the_undoing_to_a_person(bench: Bench) -> None:
    """It says that the change did not help, and writes nothing."""
    turn(bench)
    bench.settings = bench.settings.model_copy(update={"mode": "recommend"})
    writes = bench.writes
    turn(bench, Effect.NOT_HELPED)

    assert (newest(bench).state, bench.writes) == (S.UNHELPFUL, writes)
    undone = roll_back(bench, newest(bench))
    assert isinstance(undone, Change)
    assert (undone.state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    asked = undone.note.removesuffix("; the platform shows the value before")
    assert asked == "asked by ann"
    assert undone.explanation == f"judged not_helped; {undone.note}"


@pytest.mark.parametrize("kind", ["reset", "forbidden"])
def test_an_undo_that_somebody_asked_for_is_theirs_when_it_is_made_later(
    bench: Bench, kind: str
) -> None:
    """It did not arrive, or was refused, and the daemon sends it again: it was not found bad."""
    turn(bench)
    turn(bench, Effect.HELPED)
    fault(bench, kind)
    with suppress(TimeoutMonitorError):
        roll_back(bench, newest(bench))
    bench.wire.mend()
    bench.move_clock(150)
    turn(bench)
    bench.move_clock(3_700)
    turn(bench)
    bench.move_clock(150)
    turn(bench)

    done = newest(bench)
    assert (done.state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert done.explanation == "judged helped; asked by ann; the platform shows the value before"
    trail = bench.ledger.journal.audit.newest(ORG, 100)
    undoing = [one for one in trail if one.event == "undoing"]
    assert len(undoing) > 1
    assert {one.reason for one in undoing} == {"asked_for"}
    assert all(one.detail.startswith("asked by ann") for one in undoing)


def test_what_a_change_did_is_still_told_where_somebody_has_overridden_it(bench: Bench) -> None:
    """Who did that is the news, and what was measured is why they may have."""
    turn(bench)
    turn(bench, Effect.HELPED)
    assert newest(bench).explanation == newest(bench).note == "judged helped"
    bench.edit(LISTED, 9_000)
    bench.refresh()
    turn(bench)

    assert newest(bench).explanation == "judged helped; somebody has set 9 s; who is unknown"


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
    bench: Bench, kind: str, state: ChangeState
) -> None:
    """It is not repeated; the next turn decides anew."""
    fault(bench, kind)
    turn(bench)

    assert (newest(bench).state, bench.value_ms(LISTED), bench.writes) == (state, 4_000, 1)
    turn(bench)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.WATCHING, 6_000)


@pytest.mark.parametrize("kind", ["reset_after", "html"])
def test_a_write_without_an_answer_is_looked_for(bench: Bench, kind: str) -> None:
    """And found where it arrived; where it did not, it is given up after a while."""
    fault(bench, kind)
    turn(bench)
    arrived = kind == "reset_after"

    assert bench.writes == 1
    assert newest(bench).state is (S.WATCHING if arrived else S.WRITING)
    if not arrived:
        bench.move_clock(120)
        turn(bench)
        first, second = bench.changes()[1], bench.changes()[0]
        assert (first.state, second.state) == (S.ABANDONED, S.WATCHING)


def test_somebody_who_was_quicker_wins(bench: Bench) -> None:
    """The value that was decided upon is not in force any more: nothing is sent."""
    steps = Steps(bench=bench)
    steps.happenings[5] = [lambda: bench.edit(LISTED, 7_000)]
    turn(bench, steps=steps)

    assert (bench.value_ms(LISTED), bench.writes) == (7_000, 0)
    assert newest(bench).state is S.ABANDONED
    assert "7 s is in force by now" in newest(bench).note


def test_a_value_that_somebody_has_changed_since_is_theirs(bench: Bench) -> None:
    """The program stands down, and undoes nothing."""
    turn(bench)
    bench.edit(LISTED, 5_000)
    bench.refresh()
    turn(bench, Effect.NOT_HELPED)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.SUPERSEDED, 5_000)
    bench.move_clock(2 * DAY)
    assert turn(bench).decisions[0].reason == "quarantine"
    assert roll_back(bench, newest(bench)) == "not_in_force"
    assert bench.value_ms(LISTED) == 5_000


def test_a_person_can_not_undo_what_somebody_else_has_changed_since(bench: Bench) -> None:
    """Not even before the daemon has seen it."""
    turn(bench)
    bench.edit(LISTED, 5_000)
    undone = roll_back(bench, newest(bench))

    assert isinstance(undone, Change)
    assert (undone.state, bench.value_ms(LISTED)) == (S.SUPERSEDED, 5_000)


def test_another_field_that_somebody_edits_is_no_reason_to_stand_down(bench: Bench) -> None:
    """The timeout is still ours, and can be undone without touching their edit."""
    turn(bench)
    bench.edit(LISTED, None)
    turn(bench, Effect.NOT_HELPED)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_failures_in_a_row_stop_everything_until_somebody_resumes(bench: Bench) -> None:
    """Three of them."""
    for _ in range(3):
        fault(bench, "forbidden")
        turn(bench)
    turn(bench)

    assert bench.raw_state().tripped is not None
    assert (turn(bench).decisions[0].reason, bench.value_ms(LISTED)) == ("tripped", 4_000)
    bench.resume()
    turn(bench)
    assert bench.value_ms(LISTED) == 6_000


def test_a_pause_stops_the_undoing_too(bench: Bench) -> None:
    """But not a person who asks for it by name."""
    turn(bench)
    bench.pause()
    turn(bench, Effect.NOT_HELPED)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.UNHELPFUL, 6_000)

    roll_back(bench, newest(bench))

    assert bench.value_ms(LISTED) == 4_000


def test_off_undoes_nothing_either(bench: Bench) -> None:
    """Off means that nothing is ever written."""
    turn(bench)
    bench.settings = bench.settings.model_copy(update={"mode": "off"})

    assert roll_back(bench, newest(bench)) == "mode"
    assert bench.value_ms(LISTED) == 6_000


def test_a_change_that_was_rolled_back_by_a_person_is_not_made_again(bench: Bench) -> None:
    """For the length of a quarantine."""
    turn(bench)
    turn(bench, Effect.HELPED)
    roll_back(bench, newest(bench))
    bench.move_clock(2 * DAY)

    assert (turn(bench).decisions[0].reason, bench.value_ms(LISTED)) == ("quarantine", 4_000)


@pytest.mark.parametrize("step", range(1, 20))
def test_a_program_that_dies_anywhere_is_carried_on_by_the_next(bench: Bench, step: int) -> None:
    """The change is found and measured, or was never made; it is never made twice."""
    with_death = Steps(bench=bench, kill_after={step})
    died = False
    try:
        turn(bench, steps=with_death)
    except Killed:
        died = True
    bench.machine.at += 200  # the dead program's lease ends
    bench.move_clock(200)
    turn(bench)

    assert died == (step <= with_death.taken)
    assert bench.value_ms(LISTED) == 6_000
    assert newest(bench).state is S.WATCHING
    assert sum(one.applied_at is not None for one in bench.changes()) == 1


def test_while_one_program_is_at_it_another_is_told_to_wait(bench: Bench) -> None:
    """Without having asked the platform anything."""
    refused: list[str] = []

    def another() -> None:
        with pytest.raises(BusyError) as caught:
            turn(bench, program="another")
        refused.append(caught.value.message)

    steps = Steps(bench=bench)
    steps.happenings[3] = [another]
    turn(bench, steps=steps)

    assert refused == [f"Another program is changing timeouts of {ORG} at this moment"]
    assert bench.writes == 1


def test_a_write_that_arrives_late_is_found_all_the_same(bench: Bench) -> None:
    """It was given up, and is on record; so the program measures it as its own."""
    fault(bench, "reset")
    turn(bench)
    bench.move_clock(120)
    bench.pause()
    turn(bench)
    assert newest(bench).state is S.ABANDONED

    bench.org.edit(bench.path(LISTED), LISTED, 6_000)
    turn(bench)

    assert newest(bench).state is S.WATCHING


def test_a_value_of_ours_that_shows_long_after_is_recorded_and_left_alone(bench: Bench) -> None:
    """A network that was very slow, or a person who has followed the same advice."""
    fault(bench, "reset")
    turn(bench)
    bench.move_clock(120)
    bench.pause()
    turn(bench)
    bench.move_clock(DAY)
    bench.org.edit(bench.path(LISTED), LISTED, 6_000)
    bench.refresh()
    turn(bench)
    assert newest(bench).state is S.KEPT
    assert newest(bench).applied_at is not None

    bench.resume()
    turn(bench, Effect.NOT_HELPED)
    assert bench.value_ms(LISTED) == 6_000


def test_of_two_writes_that_were_given_up_one_is_found(bench: Bench) -> None:
    """Nobody knows which of them has arrived, and one value can't be measured as two changes."""
    for _ in range(2):
        fault(bench, "reset")
        turn(bench)
        bench.move_clock(120)
    bench.pause()
    turn(bench)
    assert [one.state for one in bench.changes()] == [S.ABANDONED, S.ABANDONED]
    bench.org.edit(bench.path(LISTED), LISTED, 6_000)
    turn(bench)

    assert [one.state for one in bench.changes()] == [S.WATCHING, S.ABANDONED]


def test_a_write_that_changes_more_than_the_timeout_stops_everything(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform has done something that nobody has foreseen: a person has to look at it."""
    bench = make_bench()
    monkeypatch.setattr(
        IntegrationActionTarget, "differences", lambda *_: ("$.config.request.headers",)
    )
    turn(bench)

    assert newest(bench).state is S.ROLLED_BACK
    assert newest(bench).note.endswith("put back, and it still differs at $.config.request.headers")
    assert bench.value_ms(LISTED) == 4_000
    tripped = bench.raw_state().tripped
    assert tripped is not None
    assert "changed more than the timeout" in tripped.reason


def test_an_undoing_that_changes_more_than_the_timeout_stops_everything_too(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is undone, and nothing is believed of the platform any more."""
    bench = make_bench()
    turn(bench)
    monkeypatch.setattr(
        IntegrationActionTarget, "differences", lambda *_: ("$.config.request.headers",)
    )
    turn(bench, Effect.NOT_HELPED)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    assert newest(bench).note.endswith("$.config.request.headers")
    assert bench.raw_state().tripped is not None


@pytest.mark.parametrize("kind", ["reset_after", "reset"])
def test_an_undoing_without_an_answer_is_looked_for(bench: Bench, kind: str) -> None:
    """It is not sent again before it can't be under way any more."""
    turn(bench)
    fault(bench, kind)
    turn(bench, Effect.NOT_HELPED)
    arrived = kind == "reset_after"

    assert newest(bench).state is (S.ROLLED_BACK if arrived else S.UNDOING)
    turn(bench)
    assert bench.writes == 2
    bench.move_clock(120)
    turn(bench)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_a_write_that_can_not_be_read_back_is_read_at_the_next_turn(bench: Bench) -> None:
    """The turn goes on to its end, and says what it knows."""

    def nothing_can_be_read() -> None:
        bench.wire.order(kind="unavailable", method="GET", path_prefix="/api/v2/")

    steps = Steps(bench=bench)
    steps.before["write"] = [nothing_can_be_read]
    (made,) = turn(bench, steps=steps).made

    assert made.state is S.APPLIED
    turn(bench)
    assert (newest(bench).change_id, newest(bench).state) == (made.change_id, S.WATCHING)


def test_people_make_changes_with_all_rails_but_the_allow_list(bench: Bench) -> None:
    """What a guard refuses is refused to them, too."""
    bench.settings = bench.settings.model_copy(update={"mode": "recommend"})

    report = apply(bench, LISTED, UNLISTED)

    assert [one.actor for one in report.made] == ["ann@desk"]
    assert list(report.refused.values()) == ["one_per_poll"]
    bench.move_clock(60)
    bench.poll()
    assert [one.action_id for one in apply(bench, LISTED, UNLISTED).made] != [
        report.made[0].action_id
    ]
    assert (bench.value_ms(LISTED), bench.value_ms(UNLISTED)) == (6_000, 6_000)


def test_an_older_change_is_not_undone_while_a_later_one_stands(bench: Bench) -> None:
    """The value in force is the later one's, which is no reason to call it somebody else's."""
    turn(bench)
    turn(bench, Effect.HELPED)
    bench.move_clock(DAY)
    turn(bench)
    later, older = bench.changes()

    assert (older.state, later.state, bench.value_ms(LISTED)) == (S.VERIFIED, S.WATCHING, 9_000)
    assert roll_back(bench, older) == "later_change"
    set_by_hand(bench, 8_000)
    assert [one.state for one in bench.changes()] == [S.WATCHING, S.VERIFIED]
    roll_back(bench, later)
    assert bench.value_ms(LISTED) == 6_000


def test_an_older_change_is_not_undone_while_a_later_write_may_still_arrive(bench: Bench) -> None:
    """Two writes at once could not be told apart."""
    turn(bench)
    turn(bench, Effect.HELPED)
    bench.move_clock(DAY)
    fault(bench, "reset")
    turn(bench)
    later, older = bench.changes()

    assert (later.state, bench.value_ms(LISTED)) == (S.WRITING, 6_000)
    assert roll_back(bench, older) == "later_change"
    assert (bench.value_ms(LISTED), bench.writes) == (6_000, 2)


def test_a_later_change_that_nobody_could_read_is_not_taken_for_somebody_elses(
    bench: Bench,
) -> None:
    """It has arrived, and the catalogue shows it before the platform could be asked."""

    def nothing_can_be_read() -> None:
        bench.wire.order(kind="unavailable", method="GET", path_prefix="/api/v2/")

    turn(bench)
    turn(bench, Effect.HELPED)
    bench.move_clock(DAY)
    fault(bench, "reset_after")
    steps = Steps(bench=bench)
    steps.before["write"] = [nothing_can_be_read]
    turn(bench, steps=steps)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.WRITING, 9_000)

    bench.refresh()
    nothing_can_be_read()
    turn(bench)
    assert [one.state for one in bench.changes()] == [S.WRITING, S.VERIFIED]

    turn(bench)
    assert [one.state for one in bench.changes()] == [S.WATCHING, S.VERIFIED]


def test_a_machines_clock_that_was_set_back_does_not_block_for_a_day(bench: Bench) -> None:
    """A dead program's lease can't end later than any lease may last."""
    with pytest.raises(Killed):
        turn(bench, steps=Steps(bench=bench, kill_after={3}))
    bench.machine.at -= DAY
    bench.move_clock(200)
    turn(bench, program="another")

    assert bench.value_ms(LISTED) == 6_000


def test_a_program_that_was_stopped_past_its_lease_sends_nothing(bench: Bench) -> None:
    """Another has gone on by then; the last look comes right before the request."""
    steps = Steps(bench=bench)

    def another_goes_on() -> None:
        bench.machine.at += 1_000
        bench.move_clock(3_600)
        turn(bench, program="another")

    steps.before["write"] = [another_goes_on]
    with pytest.raises(BusyError):
        turn(bench, steps=steps)

    first, second = reversed(bench.changes())
    assert (first.state, second.state) == (S.ABANDONED, S.WATCHING)
    assert (bench.value_ms(LISTED), bench.writes) == (6_000, 1)


def test_a_program_whose_lease_is_over_calls_its_change_off(bench: Bench) -> None:
    """Though nobody has taken over: somebody could, at any moment."""
    steps = Steps(bench=bench)

    def time_goes_by() -> None:
        bench.machine.at += 1_000

    steps.before["write"] = [time_goes_by]
    turn(bench, steps=steps)

    assert (newest(bench).state, bench.writes) == (S.ABANDONED, 0)
    assert "took longer than its lease" in newest(bench).note


def test_a_person_whose_program_was_stopped_past_its_lease_sends_nothing(bench: Bench) -> None:
    """Whoever has taken over meanwhile goes on from what is recorded."""
    steps = Steps(bench=bench, by_hand=True)

    def time_goes_by() -> None:
        bench.machine.at += 1_000

    steps.before["write"] = [time_goes_by]
    with pytest.raises(BusyError, match="longer than its lease"):
        Program(bench, "person").setting(steps, LISTED, 5_000).run()

    assert (newest(bench).state, bench.writes) == (S.ABANDONED, 0)


def why_set_back_in(bench: Bench) -> list[str]:
    """Why each change was set back, as metrics name it."""
    undone = bench.ledger.journal.audit.undone_changes(ORG)
    return [
        why_set_back(asked=asked, reason=reason, detail=detail) for asked, reason, detail in undone
    ]


def test_what_the_platform_says_decides_nothing() -> None:
    """Its words may stand in the reason; the code beside them is ours."""
    words = "the platform said that it is being put back"
    assert why_set_back(asked=False, reason="not_helped", detail=words) == "not_helped"
    assert why_set_back(asked=False, reason="", detail=words) == "damage"


def test_what_did_not_help_is_told_from_what_somebody_has_set_back(bench: Bench) -> None:
    """The one is news, the other is not."""
    turn(bench)
    assert why_set_back_in(bench) == []
    turn(bench, Effect.NOT_HELPED)
    assert newest(bench).state is S.ROLLED_BACK
    assert why_set_back_in(bench) == ["not_helped"]


def test_a_rollback_that_somebody_asks_for_is_theirs(bench: Bench) -> None:
    """Also of a change that did help."""
    turn(bench)
    turn(bench, Effect.HELPED)
    roll_back(bench, newest(bench))
    assert newest(bench).state is S.ROLLED_BACK
    assert why_set_back_in(bench) == ["asked"]


def test_a_rollback_that_another_program_finishes_is_still_theirs(bench: Bench) -> None:
    """The answer is lost, and the daemon finds out what became of it."""
    turn(bench)
    fault(bench, "html")
    roll_back(bench, newest(bench))
    assert newest(bench).state is S.UNDOING
    bench.move_clock(120)
    for _ in range(2):
        turn(bench)
    assert newest(bench).state is S.ROLLED_BACK
    assert why_set_back_in(bench) == ["asked"]


def test_what_is_older_than_the_write_is_nobody_elses(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache shows once more what was there before: it is read again, and the raise stands."""
    for kind in (IntegrationActionTarget, FlowTarget):
        show_the_past_once(kind, monkeypatch)

    turn(bench)
    assert newest(bench).state is S.APPLIED
    turn(bench)

    assert newest(bench).state is S.WATCHING
    assert bench.value_ms(LISTED) == newest(bench).to_ms


def show_the_past_once(
    kind: type[IntegrationActionTarget | FlowTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the first reading after a write be the one before it."""
    read, write = kind.read, kind.write
    past: list[TargetState] = []

    def write_and_remember(
        self: Any,  # noqa: ANN401 - one of two
        reading: TargetState,
        timeout_ms: int,
        *,
        pre_send_check: PreSendCheck | None = None,
    ) -> Written:
        written = write(self, reading, timeout_ms, pre_send_check=pre_send_check)
        past.append(reading)
        return written

    monkeypatch.setattr(kind, "write", write_and_remember)
    monkeypatch.setattr(
        kind, "read", lambda self, action_id: past.pop() if past else read(self, action_id)
    )


def interrupt_the_write(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ctrl-C right after the first write was carried out; what is written, by its URL."""
    sent, urls = bench.wire.send, list[str]()

    def interrupted(request: Any) -> Any:  # noqa: ANN401 - a request of the wire's own
        answer = sent(request)
        if request.method in {"PATCH", "PUT"}:
            urls.append(request.url)
            if len(urls) == 1:
                raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(bench.wire, "send", interrupted)
    return urls


def test_ctrl_c_in_a_raise_is_recorded_and_ends_the_command(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on its way can't be taken back; nothing follows it."""
    interrupt_the_write(bench, monkeypatch)

    with pytest.raises(KeyboardInterrupt):
        apply(bench, LISTED)

    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.WATCHING, 6_000)


def test_ctrl_c_in_an_undo_lets_no_raise_follow(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn begins with what did not help; the raise that was asked for is not sent."""
    turn(bench)
    bench.move_clock(60)
    writer = Program(bench, "d").reconciler(Steps(bench=bench), "auto@host")._writer  # noqa: SLF001
    with writer.lease() as lease:
        did_not_help = Judgement(Effect.NOT_HELPED, "did not help")
        writer.resolver.judged(lease, newest(bench), did_not_help)
    bench.move_clock(60)
    bench.poll()
    bench.refresh()
    urls = interrupt_the_write(bench, monkeypatch)

    with pytest.raises(KeyboardInterrupt):
        apply(bench, UNLISTED)

    assert (len(urls), bench.value_ms(UNLISTED)) == (1, 4_000)


def test_a_raise_that_found_no_connection_is_put_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never reached the platform: that is no failure, and says nothing about the next."""
    send = bench.wire.send

    def unconnected(request: Any) -> Any:  # noqa: ANN401 - a request of the wire's own
        if request.method in {"PATCH", "PUT"}:
            raise ConnectionFailedError("no route", endpoint=request.endpoint_label)
        return send(request)

    monkeypatch.setattr(bench.wire, "send", unconnected)

    turn(bench)

    assert (newest(bench).state, bench.writes) == (S.ABANDONED, 0)
    assert newest(bench).note == "put off: no route"


def test_a_raise_that_was_put_off_is_not_taken_for_a_later_value_of_a_persons(
    bench: Bench,
) -> None:
    """A 429 was not carried out: who sets the same value afterwards has set their own."""
    fault(bench, "rate_limited")
    turn(bench)
    assert "put off" in newest(bench).note
    bench.move_clock(500)
    bench.org.edit(bench.path(LISTED), LISTED, 6_000)
    bench.refresh()

    turn(bench)
    turn(bench, Effect.NOT_HELPED)

    assert bench.value_ms(LISTED) == 6_000
    assert [str(one.state) for one in bench.changes() if one.to_ms == 6_000] == ["abandoned"]


def test_a_note_of_what_was_set_by_hand_learns_who_overrode_it(bench: Bench) -> None:
    """Entries of the audit log show some time after what they tell of."""
    set_by_hand(bench, 6_000)
    bench.move_clock(600)
    bench.edit(LISTED, 9_000)
    bench.refresh()
    turn(bench)
    (changed,) = [one for one in bench.changes() if not one.measured]
    assert changed.note.endswith("somebody has set 9 s; who is unknown")

    at = bench.clock.now()
    edit = TimeoutEdit("e1", at - 60, LISTED, "u1", "Ann Author", "", 6_000, 9_000)
    bench.ledger.journal.platform_audit.save_edits(ORG, [edit], at, frozenset())

    (changed,) = [one for one in bench.changes() if not one.measured]
    assert "set by hand, Ann Author has set 9 s at " in changed.note
