"""What bands can't tell is asked for closely: where a verdict hangs on it, and seldom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.config import Settings
from monitor.diagnosis import OrgDiagnosis, Verdict
from monitor.errors import LedgerError
from monitor.genesys import RequestBudget
from monitor.ledger import Ledger, NearLook, NearLooks
from monitor.poller import open_reader
from monitor.poller.closer_look import REST_SECONDS, CloserLook
from monitor.poller.look_choice import MOST_ACTIONS, PERIOD_SECONDS, Look, LookSize, next_look
from monitor.poller.look_rests import FULL_SIZE_AFTER_SECONDS, LookRests
from monitor.poller.org_poller import OrgPoller
from monitor.simulator import PUNCTUAL, RunningSimulator, Scenario, World
from monitor.simulator.scenario_types import Arrivals, LatencyLaw, SimulatedAction
from monitor.simulator.scenarios import BRANCH_FINDER, ORDER_STATUS
from monitor.sources import NearBandsSource
from monitor.time_ranges import TimeRange
from tests.clocks import NOON, ManualClock
from tests.diagnosis.diagnoses import slow_tail
from tests.poller.watched_org import client_of, org_settings
from tests.simulated_org import ORG, mend, order_fault, org_table, request_counts, serve_org

HOUR = 3_600
NEAR = "/api/v2/analytics/actions"
AGGREGATES = "POST /api/v2/analytics/actions/aggregates/query"
SLOW = LatencyLaw(800, 0.3, second_share=0.15, second_median_ms=4_000, second_sigma=0.5)
"""A second, slower kind that falls off through a timeout of 5 s: of what times out nine in ten
answer within 10 s. The last fixed band is 4 to 5 s: it can't tell this from a wall."""


def calls(like: SimulatedAction, law: LatencyLaw, per_hour: float = 1_500) -> SimulatedAction:
    """The same action with a law, called as often by night as by day."""
    return replace(like, law=law, arrivals=Arrivals(per_hour, night_share=1.0))


def never_answered(timeout_seconds: int) -> SimulatedAction:
    """Return an action that never answers some calls, unclear by bands alone."""
    return replace(
        calls(ORDER_STATUS, LatencyLaw(800, 0.3, never_share=1.0)),
        action_id=f"custom_-_{timeout_seconds}",
        name=f"Lookup {timeout_seconds}",
        timeout_seconds=timeout_seconds,
    )


UNCLEAR = calls(replace(ORDER_STATUS, timeout_seconds=5), SLOW)
HEALTHY = calls(BRANCH_FINDER, LatencyLaw(300, 0.3), 300)


class Polled:
    """A poller on a simulated org, with a clock that is set by hand."""

    def __init__(
        self, simulator: RunningSimulator, ledger: Ledger, clock: ManualClock, **collect: object
    ) -> None:
        """Poll it with a day of history, or other settings of ``[collect]``."""
        self.simulator, self.ledger, self.clock = simulator, ledger, clock
        settings = Settings.model_validate(
            {
                "org": [org_table(simulator.url)],
                "collect": {"initial": "24h", "sources": ["actions"], **collect},
            }
        )
        reader = open_reader(
            settings.org[0], settings, ledger=ledger, clock=clock, stop=threading.Event()
        )
        self.poller = OrgPoller(reader, settings, ledger=ledger, clock=clock)

    def diagnosed(self) -> OrgDiagnosis:
        """The verdicts, made anew."""
        self.poller.diagnose()
        found = self.poller.snapshot.diagnosis
        assert found is not None
        return found

    def closer_look(self, seconds: float = 20.0, **collect: object) -> CloserLook:
        """One that has a client of its own, whose requests alone a fault meets."""
        return CloserLook(
            org_settings(),
            Settings.model_validate({"collect": collect}),
            client=client_of(self.simulator.url, deadline_seconds=seconds),
            ledger=self.ledger,
            clock=self.clock,
        )

    def looked(self) -> int:
        """Requests that looking closely has taken."""
        return self.poller.snapshot.health.closer_looks

    def looks(self) -> tuple[NearLook, ...]:
        """What was kept of it."""
        return self.ledger.near_looks.since(ORG, 0)


