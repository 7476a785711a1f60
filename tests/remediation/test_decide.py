"""The policy: every guard refuses what it is there for, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import RemediationSettings
from monitor.diagnosis import (
    Editable,
    JudgedEvidence,
    LatencyDrift,
    Verdict,
    next_timeout_ms,
)
from monitor.journal import (
    NOT_SENT,
    Change,
    ChangeState,
    Quarantine,
    RemediationState,
    Switch,
)
from monitor.remediation.decide import decide, in_order_of_worth, intent_of
from monitor.remediation.decision import Candidate, Data, Decision, DecisionKind, Initiator
from monitor.remediation.guards import GUARD_NAMES
from tests.remediation.guard_inputs import (
    ACTION,
    AUTO,
    DAY,
    HOUR,
    NAME,
    NOW,
    candidate,
    change,
    data,
    diagnosis,
    recommendation,
    remediation_state,
)


def decided(  # noqa: PLR0913 - one for each thing that can be out of the ordinary
    one: Candidate | None = None,
    *,
    seen: Data | None = None,
    made: RemediationState | None = None,
    settings: RemediationSettings = AUTO,
    initiator: Initiator = Initiator.AUTO,
    now: float = NOW,
) -> Decision:
    """Decide about a case in which only what is given is out of the ordinary."""
    return decide(
        one or candidate(),
        seen or data(),
        made or remediation_state(),
        settings,
        initiator=initiator,
        now=now,
    )


def refused_by(decision: Decision) -> set[str]:
    """Names of the guards that refused."""
    return {guard.name for guard in decision.guards if not guard.passed}


def such(**changed: object) -> Candidate:
    """The candidate with its diagnosis changed."""
    return replace(candidate(), diagnosis=replace(diagnosis(), **changed))  # type: ignore[arg-type]


SLOWER = LatencyDrift(800.0, 1_200.0, 1.5, drifting=True)


def changed(
    ago: float = 2 * DAY,
    judged_executions: float = 5_000,
    judged_timeouts: float = 250,
    **more: object,
) -> Candidate:
    """The same, which changed two days ago and lately perhaps once more, judged since the first."""
    judged = JudgedEvidence(
        NOW - 2 * DAY, 2 * DAY, judged_executions, judged_timeouts, judged_timeouts
    )
    return such(changed_at=NOW - ago, judged=judged, **more)


def test_what_is_judged_since_its_newest_change_is_raised() -> None:
    """What came before is over."""
    decision = decided(one=changed())

    assert decision.kind is DecisionKind.RAISE
    assert intent_of(decision, "auto", NOW).alike_since == NOW - 2 * DAY
    assert intent_of(decided(), "auto", NOW).alike_since == 0.0


def auto(**changed: object) -> RemediationSettings:
    """Settings of auto mode with one more changed."""
    return RemediationSettings.model_validate({"mode": "auto", "allow": ["Look Up *"], **changed})


def test_a_good_case_is_raised_by_one_step_and_every_rail_has_spoken() -> None:
    """From 4 s towards 8 s, by half as much again."""
    decision = decided()

    assert (decision.kind, decision.reason) == (DecisionKind.RAISE, "ok")
    assert (decision.from_ms, decision.to_ms) == (4_000, 6_000)
    assert tuple(guard.name for guard in decision.guards) == GUARD_NAMES
    assert all(guard.detail for guard in decision.guards)


def refused_at_last_look(ago: float) -> Change:
    """A change that was given up before it was sent."""
    return change(
        ChangeState.ABANDONED,
        ago,
        sent_at=None,
        applied_at=None,
        touched_at=NOW - ago,
        reason=NOT_SENT,
    )


SPOILT = {
    "static": ("editable", {"one": such(editable=Editable.STATIC)}),
    "function": ("editable", {"one": such(editable=Editable.FUNCTION)}),
    "terraform": ("editable", {"one": such(editable=Editable.TERRAFORM)}),
    "nobody_knows_it": ("editable", {"one": such(editable=Editable.UNKNOWN)}),
    **{
        f"verdict_{verdict}": ("verdict", {"one": such(verdict=verdict)})
        for verdict in Verdict
        if verdict is not Verdict.SLOW_TAIL
    },
    "target_met_by_now": ("verdict", {"one": such(misses_target=False)}),
    "few_executions": ("evidence", {"one": such(executions=199)}),
    "few_timeouts": ("evidence", {"one": such(timeouts=9)}),
    "few_timeouts_in_force": ("evidence", {"one": such(timeouts_in_force=9)}),
    "few_executions_since_it_changed": ("evidence", {"one": changed(judged_executions=199)}),
    "few_timeouts_since_it_changed": ("evidence", {"one": changed(judged_timeouts=9)}),
    "it_has_just_changed": ("current", {"one": changed(ago=600)}),
    "it_changed_and_none_of_it_is_judged": (
        "current",
        {"one": such(changed_at=NOW - 600, judged=None)},
    ),
    "it_becomes_slower": ("current", {"one": such(drift=SLOWER)}),
    "it_became_slower_long_after_it_changed": ("current", {"one": changed(drift=SLOWER)}),
    "not_called_for_a_day": ("recent", {"one": such(last_called_at=NOW - DAY - 1)}),
    "never_called": ("recent", {"one": such(last_called_at=None)}),
    "something_missing": ("evidence", {"one": such(missing=("5 of 6 windows",))}),
    "measured_under_another_timeout": ("in_force", {"one": such(timeout_ms=3_000.0)}),
    "never_read": ("fresh", {"seen": replace(data(), last_success_at=0.0)}),
    "read_too_long_ago": ("fresh", {"seen": replace(data(), last_success_at=NOW - 181)}),
    "read_in_the_future": ("fresh", {"seen": replace(data(), last_success_at=NOW + 60)}),
    "diagnosed_too_long_ago": ("fresh", {"seen": replace(data(), diagnosed_at=NOW - 481)}),
    "diagnosed_in_the_future": ("fresh", {"seen": replace(data(), diagnosed_at=NOW + 60)}),
    "a_hole": ("complete", {"seen": replace(data(), missing_seconds=300)}),
    "too_large_a_step": ("step", {"one": candidate(1_000, 5_000.0)}),
    "hardly_more": ("deadband", {"one": candidate(20_000, 21_000.0)}),
    "no_room": ("concurrency", {"seen": replace(data(), slots=23.1)}),
    "limit_unknown": ("concurrency", {"seen": replace(data(), limit=None)}),
    "slots_unknown": ("concurrency", {"seen": replace(data(), slots=None)}),
    "lowered_by_a_person": ("changed_since", {"made": remediation_state(change(to_ms=5_000))}),
    "restored_then_raised_by_a_person": (
        "changed_since",
        {"made": remediation_state(change(ChangeState.ROLLED_BACK))},
    ),
    "in_quarantine": (
        "quarantine",
        {
            "made": replace(
                remediation_state(),
                quarantines={ACTION: Quarantine(ACTION, "not_helpful", NOW - DAY, NOW + 1, 3)},
            )
        },
    ),
    "refused_at_the_last_look": (
        "back_off",
        {"made": remediation_state(refused_at_last_look(299))},
    ),
    "refused_twice": (
        "back_off",
        {"made": remediation_state(refused_at_last_look(900), refused_at_last_look(599))},
    ),
    "refused_twenty_times": (
        "back_off",
        {"made": remediation_state(*(refused_at_last_look(DAY - 1) for _ in range(20)))},
    ),
    "refused_in_the_future": (
        "back_off",
        {"made": remediation_state(refused_at_last_look(-DAY))},
    ),
    "a_second_conflict": (
        "back_off",
        {
            "made": remediation_state(
                *(
                    change(ChangeState.CONFLICT, ago=ago, applied_at=None, touched_at=NOW - ago)
                    for ago in (500, 400)
                )
            )
        },
    ),
    "measured_now": ("open_change", {"made": remediation_state(change(ChangeState.WATCHING))}),
    "changed_lately": ("cooldown", {"made": remediation_state(change(ago=DAY - 1))}),
    "changed_in_the_future": (
        "cooldown",
        {"made": remediation_state(change(ago=-2 * HOUR, sent_at=None))},
    ),
    "budget_spent": (
        "daily_budget",
        {
            "made": remediation_state(
                *(change(ago=HOUR * n, action_id=f"a{n}") for n in (1, 2, 3, 4, 5))
            )
        },
    ),
    "changed_since_the_poll": (
        "one_per_poll",
        {"made": remediation_state(change(ago=10, action_id="b"))},
    ),
    "outside_the_window": (
        "change_window",
        {"settings": auto(window="Mon-Fri 01:00-05:00 Europe/Dublin")},
    ),
    "not_named": ("allow_list", {"settings": auto(allow=["look up *", "custom"])}),
    "tripped": (
        "tripped",
        {
            "made": replace(
                remediation_state(), tripped=Switch(NOW, "auto", "3 changes failed in a row")
            )
        },
    ),
    "paused": ("paused", {"made": replace(remediation_state(), paused=Switch(NOW, "ann@desk"))}),
    "off": ("mode", {"settings": auto(mode="off")}),
}


@pytest.mark.parametrize(("guard", "spoilt"), SPOILT.values(), ids=SPOILT)
def test_one_thing_out_of_order_is_refused_by_the_rail_for_it_alone(
    guard: str, spoilt: dict[str, object]
) -> None:
    """Nothing is changed, and the reason is the guard's name."""
    decision = decided(**spoilt)  # type: ignore[arg-type]

    assert refused_by(decision) == {guard}
    assert (decision.kind, decision.reason) == (DecisionKind.KEEP, guard)
    assert decision.detail


