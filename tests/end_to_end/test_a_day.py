"""A day of a contact centre, late data and all: every counter equals what really happened."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.clock import ScaledClock
from tests.end_to_end.world import (
    World,
    conversations_by_flow,
    executions,
    timeouts_by_action,
)

SPEED = 2_160.0
"""A day in forty seconds."""

HOUR = 3_600
LATEST_DATA_SECONDS = 4 * HOUR
"""The latest record (40 min), a lookback, and the polls until the next deep read."""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def a_day(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """Make a world whose simulated day begins with its processes."""
    worlds: list[World] = []

    def make(contract: str) -> World:
        began = time.time()
        # Thirty hours ago, so that all of the day lies in the past of the machine's own clock.
        clock = ScaledClock(origin=began - 30 * HOUR, started=began, speed=SPEED)
        world = World(tmp_path, contract, clock, ends=clock.origin + 24 * HOUR)
        worlds.append(world)
        world.start_simulator()
        return world

    yield make
    for world in worlds:
        world.close()


def assert_counts_equal_the_truth(world: World) -> None:
    """Compare every counter of executions and conversations with the simulator's own truth."""
    truth = world.truth()
    counted = happened(world.metric("genesys_data_action_executions_total"))
    if world.contract == "flow":
        expected = {(action, "timeout"): n for action, n in timeouts_by_action(truth).items()}
    else:
        expected = dict(executions(truth))
    assert counted == expected
    conversations = world.metric("genesys_flow_timeout_conversations_total")
    assert happened(conversations) == conversations_by_flow(truth)


def happened(counters: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Counters that have counted something; what is known but quiet stands at 0."""
    return {labels: value for labels, value in counters.items() if value}


@pytest.mark.parametrize("contract", ["platform", "flow"])
def test_a_day_with_late_data_is_counted_exactly(
    a_day: Callable[[str], World], contract: str
) -> None:
    """Every counter equals the truth, and reading everything twice changes none of them."""
    world = a_day(contract)
    world.start_daemon()
    world.wait_until(world.ends + LATEST_DATA_SECONDS)
    world.await_poll()
    assert_counts_equal_the_truth(world)

    before = world.metric("genesys_data_action_executions_total")
    begin, end = (
        datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for at in (world.first_window(), world.ends)
    )
    world.command("backfill", "--from", begin, "--to", end)
    world.await_poll()
    assert world.metric("genesys_data_action_executions_total") == before
    assert_counts_equal_the_truth(world)


@pytest.mark.parametrize("contract", ["platform", "flow"])
def test_a_daemon_that_is_killed_in_mid_poll_loses_and_doubles_nothing(
    a_day: Callable[[str], World], contract: str
) -> None:
    """Kill -9 while an answer is awaited and at any other moment: the counters equal the truth."""
    world = a_day(contract)
    chance = random.Random(7)  # noqa: S311 - the same moments in every run
    for hour in (2, 6, 10, 14, 18, 22):
        world.start_daemon()
        if hour == 2:
            world.await_poll()  # from here on both sources speak of the same day
        world.wait_until(world.clock.origin + (hour + chance.uniform(0, 2)) * HOUR)
        if hour % 4 == 2:
            # The daemon waits for this answer when it is killed.
            world.order_fault(kind="hang_after", path_prefix="/api/v2/analytics", hang_seconds=2)
            time.sleep(0.6)
        world.kill_daemon()
    world.start_daemon()
    world.wait_until(world.ends + LATEST_DATA_SECONDS)
    world.await_poll()
    assert_counts_equal_the_truth(world)


def test_prometheus_finds_nothing_to_remark_in_the_metrics_of_a_running_daemon(
    a_day: Callable[[str], World], require_tool: Callable[[str], str]
) -> None:
    """``promtool check metrics`` says not a word about what a busy daemon exports."""
    promtool = require_tool("promtool")
    world = a_day("platform")
    world.start_daemon()
    world.await_poll()
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=world.metrics_text(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