@pytest.fixture
def poll(tmp_path: Path) -> Iterator[Callable[..., Polled]]:
    """Poll an org with some actions."""
    with ExitStack() as stack:

        def start(*actions: SimulatedAction, world: World | None = None, **collect: Any) -> Polled:  # noqa: ANN401 - any setting
            clock = ManualClock(NOON)
            scenario = Scenario("closely", 3, actions, (), PUNCTUAL)
            world = replace(
                world or World(large_answers="served"),
                bad_records="none",
                timeout_duration="at_limit",
            )
            simulator = stack.enter_context(serve_org(scenario, clock.true, world=world))
            ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path / 'state.db'}"))
            polled = Polled(simulator, ledger, clock, **collect)
            stack.callback(polled.poller.close)
            return polled

        yield start


def unclear_org(poll: Callable[..., Polled]) -> tuple[Polled, OrgDiagnosis, CloserLook]:
    """An org with one action that is unclear, its verdicts, and a look that has asked nothing."""
    polled = poll(UNCLEAR)
    polled.poller.poll()
    verdicts = polled.diagnosed()
    return polled, verdicts, polled.closer_look()


def test_what_bands_leave_unclear_is_told_after_a_closer_look(
    poll: Callable[..., Polled],
) -> None:
    """One request, and the tail is found; a note says what it rests on; the bands are the same."""
    polled = poll(UNCLEAR, HEALTHY)
    polled.poller.poll()
    before = polled.diagnosed().diagnoses
    assert before[UNCLEAR.action_id].verdict is Verdict.UNCLEAR
    bands = polled.ledger.state(ORG).totals
    assert polled.looked() == 0

    request_counts(polled.simulator.url, reset=True)
    polled.poller.poll()
    near = request_counts(polled.simulator.url)[AGGREGATES]
    after = polled.diagnosed().diagnoses

    assert polled.looked() == 1
    assert after[UNCLEAR.action_id].verdict is Verdict.SLOW_TAIL
    assert any("closer look" in note for note in after[UNCLEAR.action_id].notes)
    low, _ = after[UNCLEAR.action_id].rescue_bounds or (0, 0)
    assert low >= 0.5
    assert after[HEALTHY.action_id] == before[HEALTHY.action_id]
    assert {look.action_id for look in polled.looks()} == {UNCLEAR.action_id}
    assert {key: total.bands for key, total in polled.ledger.state(ORG).totals.items()} == {
        key: total.bands for key, total in bands.items()
    }

    request_counts(polled.simulator.url, reset=True)
    polled.poller.poll()
    assert request_counts(polled.simulator.url)[AGGREGATES] == near - 1
    assert polled.looked() == 1


def test_what_was_seen_is_what_happened(poll: Callable[..., Polled]) -> None:
    """Every success of the periods that were looked at stands in its band, or below all of them."""
    polled = poll(UNCLEAR)
    polled.poller.poll()
    polled.diagnosed()
    polled.poller.poll()

    looks = polled.looks()
    edges = (4_000, 4_500, 4_750)
    begin, end = looks[0].time_range.start, looks[-1].time_range.end
    org = polled.simulator.org
    rows = org.visible_executions(begin * 1_000, end * 1_000, org.now_ms())
    durations = rows.duration_ms[(rows.duration_ms >= edges[0]) & (rows.duration_ms < 5_000)]
    expected = [
        int(((durations >= low) & (durations < high)).sum())
        for low, high in zip(edges, (*edges[1:], 5_000), strict=True)
    ]
    assert [sum(column) for column in zip(*(look.counts for look in looks), strict=True)] == (
        expected
    )


