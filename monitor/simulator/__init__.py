"""A Genesys Cloud org in a box: OAuth, analytics, actions, flows and traffic over real HTTP.

It stands in for the far side of the wire, for demos and tests: of the other rooms only the commands
``demo`` and ``simulate`` import it.
"""

from __future__ import annotations

from monitor.simulator.org import SimulatedOrg
from monitor.simulator.permissions import ALL_PERMISSIONS
from monitor.simulator.scenario_types import PUNCTUAL, LatenessModel, Scenario
from monitor.simulator.scenarios import DEFAULT_SEED, scaled, scenario, scenario_names
from monitor.simulator.server import RunningSimulator, serve
from monitor.simulator.world import BELIEVABLE, World, questions

__all__ = [
    "ALL_PERMISSIONS",
    "BELIEVABLE",
    "DEFAULT_SEED",
    "PUNCTUAL",
    "LatenessModel",
    "RunningSimulator",
    "Scenario",
    "SimulatedOrg",
    "World",
    "questions",
    "scaled",
    "scenario",
    "scenario_names",
    "serve",
]
