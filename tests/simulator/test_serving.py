"""Starting, stopping, and scenarios by name."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from monitor import simulator
from monitor.errors import ConfigurationError
from monitor.simulator import (
    RunningSimulator,
    SimulatedOrg,
    scaled,
    scenario,
    scenario_names,
    serve,
)
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import GROUPS, SimulatorClient, counts


def test_all_names_are_sorted_and_there() -> None:
    """What the package offers is what it says it offers."""
    assert simulator.__all__ == sorted(
        simulator.__all__, key=lambda name: (not name.isupper(), name)
    )
    assert all(hasattr(simulator, name) for name in simulator.__all__)


def test_it_answers_until_it_is_closed(clock: ManualClock) -> None:
    """Closing twice is once."""
    with serve(SimulatedOrg(scenario(), clock)) as running:
        with SimulatorClient(running) as wire:
            assert wire.get("/api/v2/tokens/me").status_code == 200
        url = running.url
    running.close()
    running.wait(0)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/simulator/", timeout=1)


def test_a_port_in_use_is_said_so(running_simulator: RunningSimulator, clock: ManualClock) -> None:
    """One sentence with the port, and a hint."""
    port = running_simulator.port
    with pytest.raises(ConfigurationError, match=f"port {port} .* is in use") as refused:
        serve(SimulatedOrg(scenario(), clock), port=port)
    assert "another port" in refused.value.hint


def test_an_address_of_another_machine_is_said_so(clock: ManualClock) -> None:
    """The address can't be listened on."""
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"):
        serve(SimulatedOrg(scenario(), clock), host="192.0.2.1", port=9)


def test_a_port_can_be_chosen(clock: ManualClock) -> None:
    """It listens where it is told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serve(SimulatedOrg(scenario(), clock), port=port) as running:
        assert running.url == f"http://127.0.0.1:{port}"


def test_the_default_limit_is_the_platforms(running_simulator: RunningSimulator) -> None:
    """300 requests a minute; and the default world does not say so."""
    assert running_simulator.org.tokens.requests_per_minute == 300
    with SimulatorClient(running_simulator) as wire:
        assert "inin-ratelimit-allowed" not in wire.get("/api/v2/tokens/me").headers


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    """The hint names them all."""
    with pytest.raises(ConfigurationError, match="'busy'") as refused:
        scenario("busy")
    assert all(name in refused.value.hint for name in scenario_names())


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_can_be_served(simulate: Simulate, name: str) -> None:
    """Each has the name it is asked for by, and answers."""
    wire = simulate(name)
    assert wire.get("/simulator/").json()["scenario"] == name


def test_two_thousand_actions_are_counted_exactly(simulate: Simulate, clock: ManualClock) -> None:
    """Drawn together, told apart: aggregates equal the truth of each one."""
    wire = simulate("large")
    time_range = TimeRange(NOON - 1_200, NOON)
    clock.at += HOUR
    truth = wire.truth(time_range)["actions"]
    shown: dict[str, int] = {}
    answer = wire.aggregates(time_range, groupBy=list(GROUPS), granularity="PT5M")
    for (action_id, _, _), count in counts(answer).items():
        shown[action_id] = shown.get(action_id, 0) + count
    assert shown == {action_id: sum(mine.values()) for action_id, mine in truth.items()}
    assert len(shown) > 1_500


def test_an_org_can_have_any_number_of_actions() -> None:
    """Ten to a flow."""
    plan = scaled(25)
    assert (len(plan.actions), len(plan.flows)) == (25, 3)
    assert len({one.action_id for one in plan.actions}) == 25


def test_many_clients_are_answered_alike(simulate: Simulate) -> None:
    """Readers at once see the same thing as one after the other."""
    wire = simulate("default")
    time_range = TimeRange(NOON - 2 * HOUR, NOON)
    answers: list[dict[tuple[str, str, str], int]] = []

    def read() -> None:
        with SimulatorClient(wire.simulator) as mine:
            answers.append(counts(mine.aggregates(time_range, groupBy=list(GROUPS))))

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(answers) == 6
    assert all(answer == answers[0] for answer in answers)