def test_nothing_is_asked_where_nothing_is_unclear(poll: Callable[..., Polled]) -> None:
    """Neither of healthy actions, nor before there is any verdict."""
    polled = poll(HEALTHY)
    for _ in range(3):
        polled.poller.poll()
        polled.diagnosed()
        polled.clock.at += 7 * HOUR

    assert polled.looked() == 0
    assert polled.looks() == ()


def test_it_can_be_switched_off(poll: Callable[..., Polled]) -> None:
    """With 0 an hour nothing is asked, and the verdict stays what bands tell."""
    polled = poll(UNCLEAR, closer_look_requests_per_hour=0)
    polled.poller.poll()
    polled.diagnosed()
    polled.poller.poll()

    assert polled.looked() == 0
    assert polled.diagnosed().diagnoses[UNCLEAR.action_id].verdict is Verdict.UNCLEAR


def test_no_more_is_asked_than_an_hour_allows(poll: Callable[..., Polled]) -> None:
    """The actions have a timeout each: a question each, two of them an hour, until all are seen."""
    actions = [never_answered(number) for number in (3, 4, 5, 6, 7)]
    polled = poll(*actions, closer_look_requests_per_hour=2)
    polled.poller.poll()
    assert {one.verdict for one in polled.diagnosed().diagnoses.values()} == {Verdict.UNCLEAR}
    begun = polled.clock.monotonic()
    asked = []
    for _ in range(40):
        polled.poller.poll()
        asked.append((polled.clock.monotonic() - begun, polled.looked()))
        polled.clock.at += 290

    in_an_hour = [
        later - earlier
        for since, earlier in asked
        for until, later in asked
        if 0 <= until - since < HOUR
    ]
    assert max(in_an_hour) == 2
    assert asked[-1][1] >= len(actions)
    assert {look.action_id for look in polled.looks()} == {one.action_id for one in actions}


def test_a_start_anew_allows_no_more_an_hour(poll: Callable[..., Polled]) -> None:
    """The state tells what was asked before; what a clock that was ahead wrote there is void."""
    polled = poll(*map(never_answered, (3, 4, 5, 6)), closer_look_requests_per_hour=2)
    polled.poller.poll()
    verdicts = polled.diagnosed()

    def asked() -> int:
        look = polled.closer_look(closer_look_requests_per_hour=2)
        look.run(verdicts, RequestBudget())
        return look.requests

    assert [asked() for _ in range(4)] == [1, 1, 0, 0]
    polled.clock.at += HOUR - 1
    assert asked() == 0
    polled.clock.at += 1
    assert asked() == 1
    polled.ledger.near_looks.note_asked(ORG, [polled.clock.now() + 9 * HOUR] * 2)
    assert asked() == 1


def test_nothing_is_asked_of_what_is_listed_no_more(poll: Callable[..., Polled]) -> None:
    """A deleted action keeps its verdict for days, and nobody needs it."""
    polled = poll(UNCLEAR, HEALTHY)
    polled.poller.poll()
    polled.diagnosed()
    left = [one for one in polled.ledger.state(ORG).actions if one.action_id != UNCLEAR.action_id]
    polled.ledger.save_catalogue(ORG, left, polled.clock.now())
    polled.poller.catch_up()
    assert polled.poller.snapshot.state.gone == {UNCLEAR.action_id}

    polled.poller.poll()
    assert polled.looked() == 0


def test_after_a_429_it_waits_and_polls_go_on(poll: Callable[..., Polled]) -> None:
    """What the platform has no time for is no more urgent than an hour later."""
    polled = poll(UNCLEAR)
    polled.poller.poll()
    polled.diagnosed()
    look = polled.closer_look(0.5)
    order_fault(polled.simulator.url, "rate_limited", path_prefix=NEAR, retry_after_seconds=60)
    verdicts = polled.poller.snapshot.diagnosis
    look.run(verdicts, RequestBudget())
    assert look.requests == 1
    assert polled.looks() == ()

    look.run(verdicts, RequestBudget())
    assert look.requests == 1
    assert polled.poller.poll().result == "ok"


