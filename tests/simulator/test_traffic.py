"""Traffic is a function of the seed, the clock and the timeouts, and of nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from monitor.simulator import PUNCTUAL, Scenario, scaled, scenario
from monitor.simulator.distributions import DAY_SECONDS, outage_of_day
from monitor.simulator.endings import ENDINGS, GATEWAY_504, OK, THROTTLED, TIMED_OUT
from monitor.simulator.executions import ExecutionColumns
from monitor.simulator.scenario_types import LatencyLaw, LaterLaw, Outage
from monitor.simulator.scenarios import SHIPMENT_TRACKING, STOCK_LEVEL
from monitor.simulator.timeouts import TimeoutChange
from monitor.simulator.traffic import NOBODY, Traffic
from tests.clocks import HOUR, NOON

BEGIN_MS, END_MS = (NOON - HOUR) * 1_000, NOON * 1_000
DEFAULT = scenario("default")
TRAFFIC = Traffic(DEFAULT, "platform")
"""Read by many tests, changed by none: its cells are drawn once."""


def position(plan: Scenario, name: str) -> int:
    """Where an action of that name stands."""
    return next(at for at, one in enumerate(plan.actions) if one.name == name)


def same(left: ExecutionColumns, right: ExecutionColumns) -> bool:
    """Whether two tables hold the same executions in the same order."""
    return all(
        np.array_equal(getattr(left, field.name), getattr(right, field.name))
        for field in fields(ExecutionColumns)
    )


def test_equal_seeds_give_equal_traffic() -> None:
    """In whatever order it is asked for."""
    forward, backward = Traffic(DEFAULT, "platform"), Traffic(DEFAULT, "platform")
    middle = (BEGIN_MS + END_MS) // 2
    first = [forward.ended_between(BEGIN_MS, middle), forward.ended_between(middle, END_MS)]
    late = backward.ended_between(middle, END_MS)
    assert same(first[1], late)
    assert same(first[0], backward.ended_between(BEGIN_MS, middle))


def test_another_seed_gives_other_traffic() -> None:
    """The names stay, the executions differ."""
    other = scenario("default", seed=7)
    assert other.actions == DEFAULT.actions
    one = TRAFFIC.ended_between(BEGIN_MS, END_MS)
    assert not same(one, Traffic(other, "platform").ended_between(BEGIN_MS, END_MS))


def test_a_timed_out_execution_took_its_timeout() -> None:
    """Exactly the timeout in force at its arrival; every other took less."""
    rows = TRAFFIC.ended_between(BEGIN_MS, END_MS)
    limits = np.array([(one.timeout_seconds or 60) * 1_000 for one in DEFAULT.actions])
    limits[position(DEFAULT, "Price Quote")] = 15_000
    limit = limits[rows.action]
    timed_out = rows.ending == TIMED_OUT
    assert timed_out.sum() > 50
    assert np.array_equal(rows.duration_ms[timed_out], limit[timed_out])
    assert (rows.duration_ms[~timed_out] < limit[~timed_out]).all()


def test_a_change_counts_for_calls_that_arrive_after_it() -> None:
    """A call that is under way keeps the timeout of its own arrival."""
    traffic = Traffic(DEFAULT, "platform")
    at = position(DEFAULT, "Order Status")
    moment = (BEGIN_MS + END_MS) // 2 + 1_234
    before = traffic.ended_between(BEGIN_MS, END_MS)
    traffic.change_timeout(TimeoutChange(moment, at, None, 6_000))
    rows = traffic.ended_between(BEGIN_MS, END_MS)
    mine = rows.take((rows.action == at) & (rows.ending == TIMED_OUT))
    assert set(mine.duration_ms[mine.arrival_ms < moment].tolist()) == {5_000}
    assert set(mine.duration_ms[mine.arrival_ms >= moment].tolist()) == {6_000}
    early = before.take(before.arrival_ms < moment)
    assert same(early, rows.take(rows.arrival_ms < moment))


def test_a_clock_that_was_set_back_does_not_reorder_changes() -> None:
    """The last change made is the one in force."""
    traffic = Traffic(DEFAULT, "platform")
    at = position(DEFAULT, "Order Status")
    for moment, timeout_ms in ((BEGIN_MS, 6_000), (BEGIN_MS - HOUR * 1_000, 7_000)):
        traffic.change_timeout(TimeoutChange(moment, at, None, timeout_ms))
    rows = traffic.ended_between(BEGIN_MS + 10_000, END_MS)
    mine = rows.take((rows.action == at) & (rows.ending == TIMED_OUT))
    assert set(mine.duration_ms.tolist()) == {7_000}


def test_history_begins_and_traffic_ends_where_the_scenario_says() -> None:
    """No arrival before, none from the end on."""
    plan = replace(DEFAULT, history_start=BEGIN_MS / 1_000 + 100, ends=END_MS / 1_000 - 100)
    rows = Traffic(plan, "platform").ended_between(BEGIN_MS - 10**7, END_MS + 10**7)
    assert rows.arrival_ms.min() >= BEGIN_MS + 100_000
    assert rows.arrival_ms.max() < END_MS - 100_000


@pytest.mark.parametrize("name", ["default", "late"])
def test_lateness_keeps_its_law(name: str) -> None:
    """Nothing earlier than the least or later than the worst; the tail has its share."""
    plan = scenario(name)
    rows = Traffic(plan, "platform").ended_between(BEGIN_MS - 10 * HOUR * 1_000, END_MS)
    for visible in (rows.visible_ms, rows.record_ms[rows.record_ms >= 0]):
        since = rows.end_ms if len(visible) == len(rows) else rows.end_ms[rows.record_ms >= 0]
        delay = (visible - since) / 1_000
        assert delay.min() >= plan.lateness.least_seconds
        assert delay.max() <= plan.lateness.worst_seconds
        tail = float((delay > plan.lateness.usual_seconds).mean())
        assert abs(tail - plan.lateness.tail_share) < 0.06


def test_punctual_data_is_visible_at_once() -> None:
    """The lateness can be switched off."""
    plan = replace(DEFAULT, lateness=PUNCTUAL)
    rows = Traffic(plan, "platform").ended_between(BEGIN_MS, END_MS)
    assert np.array_equal(rows.visible_ms, rows.end_ms)


def test_an_outage_comes_every_night_at_another_time() -> None:
    """Within its hours, as long as it says."""
    outage = Outage(1.5, 3.5, 40.0)
    nights = [outage_of_day(outage, NOON // DAY_SECONDS + day, 5) for day in range(20)]
    begins = [begin / 1_000 % DAY_SECONDS / 3_600 for begin, _ in nights]
    assert len(set(begins)) == 20
    assert all(1.5 <= hour < 3.5 for hour in begins)
    assert {end - begin for begin, end in nights} == {40 * 60_000}


def test_an_outage_bunches_timeouts_in_the_night() -> None:
    """Last night's outage holds nearly all timeouts of the day."""
    at = position(DEFAULT, SHIPMENT_TRACKING.name)
    rows = TRAFFIC.ended_between((NOON - 24 * HOUR) * 1_000, END_MS)
    late = rows.take((rows.action == at) & (rows.ending == TIMED_OUT))
    assert len(late) > 40
    assert np.ptp(late.arrival_ms) < 45 * 60_000


