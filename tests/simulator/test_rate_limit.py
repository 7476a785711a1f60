"""What a token may ask in a minute."""

from __future__ import annotations

import pytest

from tests.clocks import ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import SimulatorClient


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """An org that allows three requests a minute."""
    return simulate(requests_per_minute=3)


def test_every_answer_says_how_much_is_left(wire: SimulatorClient, wall: ManualClock) -> None:
    """The three rate headers count up and down."""
    wire.get("/api/v2/tokens/me")
    wall.at += 20
    headers = wire.get("/api/v2/tokens/me").headers
    assert headers["inin-ratelimit-count"] == "2"
    assert headers["inin-ratelimit-allowed"] == "3"
    assert headers["inin-ratelimit-reset"] == "40"


def test_the_fourth_request_of_a_minute_is_refused(
    wire: SimulatorClient, wall: ManualClock
) -> None:
    """429 with Retry-After and the limit that was hit."""
    for _ in range(3):
        assert wire.get("/api/v2/tokens/me").status_code == 200
    wall.at += 50
    answer = wire.get("/api/v2/tokens/me")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert answer.json()["limit"]["value"] == 3


def test_a_new_minute_begins_at_nothing(wire: SimulatorClient, wall: ManualClock) -> None:
    """After Retry-After the token works again."""
    for _ in range(4):
        refused = wire.get("/api/v2/tokens/me")
    wall.at += int(refused.headers["Retry-After"])
    assert wire.get("/api/v2/tokens/me").status_code == 200


def test_each_token_has_a_minute_of_its_own(wire: SimulatorClient) -> None:
    """Another token is not held up by the first."""
    for _ in range(4):
        wire.get("/api/v2/tokens/me")
    wire.sign_in()
    assert wire.get("/api/v2/tokens/me").status_code == 200


def test_the_control_surface_costs_nothing(wire: SimulatorClient) -> None:
    """Looking at the truth uses up no request."""
    for _ in range(5):
        assert wire.get("/simulator/").status_code == 200
    assert wire.get("/api/v2/tokens/me").headers["inin-ratelimit-count"] == "1"