@pytest.mark.parametrize("large_answers", ["413", "504"])
def test_an_answer_that_would_be_too_large_is_asked_for_in_parts(
    poll: Callable[..., Polled],
    large_answers: Any,  # noqa: ANN401 - of the world
) -> None:
    """Each time for half as long, until it is answered; what was refused counts as asked too."""
    polled = poll(UNCLEAR, world=World(large_answers=large_answers))
    polled.poller.poll()
    polled.diagnosed()
    for _ in range(12):
        polled.poller.poll()

    assert polled.looks()
    assert polled.looked() <= 12


def test_a_question_that_always_fails_keeps_no_other_from_being_asked(
    poll: Callable[..., Polled],
) -> None:
    """It rests the longer the oftener it fails, and the others have their turn."""
    polled = poll(never_answered(3), never_answered(5))
    polled.poller.poll()
    verdicts = polled.diagnosed()
    look = polled.closer_look()
    for _ in range(2):
        order_fault(polled.simulator.url, "bad_request", path_prefix=NEAR)
        look.run(verdicts, RequestBudget())
        polled.clock.at += REST_SECONDS
    assert look.requests == 2
    assert polled.looks() == ()

    look.run(verdicts, RequestBudget())
    assert {one.timeout_ms for one in polled.looks()} == {5_000}
    # What failed is asked again, too, and what was answered is no fault any more.
    for _ in range(3):
        polled.clock.at += REST_SECONDS
        look.run(verdicts, RequestBudget())
    assert {one.timeout_ms for one in polled.looks()} == {3_000, 5_000}


def test_what_is_not_answered_in_time_is_asked_for_in_parts(poll: Callable[..., Polled]) -> None:
    """A platform that is slow is left alone for an hour, and then asked for half as much."""
    polled = poll(UNCLEAR)
    polled.poller.poll()
    verdicts = polled.diagnosed()
    look = polled.closer_look(3.0)
    order_fault(polled.simulator.url, "hang", path_prefix=NEAR, hang_seconds=3.5)
    look.run(verdicts, RequestBudget())
    mend(polled.simulator.url)
    look.run(verdicts, RequestBudget())
    assert polled.looks() == ()

    polled.clock.at += REST_SECONDS
    look.run(verdicts, RequestBudget())
    (first,) = polled.looks()
    assert first.time_range.seconds == PERIOD_SECONDS
    for _ in range(3):
        look.run(verdicts, RequestBudget())
    looks = polled.looks()
    assert looks[-1].time_range.end - first.time_range.start == 24 * HOUR


@pytest.mark.parametrize("part", [NearBandsSource, NearLooks])
@pytest.mark.parametrize("error", [RuntimeError("boom"), LedgerError("The state is busy")])
def test_what_nobody_foresaw_fails_no_poll_and_rests(
    poll: Callable[..., Polled], monkeypatch: pytest.MonkeyPatch, part: type, error: Exception
) -> None:
    """What was read counts; the look is made an hour later."""

    def fail(*_: object) -> None:
        raise error

    polled = poll(UNCLEAR)
    polled.poller.poll()
    polled.diagnosed()
    polls = polled.poller.snapshot.health.polls["ok"]
    with monkeypatch.context() as patched:
        patched.setattr(part, "read" if part is NearBandsSource else "save", fail)
        for _ in range(2):
            assert polled.poller.poll().result == "ok"
    asked = polled.looked()
    assert polled.poller.poll().result == "ok"
    assert (polled.looked(), polled.looks()) == (asked, ())
    assert polled.poller.snapshot.health.polls["ok"] == polls + 3

    polled.clock.at += REST_SECONDS
    polled.poller.poll()
    assert polled.looked() == asked + 1
    assert polled.looks()


