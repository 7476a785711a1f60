"""What goes into the ledger and what comes out of it, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.counts import Counts, SeriesKey, Tally
from monitor.model import CONCURRENT_EXECUTIONS, Action, FlowErrorTally, Incident
from monitor.time_ranges import TimeRange

LATENESS_EDGES_SECONDS: tuple[int, ...] = (
    60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400,
)  # fmt: skip
"""Upper edges of the lateness histogram, in seconds, inclusive; the last band is open.

Around ``settle`` (10 min), ``lookback`` (1 h) and the daily reconcile, because those are the
settings that lateness decides. The ledger stores bands by position: changing an edge is a change
of its schema.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of one source, to be written in one transaction.

    Attributes:
        covered: What was asked; the coverage of the source grows by it.
        window_seconds: Length of the windows that the tallies are keyed by.
        read_at: When the answer came; epoch seconds.
        tallies: Executions per action, ending and window. A tally that is absent says nothing.
        incidents: Timeouts from detail records.
        incidents_are_executions: The org has no other source of executions (contract ``flow``):
            each new incident also counts as one execution.
        complete_until: Up to here every window has now been read when it was old enough for
            nothing to be missing; epoch seconds. None: this reading completes nothing.
        names: Actions that the data names, by action id, of kind ``unknown``: kept where neither
            the catalogue nor an earlier reading knows them.
        flow_errors: Callers lost in flows. A tally that is absent says nothing.
        flow_names: Flows that the data names, by id.
        is_past: What was asked lies back: that it was read now makes nothing of now known.
        flow_error_basis: What ``flow_errors`` were counted from. A window belongs to the basis
            that it was first read by: two may date a caller in different windows.
    """

    covered: TimeRange
    window_seconds: int
    read_at: float
    tallies: Sequence[Tally] = ()
    incidents: Sequence[Incident] = ()
    incidents_are_executions: bool = False
    complete_until: int | None = None
    names: Mapping[str, Action] = field(default_factory=dict)
    flow_errors: Sequence[FlowErrorTally] = ()
    flow_names: Mapping[str, str] = field(default_factory=dict)
    flow_error_basis: str = ""
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one reading changed.

    Attributes:
        executions_added: Executions that the totals grew by.
        incidents_added: Incidents never seen before.
        restatements: Tallies that showed fewer executions than an earlier reading.
        new_error_types: Error types never seen before in this org, sorted; never ``NONE``.
        forgotten: Tallies and incidents left out because they are older than what was pruned.
        flow_errors_added: Callers lost in flows that the totals grew by.
        shown: Executions, incidents and lost callers that the reading showed, known or not.
    """

    executions_added: int = 0
    incidents_added: int = 0
    restatements: int = 0
    new_error_types: tuple[str, ...] = ()
    forgotten: int = 0
    flow_errors_added: int = 0
    folded: int = 0
    shown: int = 0


@dataclass(slots=True)
class Growth:
    """What a reading added: executions by the start of their window, and restatements."""

    added: dict[int, int] = field(default_factory=dict)
    restatements: int = 0


@dataclass(frozen=True, slots=True)
class IncidentTotal:
    """Incidents of one action in one flow, since the ledger began; it never shrinks.

    Attributes:
        flow_id: The flow that called the action; empty where unknown.
        action_id: The action that timed out, or ``unknown``.
        incidents: Timeouts.
        conversations: Distinct conversations that they hit.
    """

    flow_id: str
    action_id: str
    incidents: int
    conversations: int


