"""Looking closely at one action of a simulated org: platform and ledger together, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from monitor.config import Settings
from monitor.diagnosis import LocalDiagnoser, latest_diagnosis
from monitor.errors import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    StaleDataError,
)
from monitor.investigation.collect import InvestigationRequest, collect_investigation
from monitor.investigation.investigate import Investigation
from monitor.ledger import Ledger
from monitor.model import Outcome, Truncation
from monitor.poller import open_reader
from monitor.simulator import (
    ALL_PERMISSIONS,
    RunningSimulator,
    Scenario,
    World,
)
from monitor.simulator.scenarios import (
    CASE_UPDATES,
    ORDER_ENQUIRIES,
    ORDER_STATUS,
    PAYMENT_LINE,
)
from monitor.sources import ExecutionBounds
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.poller.watched_org import SMALL
from tests.simulated_org import org_table, readable, serve_org
from tests.simulator_client import AGGREGATES, SimulatorClient

ENQUIRIES = replace(ORDER_ENQUIRIES, steps=ORDER_ENQUIRIES.steps[:1])
BUSY = replace(SMALL, flows=(PAYMENT_LINE, CASE_UPDATES, ENQUIRIES))
"""Two flows use Order Status."""

LAST_HOUR = TimeRange(NOON - HOUR, NOON)
QUICK = ExecutionBounds(seconds=20.0, first_pause_seconds=0.001, longest_pause_seconds=0.001)
WITHOUT_TRACKING = [one for one in ALL_PERMISSIONS if "dependencyTracking" not in one]


class SilentListener:
    """Looks on and keeps nothing."""

    def job_is(self, state: str) -> None:
        """Nothing."""

    def have_read(self, executions: int) -> None:
        """Nothing."""


@dataclass
class Deployment:
    """Simulated orgs, what a daemon has collected of them, and the questions of a user."""

    settings: Settings
    ledger: Ledger
    simulators: dict[str, RunningSimulator]
    clock: ManualClock

    def collect(self) -> None:
        """What a daemon does at its start."""
        for org in self.settings.org:
            reader = open_reader(
                org,
                self.settings,
                ledger=self.ledger,
                clock=self.clock,
                stop=threading.Event(),
            )
            with closing(reader.client):
                for _ in range(2):  # flows are known from the first read, their actions then
                    reader.source_reader.poll()
                    reader.catalogue.refresh()

    def ask(self, action: str = ORDER_STATUS.name, **more: Any) -> Investigation:  # noqa: ANN401
        """Look closely at an action."""
        request = replace(InvestigationRequest(action, HOUR, bounds=QUICK), **more)
        return collect_investigation(
            request, self.settings, self.ledger, self.clock, SilentListener()
        )

    def wire(self, org: str = "acme") -> SimulatorClient:
        """To the simulator itself."""
        return SimulatorClient(self.simulators[org])


WORLD = readable(World(detail_errors="named", timeout_duration="at_limit"))
MakeDeployment = Callable[..., Deployment]


@pytest.fixture
def make_deployment(tmp_path: Path) -> Iterator[MakeDeployment]:
    """Serves orgs at noon, each by a name of its own; closes everything when the test ends."""
    with ExitStack() as stack:

        def make(contract: str = "platform", **orgs: Scenario) -> Deployment:
            clock = ManualClock(NOON)
            simulators = {
                name: stack.enter_context(serve_org(scenario, clock, world=WORLD))
                for name, scenario in (orgs or {"acme": BUSY}).items()
            }
            settings = Settings.model_validate(
                {
                    "collect": {"initial": "2h"},
                    "org": [
                        org_table(simulator.url, name, contract=contract)
                        for name, simulator in simulators.items()
                    ],
                }
            )
            ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}"))
            return Deployment(settings, ledger, simulators, clock)

        yield make


@pytest.fixture
def deployment(make_deployment: MakeDeployment) -> Deployment:
    """An org that has been collected."""
    deployment = make_deployment()
    deployment.collect()
    return deployment


@pytest.mark.parametrize("asked", [ORDER_STATUS.name, ORDER_STATUS.action_id])
def test_executions_are_those_that_happened(deployment: Deployment, asked: str) -> None:
    """By id and by name: every execution of the last hour, by outcome."""
    found = deployment.ask(asked)

    with deployment.wire() as wire:
        truth = wire.truth(LAST_HOUR)["actions"][ORDER_STATUS.action_id]
    assert found.executions is not None
    assert {str(outcome): count for outcome, count in found.executions.by_outcome.items()} == truth
    assert found.time_range == LAST_HOUR
    assert found.timeout_seconds == ORDER_STATUS.timeout_seconds
    assert found.notes == ()


def test_the_verdict_is_the_one_that_a_report_shows(deployment: Deployment) -> None:
    """Of the windows that the daemon has diagnosed last, though another one has settled since."""
    (org,) = deployment.settings.org
    arguments = deployment.ledger, org, deployment.settings
    daemon = LocalDiagnoser()
    told = daemon.diagnose_org(*arguments, deployment.clock.now(), threading.Event())
    daemon.memory.keep(deployment.ledger, org.name)
    deployment.clock.at += 300

    found = deployment.ask()

    report = latest_diagnosis(*arguments, deployment.clock.now())
    assert found.diagnosed is not None
    assert found.diagnosed.diagnosis == report.diagnoses[ORDER_STATUS.action_id]
    assert found.diagnosed.time_range == report.time_range == told.time_range


def test_flows_and_conversations_are_those_that_were_hit(deployment: Deployment) -> None:
    """Dependency tracking names the flows, detail records the conversations."""
    found = deployment.ask()

    assert {flow.name for flow in found.flows} == {CASE_UPDATES.name, ORDER_ENQUIRIES.name}
    assert all(flow.is_tracked for flow in found.flows)
    assert found.executions is not None
    assert found.conversations is not None
    assert 0 < found.conversations <= found.executions.by_outcome[Outcome.TIMEOUT]
    assert {hit.action_id for hit in found.hits} == {ORDER_STATUS.action_id}
    assert sum(flow.conversations or 0 for flow in found.flows) == found.conversations


def test_a_refused_dependency_tracking_is_said(deployment: Deployment) -> None:
    """With the permission to grant; everything else stands, and the ledger's flows do."""
    deployment.simulators["acme"].org.grant(WITHOUT_TRACKING)

    found = deployment.ask()

    [note] = found.notes
    assert note.startswith("Dependency tracking does not say which flows use it")
    assert "Grant architect:dependencyTracking:view" in note
    assert {flow.name for flow in found.flows} == {CASE_UPDATES.name, ORDER_ENQUIRIES.name}
    assert not any(flow.is_tracked for flow in found.flows)
    assert found.executions is not None
    assert found.executions.total > 0


