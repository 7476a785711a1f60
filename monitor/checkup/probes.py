"""Whether everything is in place: settings, state, credentials, clock and each permission.

Each probe asks the platform for little, and ends in one finding: a line and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from monitor.checkup.findings import Finding, Level, failed
from monitor.checkup.scheduler import scheduler_finding
from monitor.checkup.serving import exposure_findings, port_finding
from monitor.checkup.state import StateProbe
from monitor.checkup.write_access import LOGIN_SECONDS, write_access_findings
from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.contract import Contract
from monitor.errors import (
    BadRequestError,
    GenesysError,
    NotFoundError,
    PermissionDeniedError,
    TimeoutMonitorError,
)
from monitor.formats import count_of
from monitor.genesys import (
    Client,
    action_audits,
    connect,
    consuming_flows,
    data_action_limits,
    get_flow,
    is_known_region,
    list_actions,
    list_integrations,
    tracking_is_built,
    whoami,
)
from monitor.model import AUDITS
from monitor.sources import (
    ActionsSource,
    ConversationsSource,
    Evidence,
    FlowErrorsSource,
    coarser_window,
)
from monitor.summary import LIMIT_LABELS
from monitor.time_ranges import TimeRange, floor_to

DAY_SECONDS = 86_400
LARGEST_SKEW_SECONDS = 60
"""A signed assertion is good for five minutes; a clock that is a minute off eats a fifth of it."""


def check_up(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Probe everything, one finding at a time, so that a slow probe does not hide the others."""
    yield _settings_finding(settings)
    state = StateProbe(settings)
    yield state.finding()
    if settings.diagnosis.scheduler:
        yield scheduler_finding(settings.diagnosis.scheduler)
    yield port_finding(settings.serve)
    yield from exposure_findings(settings.serve)
    for org in settings.org:
        yield from _check_org(org, settings, clock, state.known_flows(org.name))


def _settings_finding(settings: Settings) -> Finding:
    orgs = f"{len(settings.org)} org(s) configured"
    unused = ", ".join(f"classify.{key}" for key in settings.classify.without_effect)
    if not unused:
        return Finding("settings", Level.OK, orgs)
    return Finding(
        "settings",
        Level.WARNING,
        f"{orgs}; {unused} decides nothing any more",
        "Take it out: the type of an action's integration tells whether it is a function.",
    )


def _check_org(
    org: OrgSettings, settings: Settings, clock: Clock, known_flows: tuple[str, ...]
) -> Iterator[Finding]:
    if not org.api_url and not is_known_region(org.region):
        yield Finding(
            f"{org.name}: region",
            Level.WARNING,
            f"{org.region} is not a published region of Genesys Cloud",
            "Check [[org]] region; it is used as given.",
        )
    try:
        with closing(connect(org, deadline_seconds=LOGIN_SECONDS, clock=clock)) as client:
            yield from _log_in(client, org, clock)
    except TimeoutMonitorError as error:
        yield failed(f"{org.name}: login", error)
        yield from write_access_findings(org, settings.remediation, clock)
        return
    with closing(connect(org, clock=clock)) as client:
        for subject, probe, needed in _probes(org, client, settings, clock, known_flows):
            yield _probe(f"{org.name}: {subject}", probe, needed=needed)
        if org.contract is Contract.FLOW:
            yield _clock_finding(org.name, client.clock_skew_seconds)
    yield from write_access_findings(org, settings.remediation, clock)


def _log_in(client: Client, org: OrgSettings, clock: Clock) -> Iterator[Finding]:
    """Log in, and say where; with it the clock where there is an endpoint that anybody may ask.

    A gateway of the flow contract has none: its clock is read from the answers to the probes.

    Raises:
        GenesysError: One of the tree.
    """
    subject, host = f"{org.name}: login", urlsplit(org.token_url).netloc
    if org.contract is Contract.FLOW:
        client.log_in()
        yield Finding(subject, Level.OK, f"Logged in at {host}")
        return
    identity = whoami(client, clock)
    name = identity.org_name or identity.org_id
    yield Finding(subject, Level.OK, f"Logged in to {name} at {host}")
    yield _clock_finding(org.name, identity.clock_skew_seconds)


