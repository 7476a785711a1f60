"""The conversation details query: filters on rendered records, order, pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from monitor.platform_limits import LONGEST_DETAIL_DAYS, LONGEST_UNFILTERED_DETAIL_DAYS
from monitor.simulator import detail_filters as dimensions
from monitor.simulator.api_errors import bad_request
from monitor.simulator.record_json import render
from monitor.simulator.records import (
    LONGEST_LEAD_MS,
    LONGEST_TAIL_MS,
    ConversationRecord,
    records_of,
)
from monitor.simulator.scenario_types import MAX_TIMEOUT_MS
from monitor.simulator.timestamps import parse_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from monitor.simulator.queries import (
        ConversationJob,
        ConversationQuery,
        DetailClause,
        DetailFilter,
        DetailPredicate,
    )
    from monitor.simulator.scenario_types import Scenario
    from monitor.simulator.traffic import CellKey, Traffic
    from monitor.simulator.world import World

Json = dict[str, object]

_DAY_MS = 86_400_000
_CACHED_CELLS = 10_000
_CACHED_RECORDS = 30_000


@dataclass(frozen=True, slots=True)
class _Shown:
    """A record as the platform shows it, with what filters ask of it: that is asked most often."""

    json: Json
    conversation: dimensions.Facts
    segments: tuple[dimensions.Facts, ...]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A record that was found, as the platform shows it by now."""

    record: ConversationRecord
    shown: int
    ended: bool
    as_shown: _Shown


class DetailSearch:
    """Finds detail records. Thread-safe."""

    def __init__(self, scenario: Scenario, traffic: Traffic, world: World) -> None:
        """Look into one org's traffic."""
        self._scenario = scenario
        self._world = world
        self._traffic = traffic
        self._records = lru_cache(maxsize=_CACHED_CELLS)(self._records_of_cell)
        self._render = lru_cache(maxsize=_CACHED_RECORDS)(self._render_record)

    def find(
        self, query: ConversationQuery | ConversationJob, now_ms: int, *, same_day: bool
    ) -> list[Json]:
        """Return every record that satisfies a query and is visible by now, in the order asked for.

        A record belongs to an interval when its conversation was going on in it. With ``same_day``
        it must also have *started* on a UTC day that the interval touches, as the platform's
        synchronous query has it.

        Raises:
            ApiError: 400; the interval, or an unknown dimension.
        """
        from_ms, to_ms = parse_interval(query.interval, LONGEST_DETAIL_DAYS)
        filtered = bool(query.segment_filters or query.conversation_filters)
        _check_days(query.interval, from_ms, to_ms, filtered=filtered or not same_day)
        for wanted in query.segment_filters or ():
            _check(wanted, dimensions.SEGMENT_DIMENSIONS)
        for wanted in query.conversation_filters or ():
            _check(wanted, dimensions.CONVERSATION_DIMENSIONS)
        earliest_ms = from_ms // _DAY_MS * _DAY_MS if same_day else None
        hits = [
            hit
            for hit in self._active(from_ms, to_ms, now_ms)
            if (earliest_ms is None or hit.record.start_ms >= earliest_ms)
            and _satisfies(hit.as_shown, query)
        ]
        hits.sort(key=_sort_key(query.order_by), reverse=query.order == "desc")
        return [hit.as_shown.json for hit in hits]

    def left_flows(self, from_ms: int, to_ms: int) -> Iterator[ConversationRecord]:
        """Yield what ran a flow and was going on in an interval, whether or not it shows yet."""
        for key in self._cells(from_ms, to_ms + LONGEST_LEAD_MS):
            for record in self._records(key):
                if record.exit_reason and record.start_ms < to_ms and record.end_ms >= from_ms:
                    yield record

    def _cells(self, from_ms: int, to_ms: int) -> Iterator[CellKey]:
        """Yield every cell whose records may be going on in an interval."""
        return self._traffic.cells(from_ms - LONGEST_TAIL_MS - MAX_TIMEOUT_MS, to_ms)

    def _active(self, from_ms: int, to_ms: int, now_ms: int) -> Iterator[_Hit]:
        """Records of conversations that were going on in an interval."""
        for key in self._cells(from_ms, min(to_ms + LONGEST_LEAD_MS, now_ms + 1)):
            for record in self._records(key):
                shown = record.visible_calls(now_ms)
                ended = record.visible_ms <= now_ms
                seen = shown or ended
                if seen and record.start_ms < to_ms and record.end_ms >= from_ms:
                    yield _Hit(record, shown, ended, self._render(record, shown, ended))

    def _records_of_cell(self, key: CellKey) -> list[ConversationRecord]:
        """Return the records that one cell's executions leave."""
        return records_of(self._traffic.cell(key), self._scenario, self._world)

    def _render_record(
        self,
        record: ConversationRecord,
        shown: int,
        ended: bool,  # noqa: FBT001 - lru_cache keys are positional
    ) -> _Shown:
        """Return a record as JSON; shared by all readers, and never changed."""
        json = render(record, shown, self._scenario, self._world, ended=ended)
        facts = dimensions.ConversationFacts(json), tuple(dimensions.of_segments(json))
        return _Shown(json, *facts)


