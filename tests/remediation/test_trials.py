"""A trial: one step up for a while, kept where it helped and else set back, whoever is at work."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from monitor.config import RemediationSettings
from monitor.diagnosis import DiagnosisSettings, Editable, JudgedEvidence, Verdict, diagnose
from monitor.diagnosis.evidence import ActionEvidence
from monitor.journal import GONE, NOT_UNDONE, AuditEntry, Change, ChangeState
from monitor.remediation.decide import decide
from monitor.remediation.decision import Candidate, Decision, DecisionKind, Initiator
from monitor.remediation.effect import Effect, Judgement, Measured, judge
from monitor.remediation.reconcile import ReconcileReport
from monitor.remediation.trials import (
    TIMEOUTS_TO_EXPECT,
    is_trial_over,
    judged_as_trial,
    usual_trial_seconds,
)
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, with_hangs
from tests.diagnosis.test_verdict_onset import in_a_row
from tests.remediation.bench import LISTED, UNLISTED, Bench, Program, judged
from tests.remediation.conftest import MakeBench
from tests.remediation.crash_points import Killed, Steps
from tests.remediation.guard_inputs import (
    ACTION,
    DAY,
    HOUR,
    NAME,
    NOW,
    ORG,
    change,
    data,
    diagnosis,
    remediation_state,
    unclear_diagnosis,
)
from tests.remediation.test_reconcile import newest, roll_back, set_by_hand, turn

S = ChangeState
TWO_HOURS = 2 * HOUR
END = T0 + 8 * DAY
BY_ITSELF = RemediationSettings.model_validate(
    {"mode": "auto", "allow": ["Look Up *"], "allow_trials": ["Look Up *"]}
)
BY_HAND = RemediationSettings()


@pytest.fixture(params=["flow", "integration-action"])
def unclear_bench(request: pytest.FixtureRequest, make_bench: MakeBench) -> Bench:
    """An org in mode ``recommend``, where nobody knows whether more time would help."""
    bench = make_bench(str(request.param), BY_HAND)
    bench.unclear |= {LISTED, UNLISTED}
    return bench


def try_one(
    bench: Bench, action_id: str = LISTED, seconds: float = TWO_HOURS, steps: Steps | None = None
) -> ReconcileReport:
    """Somebody types ``trial``."""
    steps = steps or Steps(bench=bench, by_hand=True)
    steps.by_hand = True
    reconciler = Program(bench, "person").reconciler(steps, "ann@desk")
    inputs = bench.inputs()
    steps.data = inputs.data
    return reconciler.try_requested(inputs, judged(Effect.NOT_YET), action_id, seconds)


def test_a_trial_is_one_step_up_and_says_when_it_ends(unclear_bench: Bench) -> None:
    """For an action of which nobody knows whether more time would help."""
    report = try_one(unclear_bench)

    (made,) = report.made
    assert (made.state, made.trial_seconds) == (S.WATCHING, TWO_HOURS)
    assert made.trial_ends_at == NOW + TWO_HOURS
    assert unclear_bench.value_ms(LISTED) == 6_000
    assert newest(unclear_bench) == made


def test_a_trial_that_helped_is_kept(unclear_bench: Bench) -> None:
    """Also beyond its end."""
    try_one(unclear_bench)
    turn(unclear_bench, Effect.HELPED)
    unclear_bench.move_clock(TWO_HOURS)
    turn(unclear_bench)

    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.VERIFIED, 6_000)


def test_a_trial_that_shows_nothing_is_set_back_at_its_end(unclear_bench: Bench) -> None:
    """Not before; by a daemon that may change nothing else, and that counts it as no failure."""
    try_one(unclear_bench)
    unclear_bench.move_clock(TWO_HOURS - 121)
    turn(unclear_bench)
    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.WATCHING, 6_000)
    turn(unclear_bench)

    turn(unclear_bench)

    ended = newest(unclear_bench)
    assert (ended.state, unclear_bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)
    trail = [one.detail for one in unclear_bench.ledger.journal.audit.newest(ORG, 100)]
    words = "the trial was over at 2027-01-15 10:00 UTC, and shows no effect: judged not_yet"
    assert words in trail
    assert ended.explanation == f"{words}; the platform shows the value before"
    assert unclear_bench.raw_state().tripped is None


@pytest.mark.parametrize("effect", [Effect.NOT_HELPED, Effect.HARMED])
def test_a_trial_that_does_not_help_ends_before_its_time(
    unclear_bench: Bench, effect: Effect
) -> None:
    """Callers wait no longer for what was shown to be in vain."""
    try_one(unclear_bench)
    turn(unclear_bench, effect)

    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_a_trial_that_ended_while_nobody_ran_is_set_back_by_whoever_comes(
    unclear_bench: Bench,
) -> None:
    """What ends it stands in the record."""
    try_one(unclear_bench)
    unclear_bench.move_clock(3 * DAY)

    turn(unclear_bench, program="another daemon")

    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


@pytest.mark.parametrize("step", range(1, 12))
def test_a_trial_that_was_killed_anywhere_is_ended_all_the_same(
    make_bench: MakeBench, step: int
) -> None:
    """Its program, and the one that was about to set it back."""
    bench = make_bench("integration-action", BY_HAND)
    bench.unclear |= {LISTED}
    with suppress(Killed):
        try_one(bench, steps=Steps(bench=bench, kill_after={step}))
    bench.move_clock(200)
    bench.machine.at += 1_000
    turn(bench)
    bench.move_clock(TWO_HOURS)
    with suppress(Killed):
        turn(bench, steps=Steps(bench=bench, kill_after={step}))
    bench.move_clock(200)
    bench.machine.at += 1_000
    turn(bench)
    turn(bench)

    assert bench.value_ms(LISTED) == 4_000
    assert {one.state for one in bench.changes()} <= {S.ROLLED_BACK, S.ABANDONED}


def test_what_a_person_has_set_during_a_trial_is_theirs(unclear_bench: Bench) -> None:
    """With the platform's own page, or by hand: nothing is set back."""
    try_one(unclear_bench)
    unclear_bench.edit(LISTED, 7_000)
    unclear_bench.refresh()
    unclear_bench.move_clock(TWO_HOURS)
    turn(unclear_bench)
    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.SUPERSEDED, 7_000)

    try_one(unclear_bench, UNLISTED)
    assert newest(unclear_bench).action_id == UNLISTED
    set_by_hand(unclear_bench, 9_000)
    unclear_bench.move_clock(TWO_HOURS)
    turn(unclear_bench)
    assert unclear_bench.value_ms(LISTED) == 9_000


