"""Looks closely at one data action: asks the platform for what is not kept, and the ledger."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace

from monitor.analysis.choosing import ActionMatch, find_action, known_actions
from monitor.analysis.diagnosing import diagnose_action
from monitor.analysis.investigation import Gathered, Investigation, Judged, investigate
from monitor.analysis.seen import DETAIL_SOURCE, FLOW_CONTRACT, missing_seconds
from monitor.analysis.timeouts import TimeoutsInForce, timeouts_during
from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    GenesysError,
    StaleDataError,
)
from monitor.genesys import Client, connect
from monitor.genesys.client import CALL_SECONDS
from monitor.genesys.dependencies import consuming_flows, tracking_is_built
from monitor.genesys.ratelimit import REQUESTS_PER_SECOND
from monitor.ledger import Ledger, OrgState
from monitor.model import ExecutionList, TimeRange, floor_to
from monitor.sources import ExecutionBounds, ExecutionsSource, Onlooker

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Question:
    """What a user wants to know.

    Attributes:
        action: The id or the name of a data action.
        seconds: How far back; rounded up to whole minutes.
        org: The only org to look in; None for all.
        limit: The most entries of each list.
        bounds: How much may be read, and how long that may take.
    """

    action: str
    seconds: float
    org: str | None = None
    limit: int = 20
    bounds: ExecutionBounds = field(default_factory=ExecutionBounds)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the platform said; the attributes are those of ``Gathered``."""

    listed: ExecutionList | None = None
    tracked_flows: dict[str, str] | None = None
    flows_problem: str = ""


def inquire(
    question: Question, settings: Settings, ledger: Ledger, clock: Clock, onlooker: Onlooker
) -> Investigation:
    """Look closely at one data action.

    Raises:
        ConfigurationError: The org or the action is unknown, or more than one is meant.
        StaleDataError: Nothing has been collected yet, so that no action is known.
        GenesysError: The platform does not give the executions.
        LedgerError: The ledger can't be read.
    """
    states = {org.name: ledger.state(org.name) for org in _orgs(settings, question.org)}
    if not any(state.actions or state.sources for state in states.values()):
        raise StaleDataError(
            "Nothing has been collected yet, so no data action is known",
            "Run timeout-monitor poll once, or leave timeout-monitor run at work.",
        )
    chosen = find_action(question.action, known_actions(tuple(states.values())))
    end = floor_to(clock.now(), _MINUTE)
    stretch = TimeRange(floor_to(end - question.seconds, _MINUTE), end)
    (org,) = [org for org in settings.org if org.name == chosen.org]
    asked = _ask(org, chosen, stretch, question.bounds, clock, onlooker)
    gathered = replace(
        _gathered(org, chosen, stretch, states[org.name], ledger, asked),
        judged=_judged(ledger, org, settings, clock.now(), chosen.action.action_id),
    )
    return investigate(gathered, settings.classify.classifier(), question.limit)


def _judged(
    ledger: Ledger, org: OrgSettings, settings: Settings, now: float, action_id: str
) -> Judged:
    """The verdict from settled windows, as the report has it."""
    return Judged(*diagnose_action(ledger, org, settings, now, action_id))


def _orgs(settings: Settings, name: str | None) -> list[OrgSettings]:
    found = [org for org in settings.org if name in {None, org.name}]
    if not found:
        raise ConfigurationError(
            f"No org is called {name}",
            f"Configured are {', '.join(org.name for org in settings.org)}.",
        )
    return found


def _ask(  # noqa: PLR0913, PLR0917 - whom, what, how far and for whom
    org: OrgSettings,
    chosen: ActionMatch,
    stretch: TimeRange,
    bounds: ExecutionBounds,
    clock: Clock,
    onlooker: Onlooker,
) -> _Asked:
    if org.contract == FLOW_CONTRACT:
        return _Asked()
    client = connect(
        org,
        deadline_seconds=min(CALL_SECONDS, bounds.seconds),
        # The platform's minute passes as fast as the data's.
        requests_per_second=REQUESTS_PER_SECOND / clock.machine_seconds(1),
    )
    with closing(client):
        # The flows first: whoever interrupts the long list of executions sees them all the same.
        flows, problem = _flows(client, chosen.action.action_id)
        listed = ExecutionsSource(client, bounds).read(chosen.action.action_id, stretch, onlooker)
    return _Asked(listed, flows, problem)


def _flows(client: Client, action_id: str) -> tuple[dict[str, str] | None, str]:
    """The flows that use an action, else why nobody says so."""
    try:
        flows = consuming_flows(client, action_id)
        if not flows and not tracking_is_built(client):
            return None, (
                "Which flows use it is not known: dependency tracking was not built completely. "
                "Let it be built in Architect"
            )
    except (AuthenticationError, ConnectionFailedError):
        raise  # every other question would end so too
    except GenesysError as error:
        problem = f"Dependency tracking does not say which flows use it: {error.message}."
        return None, f"{problem} {error.hint}"
    return flows, ""


def _gathered(  # noqa: PLR0913, PLR0917 - both halves of what is known
    org: OrgSettings,
    chosen: ActionMatch,
    stretch: TimeRange,
    state: OrgState,
    ledger: Ledger,
    asked: _Asked,
) -> Gathered:
    action_id = chosen.action.action_id
    return Gathered(
        org=org.name,
        contract=org.contract,
        action=chosen.action,
        stretch=stretch,
        listed=asked.listed,
        in_force=timeouts_during(ledger.timeouts_in_force(org.name), stretch).get(
            action_id, TimeoutsInForce()
        ),
        tracked_flows=asked.tracked_flows,
        flows_problem=asked.flows_problem,
        known_flows={
            flow_id: state.flow_names.get(flow_id, flow_id)
            for used_id, flow_id in state.flow_use
            if used_id == action_id
        },
        incidents=[
            incident
            for incident in ledger.incidents(org.name, stretch)
            if incident.action_id == action_id
        ],
        missing_detail_seconds=missing_seconds(stretch, state, DETAIL_SOURCE),
    )