def _clock_finding(org: str, skew_seconds: float | None) -> Finding:
    if skew_seconds is None:
        return Finding(
            f"{org}: clock",
            Level.WARNING,
            "No answer of the platform is dated, so its clock can't be compared with this one's",
            "Set this machine's clock by NTP, and let the gateway pass the header Date on.",
        )
    off = abs(skew_seconds) > LARGEST_SKEW_SECONDS
    return Finding(
        f"{org}: clock",
        Level.WARNING if off else Level.OK,
        f"The platform's clock is {round(skew_seconds):+d} s from this machine's",
        "Set this machine's clock by NTP; windows and signed logins depend on it." if off else "",
    )


def _probes(
    org: OrgSettings,
    client: Client,
    settings: Settings,
    clock: Clock,
    known_flows: tuple[str, ...],
) -> Iterator[Probe]:
    if org.contract is Contract.FLOW:
        return _flow_probes(org, client, settings, clock, known_flows)
    return _platform_probes(org, client, settings, clock)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """An answer that came, but is hardly as it should be; with what to do about it."""

    detail: str
    hint: str


Probe = tuple[str, Callable[[], "str | _Doubt"], bool]
"""A subject, what to do, and whether the monitor is of no use without it."""


_WITHOUT_TYPES = (
    "Until then which actions are functions can't be told: where no timeout is set none is "
    "guessed, and none is raised."
)


def _platform_probes(
    org: OrgSettings, client: Client, settings: Settings, clock: Clock
) -> Iterator[Probe]:
    time_range = _last_window(settings, clock)
    action_ids: list[str] = []

    def catalogue() -> str | _Doubt:
        action_ids.extend(entry.id for entry in list_actions(client))
        if not action_ids:
            return _Doubt(
                "The org has no data actions",
                "Check that client_id belongs to the org you mean; data actions stand under "
                "Admin > Integrations > Actions.",
            )
        return count_of(len(action_ids), "data action")

    def aggregates() -> str:
        evidence = _aggregates(ActionsSource(client), time_range, settings.collect.window)
        count = sum(tally.counts.count for tally in evidence.tallies)
        return f"{count_of(count, 'execution')} in the last {time_range.seconds // 60} min"

    def limits() -> str:
        known = data_action_limits(client)
        told = [f"{limit:,} {LIMIT_LABELS[name]}" for name, limit in known.items()]
        return (
            ", ".join(told) or "No limit is given: none is taken for known, and nothing is raised"
        )

    sources = settings.collect.sources
    yield "catalogue", catalogue, True
    if "actions" in sources:
        yield "action aggregates", aggregates, True
    if "conversations" in sources:
        yield _conversations_probe(client, settings, clock, needed=False)
    if "flow-errors" in sources:
        yield "flow errors", partial(_flow_errors, org, client, settings, clock), False
    yield "integration names", lambda: _integrations(client), False
    yield "flow use", lambda: _flow_use(client, action_ids), False
    yield "limits", limits, False
    if AUDITS in sources:
        yield "audit log", partial(_audits, client, clock), False


def _aggregates(source: ActionsSource, time_range: TimeRange, window_seconds: int) -> Evidence:
    """Read a period in the finest windows that the platform takes, as a poll does."""
    window = window_seconds
    while True:
        begun = TimeRange(floor_to(time_range.start, window), time_range.end)
        try:
            return source.read(begun, window, deep=False)
        except BadRequestError as error:
            coarser = coarser_window(window, error)
            if coarser is None:
                raise
            window = coarser


def _flow_use(client: Client, action_ids: Sequence[str]) -> str | _Doubt:
    if not action_ids:
        return "No action to ask about"
    flows = consuming_flows(client, action_ids[0])
    if not flows and not tracking_is_built(client):
        return _Doubt(
            "Dependency tracking was not built completely: where it names no flow, whether one "
            "uses an action is not known",
            "Let dependency tracking be built in Architect.",
        )
    return f"{action_ids[0]} is used by {count_of(len(flows), 'flow')}"


