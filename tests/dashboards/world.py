"""A day of two orgs in a real Prometheus, and the real daemon that it goes on to scrape."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
import yaml

from dashboards.source.files import alerts, rules
from dashboards.source.objectives import OBJECTIVES
from monitor.collect import open_reader
from monitor.config import Settings, load
from monitor.ledger import Ledger
from monitor.model import TimeRange
from monitor.simulator import Scenario, SimulatedOrg, serve
from monitor.simulator.scenario import Contract
from monitor.watch import OrgWatch
from tests.dashboards.org import HOUR, PROOF, SPEED, StandingClock, last
from tests.dashboards.servers import (
    PATIENCE_SECONDS,
    Pager,
    Prometheus,
    alertmanager,
    pager,
    prometheus,
)
from tests.end_to_end.world import free_port

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "dashboards"
DAY_ENDS_HOUR = 13.0
LIVE_HOURS = 1.6
"""Long enough for what must last half an hour after an outage of forty minutes began at 13:30."""

POLL_SECONDS = 120
SCRAPE_SECONDS = 2.0
CONTRACTS: dict[str, Contract] = {"acme": "platform", "bloom": "flow"}

CONFIG = """
[collect]
interval = "{poll}s"

[serve]
port = {port}

[state]
url = "sqlite:///{folder}/state.db"
"""
ORG = """
[[org]]
name = "{name}"
client_id = "simulated-client"
client_secret = "simulated-secret"
api_url = "{url}"
contract = "{contract}"
"""


@dataclass
class World:
    """Everything that the tests ask questions of.

    Attributes:
        folder: Its files.
        origin: When the day ended and the scrapes began, by the clock of the data.
        clock: The clock of the data.
        prometheus: Holds the day, and has scraped what came after it.
        pager: What Alertmanager has sent.
        day: What the ledger held of the day when it was exported: org, action, outcome.
        scraped_from: When the first scrape was, by the machine's clock.
        ended: When the live part ended, by the machine's clock.
        daemon: Where the daemon is.
    """

    folder: Path
    origin: float
    clock: StandingClock
    prometheus: Prometheus
    pager: Pager
    day: Mapping[tuple[str, str, str], int]
    daemon: str
    scraped_from: float = 0.0
    ended: float = 0.0
    longest_poll_seconds: float = field(default=0.0)

    def data_time(self, machine: float) -> float:
        """A moment of the machine's clock in that of the data."""
        assert self.clock.running
        return self.origin + (machine - self.clock.running.started) * SPEED


@contextmanager
def living(folder: Path, tool: Callable[[str], str]) -> Iterator[World]:
    """Read a day, give it to Prometheus, and let time go on from there, sixty times as fast.

    Args:
        folder: An empty one.
        tool: Finds a program of the operating system.
    """
    programs = {name: tool(name) for name in ("prometheus", "promtool", "prometheus-alertmanager")}
    clock = StandingClock(last(DAY_ENDS_HOUR))
    orgs = {
        name: SimulatedOrg(_spoken(contract, clock.origin), clock, requests_per_minute=1_000_000)
        for name, contract in CONTRACTS.items()
    }
    port = free_port()
    target = f"127.0.0.1:{port}"
    daemon = f"http://{target}"
    with serve(orgs["acme"]) as acme, serve(orgs["bloom"]) as bloom:
        config = _configure(folder, port, {"acme": acme.url, "bloom": bloom.url})
        settings = load(config, {})
        day = _read_the_day(settings, clock)
        _import_the_day(folder, config, target, clock.origin, programs)
        aims = replace(
            OBJECTIVES.faster(SPEED),
            # Prometheus's clock is not that of the data here, and runs no faster than any other.
            stale_seconds=10 * 24 * HOUR,
            unseen=OBJECTIVES.unseen,
        )
        with (
            pager() as listening,
            alertmanager(
                programs["prometheus-alertmanager"], folder / "alertmanager", _routes(listening)
            ) as told,
            _daemon(folder, config, clock, daemon),
        ):
            _stumble(acme.url)
            with prometheus(
                programs["prometheus"],
                folder / "live",
                data=folder / "data",
                rules={"rules.yml": rules(aims), "alerts.yml": alerts(aims)},
                targets=[target],
                alertmanager=told.address.removeprefix("http://"),
                scrape_seconds=SCRAPE_SECONDS,
                assets=SHIPPED,
            ) as running:
                world = World(
                    folder, clock.origin, clock, running, listening, day, daemon, time.time()
                )
                time.sleep(
                    max(0.0, clock.machine_seconds(clock.origin + LIVE_HOURS * HOUR - clock.now()))
                )
                world.ended = time.time()
                log = (folder / "daemon.log").read_text(encoding="utf-8")
                polls = re.findall(r'"duration_seconds": ([\d.]+)', log)
                world.longest_poll_seconds = max(map(float, polls))
                yield world


