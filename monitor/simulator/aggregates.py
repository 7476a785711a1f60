"""The action aggregates query: group, cut into buckets, count; numbers in columns throughout."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from monitor.platform_limits import LONGEST_AGGREGATE_DAYS, MOST_VIEWS
from monitor.simulator.api_errors import ApiError, bad_request
from monitor.simulator.endings import TIMED_OUT, words_in
from monitor.simulator.ids import execution_id
from monitor.simulator.malformed_records import ABSURD, OddRecords
from monitor.simulator.timestamps import iso_interval, parse_granularity, parse_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.simulator.executions import ExecutionColumns, Flags, Floats, Ints
    from monitor.simulator.queries import (
        ActionClause,
        ActionQueryFilter,
        ActionQueryPredicate,
        ActionView,
        AggregateQuery,
    )
    from monitor.simulator.scenario_types import Scenario
    from monitor.simulator.world import World

_LONGEST_DAYS = {"31d": LONGEST_AGGREGATE_DAYS, "7d": 7, "1h": 1 / 24}
_SMALLEST_SECONDS = {"PT1M": 60, "PT5M": 300, "PT15M": 900, "PT1H": 3600}
MOST_BUCKETS = 6
"""An answer with more is too large, where the world has answers that are."""

Labels = list[str | None]
Json = dict[str, object]


class Aggregation:
    """One checked query against one scenario."""

    def __init__(self, query: AggregateQuery, scenario: Scenario, world: World) -> None:
        """Check what the shape of the body can't say.

        Raises:
            ApiError: 400; the interval, the granularity, the time zone or the views.
        """
        self._query = query
        self._scenario = scenario
        self._world = world
        self._odd = OddRecords(world, scenario)
        self.from_ms, self.to_ms = parse_interval(
            query.interval, _LONGEST_DAYS[world.longest_interval]
        )
        smallest = max(scenario.smallest_granularity_seconds, _SMALLEST_SECONDS[world.granularity])
        self._step_ms = (
            parse_granularity(query.granularity, smallest) if query.granularity else None
        )
        self._offset_ms = _utc_offset_ms(query.time_zone or "UTC", self.from_ms)
        names = [view.name for view in query.views or ()]
        if len(names) > MOST_VIEWS:
            message = f"A query can have at most {MOST_VIEWS} views"
            raise bad_request(message)
        if len(set(names)) != len(names):
            message = "The names of views must be unique"
            raise bad_request(message)

    def refuse_if_too_large(self) -> None:
        """Refuse what has too many buckets for an answer that is waited for.

        Raises:
            ApiError: 413 or 504, as the world has it.
        """
        step_ms = self._step_ms or self.to_ms - self.from_ms
        if self._world.large_answers == "served" or self.to_ms - self.from_ms <= (
            MOST_BUCKETS * step_ms
        ):
            return
        if self._world.large_answers == "413":
            message = "The response would be too large. Consider a smaller request."
            raise ApiError(413, "response.entity.too.large", message)
        raise ApiError(504, "gateway.timeout", "The request timed out.")

    def results(self, rows: ExecutionColumns) -> list[Json]:
        """One entry per group that has any execution, as in ``ActionAggregateDataContainer``."""
        if self._query.filter is not None:
            rows = rows.take(self._matches(self._query.filter, rows))
        if len(rows) == 0:
            return []
        group, labels = self._groups(rows)
        bucket = self._buckets(rows.end_ms)
        buckets = int(bucket.max()) + 1
        order = np.argsort(group * buckets + bucket, kind="stable")
        key = (group * buckets + bucket)[order]
        starts = np.flatnonzero(np.r_[True, np.diff(key) != 0])
        shown = shown_duration_ms(rows, self._scenario.seed, self._world)
        duration = shown[order].astype(np.float64)
        whole = self._summaries(duration, np.ones(len(duration), dtype=np.bool_), starts)
        self._spoil(whole, self._odd.spoiled(rows)[order], starts)
        views = [
            (view.name, self._summaries(duration, _within(view, duration), starts))
            for view in self._query.views or ()
        ]
        results: list[Json] = []
        data: list[Json] = []
        intervals = [self._interval(slot) for slot in range(buckets)]
        last = -1
        for number, cell in enumerate(key[starts].tolist()):
            at, slot = divmod(cell, buckets)
            if at != last:
                data, last = [], at
                results.append({"group": labels(at), "data": data})
            entry: Json = {
                "interval": intervals[slot],
                "metrics": [{"metric": "tTotalExecution", "stats": whole[number]}],
            }
            filled = [
                {"name": name, "stats": stats[number] or {"count": self._count(0)}}
                for name, stats in views
                if stats[number] or self._world.empty_views == "zeros"
            ]
            if filled:
                entry["views"] = filled
            data.append(entry)
        return self._odd.among_groups(results, intervals[0])

    def _count(self, count: int) -> float | str:
        """Return a count as the platform writes it."""
        match self._world.counts:
            case "floats":
                return float(count)
            case "texts":
                return str(count)
            case _:
                return count

    def _summaries(self, duration_ms: Floats, counted: Flags, starts: Ints) -> list[Json | None]:
        """``StatisticalSummary`` of each run of rows; None where nothing counts."""
        summaries = _summaries(duration_ms, counted, starts)
        pieces = np.split(np.where(counted, duration_ms, np.nan), starts[1:])
        for summary, piece in zip(summaries, pieces, strict=True):
            if summary is None:
                continue
            summary["count"] = self._count(summary["count"])  # type: ignore[arg-type]  # an int
            if self._world.percentiles == "filled":
                summary["p95"], summary["p99"] = np.nanpercentile(piece, (95, 99)).tolist()
        return summaries

    def _spoil(self, whole: list[Json | None], spoiled: Flags, starts: Ints) -> None:
        """Give what no reader can count a duration that can't be, where it stands by itself."""
        apart = set(self._query.group_by or ())
        if "correlationId" not in apart and not apart >= {"actionId", "responseStatus"}:
            return
        for at, is_spoiled in enumerate(np.logical_or.reduceat(spoiled, starts).tolist()):
            summary = whole[at]
            if is_spoiled and summary is not None:
                summary["max"] = ABSURD

    def _buckets(self, end_ms: Ints) -> Ints:
        """Return which bucket each event time falls into; counted from the interval's first."""
        if self._step_ms is None:
            return np.zeros_like(end_ms)
        first = (self.from_ms + self._offset_ms) // self._step_ms
        return (end_ms + self._offset_ms) // self._step_ms - first

    def _interval(self, bucket: int) -> str:
        """Return a bucket's own interval, cut to what was asked for at both ends."""
        if self._step_ms is None:
            return iso_interval(self.from_ms, self.to_ms)
        first = (self.from_ms + self._offset_ms) // self._step_ms
        start_ms = (first + bucket) * self._step_ms - self._offset_ms
        end_ms = start_ms + self._step_ms
        if self._world.bucket_end == "cut":
            end_ms = min(end_ms, self.to_ms)
        return iso_interval(max(start_ms, self.from_ms), end_ms)

    def _groups(
        self, rows: ExecutionColumns
    ) -> tuple[Ints, Callable[[int], dict[str, str | None]]]:
        """Return a group number per row, and what turns a number into the group's dimensions."""
        names = sorted(set(self._query.group_by or ()))
        codes = np.zeros(len(rows), dtype=np.int64)
        columns: list[tuple[str, Labels]] = []
        for name in names:
            column, values = self._column(name, rows)
            codes = codes * len(values) + column
            columns.append((name, values))
        found, group = np.unique(codes, return_inverse=True)

        def labels(at: int) -> dict[str, str | None]:
            code = int(found[at])
            picked: dict[str, str | None] = {}
            for name, values in reversed(columns):
                code, place = divmod(code, len(values))
                label = values[place]
                if label is not None:
                    picked[name] = label
                elif self._world.absent_dimension != "omitted":
                    picked[name] = None if self._world.absent_dimension == "null" else ""
            return dict(sorted(picked.items()))

        return group.astype(np.int64), labels

    def _column(self, name: str, rows: ExecutionColumns) -> tuple[Ints, Labels]:
        """Return a dimension as a code per row and the values that the codes stand for."""
        if name == "correlationId":
            ids: Labels = [
                execution_id(self._scenario.seed, serial) for serial in rows.serial.tolist()
            ]
            return np.arange(len(rows), dtype=np.int64), ids
        if name in {"errorType", "responseStatus"}:
            part = 0 if name == "errorType" else 1
            return _compact(rows.ending, [words[part] for words in words_in(self._world)])
        return _compact(rows.action, self._action_labels(name))

    def _action_labels(self, name: str) -> Labels:
        """Return a dimension's value for every action of the org."""
        actions = self._scenario.actions
        match name:
            case "actionId":
                return [one.action_id for one in actions]
            case "actionName":
                return [self._odd.name(at, one.name) for at, one in enumerate(actions)]
            case "actionCategory":
                return [one.category for one in actions]
            case "integrationId":
                return [one.integration.integration_id for one in actions]
            case _:
                return [one.integration.name for one in actions]

    def _matches(self, wanted: ActionQueryFilter, rows: ExecutionColumns) -> Flags:
        """Return which rows satisfy a filter."""
        parts = [self._holds_all(clause, rows) for clause in wanted.clauses or ()]
        parts += [self._holds(predicate, rows) for predicate in wanted.predicates or ()]
        return _join(wanted.type, parts, len(rows))

    def _holds_all(self, clause: ActionClause, rows: ExecutionColumns) -> Flags:
        """Return which rows satisfy a clause."""
        parts = [self._holds(predicate, rows) for predicate in clause.predicates]
        return _join(clause.type, parts, len(rows))

    def _holds(self, predicate: ActionQueryPredicate, rows: ExecutionColumns) -> Flags:
        """Return which rows satisfy one condition; ``matches`` without a value means "has none"."""
        codes, values = self._column(predicate.dimension, rows)
        match predicate.operator:
            case "exists":
                good = [value is not None for value in values]
            case "notExists":
                good = [value is None for value in values]
            case _:
                good = [value == predicate.value for value in values]
        flags: Flags = np.array(good, dtype=np.bool_)[codes]
        return flags