def test_a_person_ends_a_trial_with_rollback(unclear_bench: Bench) -> None:
    """Whenever they want."""
    try_one(unclear_bench)

    undone = roll_back(unclear_bench, newest(unclear_bench))

    assert isinstance(undone, Change)
    assert (undone.state, unclear_bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def test_a_pause_holds_up_the_end_of_a_trial(unclear_bench: Bench) -> None:
    """Whoever has pulled the switch wants no write; the end comes when it goes on."""
    try_one(unclear_bench)
    unclear_bench.move_clock(TWO_HOURS)
    unclear_bench.pause()
    turn(unclear_bench)
    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.UNHELPFUL, 6_000)

    unclear_bench.resume()
    turn(unclear_bench)

    assert unclear_bench.value_ms(LISTED) == 4_000


def test_the_daemon_tries_by_itself_what_allow_trials_names(make_bench: MakeBench) -> None:
    """In mode auto, what is unclear alone; after its end the action is left alone for a while."""
    bench = make_bench("integration-action", BY_ITSELF)
    bench.unclear |= {LISTED, UNLISTED}
    report = turn(bench)

    (made,) = report.made
    assert (made.action_id, bench.value_ms(LISTED)) == (LISTED, 6_000)
    assert made.trial_seconds == DAY, "of a diagnosis that tells no period"
    assert bench.value_ms(UNLISTED) == 4_000
    bench.move_clock(DAY)
    turn(bench)
    assert bench.value_ms(LISTED) == 4_000
    bench.move_clock(DAY)
    assert [one.reason for one in turn(bench).decisions] == ["quarantine", "verdict"]


