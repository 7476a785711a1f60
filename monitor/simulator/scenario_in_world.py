"""An org as a world has it: what of a scenario the world's readings change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.model import ActionKind

if TYPE_CHECKING:
    from monitor.simulator.scenario import Scenario, SimulatedAction
    from monitor.simulator.world import World


def in_world(scenario: Scenario, world: World) -> Scenario:
    """Return the scenario with its functions' categories as the world has them."""
    if world.function_category != "free_text":
        return scenario
    return replace(scenario, actions=tuple(_in_words(one) for one in scenario.actions))


def _in_words(action: SimulatedAction) -> SimulatedAction:
    """Return a function under its integration's name, any other action as it is."""
    if action.kind is not ActionKind.FUNCTION:
        return action
    return replace(action, category=action.integration.name)
