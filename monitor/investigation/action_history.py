"""One action over a period, as the state has it: nothing is asked of the platform.

What pictures of it are drawn from, and whom its timeouts hit. Reading it takes some milliseconds,
however many actions the org has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitor.config import OrgSettings, Settings
from monitor.contract import DETAIL_SOURCE
from monitor.diagnosis import ActionEvidence, load_evidence
from monitor.investigation.timeline import TimeoutStep, told_steps
from monitor.journal import Change, OutsideChange
from monitor.ledger import ActionHits, Ledger, OrgState, PastVerdict
from monitor.time_ranges import TimeRange

_NEWEST_HITS = 10
"""So many are shown one by one."""

_LATE_CATALOGUE_SECONDS = 3_600
"""A change shows in what timed out before the catalogue is read again; not by more than that."""


@dataclass(frozen=True, slots=True)
class FlowHits:
    """A flow that uses the action.

    Attributes:
        flow_id: Its id.
        name: Its name; the id where it has none.
        conversations: Conversations in it that a timeout of the action hit in the period; None
            where no detail records were read.
    """

    flow_id: str
    name: str
    conversations: int | None


@dataclass(frozen=True, slots=True, eq=False)
class ActionHistory:
    """One action over a period.

    Attributes:
        org: The org's configured name.
        action_id: The action.
        time_range: The period.
        timeout_ms: The timeout in force; None where it is not known.
        evidence: Its windows, those too that have not settled.
        unread: What of the period its executions were not read for.
        steps: Changes of its timeout in the period, oldest first.
        flows: Flows that use it, those hit most first.
        hits: Whom its timeouts hit; None where no detail records were read.
        changes: What this program changed about it, the newest first.
        outside: What others changed, the newest first.
        verdicts: What was told of it in the period, or later of the period; oldest first.
    """

    org: str
    action_id: str
    time_range: TimeRange
    timeout_ms: float | None
    evidence: ActionEvidence
    unread: tuple[TimeRange, ...]
    steps: tuple[TimeoutStep, ...]
    flows: tuple[FlowHits, ...]
    hits: ActionHits | None
    changes: tuple[Change, ...]
    outside: tuple[OutsideChange, ...]
    verdicts: tuple[PastVerdict, ...] = ()


def load_action_history(  # noqa: PLR0913, PLR0917 - whose, what is known, of what and when
    ledger: Ledger,
    org: OrgSettings,
    settings: Settings,
    state: OrgState,
    action_id: str,
    time_range: TimeRange,
) -> ActionHistory:
    """Return what the state knows of one action over a period.

    Args:
        ledger: What was counted.
        org: The org.
        settings: How words are read, and how long windows are.
        state: What the ledger knows of the org; a recent one will do.
        action_id: The action.
        time_range: The period; nothing after it can have been read yet, or is looked at.

    Raises:
        LedgerError: The ledger can't be read.
    """
    source = org.contract.execution_source
    window_seconds = state.window_seconds(source, settings.collect.window)
    known = [
        (since, timeout_ms)
        for one, since, timeout_ms in ledger.timeouts_in_force(org.name)
        if one == action_id
    ]
    org_evidence = load_evidence(ledger, org, settings, time_range, state, action_id)
    evidence = org_evidence.evidence(action_id, known)
    hits = None
    if state.missing_seconds(time_range, DETAIL_SOURCE) < time_range.seconds:
        hits = ledger.impact.hits_of_action(org.name, time_range, action_id, _NEWEST_HITS)
    return ActionHistory(
        org=org.name,
        action_id=action_id,
        time_range=time_range,
        timeout_ms=(known[-1][1] if known else None) or evidence.current_timeout_ms or None,
        evidence=evidence,
        unread=_unread(state.coverage.get(source, ()), time_range, 2 * window_seconds),
        steps=timeout_steps(evidence, known, time_range),
        flows=_flows(state, action_id, hits),
        hits=hits,
        changes=tuple(
            one for one in ledger.journal.changes(org.name) if one.action_id == action_id
        ),
        outside=tuple(
            one
            for one in ledger.journal.platform_audit.outside_changes(org.name)
            if one.action_id == action_id
        ),
        verdicts=tuple(ledger.diagnoses.verdicts(org.name, time_range, action_id)),
    )


def _unread(
    coverage: Sequence[TimeRange], time_range: TimeRange, patience_seconds: int
) -> tuple[TimeRange, ...]:
    """Return the holes; the newest minutes are no hole, for they are not due yet."""
    holes, at = [], time_range.start
    for piece in coverage:
        if piece.end <= at or piece.start >= time_range.end:
            continue
        if piece.start > at:
            holes.append(TimeRange(at, piece.start))
        at = max(at, piece.end)
    if time_range.end - at > patience_seconds:
        holes.append(TimeRange(at, time_range.end))
    return tuple(holes)


def timeout_steps(
    evidence: ActionEvidence, known: Sequence[tuple[float, int | None]], time_range: TimeRange
) -> tuple[TimeoutStep, ...]:
    """Return the changes of a timeout in a period, oldest first.

    The catalogue dates a change by when it was seen; what timed out may show it sooner, and shows
    changes from before the catalogue was read.

    Args:
        evidence: The windows, each with the timeout that was in force.
        known: Since when (epoch seconds) which timeout (ms) was seen in force; oldest first.
        time_range: The period.
    """
    in_force = zip(evidence.start.tolist(), evidence.timeout_ms.tolist(), strict=True)
    seen = [
        TimeoutStep(at, before, after)
        for (_, before), (at, after) in pairwise(one for one in in_force if one[1])
        if before != after
    ]
    told = told_steps(known, time_range)
    alone = [one for one in told if not any(_is_same(one, other) for other in seen)]
    return tuple(sorted((*seen, *alone), key=lambda one: one.at))


def _is_same(told: TimeoutStep, seen: TimeoutStep) -> bool:
    near = abs(told.at - seen.at) <= _LATE_CATALOGUE_SECONDS
    return near and told.to_ms == seen.to_ms


def _flows(state: OrgState, action_id: str, hits: ActionHits | None) -> tuple[FlowHits, ...]:
    by_flow = {} if hits is None else hits.conversations_by_flow
    used_by = {flow_id for used_id, flow_id in state.flow_use if used_id == action_id}
    flows = (
        FlowHits(
            flow_id,
            state.flow_names.get(flow_id) or flow_id,
            None if hits is None else by_flow.get(flow_id, 0),
        )
        for flow_id in sorted((used_by | by_flow.keys()) - {""})
    )
    return tuple(sorted(flows, key=lambda flow: (-(flow.conversations or 0), flow.name)))
