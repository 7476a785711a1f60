"""Single executions through the platform's own job: whole, in pages, and when it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from monitor.errors import (
    GenesysError,
    NotFoundError,
    PermissionDeniedError,
    RequestTimeoutError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import Client
from monitor.model import ExecutionList, Truncation
from monitor.simulator import RunningSimulator, Scenario
from monitor.simulator.scenarios import ORDER_STATUS, TAKE_PAYMENT
from monitor.sources import ExecutionsSource
from tests import simulated_org
from tests.filled_ledger import CLASSIFIER
from tests.poller.watched_org import SMALL, client_of
from tests.simulator_client import SimulatorClient
from tests.sources.recorded_progress import JOBS, LAST_HOUR, QUICK, Notes


@dataclass
class Org:
    """A simulated org and a client of it."""

    simulator: RunningSimulator
    client: Client
    told: Notes = field(default_factory=Notes)

    def read(self, action_id: str = ORDER_STATUS.action_id, **bounds: Any) -> ExecutionList:  # noqa: ANN401 - any bound
        """The last hour of an action."""
        source = ExecutionsSource(self.client, replace(QUICK, **bounds))
        return source.read(action_id, LAST_HOUR, self.told)

    def fault(self, kind: str, path_prefix: str = JOBS, **more: object) -> None:
        """Let requests go wrong from now on."""
        with SimulatorClient(self.simulator) as wire:
            wire.fault(kind, path_prefix=path_prefix, count=10_000, **more)

    def truth(self, action_id: str = ORDER_STATUS.action_id) -> dict[str, int]:
        """Executions of the last hour by outcome, as they really happened."""
        with SimulatorClient(self.simulator) as wire:
            counts: dict[str, int] = wire.truth(LAST_HOUR)["actions"][action_id]
        return {outcome: count for outcome, count in counts.items() if count}


Serve = Callable[..., Org]


@pytest.fixture
def serve_org() -> Iterator[Serve]:
    """Serves orgs at noon; everything is closed when the test ends."""
    with ExitStack() as stack:

        def start(scenario: Scenario = SMALL, **more: Any) -> Org:  # noqa: ANN401 - the org's
            simulator = stack.enter_context(simulated_org.serve_org(scenario, **more))
            client = client_of(simulator.url, deadline_seconds=5.0)
            stack.callback(client.close)
            return Org(simulator, client)

        yield start


@pytest.fixture
def org(serve_org: Serve) -> Org:
    """A small org."""
    return serve_org()


def outcomes(listed: ExecutionList) -> Counter[str]:
    """Executions by outcome."""
    return Counter(
        str(CLASSIFIER.outcome(one.error_type, one.response_status)) for one in listed.executions
    )


@pytest.mark.parametrize("action", [ORDER_STATUS, TAKE_PAYMENT], ids=lambda action: action.name)
def test_every_execution_is_read_once(org: Org, action: Any) -> None:  # noqa: ANN401
    """As many of each outcome as really happened, each under an id of its own."""
    listed = org.read(action.action_id)

    assert outcomes(listed) == org.truth(action.action_id)
    assert len({one.correlation_id for one in listed.executions}) == len(listed.executions)
    assert listed.truncation is None


def test_pages_are_followed_to_the_end(org: Org) -> None:
    """However small the pages are, the answer is the same."""
    whole = org.read()

    paged = org.read(page_size=7)

    assert paged == whole
    assert org.told.counts[1:4] == [7, 14, 21]
    assert org.told.counts[-1] == len(whole.executions)


def test_executions_are_dated_to_the_minute(org: Org) -> None:
    """The minute they ended in, inside the period that was asked for."""
    listed = org.read()

    assert listed.granularity_seconds == 60
    assert {one.at % 60 for one in listed.executions} == {0}
    assert all(LAST_HOUR.start <= one.at < LAST_HOUR.end for one in listed.executions)


def test_a_coarser_date_is_taken_where_the_platform_refuses_a_finer_one(serve_org: Serve) -> None:
    """The first one that it takes, and the answer says which."""
    listed = serve_org(replace(SMALL, smallest_granularity_seconds=900)).read()

    assert listed.granularity_seconds == 900
    assert listed.executions


def test_more_than_the_bound_is_cut(org: Org) -> None:
    """No more than may be read, and the answer says so."""
    listed = org.read(executions=10)

    assert len(listed.executions) == 10
    assert listed.truncation is Truncation.ROWS


def test_a_cut_between_pages_is_a_cut_too(org: Org) -> None:
    """The bound is reached at the end of a page, and there is another one."""
    listed = org.read(executions=14, page_size=7)

    assert len(listed.executions) == 14
    assert listed.truncation is Truncation.ROWS


def test_as_many_as_the_bound_are_all(org: Org) -> None:
    """Nothing is missing where exactly as many came as may be read."""
    listed = org.read(executions=sum(org.truth().values()))

    assert listed.truncation is None


def test_the_job_is_waited_for(org: Org) -> None:
    """It is asked until it has ended, and the listener hears each state."""
    org.read()

    assert org.told.states == ["PENDING", "FULFILLED"]


def test_a_job_that_never_ends_is_given_up(org: Org) -> None:
    """After the time for it, with the state it was left in."""
    org.fault("job_pending", method="GET")

    with pytest.raises(RequestTimeoutError, match=r"PENDING.* 0\.02 s for it were over"):
        org.read(seconds=0.02)
    assert set(org.told.states) == {"PENDING"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("job_failed", r"failed to list the executions: The query was too expensive$"),
        ("job_cancelled", "cancelled"),
        ("job_expired", "expired"),
    ],
)
def test_a_job_without_results_says_why(org: Org, kind: str, words: str) -> None:
    """An error with the platform's words and a hint."""
    org.fault(kind, method="GET")

    with pytest.raises(ServerFaultError, match=words) as raised:
        org.read()
    assert "shorter period" in raised.value.hint


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("forbidden", PermissionDeniedError),
        ("not_found", NotFoundError),
        ("wrong_shape", WrongShapeError),
    ],
)
def test_a_refusal_is_passed_on(org: Org, kind: str, error: type[GenesysError]) -> None:
    """As the error of the tree that it is."""
    org.fault(kind)

    with pytest.raises(error):
        org.read()


