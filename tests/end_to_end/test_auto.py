"""The daemon in each mode at a simulated org over HTTP, whose clock runs faster."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.config import Settings
from monitor.daemon import Daemon
from monitor.journal import Change, ChangeState
from monitor.model import ActionKind
from monitor.simulator import PUNCTUAL, RunningSimulator, Scenario
from monitor.simulator.scenario_types import (
    Arrivals,
    Integration,
    LatencyLaw,
    Outage,
    SimulatedAction,
)
from tests.clocks import ScaledClock
from tests.simulated_org import org_table, request_counts, serve_org

SPEED = 480.0
"""Eight minutes a second: an hour and a half for each step of a change takes some ten seconds."""

PATIENCE_SECONDS = 240.0
BEGINNING = 1_795_176_000.0
"""2026-11-20 12:00 UTC. Calls are drawn by their time: at another hour of every run, one run in a
hundred would see a change that did not help look, by chance, as if it had."""

CRM = Integration("crm", "CRM")
STEADY = Arrivals(900, night_share=1.0)

pytestmark = pytest.mark.timeout(600)


def action(name: str, law: LatencyLaw, timeout_seconds: int) -> SimulatedAction:
    """A custom action that is called a quarter of a thousand times in fifteen minutes."""
    return SimulatedAction(
        f"custom_-_{name.lower().replace(' ', '-')}",
        name,
        CRM,
        "Web Services Data Actions",
        law,
        STEADY,
        timeout_seconds=timeout_seconds,
    )


SLOW = action("Slow Tail", LatencyLaw(3_200, 0.35), 4)
"""99 % of its calls end within 7.3 s, and 99.56 % within 8 s: far enough from the target that a few
hours of calls don't look as if it were missed."""

TO_THE_CAP = action("To The Cap", LatencyLaw(14_000, 0.55), 20)
"""Raising it to 30 s rescues two timeouts in three."""

BEHIND_A_GATEWAY = action("Behind A Gateway", LatencyLaw(1_800, 0.6, gateway_ms=4_005), 4)
"""Looks like a slow tail, until a raise shows that a gateway gives up just behind our timeout."""

LEFT_ALONE = (
    action("Hangs", LatencyLaw(700, 0.3, never_share=0.05), 5),
    action("Outage", LatencyLaw(700, 0.3, outage=Outage(0.0, 24.0, 40.0)), 5),
    action("Throttled", LatencyLaw(1_800, 0.6, throttled_share=0.2), 4),
    replace(
        action("Static", LatencyLaw(1_800, 0.6), 4), action_id="static_-_x", kind=ActionKind.STATIC
    ),
)
ORG = Scenario("troubled", 3, (SLOW, TO_THE_CAP, BEHIND_A_GATEWAY, *LEFT_ALONE), (), PUNCTUAL)


class Running:
    """A daemon and the org that it watches, on one fast clock."""

    def __init__(self, simulator: RunningSimulator, daemon: Daemon) -> None:
        """Look at both."""
        self.simulator, self.daemon = simulator, daemon

    def changes(self) -> tuple[Change, ...]:
        """Every change that was sent, the oldest first.

        One that was called off at the last look, because the data had grown old on a slow machine,
        was none.
        """
        (org_snapshot,) = self.daemon.holder.current.orgs
        made = reversed(org_snapshot.remediation.changes)
        return tuple(one for one in made if one.sent_at is not None)

    def decisions(self) -> Counter[tuple[str, str]]:
        """How often each decision was made."""
        (org_snapshot,) = self.daemon.holder.current.orgs
        return Counter(org_snapshot.remediation.decisions)

    def timeout_of(self, one: SimulatedAction) -> int | None:
        """Seconds, as the platform has it."""
        return self.simulator.org.actions.get(one.action_id).config.timeout_seconds

    def writes(self) -> int:
        """Requests that could change something, successful or not."""
        counts = request_counts(self.simulator.url)
        return sum(n for what, n in counts.items() if what.startswith(("PUT", "PATCH", "DELETE")))

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait for something, but not for ever."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert time.monotonic() < deadline, [
                (one.action_name, one.from_ms, one.to_ms, str(one.state), one.note)
                for one in self.changes()
            ]
            time.sleep(0.1)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    """Start a daemon in some mode; everything is closed when the test ends."""
    with ExitStack() as stack:

        def start(mode: str) -> Running:
            began = time.time()
            clock = ScaledClock(origin=BEGINNING, started=began, speed=SPEED)
            simulator = stack.enter_context(serve_org(ORG, clock))
            simulator.org.tokens.register_secret("writer", "writes")
            daemon = Daemon(_settings(simulator, tmp_path, mode), clock=clock)
            stack.callback(daemon.close)
            daemon.start()
            return Running(simulator, daemon)

        yield start


