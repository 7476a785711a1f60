"""One action, looked at closely: from single executions to what they show.

Pure: what the platform and the ledger say comes in as ``InvestigationData``, and a frozen
``Investigation`` goes out. Correlation ids pass through here to the user, and are kept nowhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from monitor.contract import Contract
from monitor.diagnosis import Diagnosis
from monitor.investigation.notes import notes_on
from monitor.model import (
    BAND_EDGES_MS,
    Action,
    Classifier,
    Execution,
    ExecutionList,
    Incident,
    Outcome,
    Truncation,
)
from monitor.summary import TimeoutsInForce
from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class DiagnosisInPeriod:
    """A verdict, and the settled windows that it looks at."""

    diagnosis: Diagnosis
    time_range: TimeRange


@dataclass(frozen=True, slots=True)
class InvestigationData:
    """What is known of one action and one period.

    Attributes:
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        action: The action.
        time_range: The period.
        execution_list: Its single executions; None where the contract shows none.
        in_force: The timeouts in force during the period.
        tracked_flows: Flow id -> name, from dependency tracking; None where it did not answer.
        flows_problem: Why it did not, and what to do; empty where it did or was not asked.
        known_flows: Flow id -> name, from the ledger: what was known of its use before.
        incidents: Its timeouts in conversations, from detail records.
        missing_detail_seconds: How much of the period no detail records were read for.
        diagnosed: The verdict on it, from the settled windows that the ledger holds.
    """

    org: str
    contract: Contract
    action: Action
    time_range: TimeRange
    execution_list: ExecutionList | None = None
    in_force: TimeoutsInForce = field(default_factory=TimeoutsInForce)
    tracked_flows: Mapping[str, str] | None = None
    flows_problem: str = ""
    known_flows: Mapping[str, str] = field(default_factory=dict)
    incidents: Sequence[Incident] = ()
    missing_detail_seconds: int = 0
    diagnosed: DiagnosisInPeriod | None = None


@dataclass(frozen=True, slots=True)
class EndingCount:
    """One way in which executions ended, in the platform's words."""

    outcome: Outcome
    error_type: str
    response_status: str
    executions: int


@dataclass(frozen=True, slots=True)
class SlowExecution:
    """An execution and how it ended; ``execution`` names and dates it."""

    execution: Execution
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class LatencyBand:
    """Executions of ``from_ms <= duration < to_ms``; the last band has no upper end (None)."""

    from_ms: int
    to_ms: int | None
    successes: int
    timeouts: int
    others: int

    @property
    def executions(self) -> int:
        """All of them."""
        return self.successes + self.timeouts + self.others


@dataclass(frozen=True, slots=True)
class ExecutionStatistics:
    """What single executions show.

    Attributes:
        by_outcome: Executions by outcome; every outcome is there.
        endings: The same in the platform's words, most frequent first.
        p50_seconds: Half of the successes and timeouts took at most this long; None without any.
            A timeout counts with the time it was given: the least it can be.
        p95_seconds: The same for 95 %.
        p99_seconds: The same for 99 %.
        slowest: The slowest that did not time out, slowest first.
        timed_out: Those that timed out, newest first.
        latency: Executions by duration: the bands of the ledger, cut at the timeout in force.
        granularity_seconds: How exactly executions are dated.
        truncation: Why not all were read; None where all were.
    """

    by_outcome: Mapping[Outcome, int]
    endings: tuple[EndingCount, ...]
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None
    slowest: tuple[SlowExecution, ...]
    timed_out: tuple[SlowExecution, ...]
    latency: tuple[LatencyBand, ...]
    granularity_seconds: int
    truncation: Truncation | None

    @property
    def total(self) -> int:
        """All executions that were read."""
        return sum(self.by_outcome.values())


@dataclass(frozen=True, slots=True)
class FlowUse:
    """A flow that uses the action.

    Attributes:
        flow_id: Its id.
        name: Its name; the id where it has none.
        is_tracked: Whether dependency tracking named it; otherwise the ledger knows it, from
            detail records or from an earlier answer.
        conversations: Conversations in it that a timeout of the action hit; None where no detail
            records were read.
    """

    flow_id: str
    name: str
    is_tracked: bool
    conversations: int | None


@dataclass(frozen=True, slots=True)
class Investigation:
    """One action over one period.

    Attributes:
        org: The org's configured name.
        action: The action.
        time_range: The period.
        timeout_seconds: The timeout in force at its end; None where it is unknown.
        executions: What single executions show; None where the contract shows none.
        flows: Flows that use it, most conversations hit first.
        conversations: Conversations that its timeouts hit; None where no detail records were read.
        hits: Its timeouts in conversations, newest first.
        notes: Sentences on what is not known here, and why.
        diagnosed: The verdict on it; None where none was asked for.
    """

    org: str
    action: Action
    time_range: TimeRange
    timeout_seconds: float | None
    executions: ExecutionStatistics | None
    flows: tuple[FlowUse, ...]
    conversations: int | None
    hits: tuple[Incident, ...]
    notes: tuple[str, ...]
    diagnosed: DiagnosisInPeriod | None = None