def test_a_missing_permission_is_named(org: Org) -> None:
    """What to grant stands in the hint."""
    org.simulator.org.grant([])

    with pytest.raises(PermissionDeniedError) as raised:
        org.read()
    assert "integrations:action:view" in raised.value.hint


def test_a_passing_fault_is_outlived(org: Org) -> None:
    """A request that failed once is repeated, and nothing is read twice."""
    with SimulatorClient(org.simulator) as wire:
        wire.fault("reset_after", path_prefix=JOBS, method="GET", skip=2)

    assert outcomes(org.read(page_size=7)) == org.truth()


class Impatient(Notes):
    """Presses Ctrl-C as soon as there is so much."""

    def have_read(self, executions: int) -> None:
        """Press it."""
        super().have_read(executions)
        if executions >= 14:
            raise KeyboardInterrupt

    def job_is(self, state: str) -> None:
        """Wait patiently."""


class VeryImpatient(Notes):
    """Presses Ctrl-C while the job is waited for."""

    def job_is(self, state: str) -> None:
        """Press it."""
        raise KeyboardInterrupt(state)


def test_an_interrupt_keeps_what_has_come(org: Org) -> None:
    """Whoever does not want to wait longer sees what there is."""
    source = ExecutionsSource(org.client, replace(QUICK, page_size=7))

    listed = source.read(ORDER_STATUS.action_id, LAST_HOUR, Impatient())

    assert len(listed.executions) == 14
    assert listed.truncation is Truncation.INTERRUPTED


def test_an_interrupt_before_anything_has_come_ends_it(org: Org) -> None:
    """There is nothing to show."""
    with pytest.raises(KeyboardInterrupt):
        ExecutionsSource(org.client, QUICK).read("a", LAST_HOUR, VeryImpatient())