def test_every_kind_of_ending_occurs_in_a_day() -> None:
    """The default org has something of everything."""
    rows = TRAFFIC.ended_between((NOON - 24 * HOUR) * 1_000, END_MS)
    assert set(rows.ending.tolist()) == set(range(len(ENDINGS)))


def test_throttling_is_a_matter_of_busy_hours() -> None:
    """At noon it happens, at night it does not."""
    noon = TRAFFIC.ended_between(BEGIN_MS, END_MS)
    night = TRAFFIC.ended_between((NOON - 10 * HOUR) * 1_000, (NOON - 7 * HOUR) * 1_000)
    assert THROTTLED in noon.ending
    assert THROTTLED not in night.ending


def test_a_gateway_gives_up_before_the_timeout() -> None:
    """The 504s take what the gateway waits, far below ours."""
    rows = TRAFFIC.ended_between(BEGIN_MS, END_MS)
    gone = rows.take(rows.ending == GATEWAY_504)
    assert len(gone)
    assert set(gone.action.tolist()) == {position(DEFAULT, "Address Lookup")}
    assert gone.duration_ms.max() < 1_600


def test_a_drifting_back_end_slows_down_until_its_restart() -> None:
    """The median at the end of a cycle is well above that at its beginning."""
    at = position(DEFAULT, STOCK_LEVEL.name)
    cycle = int(STOCK_LEVEL.law.drift_days * DAY_SECONDS)
    restart = NOON // cycle * cycle

    def median(begin: int) -> float:
        rows = TRAFFIC.ended_between(begin * 1_000, (begin + 12 * HOUR) * 1_000)
        kept = rows.take((rows.action == at) & (rows.ending == OK))
        return float(np.median(kept.duration_ms))

    assert median(restart - DAY_SECONDS + 6 * HOUR) > 1.5 * median(restart + 6 * HOUR)