def _settings(simulator: RunningSimulator, folder: Path, mode: str) -> Settings:
    return Settings.model_validate(
        {
            "collect": {"interval": "5m", "lookback": "1h", "near": "30m"},
            "serve": {"port": 0},
            "state": {"url": f"sqlite:///{folder / 'state.db'}"},
            "remediation": {
                "mode": mode,
                "allow": ["*"],
                "cooldown": "1h",
                "max_changes_per_day": 20,
            },
            "org": [
                org_table(simulator.url, write_client_id="writer", write_client_secret="writes")  # noqa: S106
            ],
        }
    )


def test_auto_raises_what_is_helped_undoes_what_is_not_and_leaves_the_rest_alone(
    run: Callable[[str], Running],
) -> None:
    """To the target or to 30 s; what a gateway cuts off is undone, a hang is never touched."""
    running = run("auto")

    def settled() -> bool:
        by_action: dict[str, list[Change]] = defaultdict(list)
        for one in running.changes():
            by_action[one.action_id].append(one)
        ends = {key: [one.state for one in made] for key, made in by_action.items()}
        return (
            ends.get(SLOW.action_id) == [ChangeState.VERIFIED] * 2
            and ends.get(TO_THE_CAP.action_id) == [ChangeState.VERIFIED]
            and ends.get(BEHIND_A_GATEWAY.action_id) == [ChangeState.ROLLED_BACK]
        )

    running.wait_until(settled)
    decided = running.decisions()["keep", "verdict"]
    running.wait_until(lambda: running.decisions()["keep", "verdict"] > decided + 60)

    assert settled(), "something was changed again"
    steps = [(one.action_name, one.from_ms, one.to_ms) for one in running.changes()]
    first, second = (one[1:] for one in steps if one[0] == "Slow Tail")
    assert first == (4_000, 6_000)
    assert second[0] == 6_000
    assert [one[1:] for one in steps if one[0] == "To The Cap"] == [(20_000, 30_000)]
    assert all(to_ms <= 1.5 * from_ms for _, from_ms, to_ms in steps)
    assert running.timeout_of(SLOW) in {8, 9}  # 99 % end within 7.3 s
    assert running.timeout_of(TO_THE_CAP) == 30
    assert running.timeout_of(BEHIND_A_GATEWAY) == 4
    assert [running.timeout_of(one) for one in LEFT_ALONE[:3]] == [5, 5, 4]
    assert running.writes() == len(steps) + 1
    assert running.decisions()["keep", "quarantine"] > 0


def test_auto_stands_down_for_a_person_and_names_them(run: Callable[[str], Running]) -> None:
    """Where the platform's log shows them some time later, and tells no values."""
    running = run("auto")
    org = running.simulator.org

    def of_slow() -> list[Change]:
        return [one for one in running.changes() if one.action_id == SLOW.action_id]

    running.wait_until(lambda: bool(of_slow()) and of_slow()[0].applied_at is not None)
    org.edit(f"/api/v2/integrations/actions/{SLOW.action_id}", SLOW.action_id, 5_000)
    person = next(one for one in org.audits.editors if one.user_id)
    name = person.user_name

    running.wait_until(lambda: name in of_slow()[0].note)

    (change,) = of_slow()
    assert change.state is ChangeState.SUPERSEDED
    assert change.note.startswith(f"{name} has set 5 s at 2026-11-2")
    assert running.timeout_of(SLOW) == 5
    (org_snapshot,) = running.daemon.holder.current.orgs
    (outside,) = org_snapshot.remediation.outside
    assert (outside.from_ms, outside.to_ms) == (change.to_ms, 5_000)
    assert outside.set_by.user_id == person.user_id
    left_alone = running.decisions()["keep", "quarantine"]
    running.wait_until(lambda: running.decisions()["keep", "quarantine"] > left_alone)
    assert running.timeout_of(SLOW) == 5


@pytest.mark.parametrize("mode", ["off", "recommend"])
def test_off_and_recommend_send_not_one_write_request(
    run: Callable[[str], Running], mode: str
) -> None:
    """However often they look; recommend says what it would do."""
    running = run(mode)
    began = running.daemon.holder.current.taken_at

    def has_looked_for_hours() -> bool:
        (org_snapshot,) = running.daemon.holder.current.orgs
        hours = (running.daemon.holder.current.taken_at - began) / 3_600
        return org_snapshot.diagnosis is not None and hours > 3

    running.wait_until(has_looked_for_hours)
    if mode == "recommend":
        running.wait_until(lambda: running.decisions()["recommend", "mode"] > 0)

    assert running.writes() == 0
    assert running.changes() == ()
    assert sum(running.decisions().values()) > 0 if mode == "recommend" else True