@pytest.mark.parametrize(
    ("pattern", "is_allowed"),
    [
        (NAME, True),
        ("Look Up [beta]", True),
        ("Look * [[]beta]", True),
        (ACTION, True),
        ("custom_*", False),
        ("look up *", False),
        ("*", True),
    ],
)
def test_auto_touches_what_is_named_by_its_id_or_by_a_pattern_for_its_name(
    pattern: str, *, is_allowed: bool
) -> None:
    """A name with brackets can be given as it is; wildcards are for names alone."""
    named = replace(candidate(), action_name=NAME if pattern == NAME else "Look Up [beta]")

    decision = decided(named, settings=auto(allow=[pattern]))

    assert (decision.kind is DecisionKind.RAISE) is is_allowed


@pytest.mark.parametrize(
    "made",
    [
        (refused_at_last_look(300),),
        (refused_at_last_look(900), refused_at_last_look(600)),
        tuple(refused_at_last_look(DAY) for _ in range(20)),
        (refused_at_last_look(90), change(touched_at=NOW - 2 * DAY)),
        (replace(refused_at_last_look(10), reason=""),),
    ],
)
def test_what_was_refused_is_tried_again_after_its_wait(made: tuple[Change, ...]) -> None:
    """Twice as long each time, for a day at most; what came of a dead program does not wait."""
    assert decided(made=remediation_state(*made)).kind is DecisionKind.RAISE


