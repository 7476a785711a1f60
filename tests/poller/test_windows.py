"""Windows: those of the settings, those that the platform takes, and those of the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.config import Settings
from monitor.diagnosis import diagnose_org
from monitor.errors import BadRequestError, ConfigurationError
from monitor.journal import ChangeState
from monitor.poller import PollResult
from monitor.remediation.measuring import Measuring, measure
from monitor.simulator import Scenario, World
from monitor.simulator.scenarios import ORDER_STATUS
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.filled_ledger import CLASSIFIER
from tests.poller.conftest import Watch
from tests.poller.watched_org import AGGREGATES, SMALL, WatchedOrg, really_happened
from tests.remediation.guard_inputs import change
from tests.simulated_org import ORG


def coarse(smallest_seconds: int) -> Scenario:
    """A punctual org whose aggregates take no finer windows than these."""
    return replace(SMALL, smallest_granularity_seconds=smallest_seconds)


def window_of(watched: WatchedOrg, source: str = "actions") -> int:
    """The windows that a source is read in, by the ledger."""
    return watched.ledger.state(ORG).sources[source].window_seconds


@pytest.mark.parametrize(
    ("smallest", "used"), [(60, 300), (900, 900), (1_000, 1_800), (3_600, 3_600)]
)
def test_the_finest_windows_that_the_platform_takes_are_used(
    watch: Watch, smallest: int, used: int
) -> None:
    """A refused granularity leads to the next coarser one, and everything is counted in it."""
    watched = watch(coarse(smallest))
    report = watched.source_reader.poll()
    assert report.result is PollResult.OK
    assert window_of(watched) == used
    assert watched.executions() == really_happened(watched.truth())


def test_coarser_windows_are_the_affair_of_one_source(watch: Watch) -> None:
    """Detail records are not read differently because the aggregates are."""
    watched = watch(coarse(900))
    watched.source_reader.poll()
    assert window_of(watched, "conversations") == 300


def test_coarser_windows_are_said(watch: Watch, logged: list[dict[str, Any]]) -> None:
    """Each step is one warning with the platform's own words."""
    watched = watch(coarse(1_800))
    watched.source_reader.poll()
    steps = [line for line in logged if line["event"] == "coarser_windows"]
    assert [(line["refused_seconds"], line["window_seconds"]) for line in steps] == [
        (300, 900),
        (900, 1_800),
    ]
    assert "granularity" in steps[0]["why"]


def test_what_the_platform_took_is_kept(watch: Watch, clock: ManualClock) -> None:
    """Later polls, also after a restart, ask in the windows of the ledger at once."""
    watched = watch(coarse(900))
    watched.source_reader.poll()
    watched.restart()
    watched.requests()
    clock.at += 60
    assert watched.source_reader.poll().result is PollResult.OK
    assert watched.requests()["POST /api/v2/analytics/actions/aggregates/query"] == 1
    assert window_of(watched) == 900


def test_a_platform_that_takes_no_windows_at_all_is_an_error(watch: Watch) -> None:
    """Beyond an hour there is nothing to fall back to."""
    watched = watch(coarse(7_200))
    report = watched.source_reader.poll()
    assert report.result is PollResult.PARTIAL
    assert type(report.errors["actions"]) is BadRequestError


def test_a_query_refused_for_another_reason_changes_no_windows(watch: Watch) -> None:
    """Only a refusal that speaks of granularity or interval is about windows."""
    watched = watch(SMALL)
    watched.fault("bad_request", AGGREGATES, count=1)
    assert type(watched.source_reader.poll().errors["actions"]) is BadRequestError
    watched.source_reader.poll()
    assert window_of(watched) == 300


def test_windows_that_were_kept_are_never_changed(watch: Watch, clock: ManualClock) -> None:
    """A platform that refuses what it took before is an error: counts could come twice."""
    watched = watch(SMALL, "actions")
    watched.source_reader.poll()
    watched.org.scenario = coarse(900)
    clock.at += 60
    assert type(watched.source_reader.poll().errors["actions"]) is BadRequestError
    assert window_of(watched) == 300


