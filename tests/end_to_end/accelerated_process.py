"""The daemon and the simulator as processes whose clock runs faster: a day in half a minute.

Everything but the clock is the program's own: ``python accelerated_process.py ORIGIN STARTED SPEED
daemon CONFIG`` or ``... simulator PORT CONTRACT ENDS``.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

from monitor import logs
from monitor.config import load
from monitor.daemon import Daemon
from monitor.simulator import World, scenario
from monitor.simulator.scenario_types import Contract
from tests.clocks import ScaledClock
from tests.simulated_org import readable, serve_org

WORLD = World(detail_errors="named", telephony_errors="some", flow_aggregates="grouped")
"""Detail records name actions, among as many errors of telephony as of flows."""


def run_daemon(clock: ScaledClock, config: Path) -> None:
    """What ``timeout-monitor run`` does, with another clock."""
    logs.configure()
    Daemon(load(config), clock=clock, load=lambda: load(config)).run()


def run_simulator(clock: ScaledClock, port: int, contract: Contract, ends: float) -> None:
    """What ``timeout-monitor simulate`` does, with another clock and an end to its traffic."""
    day = replace(scenario("late"), ends=ends)
    with serve_org(day, clock, port=port, contract=contract, world=readable(WORLD)):
        threading.Event().wait()


if __name__ == "__main__":
    origin, started, speed = map(float, sys.argv[1:4])
    accelerated = ScaledClock(origin, started, speed)
    if sys.argv[4] == "daemon":
        run_daemon(accelerated, Path(sys.argv[5]))
    else:
        spoken: Contract = "flow" if sys.argv[6] == "flow" else "platform"
        run_simulator(accelerated, int(sys.argv[5]), spoken, float(sys.argv[7]))