def test_a_wait_binds_no_person_and_no_recommendation() -> None:
    """Only the daemon tries by itself."""
    made = remediation_state(refused_at_last_look(10))
    recommending = auto(mode="recommend")

    assert decided(made=made, initiator=Initiator.HUMAN).kind is DecisionKind.RAISE
    assert decided(made=made, settings=recommending).kind is DecisionKind.RECOMMEND


def test_every_rail_can_refuse() -> None:
    """Two that only speak with others are tried beside the table."""
    refusing = {guard for guard, _ in SPOILT.values()}
    above = decided(candidate(31_000, None))
    lower = decided(candidate(8_000, 4_000.0))

    assert "cap" in refused_by(above)
    assert "raise_only" in refused_by(lower)
    assert refusing | {"cap", "raise_only"} == set(GUARD_NAMES)


def test_recommend_waits_for_a_person() -> None:
    """The daemon only recommends what it would do; the person who applies it may."""
    settings = auto(mode="recommend", allow=[])

    assert refused_by(decided(settings=settings)) == {"mode"}
    assert decided(settings=settings).kind is DecisionKind.RECOMMEND
    assert decided(settings=settings, initiator=Initiator.HUMAN).kind is DecisionKind.RAISE


def test_an_action_may_be_named_by_its_id() -> None:
    """An id is no pattern."""
    assert decided(settings=auto(allow=[ACTION])).kind is DecisionKind.RAISE
    assert decided(settings=auto(allow=[NAME.lower()])).reason == "allow_list"