def _sort_key(order_by: str) -> Callable[[_Hit], tuple[int, str]]:
    """Return what to sort by; the id decides between equals, so that pages are stable."""
    if order_by in {"conversationStart", "segmentStart"}:
        return lambda hit: (hit.record.start_ms, hit.record.conversation_id)
    return lambda hit: (hit.record.end_ms, hit.record.conversation_id)


def _check_days(text: str, from_ms: int, to_ms: int, *, filtered: bool) -> None:
    """Refuse an interval that touches more UTC days than the platform looks through."""
    longest = LONGEST_DETAIL_DAYS if filtered else LONGEST_UNFILTERED_DETAIL_DAYS
    days = -(-to_ms // _DAY_MS) - from_ms // _DAY_MS
    if days > longest:
        message = f"The interval '{text}' touches more than the maximum of {longest} days"
        raise bad_request(message)


def _check(wanted: DetailFilter, known: frozenset[str]) -> None:
    """Refuse a dimension that the platform would not know."""
    predicates = list(wanted.predicates or ())
    for clause in wanted.clauses or ():
        predicates += clause.predicates
    for predicate in predicates:
        named = {"dimension": predicate.dimension, "property": predicate.property}
        named["metric"] = predicate.metric
        if named[predicate.type] is None:
            message = f"A predicate of type '{predicate.type}' needs its '{predicate.type}'"
            raise bad_request(message)
        if predicate.type == "dimension" and predicate.dimension not in known:
            message = f"'{predicate.dimension}' is not a dimension that this filter knows"
            raise bad_request(message)


def _satisfies(shown: _Shown, query: ConversationQuery | ConversationJob) -> bool:
    """Whether a record satisfies every filter; a segment filter needs one segment that does."""
    if not all(_holds(wanted, shown.conversation) for wanted in query.conversation_filters or ()):
        return False
    return all(
        any(_holds(wanted, segment) for segment in shown.segments)
        for wanted in query.segment_filters or ()
    )


def _holds(wanted: DetailFilter, facts: dimensions.Facts) -> bool:
    """Return whether one segment, or one conversation, satisfies a filter."""
    parts = [_holds_clause(clause, facts) for clause in wanted.clauses or ()]
    parts += [_holds_predicate(predicate, facts) for predicate in wanted.predicates or ()]
    return _joined(wanted.type, parts)


def _holds_clause(clause: DetailClause, facts: dimensions.Facts) -> bool:
    """Return whether it satisfies a clause."""
    return _joined(clause.type, [_holds_predicate(one, facts) for one in clause.predicates])


def _joined(connective: str, parts: Sequence[bool]) -> bool:
    """Combine conditions; no condition at all holds for everything."""
    if not parts:
        return True
    return all(parts) if connective == "and" else any(parts)


def _holds_predicate(predicate: DetailPredicate, facts: dimensions.Facts) -> bool:
    """Return whether it satisfies one condition."""
    name = cast("str", predicate.dimension or predicate.property or predicate.metric)
    values = facts.values(predicate.type, name)
    if predicate.operator == "exists":
        return bool(values)
    if predicate.operator == "notExists":
        return not values
    if predicate.range is not None:
        return any(predicate.range.holds(float(value)) for value in values)
    return predicate.value in values
