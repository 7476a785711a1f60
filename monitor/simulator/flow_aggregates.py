"""The flow aggregates query: how often flows ran, and how callers left them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from monitor.platform_limits import LONGEST_AGGREGATE_DAYS
from monitor.simulator.api_errors import bad_request, not_found
from monitor.simulator.timestamps import iso_interval, parse_granularity, parse_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.simulator.detail_search import DetailSearch
    from monitor.simulator.queries import FlowQuery, FlowQueryFilter, FlowQueryPredicate
    from monitor.simulator.records import ConversationRecord
    from monitor.simulator.scenario_types import Scenario
    from monitor.simulator.world import World

Json = dict[str, object]

_SERVED: Final = frozenset({"flowId", "flowName", "flowType", "exitReason"})


def exit_ms(record: ConversationRecord, world: World) -> int:
    """Return when flow aggregates count a caller's leaving a flow; epoch milliseconds."""
    return record.flow_end_ms if world.flow_exits == "ended" else record.start_ms


def aggregate_flows(
    query: FlowQuery, details: DetailSearch, scenario: Scenario, world: World, now_ms: int
) -> list[Json]:
    """Return what is visible by now, by group and bucket.

    Raises:
        ApiError: 404 or 400, as the world has it; 400 for an interval or a dimension that no org
            serves.
    """
    if world.flow_aggregates == "absent":
        raise not_found("/api/v2/analytics/flows/aggregates/query")
    group_by = query.group_by or []
    if world.flow_aggregates == "refused" and "exitReason" in group_by:
        message = "The dimension 'exitReason' is not supported in groupBy for flows"
        raise bad_request(message)
    _check(query, group_by)
    if world.flow_aggregates == "ungrouped":
        group_by = [one for one in group_by if one != "exitReason"]
    from_ms, to_ms = parse_interval(query.interval, LONGEST_AGGREGATE_DAYS)
    bucket_ms = parse_granularity(query.granularity, 60) if query.granularity else to_ms - from_ms
    counts: Counter[tuple[tuple[str, ...], int]] = Counter()
    for record in details.left_flows(from_ms, to_ms):
        at_ms = exit_ms(record, world)
        facts = _facts(record, scenario)
        if from_ms <= at_ms < to_ms and record.visible_ms <= now_ms and _holds(query.filter, facts):
            start_ms = from_ms + (at_ms - from_ms) // bucket_ms * bucket_ms
            counts[tuple(facts[name] for name in group_by), start_ms] += 1
    groups: dict[tuple[str, ...], list[Json]] = {}
    for (values, start_ms), count in sorted(counts.items()):
        bucket: Json = {
            "interval": iso_interval(start_ms, min(start_ms + bucket_ms, to_ms)),
            "metrics": [{"metric": "nFlow", "stats": {"count": count}}],
        }
        groups.setdefault(values, []).append(bucket)
    return [
        {"group": dict(zip(group_by, values, strict=True)), "data": data}
        for values, data in groups.items()
    ]


def _facts(record: ConversationRecord, scenario: Scenario) -> dict[str, str]:
    flow = scenario.flows[record.flow]
    return {
        "flowId": flow.flow_id,
        "flowName": flow.name,
        "flowType": flow.flow_type,
        "exitReason": record.exit_reason,
    }


def _check(query: FlowQuery, group_by: Iterable[str]) -> None:
    named = list(group_by)
    if query.filter is not None:
        named += [one.dimension for one in _predicates(query.filter)]
    for dimension in named:
        if dimension not in _SERVED:
            message = f"The dimension '{dimension}' is not supported for flows"
            raise bad_request(message)


def _predicates(wanted: FlowQueryFilter) -> list[FlowQueryPredicate]:
    found = list(wanted.predicates or ())
    for clause in wanted.clauses or ():
        found += clause.predicates
    return found


def _holds(wanted: FlowQueryFilter | None, facts: dict[str, str]) -> bool:
    if wanted is None:
        return True
    parts = [
        _joined(clause.type, [_true(one, facts) for one in clause.predicates])
        for clause in wanted.clauses or ()
    ]
    parts += [_true(one, facts) for one in wanted.predicates or ()]
    return _joined(wanted.type, parts)


def _joined(connective: str, parts: list[bool]) -> bool:
    return all(parts) if connective == "and" or not parts else any(parts)


def _true(predicate: FlowQueryPredicate, facts: dict[str, str]) -> bool:
    value = facts.get(predicate.dimension, "")
    if predicate.operator == "matches":
        return value == predicate.value
    return bool(value) is (predicate.operator == "exists")