def test_off_holds_for_people_too() -> None:
    """Off means that nothing is ever written."""
    assert decided(settings=auto(mode="off"), initiator=Initiator.HUMAN).reason == "mode"


def test_a_quarantine_ends() -> None:
    """At its hour, to the second."""
    over = Quarantine(ACTION, "not_helpful", NOW - DAY, NOW, 3)

    assert (
        decided(made=replace(remediation_state(), quarantines={ACTION: over})).kind
        is DecisionKind.RAISE
    )


def test_a_configured_cap_is_lower_than_the_constant() -> None:
    """The last step ends at it."""
    assert decided(settings=auto(max_timeout="5s")).to_ms == 5_000


def test_a_cap_above_the_constant_counts_as_the_constant() -> None:
    """Even a value that no configuration file could bring in raises nothing beyond 30 s."""
    beyond = AUTO.model_copy(update={"max_timeout": 60})

    assert decided(candidate(25_000, 50_000.0), settings=beyond).to_ms == 30_000
    assert decided(candidate(31_000, 45_000.0), settings=beyond).reason == "cap"


def test_the_change_that_avoids_most_comes_first() -> None:
    """Since one is made at a time."""
    small, large = candidate(), replace(candidate(), action_id="z")
    more = replace(recommendation(), avoided_per_day=401.0)
    large = replace(large, diagnosis=replace(large.diagnosis, recommendation=more))

    ordered = in_order_of_worth([decided(small), decided(large)])

    assert [one.candidate.action_id for one in ordered] == ["z", ACTION]


@given(
    in_force_ms=st.integers(1, 40_000),
    required_ms=st.floats(0, 1e6),
    step_ms=st.sampled_from([1, 100, 1_000]),
    max_step=st.floats(1.01, 1.5),
    max_timeout_ms=st.integers(1_000, 90_000),
)
def test_whatever_is_raised_keeps_to_every_rail(
    in_force_ms: int, required_ms: float, step_ms: int, max_step: float, max_timeout_ms: int
) -> None:
    """Never above 30 s or the configured cap, never lower, never by more than the largest step."""
    settings = AUTO.model_copy(update={"max_step": max_step, "max_timeout": max_timeout_ms / 1000})
    one = replace(candidate(in_force_ms, required_ms), step_ms=step_ms)
    decision = decided(one, settings=settings)

    if decision.kind is DecisionKind.RAISE:
        assert decision.to_ms is not None
        assert in_force_ms < decision.to_ms <= min(30_000, max_timeout_ms)
        assert decision.to_ms <= in_force_ms * max_step + 1e-6
        assert decision.to_ms - in_force_ms >= max(1_000, 0.1 * in_force_ms) - 1e-6
        assert decision.to_ms % step_ms == 0


@pytest.mark.parametrize(
    ("in_force_s", "steps_s"),
    [
        (1, [2]),  # x2: the guard refuses it
        (2, [3, 4, 6, 9, 13, 19, 28, 30]),
        (3, [4, 6, 9, 13, 19, 28, 30]),
        (10, [15, 22, 30]),
        (20, [30]),
    ],
)
def test_whole_seconds_are_stepped_without_exceeding_the_step(
    in_force_s: int, steps_s: list[int]
) -> None:
    """What is wanted is rounded up; how far a step may go is rounded down."""
    found, now_ms = [], in_force_s * 1_000
    for _ in steps_s:
        now_ms = next_timeout_ms(
            now_ms, 29_001.0, step_ms=1_000, max_step=1.5, max_timeout_ms=30_000
        )
        found.append(now_ms // 1_000)

    assert found == steps_s
