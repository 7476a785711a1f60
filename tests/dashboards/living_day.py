"""A day of two orgs in a real Prometheus, and the real daemon that it goes on to scrape."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
import yaml

from dashboards.source.files import alerts, rules
from dashboards.source.objectives import OBJECTIVES
from monitor.config import Settings, load
from monitor.journal import Change, ChangeState
from monitor.ledger import Ledger
from monitor.poller import OrgPoller, open_reader
from monitor.remediation.loop import RemediationLoop
from monitor.simulator import Scenario, SimulatedOrg, World, serve
from monitor.simulator.scenario_types import Contract
from monitor.time_ranges import TimeRange
from tests.configuration_file import write_configuration
from tests.dashboards.alerting_org import (
    CONTESTED,
    HOUR,
    PROOF,
    SPEED,
    TUNED,
    USELESS,
    PausedClock,
    last,
)
from tests.dashboards.expected_alerts import TRIP_AFTER
from tests.dashboards.servers import (
    PATIENCE_SECONDS,
    Pager,
    Prometheus,
    alertmanager,
    pager,
    prometheus,
)
from tests.end_to_end.deployment import free_port
from tests.simulated_org import order_fault, org_table, readable, simulated_org

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "dashboards"
DAY_ENDS_HOUR = 13.0
LIVE_HOURS = 1.6
"""Long enough for what must last half an hour after an outage of forty minutes began at 13:30."""

CHANGED_HOURS, PAUSED_HOURS, JUDGED_HOURS = 11.0, 3.0, 2.0
"""Before the day's end. In the eight hours between, so much runs that chance judges no change."""

POLL_SECONDS = 120
SCRAPE_SECONDS = 2.0
CONTRACTS: dict[str, Contract] = {"acme": "platform", "bloom": "flow"}


@dataclass
class LivingDay:
    """Everything that the tests ask questions of.

    Attributes:
        folder: Its files.
        origin: When the day ended and the scrapes began, by the clock of the data.
        clock: The clock of the data.
        prometheus: Holds the day, and has scraped what came after it.
        pager: What Alertmanager has sent.
        orgs: The simulated orgs, by name.
        day: What the ledger held of the day when it was exported: org, action, outcome.
        scraped_from: When the first scrape was, by the machine's clock.
        ended: When the live part ended, by the machine's clock.
        daemon: Where the daemon is.
        longest_poll_seconds: How long a poll took, by the machine's clock.
        changes: What became of timeouts, the oldest change first.
        in_force: Action id, since when, and timeout (ms); oldest first, by the clock of the data.
    """

    folder: Path
    origin: float
    clock: PausedClock
    prometheus: Prometheus
    pager: Pager
    orgs: Mapping[str, SimulatedOrg]
    day: Mapping[tuple[str, str, str], int]
    daemon: str
    scraped_from: float = 0.0
    ended: float = 0.0
    longest_poll_seconds: float = 0.0
    changes: Sequence[Change] = ()
    in_force: Sequence[tuple[str, float, int | None]] = ()

    def data_time(self, machine: float) -> float:
        """A moment of the machine's clock in that of the data."""
        assert self.clock.running
        return self.origin + (machine - self.clock.running.started) * SPEED


@contextmanager
def living_day(folder: Path, tool: Callable[[str], str]) -> Iterator[LivingDay]:
    """Read a day, give it to Prometheus, and let time go on from there, many times as fast.

    Args:
        folder: An empty one.
        tool: Finds a program of the operating system.
    """
    programs = {name: tool(name) for name in ("prometheus", "promtool", "prometheus-alertmanager")}
    clock = PausedClock(last(DAY_ENDS_HOUR))
    orgs = {
        name: simulated_org(
            _spoken(contract, clock.origin),
            clock,
            world=readable(World(detail_errors="named", timeout_duration="at_limit")),
        )
        for name, contract in CONTRACTS.items()
    }
    for org in orgs.values():
        org.tokens.register_secret("writer", "writes")
    port = free_port()
    target = f"127.0.0.1:{port}"
    daemon = f"http://{target}"
    with serve(orgs["acme"]) as acme, serve(orgs["bloom"]) as bloom:
        urls = {"acme": acme.url, "bloom": bloom.url}
        config = _configure(folder, port, urls, [TUNED.name, USELESS.name])
        _change_timeouts(load(config, {}), clock, config)
        day = _read_the_day(load(config, {}), clock)
        _import_the_day(folder, config, target, clock.origin, programs)
        config = _configure(folder, port, urls, [TUNED.name, USELESS.name, CONTESTED.name])
        aims = replace(
            OBJECTIVES.faster(SPEED),
            # Prometheus's clock is not that of the data here, and runs no faster than any other.
            stale_seconds=10 * 24 * HOUR,
            unseen=OBJECTIVES.unseen,
            # Ages run as fast as the data: a second in which this machine is busy is a minute.
            poll_age_seconds=24 * HOUR,
            catalogue_seconds=24 * HOUR,
        )
        with (
            pager() as listening,
            alertmanager(
                programs["prometheus-alertmanager"], folder / "alertmanager", _routes(listening)
            ) as told,
            _daemon(folder, config, clock, daemon),
        ):
            _stumble(acme.url)
            _contest(acme.url)
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
                living = LivingDay(
                    folder, clock.origin, clock, running, listening, orgs, day, daemon, time.time()
                )
                _wait_for_scrapes(running)
                _command(config, clock.now(), "resume")
                time.sleep(
                    max(0.0, clock.machine_seconds(clock.origin + LIVE_HOURS * HOUR - clock.now()))
                )
                living.ended = time.time()
                log = (folder / "daemon.log").read_text(encoding="utf-8")
                polls = re.findall(r'"duration_seconds": ([\d.]+)', log)
                living.longest_poll_seconds = max(map(float, polls))
                with Ledger.open(load(config, {}).state.url) as ledger:
                    living.changes = ledger.journal.changes("acme", 100)[::-1]
                    living.in_force = ledger.timeouts_in_force("acme")
                yield living