def _spoken(contract: Contract, origin: float) -> Scenario:
    """The org in one of the two contracts."""
    if contract == "platform":
        return PROOF
    # Detail records are read page by page: a few hours of them show what a day would.
    return replace(PROOF, contract=contract, history_start=origin - 4 * HOUR)


def _configure(folder: Path, port: int, urls: Mapping[str, str]) -> Path:
    text = CONFIG.format(poll=POLL_SECONDS, port=port, folder=folder)
    for name, contract in CONTRACTS.items():
        text += ORG.format(name=name, url=urls[name], contract=contract)
    config = folder / "timeout-monitor.toml"
    config.write_text(text, encoding="utf-8")
    return config


def _read_the_day(settings: Settings, clock: StandingClock) -> dict[tuple[str, str, str], int]:
    """Read the day; what the ledger then holds of it, by org, action and outcome."""
    classifier = settings.classify.classifier()
    day = TimeRange(int(clock.origin) - 24 * HOUR, int(clock.origin))
    counted: dict[tuple[str, str, str], int] = defaultdict(int)
    with Ledger.open(settings.state.url) as ledger:
        for org in settings.org:
            reader = open_reader(org, settings, ledger=ledger, clock=clock, stop=threading.Event())
            watch = OrgWatch(reader, settings, ledger=ledger, clock=clock)
            assert watch.poll().result == "ok"
            watch.close()
            for one in ledger.tally_sums(org.name, day):
                outcome = classifier.outcome(one.error_type, one.response_status)
                counted[org.name, one.action_id, outcome.value] += one.count
    return dict(counted)


def _import_the_day(
    folder: Path, config: Path, target: str, origin: float, programs: Mapping[str, str]
) -> None:
    """Export, make blocks, and let the shipped recording rules be reckoned for the day."""
    file, data = folder / "history.om", folder / "data"
    _run(
        *(sys.executable, "-m", "monitor", "--config", config, "export", "openmetrics"),
        *("--output", file, "--label", "job=timeout-monitor", "--label", f"instance={target}"),
    )
    _run(programs["promtool"], "tsdb", "create-blocks-from", "openmetrics", file, data)
    with prometheus(programs["prometheus"], folder / "past", data=data, rules={}) as past:
        _run(
            programs["promtool"],
            "tsdb",
            "create-blocks-from",
            "rules",
            f"--start={int(origin) - 24 * HOUR}",
            f"--end={int(origin)}",
            "--eval-interval=60s",
            f"--url={past.address}",
            f"--output-dir={data}",
            SHIPPED / "prometheus" / "rules.yml",
        )


def _run(*arguments: str | Path) -> None:
    done = subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def _routes(listening: Pager) -> dict[str, Any]:
    """The shipped routes, with receivers on loopback and waits as short as the clock is fast."""
    shipped = SHIPPED / "alertmanager" / "alertmanager.yml"
    routes: dict[str, Any] = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    routes["route"] |= {"group_wait": "2s", "group_interval": "5s"}
    for route in routes["route"]["routes"]:
        route["group_wait"] = "500ms"
    for receiver in routes["receivers"]:
        receiver["webhook_configs"] = [
            {"url": f"http://127.0.0.1:{listening.port}/{receiver['name']}", "send_resolved": True}
        ]
    return routes


@contextmanager
def _daemon(folder: Path, config: Path, clock: StandingClock, address: str) -> Iterator[None]:
    """The daemon as a process; time goes on from its start."""
    running = clock.let_go(SPEED)
    numbers = (repr(running.origin), repr(running.started), repr(running.speed))
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                ROOT / "tests" / "end_to_end" / "accelerated.py",
                *numbers,
                "daemon",
                config,
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _has_polled(address):
            assert process.poll() is None, (folder / "daemon.log").read_text()
            assert time.monotonic() < deadline, "the daemon does not come to poll"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _has_polled(address: str) -> bool:
    try:
        status = requests.get(f"{address}/api/v1/status", timeout=5).json()
    except requests.ConnectionError:
        return False
    return all(sum(org["polls"].values()) for org in status["orgs"])


def _stumble(org: str) -> None:
    """Let one request fail and another be asked to wait, so that both are counted."""
    for fault in (
        {"kind": "server_error", "path_prefix": "/api/v2/analytics/actions", "count": 1},
        {"kind": "rate_limited", "path_prefix": "/api/v2/analytics/actions", "count": 1},
    ):
        answer = requests.post(f"{org}/simulator/faults", json=fault, timeout=10)
        assert answer.ok, answer.text
