"""How much of each of the org's own limits is in use: what runs out first refuses calls.

``limit_use`` is pure; ``limits_in_use`` asks the ledger for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.contract import Contract
from monitor.counts import Tally
from monitor.ledger import Ledger, OrgState
from monitor.model import (
    CONCURRENT_EXECUTIONS,
    EXECUTIONS_PER_MINUTE,
    FUNCTION_CONCURRENT_EXECUTIONS,
    ActionKind,
    Classifier,
    Outcome,
)
from monitor.summary.timeouts_in_force import timeouts_during
from monitor.time_ranges import TimeRange

LIMIT_LABELS: Mapping[str, str] = {
    CONCURRENT_EXECUTIONS: "executions at a time",
    EXECUTIONS_PER_MINUTE: "executions a minute",
    FUNCTION_CONCURRENT_EXECUTIONS: "function executions at a time",
}
"""What a limit counts."""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit of an org, and how much of it was in use.

    Attributes:
        name: Its name in metrics and documents.
        limit: How many the platform lets run; more than 0.
        used: How many there were in the busiest window; None where that can't be known.
        window_seconds: Length of the windows; 0 where nothing was read.
    """

    name: str
    limit: int
    used: float | None
    window_seconds: int

    @property
    def used_ratio(self) -> float | None:
        """Its use per limit; None where that can't be known."""
        return None if self.used is None else self.used / self.limit


def limits_in_use(
    ledger: Ledger, org: str, contract: Contract, time_range: TimeRange, classifier: Classifier
) -> tuple[LimitUse, ...]:
    """Return how much of each limit of an org was in use, the tightest first.

    Args:
        ledger: What has been seen.
        org: The org's configured name.
        contract: ``platform`` or ``flow``, whose executions can't be counted.
        time_range: Settled windows; the busiest of them counts.
        classifier: Reads the platform's words for how an execution ended.

    Raises:
        LedgerError: The ledger can't be read.
    """
    state = ledger.state(org)
    source = state.sources.get("actions")
    if not contract.knows_successes or not state.limits:
        return ()
    timeouts = timeouts_during(ledger.timeouts_in_force(org), time_range)
    known_ms = {action_id: one.at_end_ms for action_id, one in timeouts.items()}
    return limit_use(
        state.limits,
        ledger.tallies.window_loads(org, time_range),
        source.window_seconds if source else 0,
        busy_ms=lambda load: slot_time_ms(load, classifier, known_ms.get(load.key.action_id)),
        functions=_functions(state),
    )


def limit_use(
    limits: Mapping[str, int],
    loads: Sequence[Tally],
    window_seconds: int,
    *,
    busy_ms: Callable[[Tally], float],
    functions: Collection[str] | None,
) -> tuple[LimitUse, ...]:
    """Return how much of each known limit was in use in the busiest window, the tightest first.

    Executions at a time are Little's law over a window: the durations that ended in it, per its
    length. A limit that the platform does not show is left out.

    Args:
        limits: The org's limits by name.
        loads: What ended in each window.
        window_seconds: Length of a window; 0 where nothing was read.
        busy_ms: How long the executions of a load held their slots, together.
        functions: The ids of function actions; None where it can't be told which they are.
    """
    count: dict[int, float] = defaultdict(float)
    spent_ms: dict[int, float] = defaultdict(float)
    in_functions_ms: dict[int, float] = defaultdict(float)
    for load in loads:
        count[load.window_start] += load.counts.count
        held = busy_ms(load)
        spent_ms[load.window_start] += held
        if functions is not None and load.key.action_id in functions:
            in_functions_ms[load.window_start] += held
    busiest = {
        CONCURRENT_EXECUTIONS: max(spent_ms.values(), default=0.0) / 1_000,
        EXECUTIONS_PER_MINUTE: max(count.values(), default=0.0) * 60,
        FUNCTION_CONCURRENT_EXECUTIONS: max(in_functions_ms.values(), default=0.0) / 1_000,
    }
    unknown = set() if window_seconds else set(busiest)
    if functions is None:
        unknown.add(FUNCTION_CONCURRENT_EXECUTIONS)
    found = [
        LimitUse(
            name,
            limits[name],
            None if name in unknown else busiest[name] / window_seconds,
            window_seconds,
        )
        for name in LIMIT_LABELS
        if name in limits
    ]
    # Where several are as tight, the order of their names stays.
    return tuple(sorted(found, key=lambda one: -(one.used_ratio or 0.0)))


def _functions(state: OrgState) -> frozenset[str] | None:
    """Return the function actions; None where some action may be one or not."""
    listed = [action for action in state.actions if action.action_id not in state.gone]
    if any(action.kind is ActionKind.UNDETERMINED for action in listed):
        return None
    return frozenset(one.action_id for one in listed if one.kind is ActionKind.FUNCTION)


def slot_time_ms(load: Tally, classifier: Classifier, timeout_ms: float | None) -> float:
    """Return the time that some executions took together.

    One that timed out held its slot for as long as the timeout in force; where its row shows no
    duration at all, that stands for it.

    Args:
        load: The executions, all of one ending.
        classifier: Reads how they ended.
        timeout_ms: The timeout in force; None where unknown.
    """
    if load.counts.max_ms > 0 or load.counts.duration_ms > 0 or not timeout_ms:
        return load.counts.duration_ms
    outcome = classifier.outcome(load.key.error_type, load.key.response_status)
    return load.counts.count * timeout_ms if outcome is Outcome.TIMEOUT else 0.0
