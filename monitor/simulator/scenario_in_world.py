"""An org as a world has it: what of a scenario the world's readings change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.model import ActionKind
from monitor.simulator.scenario import PUNCTUAL, LatenessModel

if TYPE_CHECKING:
    from monitor.simulator.scenario import Scenario, SimulatedAction
    from monitor.simulator.world import World

_LATENESS = {"scenario": None, "punctual": PUNCTUAL, "late": LatenessModel(tail_share=0.25)}


_CONCURRENCY = "actions.concurrent.executions.max"


def in_world(scenario: Scenario, world: World) -> Scenario:
    """Return the scenario with its lateness, categories and limits as the world has them."""
    lateness = _LATENESS[world.lateness]
    if lateness is not None:
        scenario = replace(scenario, lateness=lateness)
    actions = scenario.actions
    if world.function_category == "free_text":
        actions = tuple(_in_words(one) for one in actions)
    return replace(scenario, actions=actions, limits=shown_limits(scenario.limits, world))


def shown_limits(limits: tuple[tuple[str, int], ...], world: World) -> tuple[tuple[str, int], ...]:
    """Return the limits that the platform shows, keys and values."""
    shown = {"all": limits, "none": ()}
    return shown.get(world.limits, tuple(one for one in limits if one[0] == _CONCURRENCY))


def _in_words(action: SimulatedAction) -> SimulatedAction:
    """Return a function under its integration's name, any other action as it is."""
    if action.kind is not ActionKind.FUNCTION:
        return action
    return replace(action, category=action.integration.name)