def test_a_deploy_changes_what_comes_after_it_and_nothing_else() -> None:
    """To the five minutes, and back again with the next one; an outage ends with its law."""
    begin = int(NOON) // 300 * 300
    hangs = LatencyLaw(100.0, never_share=1.0, outage=Outage(0.0, 0.0, 24 * 60.0))
    calm = replace(STOCK_LEVEL, law=LatencyLaw(100.0), timeout_seconds=5)
    later = (LaterLaw(begin + 600, hangs), LaterLaw(begin + 1_200, calm.law))
    plan = replace(scenario("punctual"), actions=(calm,), flows=(), lateness=PUNCTUAL)
    before = Traffic(plan, "platform")
    after = Traffic(replace(plan, actions=(replace(calm, later=later),)), "platform")
    edges = [(begin + at) * 1_000 for at in (0, 600, 1_200, 1_800)]

    # A call that hangs ends when the timeout does, so that rows go by when they arrived.
    rows = after.ended_between(edges[0], edges[-1] + 5_000)
    counts = [
        rows.take((rows.arrival_ms >= one) & (rows.arrival_ms < other))
        for one, other in pairwise(edges)
    ]

    assert all(len(part) for part in counts)
    assert [bool((part.ending == TIMED_OUT).all()) for part in counts] == [False, True, False]
    assert same(
        before.ended_between(edges[0], edges[1]).take(np.arange(5)), counts[0].take(np.arange(5))
    )
    assert after.outages(edges[0], edges[-1]) == [(0, edges[1], edges[2])]


def test_two_calls_of_one_action_never_begin_in_the_same_millisecond() -> None:
    """A segment's start names it, even in a crowd."""
    busy = replace(scaled(1), lateness=PUNCTUAL)
    busy = replace(
        busy, actions=tuple(replace(one, arrivals=replace(one.arrivals, per_hour=10**6))
                            for one in busy.actions)
    )  # fmt: skip
    rows = Traffic(busy, "platform").ended_between(BEGIN_MS, BEGIN_MS + 300_000)
    assert len(rows) > 50_000
    assert len(np.unique(rows.arrival_ms)) == len(rows)


def test_with_the_flow_contract_only_flows_call_anything() -> None:
    """An action that no flow uses has no traffic there."""
    rows = Traffic(DEFAULT, "flow").ended_between(BEGIN_MS, END_MS)
    assert (rows.flow != NOBODY).all()
    assert position(DEFAULT, "Partner Token") not in rows.action
    assert (
        position(DEFAULT, "Partner Token")
        in TRAFFIC.ended_between(BEGIN_MS - 20 * HOUR * 1_000, END_MS).action
    )


def test_an_org_without_actions_has_no_traffic() -> None:
    """The quiet scenario is empty, not broken."""
    assert len(Traffic(scenario("quiet"), "platform").ended_between(BEGIN_MS, END_MS)) == 0