def test_what_was_asked_while_the_clock_was_ahead_is_void_and_asked_again(
    poll: Callable[..., Polled],
) -> None:
    """It holds nothing of what was still to come, and would keep others from being asked."""
    polled, verdicts, look = unclear_org(poll)
    polled.clock.ahead = 3 * 24 * HOUR
    look.run(verdicts, RequestBudget())
    assert polled.looks()[-1].time_range.end > polled.clock.at + 24 * HOUR

    polled.clock.ahead = 0
    polled.clock.at += 2 * PERIOD_SECONDS
    for _ in range(2):
        look.run(verdicts, RequestBudget())
    looks = polled.looks()
    assert looks[-1].time_range.end == polled.clock.at - PERIOD_SECONDS
    assert all(any(one.counts) for one in looks)


def test_requests_that_are_used_up_make_no_question_smaller(poll: Callable[..., Polled]) -> None:
    """It would have been answered, had the platform not failed in between."""
    polled = poll(UNCLEAR)
    polled.poller.poll()
    verdicts = polled.diagnosed()
    look = polled.closer_look(closer_look_requests_per_hour=1)
    order_fault(polled.simulator.url, "server_error", path_prefix=NEAR)
    look.run(verdicts, RequestBudget())
    assert (look.requests, polled.looks()) == (1, ())

    polled.clock.at += REST_SECONDS
    look.run(verdicts, RequestBudget())
    looks = polled.looks()
    assert looks[-1].time_range.end - looks[0].time_range.start == 24 * HOUR