@pytest.mark.parametrize(
    ("effect", "setting", "rests"),
    [
        (Effect.NOT_YET, 30 * DAY, 7 * DAY),
        (Effect.NOT_YET, 3 * DAY, 3 * DAY),
        (Effect.NOT_HELPED, 30 * DAY, 30 * DAY),
        (Effect.HARMED, 30 * DAY, 30 * DAY),
    ],
)
def test_an_action_rests_for_as_long_as_its_trial_tells(
    make_bench: MakeBench, effect: Effect, setting: int, rests: int
) -> None:
    """One that was over before it showed anything says nothing against another one."""
    settings = BY_ITSELF.model_copy(update={"quarantine": setting})
    bench = make_bench("integration-action", settings)
    bench.unclear |= {LISTED}
    turn(bench)
    bench.move_clock(DAY)
    turn(bench, effect)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)

    bench.move_clock(rests - HOUR)
    told = {one.candidate.action_id: one.reason for one in turn(bench).decisions}
    assert (told[LISTED], bench.value_ms(LISTED)) == ("quarantine", 4_000)
    bench.move_clock(HOUR)
    turn(bench)
    assert bench.value_ms(LISTED) == 6_000


def late_by(bench: Bench, seconds: float) -> None:
    """A trial of a day is over for so long when somebody ends the pause that held up its end."""
    turn(bench)
    bench.move_clock(DAY)
    bench.pause()
    turn(bench)
    assert (newest(bench).state, bench.value_ms(LISTED)) == (S.UNHELPFUL, 6_000)
    bench.move_clock(seconds)


def test_the_rest_after_a_trial_begins_when_it_is_set_back(make_bench: MakeBench) -> None:
    """However late that is: callers have waited longer until then."""
    bench = make_bench("integration-action", BY_ITSELF)
    bench.unclear |= {LISTED}
    late_by(bench, 9 * DAY)
    bench.resume()
    turn(bench)
    set_back_at = bench.clock.now()
    assert bench.value_ms(LISTED) == 4_000

    (quarantine,) = bench.raw_state().quarantines.values()
    assert quarantine.reason == "nothing_shown"
    assert quarantine.since == pytest.approx(set_back_at, abs=60)
    assert quarantine.until == quarantine.since + 7 * DAY


def test_a_rest_that_a_person_has_ended_begins_anew_with_the_set_back(
    make_bench: MakeBench,
) -> None:
    """A week, as after any trial that showed nothing."""
    bench = make_bench("integration-action", BY_ITSELF)
    bench.unclear |= {LISTED}
    late_by(bench, HOUR)
    line = AuditEntry(bench.clock.now(), ORG, "released", "ann@desk", LISTED)
    bench.ledger.journal.release(ORG, LISTED, line)
    bench.resume()
    turn(bench)

    (quarantine,) = bench.raw_state().quarantines.values()
    assert quarantine.reason == "nothing_shown"
    assert quarantine.until == quarantine.since + 7 * DAY


@pytest.mark.parametrize("waited", [DAY, 6 * DAY, 7 * DAY, 30 * DAY])
def test_a_trial_that_shows_nothing_shows_nothing_however_late_it_is_looked_at(waited: int) -> None:
    """At its end, and after the week that any raise is given."""
    over = change(S.WATCHING, ago=waited + HOUR, trial_seconds=float(DAY))
    before = Measured(windows=288, successes=990, timeouts=10)
    after = Measured(windows=288, successes=992, timeouts=8)
    found = judge(before, after, first=6, waited_seconds=float(waited))

    assert judged_as_trial(over, found, NOW).effect is Effect.NOTHING_SHOWN
    nothing = judge(before, Measured(), first=6, waited_seconds=float(waited))
    assert judged_as_trial(over, nothing, NOW).effect is Effect.NOTHING_SHOWN


def test_a_trial_that_a_person_sets_back_before_its_end_is_as_any_change(
    unclear_bench: Bench,
) -> None:
    """They had a reason that the data don't show."""
    try_one(unclear_bench)
    roll_back(unclear_bench, newest(unclear_bench))

    (quarantine,) = unclear_bench.raw_state().quarantines.values()
    assert (quarantine.reason, quarantine.until) == ("rolled_back", quarantine.since + 30 * DAY)


def test_what_helps_for_sure_comes_before_what_is_to_be_found_out(make_bench: MakeBench) -> None:
    """One change is made at a time."""
    settings = BY_ITSELF.model_copy(update={"allow": ("*",), "allow_trials": ("*",)})
    bench = make_bench("integration-action", settings)
    bench.unclear |= {LISTED}

    (made,) = turn(bench).made

    assert (made.action_id, made.trial_seconds) == (UNLISTED, 0.0)


