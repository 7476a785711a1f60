"""The benchmark of mode auto: its laws are those that happen, and its counters count."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import auto_mode
from benchmarks.auto_actions import DAY, KINDS, DrawnAction, draw_actions
from benchmarks.auto_mode import BEGIN, Plan, follow, lines
from benchmarks.auto_outcome import (
    Course,
    Fate,
    Rails,
    Worth,
    broken_rails,
    left_alone,
    tally,
)
from monitor.diagnosis import Verdict
from monitor.journal import Change, ChangeState
from monitor.simulator import PUNCTUAL, Scenario
from monitor.simulator.endings import GATEWAY_504, TIMED_OUT
from monitor.simulator.scenario_types import LatencyLaw
from monitor.simulator.traffic import Traffic

HOUR = 3_600
RAILS = Rails(max_step=1.5, cooldown=24 * HOUR, look_seconds=HOUR)
SLOW, AT_BORDER = LatencyLaw(2_000, 0.5), LatencyLaw(1_255, 0.5)
"""Of a timeout of 4 s: 8.3 % outlast it and 1.4 % one of 6 s; 1.02 %, and 0.09 %."""


def action(number: int, law: LatencyLaw = SLOW, kind: str = "near tail") -> DrawnAction:
    """An action of this law, whose timeout is 4 s."""
    (drawn,) = draw_actions(1, 1, BEGIN, 1.0)
    made = replace(
        drawn.action,
        action_id=f"a{number}",
        law=law,
        later=(),
        timeout_seconds=4,
        name=f"A{number}",
    )
    return DrawnAction(kind, made)


def change(number: int, state: ChangeState, to_ms: int = 6_000, **more: float) -> Change:
    """A change of the action of this number, from 4 s, sent at the beginning."""
    sent_at = float(BEGIN)
    made = Change(
        number, "org", f"a{number}", f"A{number}", "integration-action", "", 4_000, to_ms, state,
        "auto", sent_at, sent_at=sent_at, applied_at=sent_at,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def course(
    drawn: list[DrawnAction],
    changes: list[Change],
    in_force: list[tuple[float, int]] | None = None,
    may_try: frozenset[str] = frozenset(),
) -> Course:
    """What was done to some actions; the first of them had these timeouts."""
    timeouts = {one.name: [(float(BEGIN), 4_000)] for one in drawn}
    if in_force is not None:
        timeouts[drawn[0].name] = in_force
    said = {one.name: Verdict.UNCLEAR for one in drawn}
    return Course(tuple(drawn), may_try, tuple(changes), timeouts, said, BEGIN + 10.0 * DAY)


@pytest.mark.parametrize("kind", KINDS)
def test_the_laws_are_those_that_happen(kind: str) -> None:
    """As many calls of the simulator's outlast the first timeout, and one of half as much again."""
    drawn = draw_actions(3, len(KINDS), BEGIN, 10.0)[[*KINDS].index(kind)]
    for timeout_ms in (drawn.timeout_ms, drawn.timeout_ms * 3 // 2):
        busy = replace(
            drawn.action,
            timeout_seconds=timeout_ms // 1_000,
            arrivals=replace(drawn.action.arrivals, per_hour=20_000, night_share=1.0),
        )
        traffic = Traffic(Scenario("one", 1, (busy,), lateness=PUNCTUAL), "platform")
        for day in (0.0, 5.0, 9.9):
            at = BEGIN + int(day * DAY)
            rows = traffic.ended_between(at * 1_000, (at + HOUR) * 1_000)
            rows = rows.take(rows.arrival_ms // 300_000 == at // 300)
            late = np.isin(rows.ending, (TIMED_OUT, GATEWAY_504)).mean()
            true = drawn.late_share(timeout_ms // 1_000 * 1_000, at)
            error = max((true * (1 - true) / len(rows)) ** 0.5, 1 / len(rows))
            assert abs(late - true) < 4 * error


def test_what_changes_does_so_within_the_time_that_is_watched() -> None:
    """The kinds that say so, and no other; and every kind is drawn."""
    drawn = draw_actions(5, 2 * len(KINDS), BEGIN, 10.0)
    changing = {one.kind for one in drawn if one.action.later}

    assert changing == {"cured", "worse", "outages", "hangs for days"}
    assert Counter(one.kind for one in drawn) == dict.fromkeys(KINDS, 2)
    for one in drawn:
        moments = [later.at for later in one.action.later]
        assert moments == sorted(moments)
        assert all(BEGIN < at < BEGIN + 10 * DAY for at in moments)


def test_each_change_is_counted_for_what_it_did_and_what_became_of_it() -> None:
    """By the law alone, whatever the program said; trials apart."""
    hang, gateway = LatencyLaw(500, 0.2, never_share=0.1), replace(SLOW, gateway_ms=4_300)
    cured = LatencyLaw(500, 0.2)
    drawn = [action(1), action(2), action(3, hang), action(4, gateway), action(5, cured), action(6)]
    changes = [
        change(1, ChangeState.VERIFIED),
        change(2, ChangeState.ROLLED_BACK),
        change(3, ChangeState.VERIFIED),
        change(4, ChangeState.WATCHING),
        change(5, ChangeState.VERIFIED),
        change(6, ChangeState.VERIFIED, trial_seconds=HOUR),
    ]
    made = course(drawn, changes)

    assert tally([made], trials=False) == {
        (Worth.HALF, Fate.KEPT): 1,
        (Worth.HALF, Fate.UNDONE): 1,
        (Worth.VAIN, Fate.KEPT): 1,
        (Worth.SOME, Fate.OPEN): 1,
        (Worth.NEEDLESS, Fate.KEPT): 1,
    }
    assert tally([made], trials=True) == {(Worth.HALF, Fate.KEPT): 1}

    told = [*lines([made, made], RAILS)]
    assert told[0] == (
        "| by the law that was drawn | raises | kept | undone | open | trials | kept | undone "
        "| open |"
    )
    assert told[2:7] == [
        f"| {Worth.NEEDLESS} | 2 | 2 | 0 | 0 | 0 | 0 | 0 | 0 |",
        f"| {Worth.HALF} | 4 | 2 | 2 | 0 | 2 | 2 | 0 | 0 |",
        f"| {Worth.SOME} | 2 | 0 | 0 | 2 | 0 | 0 | 0 | 0 |",
        f"| {Worth.VAIN} | 2 | 2 | 0 | 0 | 0 | 0 | 0 | 0 |",
        "| all | 10 | 6 | 2 | 2 | 2 | 2 | 0 | 0 |",
    ]
    looked_at = [line.split(",")[0] for line in told if line.startswith("* ")]
    assert looked_at == ["* raise of A2", "* raise of A3", "* raise of A5"] * 2


def test_a_raise_is_held_against_the_law_of_its_moment() -> None:
    """Not against that of the end: nobody could know it."""
    drawn = draw_actions(1, 13, BEGIN, 10.0)[[*KINDS].index("cured")]
    to_ms, (cure,) = drawn.timeout_ms * 3 // 2, drawn.action.later
    sent = [
        Change(
            number, "org", drawn.name, "A", "integration-action", "", drawn.timeout_ms, to_ms,
            ChangeState.VERIFIED, "auto", at, sent_at=at,
        )
        for number, at in enumerate((cure.at - 1.0, float(cure.at)))
    ]  # fmt: skip
    found = tally([course([drawn], sent)], trials=False)

    assert found[Worth.NEEDLESS, Fate.KEPT] == 1
    assert found[Worth.HALF, Fate.KEPT] + found[Worth.SOME, Fate.KEPT] == 1


def test_slow_tails_that_one_step_helps_are_counted_by_what_became_of_them() -> None:
    """None at the border of the target, of hangs, or that changes meanwhile."""
    hang = LatencyLaw(500, 0.2, never_share=0.1)
    drawn = [action(1), action(2), action(3), action(4, AT_BORDER), action(5, hang)]
    changes = [change(1, ChangeState.VERIFIED), change(2, ChangeState.ROLLED_BACK)]
    made = course(drawn, changes, may_try=frozenset({"a3"}))

    assert left_alone(made, RAILS, may_try=False) == {"raised": 1, "undone, unclear": 1}
    assert left_alone(made, RAILS, may_try=True) == {"unclear": 1}


LATER = float(BEGIN + DAY)


@pytest.mark.parametrize(
    ("in_force", "states", "told"),
    [
        ([(float(BEGIN), 31_000)], [], "above 30000 ms"),
        ([(float(BEGIN), 7_000)], [], "a larger step than 1.5"),
        ([(float(BEGIN), 5_000), (LATER - HOUR, 7_000)], [], "after the last raise"),
        ([(float(BEGIN), 3_000)], [], "is in no record"),
        ([(LATER, 6_000)], [ChangeState.VERIFIED], "is in no record"),
        ([(float(BEGIN), 6_000)], [ChangeState.WATCHING], "outlasted its end by 860400 s"),
        (
            [(float(BEGIN), 6_000), (BEGIN + 3.0 * HOUR, 4_000)],
            [ChangeState.ROLLED_BACK],
            "outlasted its end by 7200 s",
        ),
    ],
)
def test_what_must_never_be_is_told(
    in_force: list[tuple[float, int]], states: list[ChangeState], told: str
) -> None:
    """By what the platform had, even where the record explains it."""
    timeouts = [(float(BEGIN - HOUR), 4_000), *in_force]
    if states:
        changes = [change(1, states[0], trial_seconds=HOUR, ended_at=in_force[-1][0])]
    else:
        moves = zip(timeouts, in_force, strict=False)
        changes = [
            replace(
                change(1, ChangeState.VERIFIED), from_ms=one[1], to_ms=other[1], sent_at=other[0]
            )
            for one, other in moves
            if other[1] > one[1]
        ]

    broken = [*broken_rails(course([action(1)], changes, timeouts), RAILS)]
    assert told in broken[0]


def test_what_is_within_the_rails_is_no_disagreement() -> None:
    """A step, one of the next day, and a trial that is set back at the first turn after its end."""
    raised = [(float(BEGIN), 6_000), (LATER, 9_000)]
    changes = [
        change(1, ChangeState.VERIFIED),
        replace(change(1, ChangeState.VERIFIED, 9_000), from_ms=6_000, sent_at=LATER),
    ]
    in_steps = course([action(1)], changes, [(BEGIN - 1.0, 4_000), *raised])

    over = BEGIN + 2.0 * HOUR
    tried = [change(1, ChangeState.ROLLED_BACK, trial_seconds=HOUR, ended_at=over)]
    back = [(BEGIN - 1.0, 4_000), (float(BEGIN), 6_000), (over, 4_000)]
    in_time = course([action(1)], tried, back)

    assert [*broken_rails(in_steps, RAILS), *broken_rails(in_time, RAILS)] == []


def test_what_must_never_be_ends_the_run_with_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it is told, and the exit code is no success."""
    monkeypatch.setattr(auto_mode, "broken_rails", lambda *_: iter(["too far", "too soon"]))
    monkeypatch.setattr(auto_mode, "follow_all", auto_mode.follow)

    assert auto_mode.main(["--draws", "1", "--days", "0.02"]) == 1
    assert "too far; too soon" in capsys.readouterr().err


def test_an_org_is_followed_over_http_by_the_programs_own_parts() -> None:
    """A few actions for some hours: the first raises come, and are what the platform has."""
    made, rails = follow(Plan(seed=1, draws=2, days=0.15, step_minutes=60))

    assert rails == RAILS
    assert made.may_try == {"custom_-_001"}
    assert made.changes
    for one in made.changes:
        assert one.to_ms in [value_ms for _, value_ms in made.in_force[one.action_id]]
    assert set(made.verdicts) == {one.name for one in made.drawn}