def build_investigation(
    data: InvestigationData, classifier: Classifier, limit: int
) -> Investigation:
    """Return what single executions, detail records and the verdict show of one action.

    Args:
        data: What is known of it.
        classifier: Reads the platform's words for how an execution ended.
        limit: The most entries of each list of executions or hits.
    """
    details_read = data.missing_detail_seconds < data.time_range.seconds
    timeout_ms = data.in_force.at_end_ms
    hits = sorted(data.incidents, key=lambda hit: -hit.at)
    return Investigation(
        org=data.org,
        action=data.action,
        time_range=data.time_range,
        timeout_seconds=None if timeout_ms is None else timeout_ms / 1000,
        executions=_executions(data.execution_list, classifier, timeout_ms, limit)
        if data.execution_list
        else None,
        flows=_flows(data, hits, details_read=details_read),
        conversations=len({hit.conversation_id for hit in hits}) if details_read else None,
        hits=tuple(hits[:limit]),
        notes=notes_on(
            contract=data.contract,
            time_range=data.time_range,
            execution_list=data.execution_list,
            in_force=data.in_force,
            flows_problem=data.flows_problem,
            missing_detail_seconds=data.missing_detail_seconds,
        ),
        diagnosed=data.diagnosed,
    )


def _executions(
    execution_list: ExecutionList, classifier: Classifier, timeout_ms: int | None, limit: int
) -> ExecutionStatistics:
    endings = Counter((one.error_type, one.response_status) for one in execution_list.executions)
    outcomes = {words: classifier.outcome(*words) for words in endings}
    ended = [
        SlowExecution(one, outcomes[one.error_type, one.response_status])
        for one in execution_list.executions
    ]
    by_outcome = dict.fromkeys(Outcome, 0)
    for words, count in endings.items():
        by_outcome[outcomes[words]] += count
    waited_ms = sorted(
        one.execution.duration_ms
        for one in ended
        if one.outcome in {Outcome.SUCCESS, Outcome.TIMEOUT}
    )
    others = [one for one in ended if one.outcome is not Outcome.TIMEOUT]
    timed_out = [one for one in ended if one.outcome is Outcome.TIMEOUT]
    return ExecutionStatistics(
        by_outcome=by_outcome,
        endings=tuple(
            EndingCount(outcomes[words], *words, count)
            for words, count in sorted(endings.items(), key=lambda item: (-item[1], item[0]))
        ),
        p50_seconds=_percentile_seconds(waited_ms, 50),
        p95_seconds=_percentile_seconds(waited_ms, 95),
        p99_seconds=_percentile_seconds(waited_ms, 99),
        slowest=tuple(sorted(others, key=_slowest_first)[:limit]),
        timed_out=tuple(sorted(timed_out, key=_newest_first)[:limit]),
        latency=_latency(ended, timeout_ms),
        granularity_seconds=execution_list.granularity_seconds,
        truncation=execution_list.truncation,
    )


def _slowest_first(one: SlowExecution) -> tuple[float, int, str]:
    return -one.execution.duration_ms, -one.execution.at, one.execution.correlation_id


def _newest_first(one: SlowExecution) -> tuple[int, float, str]:
    return -one.execution.at, -one.execution.duration_ms, one.execution.correlation_id


def _percentile_seconds(ascending_ms: Sequence[float], percent: int) -> float | None:
    """Return the shortest duration that at least so many of 100 stayed within (nearest rank)."""
    if not ascending_ms:
        return None
    return ascending_ms[ceil(percent * len(ascending_ms) / 100) - 1] / 1000


def _latency(ended: Sequence[SlowExecution], timeout_ms: int | None) -> tuple[LatencyBand, ...]:
    edges = sorted({*BAND_EDGES_MS, *([timeout_ms] if timeout_ms else [])})
    counts: dict[int, Counter[Outcome]] = defaultdict(Counter)
    for one in ended:
        counts[bisect_right(edges, one.execution.duration_ms)][one.outcome] += 1
    return tuple(
        LatencyBand(
            from_ms=lower,
            to_ms=upper,
            successes=counts[band][Outcome.SUCCESS],
            timeouts=counts[band][Outcome.TIMEOUT],
            others=counts[band][Outcome.ERROR] + counts[band][Outcome.THROTTLED],
        )
        for band, (lower, upper) in enumerate(zip((0, *edges), (*edges, None), strict=True))
    )


def _flows(
    data: InvestigationData, hits: Sequence[Incident], *, details_read: bool
) -> tuple[FlowUse, ...]:
    tracked = data.tracked_flows or {}
    # What was known before counts only where dependency tracking gave no answer.
    known = data.known_flows if data.tracked_flows is None else {}
    names = {hit.flow_id: hit.flow_name for hit in reversed(hits) if hit.flow_id}
    conversations: dict[str, set[str]] = defaultdict(set)
    for hit in hits:
        conversations[hit.flow_id].add(hit.conversation_id)
    flows = (
        FlowUse(
            flow_id=flow_id,
            name=tracked.get(flow_id) or known.get(flow_id) or names.get(flow_id) or flow_id,
            is_tracked=flow_id in tracked,
            conversations=len(conversations[flow_id]) if details_read else None,
        )
        for flow_id in {**names, **known, **tracked}
    )
    return tuple(sorted(flows, key=lambda flow: (-(flow.conversations or 0), flow.name)))