def _flow_errors(
    org: OrgSettings, client: Client, settings: Settings, clock: Clock
) -> str | _Doubt:
    time_range = _last_window(settings, clock)
    details = ConversationsSource(client, settings.classify.classifier(), _Nobody())
    source = FlowErrorsSource(client, details, clock, org=org.name, contract=org.contract)
    try:
        found = source.aggregated(time_range, settings.collect.window).flow_errors
    except PermissionDeniedError as error:
        return _Doubt(
            error.message, f"{error.hint} Until then they are counted from detail records.".strip()
        )
    except (BadRequestError, NotFoundError):
        return "Flow aggregates are not counted by exit here: the detail records are"
    begun = [one for one in found if one.window_start >= time_range.start]
    callers = sum(one.callers for one in begun)
    return f"{count_of(callers, 'caller')} lost in the last {time_range.seconds // 60} min"


def _audits(client: Client, clock: Clock) -> str:
    end = floor_to(clock.now(), 1)
    found = action_audits(client, TimeRange(end - DAY_SECONDS, end))
    number = len(found.entries) if found.complete else f"more than {len(found.entries)}"
    return f"{number} saved actions in the last day"


def _integrations(client: Client) -> str | _Doubt:
    try:
        listed = list_integrations(client)
    except (PermissionDeniedError, NotFoundError) as error:
        return _Doubt(error.message, f"{error.hint} {_WITHOUT_TYPES}".strip())
    untold = sum(one.has_functions is None for one in listed.values())
    if untold:
        return _Doubt(f"{untold} of {len(listed)} integrations show no type", _WITHOUT_TYPES)
    return f"{len(listed)} integrations"


def _flow_probes(
    org: OrgSettings,
    client: Client,
    settings: Settings,
    clock: Clock,
    known_flows: tuple[str, ...],
) -> Iterator[Probe]:
    def document(flow_id: str) -> str | _Doubt:
        found = get_flow(client, flow_id)
        meant = org.action_id if flow_id == org.flow_id else None
        if meant is not None and not found.ids_of(meant):
            return _Doubt(
                f"The flow {flow_id} has no data action with the id or name {meant}",
                f"Check ACTION_ID, or [[org]] action_id: timeout-monitor flow show {flow_id} "
                "lists its data actions.",
            )
        return f"{len(found.data_actions)} data actions in {flow_id}"

    yield _conversations_probe(client, settings, clock, needed=True)
    for flow_id in [org.flow_id] if org.flow_id else known_flows[:1]:
        # A flow that somebody has named is meant to be read; one of many that records name is not.
        yield "flow document", partial(document, flow_id), org.flow_id is not None


def _conversations_probe(
    client: Client, settings: Settings, clock: Clock, *, needed: bool
) -> Probe:
    time_range = _last_window(settings, clock)
    source = ConversationsSource(client, settings.classify.classifier(), _Nobody())

    def conversations() -> str:
        evidence = source.read(time_range, settings.collect.window, deep=False)
        minutes = time_range.seconds // 60
        return f"{count_of(len(evidence.incidents), 'timeout')} in the last {minutes} min"

    return "conversation details", conversations, needed


class _Nobody:
    """Attributes nothing: a probe counts, it does not keep."""

    def action_named(self, _name: str) -> str | None:
        return None

    def sole_action(self, _flow_id: str) -> str | None:
        return None


def _last_window(settings: Settings, clock: Clock) -> TimeRange:
    end = floor_to(clock.now(), settings.collect.window)
    return TimeRange(end - settings.collect.near, end)


def _probe(subject: str, probe: Callable[[], str | _Doubt], *, needed: bool) -> Finding:
    try:
        answer = probe()
        if isinstance(answer, _Doubt):
            return Finding(subject, Level.WARNING, answer.detail, answer.hint)
        return Finding(subject, Level.OK, answer)
    except GenesysError as error:
        return failed(subject, error, level=Level.FAILED if needed else Level.WARNING)
