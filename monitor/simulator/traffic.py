"""Traffic from a seed: any five minutes of any action can be made at any time, in any order.

Actions that share one law and one rate form a *stream* and are drawn together, so that thousands
of them cost no more than one. A cell is five minutes of a stream's arrivals. What a back end
would do is drawn from ``(seed, stream, cell)`` alone; the timeout in force then decides how each
call ends, so that a changed timeout changes what arrives later and nothing else.
"""

from __future__ import annotations

import math
import threading
import zlib
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from monitor.model import Outcome
from monitor.simulator import distributions
from monitor.simulator.endings import (
    CLIENT_400,
    CREATED,
    ENDINGS,
    GATEWAY_504,
    OK,
    SERVER_500,
    THROTTLED,
    TIMED_OUT,
)
from monitor.simulator.executions import EMPTY, ExecutionColumns, Flags, Floats, Ints
from monitor.simulator.scenario_types import MAX_TIMEOUT_MS
from monitor.simulator.timeouts import FirstTimeouts, TimeoutChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.simulator.scenario_types import (
        Arrivals,
        Contract,
        LatencyLaw,
        LaterLaw,
        Scenario,
        SimulatedAction,
    )

CELL_SECONDS = 300
_CELL_MS = CELL_SECONDS * 1_000
_ROW_BITS = 20
_CELL_BITS = 24
_SAME_CALLER_SHARE = 0.12
"""How often two consecutive executions of an action belong to one conversation."""
_SAME_CALLER_MS = 120_000
_THROTTLE_MS = 30
_GATEWAY_JITTER_MS = 40
_CACHED_CELLS = 10_000
"""About a day and a half of two dozen streams; some 50 MB."""

_FAILED: Flags = np.array([ending.outcome is not Outcome.SUCCESS for ending in ENDINGS])

NOBODY = -1
"""The flow of an execution that no flow called."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """Actions that share their laws and one rate; positions in the org's actions."""

    number: int
    key: int
    first_law: LatencyLaw
    later: tuple[LaterLaw, ...]
    arrivals: Arrivals
    members: Ints

    def law(self, cell: int) -> LatencyLaw:
        """Return the law that is in force when a cell begins."""
        return next(
            (one.law for one in reversed(self.later) if one.at <= cell * CELL_SECONDS),
            self.first_law,
        )

    def laws(self) -> Iterator[tuple[LatencyLaw, float, float]]:
        """Yield each law with when it comes into force and when it ends; epoch milliseconds."""
        laws = [self.first_law, *(one.law for one in self.later)]
        moments = [-math.inf, *(one.at * 1_000 for one in self.later), math.inf]
        for law, (since_ms, until_ms) in zip(laws, pairwise(moments), strict=True):
            yield law, since_ms, until_ms


@dataclass(frozen=True, slots=True)
class _Draw:
    """What the back ends of one cell would do, whatever the timeouts."""

    action: Ints
    flow: Ints
    arrival_ms: Ints
    latency_ms: Ints
    throttled: Flags
    failure: Floats
    jitter_ms: Ints
    sprinkle: Flags
    delay_ms: Ints
    record_delay_ms: Ints
    conversation: Ints
    serial: Ints


@dataclass(frozen=True, slots=True)
class CellKey:
    """Names one cell as it stands after some changes of its timeouts."""

    stream: int
    cell: int
    revision: int


