"""What a summary is made of, and what it says of one org over one range of time.

A number that can't be known is None, never 0; no number is ever infinite or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.contract import DETAIL_SOURCE, Contract
from monitor.counts import SeriesKey, Tally
from monitor.ledger import OrgState
from monitor.model import FLOW_ERRORS_SOURCE, ActionKind, FlowErrorTally, Incident
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.ledger import HourlyCounts


@dataclass(frozen=True, slots=True)
class ActionSummary:
    """One data action over one period.

    Under the contract ``flow`` only timeouts are seen: ``executions`` are the timeouts, and what
    needs successes is None.

    Attributes:
        org: The org's configured name.
        action_id: The platform's id, or ``unknown`` for timeouts that name no action.
        action_name: Its name; the id where it has none.
        integration_id: The integration it belongs to; empty where unknown.
        integration_name: That integration's name; empty where unknown.
        category: The platform's category; empty where unknown.
        kind: Where its timeout lives.
        executions: Executions seen.
        successes: Executions that succeeded; None where they can't be seen.
        timeouts: Executions that timed out.
        errors: Executions that failed otherwise; None where they can't be seen.
        throttled: Executions that the platform refused to run; None where they can't be seen.
        timeout_share: Timeouts per execution, 0 to 1; None without executions or successes.
        p50_seconds: Half of the successes and timeouts took at most this long; None where no
            durations are known. A timeout counts with the time it was given: the least it can be.
        p95_seconds: The same for 95 %.
        p99_seconds: The same for 99 %.
        timeout_seconds: The timeout in force at the end of the period; None where unknown.
        budget_used_ratio: ``p99_seconds / timeout_seconds``; None where one of them is.
        timeouts_day_before: Timeouts of the same period 24 hours earlier; None where that was
            not read completely.
        trend_ratio: ``timeouts / timeouts_day_before``; None where the latter is None or 0, or
            this period was not read completely.
        conversations: Conversations that its timeouts hit; None where no detail records were read.
        flows: Names (else ids) of the flows in which it timed out during the period, sorted.
        used_by: Names (else ids) of all flows known to use it, sorted; None where nothing is known
            of its use, which is another thing than that no flow uses it.
        error_types: Failures as (errorType, responseStatus, executions), most frequent first.
        mean_concurrency: Executions under way at a time, on average over what was read (Little's
            law: sum of durations / length of time); 0.0 where no durations are known.
        attributed: ``sole_action`` where it is given timeouts whose records name no action, for it
            is the only one of their flow; else empty.
        timeouts_by_hour: Timeouts in each hour of the period, oldest first: 24 for a day; empty
            where hours were not asked for.
        executions_by_hour: Executions likewise.
    """

    org: str
    action_id: str
    action_name: str
    integration_id: str
    integration_name: str
    category: str
    kind: ActionKind
    executions: int
    successes: int | None
    timeouts: int
    errors: int | None
    throttled: int | None
    timeout_share: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None
    timeout_seconds: float | None
    budget_used_ratio: float | None
    timeouts_day_before: int | None
    trend_ratio: float | None
    conversations: int | None
    flows: tuple[str, ...]
    used_by: tuple[str, ...] | None
    error_types: tuple[tuple[str, str, int], ...]
    mean_concurrency: float
    attributed: str = ""
    timeouts_by_hour: tuple[int, ...] = ()
    executions_by_hour: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorsAtTimeout:
    """Errors of one name that ended where the timeout in force would have ended them.

    Attributes:
        error_type: Their name, which nothing in ``[classify]`` reads as a timeout.
        executions: How many there are, at most.
        timeouts_seconds: The timeouts that they ended at, ascending.
        actions: Data actions that have some.
    """

    error_type: str
    executions: int
    timeouts_seconds: tuple[float, ...]
    actions: int


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A flow, an integration or a whole org over one period.

    Of a flow only timeouts are ever seen, in detail records: all other counts are None, save for
    ``executions`` under the contract ``flow``, which are the timeouts.

    Attributes:
        group_id: The flow's or integration's id, or the org's name; empty where unknown.
        name: Its name; the id where it has none.
        executions: Executions seen; None where they can't be counted by this group.
        successes: Executions that succeeded; None likewise.
        timeouts: Executions that timed out.
        errors: Executions that failed otherwise; None likewise.
        throttled: Executions that the platform refused to run; None likewise.
        timeout_share: Timeouts per execution, 0 to 1; None without executions or successes.
        actions: Data actions in it; of a flow, those that timed out in it.
        conversations: Conversations that its timeouts hit; None where no detail records were read.
    """

    group_id: str
    name: str
    executions: int | None
    successes: int | None
    timeouts: int
    errors: int | None
    throttled: int | None
    timeout_share: float | None
    actions: int
    conversations: int | None