def test_a_question_grows_smaller_to_the_last_and_is_whole_again_after_a_day() -> None:
    """First half as long, then half as many actions; it never stays what was too much."""
    clock = ManualClock(NOON)
    rests = LookRests(clock)
    asked = []
    while True:
        size = rests.size
        asked.append((size.seconds // PERIOD_SECONDS, size.actions))
        actions = {f"a{number}": 0 for number in range(size.actions)}
        if not rests.halve(Look(5_000, TimeRange(NOON, NOON + size.seconds), actions)):
            break
    assert asked == [
        *((periods, 50) for periods in (32, 16, 8, 4, 2, 1)),
        *((1, actions) for actions in (25, 12, 6, 3, 1)),
    ]

    clock.at += FULL_SIZE_AFTER_SECONDS - 1
    assert rests.size == LookSize(PERIOD_SECONDS, 1)
    clock.at += 1
    assert rests.size == LookSize()


def test_nothing_is_asked_about_a_timeout_that_rests_and_of_no_more_actions_than_the_size() -> None:
    """Both as they are given."""
    clock = ManualClock(NOON)
    many = [(f"a{number}", Verdict.UNCLEAR, 5_000.0) for number in range(9)]
    verdicts = verdicts_of(clock, *many, ("b", Verdict.UNCLEAR, 3_000.0))
    timeouts = [("b", 0.0, 3_000), *((one[0], 0.0, 5_000) for one in many)]

    size = LookSize(PERIOD_SECONDS, 4)
    look = next_look(verdicts, timeouts, {}, clock.now() - HOUR, size, {3_000})
    assert look is not None
    assert (look.timeout_ms, len(look.since)) == (5_000, 4)
    assert look.time_range.seconds == PERIOD_SECONDS
    resting = {3_000, 5_000}
    assert next_look(verdicts, timeouts, {}, clock.now() - HOUR, size, resting) is None


def verdicts_of(clock: ManualClock, *timeouts: tuple[str, Verdict, float]) -> OrgDiagnosis:
    """Verdicts of actions whose windows of eight days were read."""
    now = clock.now()
    return OrgDiagnosis(
        org=ORG,
        contract=org_settings().contract,
        time_range=TimeRange(int(now) - 8 * 86_400, int(now) - 600),
        taken_at=now,
        missing_seconds=0,
        diagnoses={
            action_id: replace(slow_tail(), verdict=verdict, timeout_ms=timeout_ms)
            for action_id, verdict, timeout_ms in timeouts
        },
        concurrency=None,
    )


def test_what_was_looked_at_least_lately_comes_first_with_all_that_share_its_timeout() -> None:
    """A question is about one timeout, and about so many actions at most."""
    clock = ManualClock(NOON)
    now = clock.now()
    many = [(f"a{number:03}", Verdict.UNCLEAR, 5_000.0) for number in range(MOST_ACTIONS + 9)]
    verdicts = verdicts_of(
        clock, *many, ("b", Verdict.SLOW_TAIL, 3_000.0), ("c", Verdict.HANGS, 2_000.0)
    )
    timeouts = [(one[0], 0.0, round(one[2])) for one in many]
    timeouts += [("b", 0.0, 3_000), ("c", 0.0, 2_000)]
    until = {("a000", 5_000): NOON - PERIOD_SECONDS}

    look = next_look(verdicts, timeouts, until, now - HOUR, LookSize())
    assert look is not None
    assert (look.timeout_ms, set(look.since)) == (3_000, {"b"})

    until["b", 3_000] = look.time_range.end
    look = next_look(verdicts, timeouts, until, now - HOUR, LookSize())
    assert look is not None
    assert (look.timeout_ms, len(look.since)) == (5_000, MOST_ACTIONS)
    assert "a000" not in look.since

    until |= {(one[0], round(one[2])): look.time_range.end for one in many}
    assert next_look(verdicts, timeouts, until, now - HOUR, LookSize()) is None


@pytest.mark.parametrize(
    ("verdict", "goes_on"),
    [
        (Verdict.HANGS, True),
        (Verdict.AT_CAP, True),
        (Verdict.BIMODAL, True),
        (Verdict.HEALTHY, False),
    ],
)
def test_what_a_verdict_was_found_by_is_looked_at_on(verdict: Verdict, goes_on: bool) -> None:  # noqa: FBT001 - a case
    """Where it was looked at under the timeout in force; of all others nothing new is asked."""
    clock = ManualClock(NOON)
    verdicts = verdicts_of(
        clock, ("a", verdict, 5_000.0), ("b", verdict, 5_000.0), ("c", verdict, 5_000.0)
    )
    timeouts = [(action_id, 0.0, 5_000) for action_id in "abc"]
    until = {("a", 5_000): NOON - 2 * PERIOD_SECONDS, ("c", 4_000): NOON - 2 * PERIOD_SECONDS}

    look = next_look(verdicts, timeouts, until, clock.now(), LookSize())
    asked = look and (look.since, look.time_range.start)
    begin = NOON - 2 * PERIOD_SECONDS
    assert asked == (({"a": begin}, begin) if goes_on else None)


def test_a_verdict_that_was_found_by_a_look_stands_with_nothing_changed(
    poll: Callable[..., Polled],
) -> None:
    """Looks go on for it, one each quarter of a day, so that none of them grows too old unseen."""
    polled, verdicts, look = unclear_org(poll)
    look.run(verdicts, RequestBudget())
    hangs = replace(
        verdicts,
        diagnoses={
            action_id: replace(one, verdict=Verdict.HANGS)
            for action_id, one in verdicts.diagnoses.items()
        },
    )
    for _ in range(3):
        polled.clock.at += PERIOD_SECONDS
        look.run(hangs, RequestBudget())

    assert look.requests == 4
    looks = polled.looks()
    assert looks[-1].time_range.end >= polled.clock.at - PERIOD_SECONDS


def test_nothing_from_before_a_change_of_the_timeout_is_asked() -> None:
    """And nothing at all of an action whose verdict is of the timeout before."""
    clock = ManualClock(NOON)
    changed = NOON - 20 * HOUR
    verdicts = verdicts_of(clock, ("a", Verdict.UNCLEAR, 5_000.0))

    look = next_look(
        verdicts,
        [("a", 0.0, 3_000), ("a", float(changed), 5_000)],
        {},
        clock.now() - HOUR,
        LookSize(),
    )
    assert look is not None
    assert changed <= look.time_range.start < changed + PERIOD_SECONDS
    late = [("a", 0.0, 5_000), ("a", float(changed), 6_000)]
    assert next_look(verdicts, late, {}, clock.now() - HOUR, LookSize()) is None