def requests_sent(bench: Bench) -> list[str]:
    """Every request from now on is noted."""
    sent: list[str] = []
    transport = bench.client._transport  # noqa: SLF001 - the line to the platform
    send = transport.send

    def noted(request: object) -> object:
        sent.append(str(request))
        return send(request)  # type: ignore[arg-type]  # as it came

    transport.send = noted  # type: ignore[method-assign, assignment]
    return sent


def test_a_trial_of_what_was_deleted_ends(unclear_bench: Bench) -> None:
    """Nothing is left to set back: it is asked for once, and no alert goes on."""
    try_one(unclear_bench)
    unclear_bench.delete(LISTED)
    unclear_bench.refresh()
    unclear_bench.move_clock(TWO_HOURS)
    sent = requests_sent(unclear_bench)
    for _ in range(5):
        turn(unclear_bench)

    ended = newest(unclear_bench)
    assert (ended.state, ended.reason, ended.is_open) == (S.SUPERSEDED, GONE, False)
    assert "is gone" in ended.note
    assert len(sent) == 1


def test_what_the_catalogue_still_shows_is_not_taken_to_be_deleted(unclear_bench: Bench) -> None:
    """A gateway may have said so: it rests for an hour, and is set back then."""
    try_one(unclear_bench)
    unclear_bench.move_clock(TWO_HOURS)
    unclear_bench.wire.order(
        kind="not_found", method="GET", path_prefix="/api/v2/", retry_after_seconds=None
    )
    sent = requests_sent(unclear_bench)
    turn(unclear_bench)
    waiting = newest(unclear_bench)
    assert (waiting.state, waiting.reason) == (S.UNHELPFUL, NOT_UNDONE)
    first = len(sent)
    turn(unclear_bench)
    assert len(sent) == first, "asked again at once"

    unclear_bench.move_clock(HOUR)
    turn(unclear_bench)

    assert (newest(unclear_bench).state, unclear_bench.value_ms(LISTED)) == (S.ROLLED_BACK, 4_000)


def tried(
    one: Candidate, settings: RemediationSettings = BY_HAND, *, seen: object = None
) -> Decision:
    """Decide whether a person may try an action."""
    return decide(
        one,
        seen or data(),  # type: ignore[arg-type]  # Data
        remediation_state(),
        settings,
        initiator=Initiator.HUMAN,
        now=NOW,
        trial_seconds=TWO_HOURS,
    )


def unclear(timeout_ms: int = 4_000, **changed: object) -> Candidate:
    """An action of which nobody knows whether more time would help."""
    found = replace(unclear_diagnosis(timeout_ms), **changed)  # type: ignore[arg-type]  # its fields
    return Candidate(ORG, ACTION, NAME, timeout_ms, 1_000, found)


def test_every_guard_holds_for_a_trial_but_that_of_the_verdict() -> None:
    """It lets what is unclear through, and nothing else that is not a slow tail."""
    assert tried(unclear()).kind is DecisionKind.TRIAL
    slow_tail = Candidate(ORG, ACTION, NAME, 4_000, 1_000, diagnosis())
    curve = unclear_diagnosis().curve
    with_curve = replace(slow_tail, diagnosis=replace(diagnosis(), curve=curve))
    assert tried(with_curve).kind is DecisionKind.TRIAL
    for verdict in set(Verdict) - {Verdict.UNCLEAR, Verdict.SLOW_TAIL}:
        assert tried(unclear(verdict=verdict)).reason == "verdict"
    assert tried(unclear(editable=Editable.TERRAFORM)).reason == "editable"
    assert tried(unclear(timeouts=9)).reason == "evidence"
    assert tried(unclear(timeout_ms=31_000)).reason == "cap"
    assert tried(unclear(timeout_ms=1_000)).reason == "step"
    assert tried(unclear(), seen=replace(data(), last_success_at=NOW - 999)).reason == "fresh"
    assert tried(unclear(), BY_HAND.model_copy(update={"mode": "off"})).reason == "mode"


def test_a_trial_that_takes_too_many_slots_is_refused() -> None:
    """By what the busiest window would hold; and where nobody knows how many it takes."""
    few = tried(unclear(), seen=replace(data(), slots=22.9))
    assert few.kind is DecisionKind.TRIAL, "1 on average is 2 in the busiest window"
    assert tried(unclear(), seen=replace(data(), slots=23.1)).reason == "concurrency"
    assert tried(unclear(curve=None)).reason == "concurrency"