@dataclass(frozen=True, slots=True)
class CallersLost:
    """Callers whom one flow lost to an error of its own; they are not timeouts.

    Attributes:
        flow_id: The flow.
        flow_name: Its name; the id where it has none.
        callers: How many.
        exit_reasons: How the flow ended, in the platform's words, and how often; most first.
        action_timeouts: Timeouts, in the same windows, of the data actions that the flow is known
            to use, whichever flow called them; None where none is known.
    """

    flow_id: str
    flow_name: str
    callers: int
    exit_reasons: tuple[tuple[str, int], ...]
    action_timeouts: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One org over one period.

    Attributes:
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        time_range: The period, on window boundaries.
        complete: Whether the source of its executions was read (or skipped as too far back)
            over the whole period.
        missing_seconds: How much of the period was not read.
        actions: Every action of the catalogue and every other one with counts; most timeouts
            first, then by name.
        flows: Flows hit by timeouts, in the same order.
        integrations: Integrations of the actions, in the same order.
        total: The whole org.
        notes: Sentences on what can't be known here, and why.
        callers_lost: Flows that lost callers, most first; None where that was not read.
        errors_at_timeout: Errors that may be timeouts under another name, most first.
        errors_without_a_trace: Names and numbers of errors that may or may not be timeouts:
            they show neither a status nor a duration; most first.
    """

    org: str
    contract: Contract
    time_range: TimeRange
    complete: bool
    missing_seconds: int
    actions: tuple[ActionSummary, ...]
    flows: tuple[GroupSummary, ...]
    integrations: tuple[GroupSummary, ...]
    total: GroupSummary
    notes: tuple[str, ...]
    callers_lost: tuple[CallersLost, ...] | None = None
    errors_at_timeout: tuple[ErrorsAtTimeout, ...] = ()
    errors_without_a_trace: tuple[tuple[str, int], ...] = ()


def empty_summary(org: str, contract: Contract, time_range: TimeRange) -> Summary:
    """Return what is known of an org before anything was read."""
    counted = 0 if contract.knows_successes else None
    total = GroupSummary(
        group_id=org,
        name=org,
        executions=0,
        successes=counted,
        timeouts=0,
        errors=counted,
        throttled=counted,
        timeout_share=None,
        actions=0,
        conversations=None,
    )
    return Summary(
        org=org,
        contract=contract,
        time_range=time_range,
        complete=False,
        missing_seconds=time_range.seconds,
        actions=(),
        flows=(),
        integrations=(),
        total=total,
        notes=("Nothing has been read yet.",),
    )


@dataclass(frozen=True, slots=True)
class SummaryInput:
    """What the ledger knows of one org and one period.

    Attributes:
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        time_range: The period.
        state: Catalogue, flows and coverage.
        tallies: Executions of the period, summed by ending.
        executions_day_before: How many there were 24 hours earlier; None where that was not read
            completely.
        incidents: Timeouts of the period from detail records.
        flow_errors: Callers lost in flows in the period.
        timeouts_in_force: Action id, since when (epoch seconds), timeout (ms); oldest first.
        by_hour: Executions of the period by the hour; None where that was not asked for.
    """

    org: str
    contract: Contract
    time_range: TimeRange
    state: OrgState
    tallies: Sequence[Tally] = ()
    executions_day_before: Mapping[SeriesKey, int] | None = None
    incidents: Sequence[Incident] = ()
    flow_errors: Sequence[FlowErrorTally] = ()
    timeouts_in_force: Sequence[tuple[str, float, int | None]] = ()
    by_hour: HourlyCounts | None = None

    @property
    def successes_known(self) -> bool:
        """Whether successes can be seen at all, and with them shares and durations."""
        return self.contract.knows_successes

    @property
    def missing_seconds(self) -> int:
        """How much of the period the source of its executions was not read for."""
        return self.state.missing_seconds(self.time_range, self.contract.execution_source)

    @property
    def missing_detail_seconds(self) -> int:
        """How much of the period no conversation detail records were read for."""
        return self.state.missing_seconds(self.time_range, DETAIL_SOURCE)

    @property
    def flow_errors_read(self) -> bool:
        """Whether callers lost in flows can be known at all."""
        missing = self.state.missing_seconds(self.time_range, FLOW_ERRORS_SOURCE)
        return missing < self.time_range.seconds

    @property
    def details_read(self) -> bool:
        """Whether conversations and flows can be known at all."""
        return self.missing_detail_seconds < self.time_range.seconds