def _compact(codes: Ints, labels: Labels) -> tuple[Ints, Labels]:
    """Codes for distinct labels: two actions of one integration are one group of it."""
    place: dict[str | None, int] = {}
    mapped = np.array([place.setdefault(label, len(place)) for label in labels], dtype=np.int64)
    return mapped[codes], list(place)


def _join(connective: str, parts: Sequence[Flags], rows: int) -> Flags:
    """Combine conditions; no condition at all holds for everything."""
    if not parts:
        return np.ones(rows, dtype=np.bool_)
    combine = np.logical_and if connective == "and" else np.logical_or
    joined: Flags = combine.reduce(parts)
    return joined


def _within(view: ActionView, duration_ms: Floats) -> Flags:
    """Return which durations a view counts: ``gte <= duration < lt``."""
    inside = np.ones(len(duration_ms), dtype=np.bool_)
    if view.range.gte is not None:
        inside &= duration_ms >= view.range.gte
    if view.range.lt is not None:
        inside &= duration_ms < view.range.lt
    return inside


def _summaries(duration_ms: Floats, counted: Flags, starts: Ints) -> list[Json | None]:
    """``StatisticalSummary`` of each run of rows; None where nothing counts."""
    counts = np.add.reduceat(counted.astype(np.int64), starts).tolist()
    sums = np.add.reduceat(np.where(counted, duration_ms, 0.0), starts).tolist()
    lows = np.minimum.reduceat(np.where(counted, duration_ms, np.inf), starts).tolist()
    highs = np.maximum.reduceat(np.where(counted, duration_ms, -np.inf), starts).tolist()
    return [
        {"max": high, "min": low, "count": count, "sum": total} if count else None
        for count, total, low, high in zip(counts, sums, lows, highs, strict=True)
    ]


def _utc_offset_ms(time_zone: str, at_ms: int) -> int:
    """Return how far the zone's days are from UTC's at the beginning of the interval."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"The time zone '{time_zone}' is not known"
        raise bad_request(message) from None
    offset = datetime.fromtimestamp(at_ms / 1_000, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1_000)


MOST_BEYOND_MS = 500
_SPREAD = 2_654_435_761
"""Knuth's multiplier (The Art of Computer Programming, 6.4): neighbours land far apart."""


def shown_duration_ms(rows: ExecutionColumns, seed: int, world: World) -> Ints:
    """Return the duration of each execution as the platform shows it.

    When an execution ended is not changed by it: only rows that our timeout ended are shown
    otherwise, each by an amount that the seed decides.
    """
    if world.timeout_duration == "at_limit":
        return rows.duration_ms
    timed_out = rows.ending == TIMED_OUT
    if world.timeout_duration == "zero":
        return np.where(timed_out, 0, rows.duration_ms)
    mixed = ((rows.serial + seed) * _SPREAD) & 0xFFFFFFFF
    more = (mixed >> 8) % MOST_BEYOND_MS
    return np.where(timed_out, rows.duration_ms + more, rows.duration_ms)