def test_refused_executions_end_it(deployment: Deployment) -> None:
    """403: which permission is missing stands in the hint."""
    deployment.simulators["acme"].org.grant(["architect:dependencyTracking:view"])

    with pytest.raises(PermissionDeniedError) as raised:
        deployment.ask()
    assert "integrations:action:view" in raised.value.hint


def test_a_refused_login_ends_it_at_once(deployment: Deployment) -> None:
    """Nobody asks for the executions too."""
    with deployment.wire() as wire:
        wire.fault("unauthorized", path_prefix="/oauth/token", count=100)

    with pytest.raises(AuthenticationError):
        deployment.ask()


def test_more_rows_than_the_bound_are_said_to_be_cut(deployment: Deployment) -> None:
    """What was read is shown, and that it is not all."""
    found = deployment.ask(bounds=replace(QUICK, executions=25))

    assert found.executions is not None
    assert found.executions.truncation is Truncation.ROWS
    assert found.executions.total == 25
    assert "Not all executions were read, only 25" in found.notes[0]


def test_an_action_without_executions_is_no_error(make_deployment: MakeDeployment) -> None:
    """It was quiet, and that is said."""
    deployment = make_deployment(acme=replace(BUSY, ends=float(NOON - HOUR)))
    deployment.collect()

    found = deployment.ask()

    assert found.executions is not None
    assert found.executions.total == 0
    assert found.notes == ("No execution was seen in this period.",)


def test_less_than_a_minute_is_a_minute(deployment: Deployment) -> None:
    """Periods begin and end with a minute, and none is empty."""
    deployment.clock.at = NOON + 30

    assert deployment.ask(seconds=1.0).time_range == TimeRange(NOON - 60, NOON)


def test_an_unknown_name_is_refused_before_the_platform_is_asked(deployment: Deployment) -> None:
    """With near names; no request is spent."""
    with deployment.wire() as wire:
        wire.call("DELETE", "/simulator/requests")
        with pytest.raises(ConfigurationError) as raised:
            deployment.ask("Order Stat")
        assert raised.value.hint == "Perhaps it is Order Status."
        assert not any("analytics" in what for what in wire.get("/simulator/requests").json())


def test_a_name_of_two_orgs_needs_the_org(make_deployment: MakeDeployment) -> None:
    """Each org is asked for its own."""
    deployment = make_deployment(acme=SMALL, globex=replace(SMALL, seed=8))
    deployment.collect()

    with pytest.raises(ConfigurationError, match=r"org acme.*org globex"):
        deployment.ask()
    found = deployment.ask(org="globex")
    assert found.org == "globex"
    assert found.executions is not None
    assert found.executions.total > 0


def test_an_unknown_org_is_refused(deployment: Deployment) -> None:
    """With the names of those that there are."""
    with pytest.raises(ConfigurationError, match="No org is called initech") as raised:
        deployment.ask(org="initech")
    assert raised.value.hint == "Configured are acme."


def test_without_anything_collected_no_action_is_known(make_deployment: MakeDeployment) -> None:
    """What to run first stands in the hint."""
    with pytest.raises(StaleDataError) as raised:
        make_deployment().ask()
    assert "timeout-monitor poll" in raised.value.hint


def test_the_contract_flow_shows_what_it_can(make_deployment: MakeDeployment) -> None:
    """One sentence instead of executions; conversations and flows from the ledger, no request."""
    deployment = make_deployment(contract="flow", acme=replace(BUSY, contract="flow"))
    deployment.collect()

    with deployment.wire() as wire:
        wire.call("DELETE", "/simulator/requests")
        found = deployment.ask()
        assert wire.get("/simulator/requests").json().keys() <= {"GET /simulator/requests"}

    assert found.executions is None
    assert found.notes[0].startswith("Single executions can't be seen under the contract flow")
    assert found.conversations
    assert {flow.name for flow in found.flows} >= {hit.flow_name for hit in found.hits} - {""}


def test_correlation_ids_are_shown_and_kept_nowhere(deployment: Deployment, tmp_path: Path) -> None:
    """They are in the answer, but neither in the ledger's files nor in the log."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        found = deployment.ask()
    structlog.configure(**before)

    assert found.executions is not None
    ids = [one.execution.correlation_id for one in found.executions.timed_out]
    assert ids
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Order Status" in kept
    assert not any(one.encode() in kept for one in ids)
    assert not any(one in str(lines) for one in ids)


def test_a_job_that_fails_is_the_users_to_know(deployment: Deployment) -> None:
    """The platform's words reach them."""
    with deployment.wire() as wire:
        wire.fault("job_failed", path_prefix=f"{AGGREGATES}/jobs", method="GET")

    with pytest.raises(Exception, match="too expensive"):
        deployment.ask()