def test_the_end_of_a_trial_is_told_by_its_own_length() -> None:
    """One that lies further ahead was written by a clock that was wrong."""
    running = change(S.WATCHING, ago=HOUR, trial_seconds=float(TWO_HOURS))

    assert not is_trial_over(running, NOW)
    assert is_trial_over(running, NOW + HOUR)
    assert is_trial_over(running, NOW - HOUR - 1), "it would last longer than it was to"
    assert not is_trial_over(change(S.WATCHING), NOW + 99 * DAY), "which is no trial"


def test_a_trial_is_judged_by_its_effect_and_then_by_its_end() -> None:
    """What it has shown already is not changed by the end."""
    over = change(S.WATCHING, ago=3 * HOUR, trial_seconds=float(TWO_HOURS))
    for effect in (Effect.HELPED, Effect.HARMED, Effect.NOT_HELPED):
        shown = Judgement(effect, "why")
        assert judged_as_trial(over, shown, NOW) is shown
    not_yet = Judgement(Effect.NOT_YET, "1 of 6 windows have settled")

    assert judged_as_trial(over, not_yet, NOW).effect is Effect.NOTHING_SHOWN
    assert judged_as_trial(over, not_yet, NOW - HOUR - 1) is not_yet


def test_a_trial_lasts_as_long_as_it_takes_to_tell() -> None:
    """By the timeouts that are to be expected: two hours at least, and a day at most."""
    assert usual_trial_seconds(unclear_diagnosis(), 8 * DAY) == pytest.approx(8 * DAY * 30 / 500)
    often = replace(unclear_diagnosis(), timeouts=50_000)
    assert usual_trial_seconds(often, 8 * DAY) == TWO_HOURS
    assert usual_trial_seconds(replace(often, timeouts=12), 8 * DAY) == DAY
    assert usual_trial_seconds(often, 0.0) == DAY


@pytest.mark.parametrize("seed", range(3))
def test_an_outage_that_is_over_makes_no_trial_shorter(seed: int) -> None:
    """Three hours five days ago, of an action that lets a fortieth of its calls hang."""
    found = diagnose(
        hanging_with_an_outage(seed), DiagnosisSettings(step_ms=1_000.0), settled_until=END
    )
    assert found.verdict is Verdict.UNCLEAR
    assert found.outages
    assert found.timeout_share is not None

    seconds = usual_trial_seconds(found, 8 * DAY)

    to_expect = seconds * found.timeout_share * 60 / HOUR
    assert to_expect == pytest.approx(TIMEOUTS_TO_EXPECT, rel=0.1)


def test_how_it_was_before_a_change_makes_no_trial_shorter() -> None:
    """Nor an outage of late, which tells nothing of the timeouts to come."""
    often = replace(unclear_diagnosis(), timeouts=50_000)
    judged = JudgedEvidence(NOW - 2 * DAY, 2 * DAY, 20_000, 300, 300)
    now = replace(often, changed_at=NOW - 2 * DAY, judged=judged)
    assert usual_trial_seconds(now, 8 * DAY) == pytest.approx(2 * DAY * 30 / 300)
    assert usual_trial_seconds(now, DAY) == pytest.approx(DAY * 30 / 300), "no more was read"
    bunched = replace(unclear_diagnosis(), outage_share=0.5)
    assert usual_trial_seconds(bunched, 8 * DAY) == pytest.approx(8 * DAY * 30 / 250)


def hanging_with_an_outage(seed: int) -> ActionEvidence:
    """Sixty calls an hour for eight days; during three hours ten times as many, without answers."""

    def usual(hours: int, start: int, seed: int) -> ActionEvidence:
        calls = with_hangs(lognormal(hours * 60, 2_200, 0.4, seed), 0.025, seed + 1)
        return observe(calls, 5_000.0, hours * 12, start=start)

    begin, hours = T0 + 2 * DAY, 8 * 24 - 51
    outage = observe(np.full(1_800, np.inf), 5_000.0, 36, start=begin)
    return in_a_row(usual(48, T0, seed), outage, usual(hours, begin + 3 * HOUR, seed + 2))