def _spoken(contract: Contract, origin: float) -> Scenario:
    """The org in one of the two contracts."""
    if contract == "platform":
        return PROOF
    # Detail records are read page by page: a few hours of them show what a day would.
    return replace(PROOF, contract=contract, history_start=origin - 4 * HOUR)


def _configure(folder: Path, port: int, urls: Mapping[str, str], allow: Sequence[str]) -> Path:
    orgs = [
        org_table(
            urls[name],
            name,
            contract=contract,
            write_client_id="writer",
            write_client_secret="writes",  # noqa: S106 - it protects nothing
        )
        for name, contract in CONTRACTS.items()
    ]
    # What is read first ends where the first timeout is changed.
    initial = round((24 - CHANGED_HOURS) * HOUR)
    return write_configuration(
        folder,
        *orgs,
        collect={"interval": f"{POLL_SECONDS}s", "initial": f"{initial}s"},
        serve={"port": port},
        remediation={"mode": "auto", "allow": list(allow), "trip_after": TRIP_AFTER},
    )


def _change_timeouts(settings: Settings, clock: PausedClock, config: Path) -> None:
    """Reconcile as the daemon does, at some moments of the day: two timeouts are raised.

    One raise helps, and is verified. The other does not; it is not undone, for somebody has paused
    all changes before that was known.
    """
    [org] = [one for one in settings.org if one.name == "acme"]
    end, stop = clock.origin, threading.Event()
    with Ledger.open(settings.state.url) as ledger:
        reader = open_reader(org, settings, ledger=ledger, clock=clock, stop=stop)
        watch = OrgPoller(reader, settings, ledger=ledger, clock=clock)
        loop = RemediationLoop(org, settings, ledger, clock, stop)
        for hours in (CHANGED_HOURS, CHANGED_HOURS - 0.25, JUDGED_HOURS):
            clock.origin = end - hours * HOUR
            if hours == JUDGED_HOURS:
                _command(config, end - PAUSED_HOURS * HOUR, "pause")
            assert watch.poll().result == "ok"
            watch.diagnose()
            # Its timeout was another for a moment of which the ledger knows.
            clock.origin += 60
            loop.run_once(watch.snapshot.diagnosis)
        loop.close()
        watch.close()
        states = {one.action_id: one.state for one in ledger.journal.changes(org.name, 100)}
    clock.origin = end
    assert states == {
        TUNED.action_id: ChangeState.VERIFIED,
        USELESS.action_id: ChangeState.UNHELPFUL,
    }


def _command(config: Path, moment: float, *words: str) -> None:
    """A command of the program that believes it is another time."""
    at_a_time = ROOT / "tests" / "end_to_end" / "process_at_moment.py"
    _run(sys.executable, at_a_time, repr(moment), "--config", config, *words)


def _wait_for_scrapes(server: Prometheus) -> None:
    """Wait until Prometheus has seen how many changes there were before more are made."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    scraped = "min(count_over_time(timeout_monitor_remediation_changes_total[1m])) >= 2"
    while not server.at(scraped, time.time()):
        assert time.monotonic() < deadline, "Prometheus does not come to scrape"
        time.sleep(0.1)


def _read_the_day(settings: Settings, clock: PausedClock) -> dict[tuple[str, str, str], int]:
    """Read the day; what the ledger then holds of it, by org, action and outcome."""
    classifier = settings.classify.classifier()
    day = TimeRange(int(clock.origin) - 24 * HOUR, int(clock.origin))
    counted: dict[tuple[str, str, str], int] = defaultdict(int)
    with Ledger.open(settings.state.url) as ledger:
        for org in settings.org:
            reader = open_reader(org, settings, ledger=ledger, clock=clock, stop=threading.Event())
            watch = OrgPoller(reader, settings, ledger=ledger, clock=clock)
            assert watch.poll().result == "ok"
            watch.close()
            for one in ledger.tallies.sums(org.name, day):
                outcome = classifier.outcome(one.key.error_type, one.key.response_status)
                counted[org.name, one.key.action_id, outcome.value] += one.counts.count
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
def _daemon(folder: Path, config: Path, clock: PausedClock, address: str) -> Iterator[None]:
    """The daemon as a process; time goes on from its start."""
    running = clock.let_go(SPEED)
    numbers = (repr(running.origin), repr(running.started), repr(running.speed))
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                ROOT / "tests" / "end_to_end" / "accelerated_process.py",
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
    _spoil(org, "/api/v2/analytics/actions", "POST", "server_error", "rate_limited")


def _contest(org: str) -> None:
    """Let the first write to an action meet somebody else's, and the second be refused."""
    path = f"/api/v2/integrations/actions/{CONTESTED.action_id}"
    _spoil(org, path, "PATCH", "conflict", "bad_request")


def _spoil(org: str, path: str, method: str, *kinds: str) -> None:
    for kind in kinds:
        order_fault(org, kind, path_prefix=path, method=method, count=1)
