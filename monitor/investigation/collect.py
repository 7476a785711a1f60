"""Looks closely at one data action: asks the platform for what is not kept, and the ledger."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.contract import DETAIL_SOURCE
from monitor.diagnosis import latest_action_diagnosis
from monitor.errors import (
    AuthenticationError,
    ConnectionFailedError,
    GenesysError,
    StaleDataError,
)
from monitor.genesys import (
    CALL_SECONDS,
    Client,
    connect,
    consuming_flows,
    pace,
    tracking_is_built,
)
from monitor.investigation.action_lookup import ActionMatch, find_action, known_actions
from monitor.investigation.investigate import (
    DiagnosisInPeriod,
    Investigation,
    InvestigationData,
    build_investigation,
)
from monitor.ledger import Ledger, OrgState
from monitor.model import ExecutionList
from monitor.sources import ExecutionBounds, ExecutionsSource, ProgressListener
from monitor.summary import TimeoutsInForce, timeouts_during
from monitor.time_ranges import TimeRange, floor_to

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class InvestigationRequest:
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
class _PlatformData:
    """What the platform said; the attributes are those of ``InvestigationData``."""

    execution_list: ExecutionList | None = None
    tracked_flows: dict[str, str] | None = None
    flows_problem: str = ""


def collect_investigation(
    request: InvestigationRequest,
    settings: Settings,
    ledger: Ledger,
    clock: Clock,
    listener: ProgressListener,
) -> Investigation:
    """Look closely at one data action.

    Raises:
        ConfigurationError: The org or the action is unknown, or more than one is meant.
        StaleDataError: Nothing has been collected yet, so that no action is known.
        GenesysError: The platform does not give the executions.
        LedgerError: The ledger can't be read.
    """
    states = {org.name: ledger.state(org.name) for org in settings.chosen_orgs(request.org)}
    if not any(state.actions or state.sources for state in states.values()):
        raise StaleDataError(
            "Nothing has been collected yet, so no data action is known",
            "Run timeout-monitor poll once, or leave timeout-monitor run at work.",
        )
    match = find_action(request.action, known_actions(tuple(states.values())))
    end = floor_to(clock.now(), _MINUTE)
    # "now" and less than a minute ago ask for the newest minute that is over.
    time_range = TimeRange(floor_to(end - max(request.seconds, _MINUTE), _MINUTE), end)
    (org,) = [org for org in settings.org if org.name == match.org]
    from_platform = _from_platform(org, match, time_range, request.bounds, clock, listener)
    data = replace(
        _investigation_data(org, match, time_range, states[org.name], ledger, from_platform),
        diagnosed=_diagnosed(ledger, org, settings, clock.now(), match.action.action_id),
    )
    return build_investigation(data, settings.classify.classifier(), request.limit)


def _diagnosed(
    ledger: Ledger, org: OrgSettings, settings: Settings, now: float, action_id: str
) -> DiagnosisInPeriod:
    """Return the verdict from settled windows, as the report has it."""
    return DiagnosisInPeriod(*latest_action_diagnosis(ledger, org, settings, now, action_id))


def _from_platform(  # noqa: PLR0913, PLR0917 - whom, what, how far and for whom
    org: OrgSettings,
    match: ActionMatch,
    time_range: TimeRange,
    bounds: ExecutionBounds,
    clock: Clock,
    listener: ProgressListener,
) -> _PlatformData:
    if not org.contract.knows_successes:
        return _PlatformData()
    client = connect(
        org,
        deadline_seconds=min(CALL_SECONDS, bounds.seconds),
        requests_per_second=pace(clock),
    )
    with closing(client):
        # The flows first: a user who interrupts the long list of executions sees them all the same.
        flows, problem = _flows(client, match.action.action_id)
        execution_list = ExecutionsSource(client, bounds).read(
            match.action.action_id, time_range, listener
        )
    return _PlatformData(execution_list, flows, problem)


def _flows(client: Client, action_id: str) -> tuple[dict[str, str] | None, str]:
    """Return the flows that use an action, else why they are not known."""
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


def _investigation_data(  # noqa: PLR0913, PLR0917 - both halves of what is known
    org: OrgSettings,
    match: ActionMatch,
    time_range: TimeRange,
    state: OrgState,
    ledger: Ledger,
    from_platform: _PlatformData,
) -> InvestigationData:
    action_id = match.action.action_id
    return InvestigationData(
        org=org.name,
        contract=org.contract,
        action=match.action,
        time_range=time_range,
        execution_list=from_platform.execution_list,
        in_force=timeouts_during(ledger.timeouts_in_force(org.name), time_range).get(
            action_id, TimeoutsInForce()
        ),
        tracked_flows=from_platform.tracked_flows,
        flows_problem=from_platform.flows_problem,
        known_flows={
            flow_id: state.flow_names.get(flow_id, flow_id)
            for used_id, flow_id in state.flow_use
            if used_id == action_id
        },
        incidents=[
            incident
            for incident in ledger.impact.incidents(org.name, time_range)
            if incident.action_id == action_id
        ],
        missing_detail_seconds=state.missing_seconds(time_range, DETAIL_SOURCE),
    )