class Traffic:
    """Everything that ever happens in an org. Thread-safe."""

    def __init__(self, scenario: Scenario, contract: Contract) -> None:
        """Sort the actions into streams; nothing is drawn before it is asked for."""
        self._scenario = scenario
        position = {action.action_id: at for at, action in enumerate(scenario.actions)}
        self._flows_of, self._flow_count = _callers(scenario, position)
        self._disconnects = np.array([flow.disconnects for flow in scenario.flows] + [False])
        self._created = np.array([one.success_status == "201" for one in scenario.actions])
        self._first = FirstTimeouts(scenario, contract, position)
        self._streams = self._sort_into_streams(scenario.actions, contract)
        self._stream_of = {
            int(member): stream.number for stream in self._streams for member in stream.members
        }
        self._changes: dict[int, tuple[TimeoutChange, ...]] = {}
        self._writing = threading.Lock()
        self.cell = lru_cache(maxsize=_CACHED_CELLS)(self._make_cell)

    def change_timeout(self, change: TimeoutChange) -> None:
        """Let a new timeout hold for calls that arrive from its moment on."""
        stream = self._stream_of.get(change.action)
        if stream is None:
            return
        with self._writing:
            earlier = self._changes.get(stream, ())
            if earlier and change.at_ms < earlier[-1].at_ms:
                # A clock that was set back must not reorder history.
                change = replace(change, at_ms=earlier[-1].at_ms)
            self._changes[stream] = (*earlier, change)

    def ended_between(self, from_ms: int, to_ms: int) -> ExecutionColumns:
        """Executions whose event time lies in ``from_ms <= end < to_ms``, visible or not."""
        parts = []
        for key in self.cells(from_ms - MAX_TIMEOUT_MS, to_ms):
            cell = self.cell(key)
            if len(cell):
                parts.append(cell)
        rows = ExecutionColumns.concat(parts)
        end_ms = rows.end_ms
        return rows.take((end_ms >= from_ms) & (end_ms < to_ms))

    def outages(self, from_ms: int, to_ms: int) -> list[tuple[int, int, int]]:
        """Return the outages that reach into ``from_ms <= t < to_ms``, the oldest first.

        Each is the action, as a position in the org's, and its begin and end in epoch milliseconds;
        what happened before the org's history, or after its end, is none.
        """
        from_ms = max(from_ms, int(self._scenario.history_start * 1_000))
        if self._scenario.ends is not None:
            to_ms = min(to_ms, int(self._scenario.ends * 1_000))
        day_ms = distributions.DAY_SECONDS * 1_000
        found = []
        for stream in self._streams:
            for law, since_ms, until_ms in stream.laws():
                if law.outage is None:
                    continue
                for day in range(from_ms // day_ms, -(-to_ms // day_ms)):
                    of_day = distributions.outage_of_day(law.outage, day, stream.key)
                    # It ends with its day at the latest.
                    begin = int(max(of_day[0], since_ms))
                    end = int(min(of_day[1], (day + 1) * day_ms, until_ms))
                    if begin < min(end, to_ms) and end > from_ms:
                        found += [(int(member), begin, end) for member in stream.members]
        return sorted(found, key=lambda one: (one[1], one[0]))

    def cells(self, from_ms: int, to_ms: int) -> Iterator[CellKey]:
        """Yield the cells whose arrivals may lie in ``from_ms <= arrival < to_ms``."""
        from_ms = max(from_ms, int(self._scenario.history_start * 1_000))
        if self._scenario.ends is not None:
            to_ms = min(to_ms, int(self._scenario.ends * 1_000))
        for cell in range(from_ms // _CELL_MS, -(-to_ms // _CELL_MS)):
            for stream in self._streams:
                changes = self._changes.get(stream.number, ())
                moments = [change.at_ms for change in changes]
                revision = bisect_left(moments, (cell + 1) * _CELL_MS)
                yield CellKey(stream.number, cell, revision)

    def _make_cell(self, key: CellKey) -> ExecutionColumns:
        """Draw a cell and let the timeouts in force decide."""
        stream = self._streams[key.stream]
        draw = self._draw(stream, key.cell)
        if draw is None:
            return EMPTY
        changes = self._changes.get(stream.number, ())[: key.revision]
        timeout_ms = self._first.in_force(draw.action, draw.flow, draw.arrival_ms, changes)
        return self._decide(stream.law(key.cell), draw, timeout_ms)

    def _draw(self, stream: _Stream, cell: int) -> _Draw | None:
        """Everything random about a cell; the order of the draws is part of the seed's meaning."""
        rng = np.random.Generator(np.random.PCG64([self._scenario.seed, stream.key, cell]))
        mean = distributions.expected_arrivals(stream.arrivals, cell * CELL_SECONDS, CELL_SECONDS)
        counts = rng.poisson(mean, len(stream.members))
        slot = np.repeat(np.arange(len(counts)), counts)
        # Two calls of one action never share a millisecond: a segment's start names it.
        code = np.unique(slot * _CELL_MS + rng.integers(0, _CELL_MS, len(slot)))
        arrival_ms = cell * _CELL_MS + code % _CELL_MS
        code = code[self._within_history(arrival_ms)]
        rows = len(code)
        if rows == 0:
            return None
        action = stream.members[code // _CELL_MS]
        arrival_ms = cell * _CELL_MS + code % _CELL_MS
        first = self._first_of_conversation(action, arrival_ms, rng)
        pick = (rng.random(rows)[first] * self._flow_count[action]).astype(np.int64)
        flow = self._flows_of[action, pick]
        alone = (flow == NOBODY) | self._disconnects[flow]
        first = np.where(alone, np.arange(rows), first)
        serial = ((stream.number << _CELL_BITS | cell) << _ROW_BITS) + np.arange(rows)
        peak = distributions.day_shape(cell * CELL_SECONDS, 0.0)
        law = stream.law(cell)
        return _Draw(
            action=action,
            flow=flow,
            arrival_ms=arrival_ms,
            latency_ms=distributions.latency_ms(law, arrival_ms, rng, stream.key),
            throttled=rng.random(rows) < law.throttled_share * peak,
            failure=rng.random(rows),
            jitter_ms=rng.integers(1, _GATEWAY_JITTER_MS, rows),
            sprinkle=rng.random(rows) < self._scenario.healthy_record_share,
            delay_ms=distributions.delay_ms(self._scenario.lateness, rows, rng),
            record_delay_ms=distributions.delay_ms(self._scenario.lateness, rows, rng),
            conversation=serial[first],
            serial=serial,
        )

    def _decide(self, law: LatencyLaw, draw: _Draw, timeout_ms: Ints) -> ExecutionColumns:
        """Return how each call ends under the timeout in force at its arrival.

        An answer that comes at the very millisecond of the timeout comes too late.
        """
        waited = np.minimum(draw.latency_ms, timeout_ms)
        ending = np.where(self._created[draw.action], CREATED, OK)
        ending = np.where(draw.failure < law.error_share, SERVER_500, ending)
        ending = np.where(draw.failure > 1.0 - law.rejected_share, CLIENT_400, ending)
        ending = np.where(draw.latency_ms >= timeout_ms, TIMED_OUT, ending)
        if law.gateway_ms is not None:
            gives_up = law.gateway_ms + draw.jitter_ms
            gateway = (draw.latency_ms > gives_up) & (gives_up < timeout_ms)
            ending = np.where(gateway, GATEWAY_504, ending)
            waited = np.where(gateway, gives_up, waited)
        ending = np.where(draw.throttled, THROTTLED, ending)
        duration_ms = np.where(draw.throttled, 1 + draw.jitter_ms % _THROTTLE_MS, waited)
        end_ms = draw.arrival_ms + duration_ms
        recorded = (draw.flow != NOBODY) & (_FAILED[ending] | draw.sprinkle)
        return ExecutionColumns(
            action=draw.action,
            flow=draw.flow,
            arrival_ms=draw.arrival_ms,
            duration_ms=duration_ms,
            ending=ending,
            visible_ms=end_ms + draw.delay_ms,
            record_ms=np.where(recorded, end_ms + draw.record_delay_ms, -1),
            conversation=draw.conversation,
            serial=draw.serial,
        )

    def _within_history(self, arrival_ms: Ints) -> Flags:
        """Return which arrivals lie between the scenario's beginning and its end."""
        inside: Flags = arrival_ms >= self._scenario.history_start * 1_000
        if self._scenario.ends is not None:
            inside &= arrival_ms < self._scenario.ends * 1_000
        return inside

    @staticmethod
    def _first_of_conversation(action: Ints, arrival_ms: Ints, rng: np.random.Generator) -> Ints:
        """For each row the first row of its conversation, which is itself or shortly before."""
        rows = np.arange(len(action))
        fresh = rng.random(len(action)) >= _SAME_CALLER_SHARE
        fresh[0] = True
        fresh[1:] |= np.diff(action) != 0
        fresh[1:] |= np.diff(arrival_ms) > _SAME_CALLER_MS
        return np.maximum.accumulate(np.where(fresh, rows, 0))

    def _sort_into_streams(
        self, actions: tuple[SimulatedAction, ...], contract: Contract
    ) -> tuple[_Stream, ...]:
        """Group the actions by laws and rate; with contract ``flow`` only flows call anything."""
        groups: dict[tuple[LatencyLaw, tuple[LaterLaw, ...], Arrivals], list[int]] = {}
        for at, action in enumerate(actions):
            if contract == "platform" or self._flows_of[at, 0] != NOBODY:
                groups.setdefault((action.law, action.later, action.arrivals), []).append(at)
        return tuple(
            _Stream(
                number=number,
                key=zlib.crc32(actions[members[0]].action_id.encode()),
                first_law=law,
                later=later,
                arrivals=arrivals,
                members=np.array(members, dtype=np.int64),
            )
            for number, ((law, later, arrivals), members) in enumerate(groups.items())
        )


def _callers(scenario: Scenario, position: dict[str, int]) -> tuple[Ints, Ints]:
    """The flows that call each action, as a padded table, and how many there are (at least 1)."""
    callers: list[list[int]] = [[] for _ in scenario.actions]
    for number, flow in enumerate(scenario.flows):
        for step in flow.steps:
            callers[position[step.action_id]].append(number)
    width = max((len(flows) for flows in callers), default=1) or 1
    table = np.full((len(callers), width), NOBODY, dtype=np.int64)
    for at, flows in enumerate(callers):
        table[at, : len(flows)] = flows
    return table, np.array([max(1, len(flows)) for flows in callers], dtype=np.int64)
