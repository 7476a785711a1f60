"""A day of a contact centre, late data and all: every counter equals what really happened."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clocks import ScaledClock
from tests.end_to_end.deployment import (
    Deployment,
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
def a_day(tmp_path: Path) -> Iterator[Callable[[str], Deployment]]:
    """Make a deployment whose simulated day begins with its processes."""
    deployments: list[Deployment] = []

    def make(contract: str) -> Deployment:
        began = time.time()
        # Thirty hours ago, so that all of the day lies in the past of the machine's own clock.
        clock = ScaledClock(origin=began - 30 * HOUR, started=began, speed=SPEED)
        deployment = Deployment(tmp_path, contract, clock, ends=clock.origin + 24 * HOUR)
        deployments.append(deployment)
        deployment.start_simulator()
        return deployment

    yield make
    for deployment in deployments:
        deployment.close()


def assert_counts_equal_the_truth(deployment: Deployment) -> None:
    """Compare every counter of executions, conversations and callers with the truth."""
    truth = deployment.truth()
    counted = happened(deployment.metric("genesys_data_action_executions_total"))
    if deployment.contract == "flow":
        expected = {
            (action, "timeout"): n for action, n in timeouts_by_action(truth, "flow").items()
        }
    else:
        expected = dict(executions(truth))
    assert counted == expected
    conversations = deployment.metric("genesys_flow_timeout_conversations_total")
    assert happened(conversations) == conversations_by_flow(truth, deployment.contract)
    lost = deployment.metric("genesys_flow_errors_total")
    assert happened(lost) == {
        (one["exit_reason"], one["flow_id"]): one["callers"] for one in truth["flow_errors"]
    }
    assert len(truth["flow_errors"]) > 2


def happened(counters: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Counters that have counted something; what is known but quiet stands at 0."""
    return {labels: value for labels, value in counters.items() if value}


@pytest.mark.parametrize("contract", ["platform", "flow"])
def test_a_day_with_late_data_is_counted_exactly(
    a_day: Callable[[str], Deployment], contract: str
) -> None:
    """Every counter equals the truth, and reading everything twice changes none of them."""
    deployment = a_day(contract)
    deployment.start_daemon()
    deployment.wait_until(deployment.ends + LATEST_DATA_SECONDS)
    deployment.await_poll()
    assert_counts_equal_the_truth(deployment)

    before = deployment.metric("genesys_data_action_executions_total")
    begin, end = (
        datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for at in (deployment.first_window(), deployment.ends)
    )
    deployment.command("backfill", "--from", begin, "--to", end)
    deployment.await_poll()
    assert deployment.metric("genesys_data_action_executions_total") == before
    assert_counts_equal_the_truth(deployment)


@pytest.mark.parametrize("contract", ["platform", "flow"])
def test_a_daemon_that_is_killed_in_mid_poll_loses_and_doubles_nothing(
    a_day: Callable[[str], Deployment], contract: str
) -> None:
    """Kill -9 while an answer is awaited and at any other moment: the counters equal the truth."""
    deployment = a_day(contract)
    chance = random.Random(7)  # noqa: S311 - the same moments in every run
    for hour in (2, 6, 10, 14, 18, 22):
        deployment.start_daemon()
        if hour == 2:
            deployment.await_poll()  # from here on both sources speak of the same day
        deployment.wait_until(deployment.clock.origin + (hour + chance.uniform(0, 2)) * HOUR)
        if hour % 4 == 2:
            # The daemon waits for this answer when it is killed.
            deployment.order_fault(
                kind="hang_after", path_prefix="/api/v2/analytics", hang_seconds=2
            )
            time.sleep(0.6)
        deployment.kill_daemon()
    deployment.start_daemon()
    deployment.wait_until(deployment.ends + LATEST_DATA_SECONDS)
    deployment.await_poll()
    assert_counts_equal_the_truth(deployment)


def test_prometheus_finds_nothing_to_remark_in_the_metrics_of_a_running_daemon(
    a_day: Callable[[str], Deployment], require_tool: Callable[[str], str]
) -> None:
    """``promtool check metrics`` says not a word about what a busy daemon exports."""
    promtool = require_tool("promtool")
    deployment = a_day("platform")
    deployment.start_daemon()
    deployment.await_poll()
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=deployment.metrics_text(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