@dataclass(frozen=True, slots=True)
class ActionHits:
    """Whom the timeouts of one action hit in a period, by detail records.

    Attributes:
        timeouts: Its timeouts in conversations.
        conversations: Distinct conversations that they hit.
        conversations_by_flow: The same by the flow that called it; empty id where not known.
        newest: Its newest timeouts, the newest first.
    """

    timeouts: int = 0
    conversations: int = 0
    conversations_by_flow: Mapping[str, int] = field(default_factory=dict)
    newest: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowErrorTotal:
    """Callers whom one flow lost one way, since the ledger began; it never shrinks.

    Attributes:
        flow_id: The flow.
        exit_reason: How it ended, in the platform's word.
        callers: How many.
    """

    flow_id: str
    exit_reason: str
    callers: int


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far one source of one org has been read. Times are epoch seconds; 0.0 is never.

    Attributes:
        source: Its name.
        last_success_at: When it was last read.
        newest_data_at: The end of the newest window that had data (as far as it was asked for),
            or the newest incident.
        restatements: Tallies that ever showed fewer executions than an earlier reading.
        skipped_windows: Windows given up because they were too far back.
        complete_until: The furthest ``Reading.complete_until``; 0 before the first.
        window_seconds: Length of the windows it is read in; 0 before the first reading.
    """

    source: str
    last_success_at: float = 0.0
    newest_data_at: float = 0.0
    restatements: int = 0
    skipped_windows: int = 0
    complete_until: int = 0
    window_seconds: int = 0


def window_in_use(state: SourceState | None, configured_seconds: int) -> int:
    """Return the length of a source's windows: the ledger's, the configured before it has any."""
    return (state.window_seconds if state is not None else 0) or configured_seconds


@dataclass(frozen=True, slots=True)
class FirstHit:
    """The first time that an action's timeouts in a flow hit a conversation.

    Attributes:
        flow_id: The flow; empty where unknown.
        action_id: The action, or ``unknown``.
        at: When; epoch seconds.
    """

    flow_id: str
    action_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """How long after the end of their window executions came that an earlier reading lacked.

    Only windows that had been read past their end can have late data: first readings don't
    count. Where a source gives incidents instead of tallies, an incident is one execution.

    Attributes:
        executions: Executions per band of ``LATENESS_EDGES_SECONDS`` (not cumulative); the last
            place counts those beyond the last edge.
        seconds_sum: Sum of their lateness.
    """

    executions: tuple[int, ...] = (0,) * (len(LATENESS_EDGES_SECONDS) + 1)
    seconds_sum: float = 0.0


@dataclass(frozen=True, slots=True)
class OrgState:
    """Everything the exporter shows of one org, as of one moment.

    Attributes:
        org: The org's name in the configuration.
        actions: Every action ever known, sorted by id: those in the catalogue, those gone from
            it, and those only seen in the data (kind ``unknown``).
        totals: Executions since the ledger began, by series; they never shrink.
        incident_totals: Incidents since the ledger began.
        flow_error_totals: Callers lost in flows since the ledger began.
        flow_names: Every flow ever seen, by id; a flow that nobody named goes by its id.
        flow_use: Pairs (action id, flow id), from dependency tracking and from incidents.
        flow_lookups: When dependency tracking was last asked about an action, by its id.
        sources: How far each source has been read, by its name.
        coverage: What each source has been asked for: merged, disjoint, oldest first.
        lateness: How late data came, by source; only sources that had late data.
        gone: Ids of actions that the catalogue listed once and lists no more.
        limits: The org's own limits by name (``monitor.model.LIMITS``), as far as they are shown.
    """

    org: str
    actions: tuple[Action, ...] = ()
    totals: Mapping[SeriesKey, Counts] = field(default_factory=dict)
    incident_totals: tuple[IncidentTotal, ...] = ()
    flow_error_totals: tuple[FlowErrorTotal, ...] = ()
    flow_names: Mapping[str, str] = field(default_factory=dict)
    flow_use: frozenset[tuple[str, str]] = frozenset()
    flow_lookups: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, SourceState] = field(default_factory=dict)
    coverage: Mapping[str, tuple[TimeRange, ...]] = field(default_factory=dict)
    lateness: Mapping[str, Lateness] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    limits: Mapping[str, int] = field(default_factory=dict)

    def window_seconds(self, source: str, configured_seconds: int) -> int:
        """Return the length of the windows that a source is counted in.

        Whatever settles, cuts or sums windows goes by these: the platform may have refused those
        that are configured.
        """
        return window_in_use(self.sources.get(source), configured_seconds)

    def missing_seconds(self, time_range: TimeRange, source: str) -> int:
        """Return how much of a range of time a source was not read for."""
        read = sum(
            max(0, min(time_range.end, piece.end) - max(time_range.start, piece.start))
            for piece in self.coverage.get(source, ())
        )
        return time_range.seconds - read

    @property
    def concurrency_limit(self) -> int | None:
        """How many executions may run at the same time; None where nobody knows."""
        return self.limits.get(CONCURRENT_EXECUTIONS)


@dataclass(frozen=True, slots=True)
class NearLook:
    """How many executions of an action succeeded in each near band of its timeout, in a period.

    Attributes:
        action_id: The action.
        timeout_ms: The timeout that was in force.
        time_range: The period.
        counts: One a band (``monitor.near_edges.near_edges``).
    """

    action_id: str
    timeout_ms: int
    time_range: TimeRange
    counts: tuple[int, ...]