def test_history_on_a_fresh_ledger_finds_its_windows_too(watch: Watch) -> None:
    """A backfill before the first poll falls back like a poll."""
    watched = watch(coarse(900), "actions")
    report = watched.source_reader.backfill(TimeRange(NOON - HOUR, NOON))
    assert report.result is PollResult.OK
    assert window_of(watched) == 900


def test_a_ledger_kept_in_finer_windows_is_refused(watch: Watch) -> None:
    """[collect] window can't be changed on a ledger that has counts."""
    watched = watch(SMALL, "actions")
    watched.source_reader.poll()
    with pytest.raises(ConfigurationError, match=r"windows of 5 min.*asks for 10 min"):
        watched.restart(window="10m")


def test_windows_finer_than_the_settings_are_no_fallback(watch: Watch) -> None:
    """A ledger in windows of 15 min under settings of 30 min: nobody fell back to that."""
    watched = watch(SMALL, "actions", window="15m")
    watched.source_reader.poll()
    with pytest.raises(ConfigurationError, match=r"windows of 15 min.*asks for 30 min"):
        watched.restart(window="30m", near="30m")


def test_a_ledger_kept_in_windows_that_nothing_falls_back_to_is_refused(watch: Watch) -> None:
    """Ten minutes are nobody's fallback for five."""
    watched = watch(SMALL, "actions", window="10m")
    watched.source_reader.poll()
    with pytest.raises(ConfigurationError, match=r"windows of 10 min.*asks for 5 min"):
        watched.restart(window="5m")


def test_only_settled_windows_of_the_ledger_are_judged_and_concurrency_is_the_truth(
    watch: Watch, clock: ManualClock
) -> None:
    """Where the platform refuses five minutes: nothing goes by the windows that were configured."""
    watched = watch(world=World(granularity="PT15M"), initial="3h")
    clock.at = NOON + 20 * 60
    assert watched.source_reader.poll().result is PollResult.OK
    settings = Settings(collect=watched.settings)
    found = diagnose_org(watched.ledger, watched.named, settings, clock.at)
    # 12:00 to 12:15 has not settled, though 12:05 to 12:10 would have.
    assert found.time_range.end == NOON
    begin = watched.ledger.coverage(ORG, "actions")[0].start
    happened = watched.org.visible_executions(begin * 1_000, NOON * 1_000, int(clock.at * 1_000))
    spent_ms = np.bincount((happened.end_ms // 1_000 - begin) // 900, happened.duration_ms)
    assert found.concurrency is not None
    assert found.concurrency.busiest == pytest.approx(spent_ms.max() / 900_000, rel=0.02)
    assert found.concurrency.busiest_seconds == 900


def test_a_change_is_measured_in_the_windows_of_the_ledger(
    watch: Watch, clock: ManualClock
) -> None:
    """Whole settled windows of a quarter of an hour; none is counted three times, or in parts."""
    watched = watch(world=World(granularity="PT15M"), initial="3h")
    clock.at = NOON + 20 * 60
    watched.source_reader.poll()
    made = change(
        ChangeState.WATCHING,
        action_id=ORDER_STATUS.action_id,
        org=ORG,
        sent_at=NOON - HOUR + 60.0,
        applied_at=NOON - HOUR + 62.0,
    )
    how = Measuring(watched.settings, CLASSIFIER, "actions", first=1)
    _, after = measure(watched.ledger, made, how, clock.at, ())
    # From 11:15 to 12:00 there are three; of them 1, then 2 are looked at.
    assert after.windows == 2
    windows = TimeRange(NOON - 45 * 60, NOON - 15 * 60)
    told = watched.org.truth(windows.start * 1_000, windows.end * 1_000)
    happened = really_happened(told)
    assert after.timeouts == happened[ORDER_STATUS.action_id, "timeout"]
    assert after.successes == happened[ORDER_STATUS.action_id, "success"]
