"""Records among the good ones that no model describes, and what each of them costs.

Most are beside the good ones and stand for nothing that ever happened. One kind is spoiled: what
the last action's remote refused with 400 comes with a duration that can't be, so that no reader
could count it; the truth leaves it out and says how many there were.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from monitor.simulator.endings import CLIENT_400

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.simulator.executions import ExecutionColumns, Flags
    from monitor.simulator.scenario_types import Scenario
    from monitor.simulator.world import World

Json = dict[str, object]

ABSURD: Final = 1e30
"""A duration, a count and a timeout that can't be."""

HALF_A_CHARACTER: Final = "\ud83c"
_DEEP: Final = "@deep@"
_BROKEN: Final = "@broken@"
_NOT_A_NUMBER: Final = "@nan@"
_LEVELS: Final = 20_000
_HOSTILE: Final = (
    (f'"{_DEEP}"'.encode(), b"[" * _LEVELS + b"]" * _LEVELS),
    (_BROKEN.encode(), b"\xff\xfe"),
    (f'"{_NOT_A_NUMBER}"'.encode(), b"NaN"),
)
"""What no writer of JSON would write is put into its text."""


class OddRecords:
    """The odd records of one org: none, some that the official SDK reads, or hostile ones too."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        """Keep which of them there are."""
        self.any = world.bad_records != "none"
        self.hostile = world.bad_records == "hostile"
        self._last = len(scenario.actions) - 1

    def name(self, position: int, name: str) -> str:
        """Return the name of an action; the last one's ends in half a character and a NUL."""
        return f"{name} {HALF_A_CHARACTER}\0" if self.any and position == self._last else name

    def spoiled(self, rows: ExecutionColumns) -> Flags:
        """Return which executions can't be counted by any reader."""
        if not self.any:
            return np.zeros(len(rows), dtype=np.bool_)
        flags: Flags = (rows.action == self._last) & (rows.ending == CLIENT_400)
        return flags

    def among_groups(self, results: Sequence[Json], interval: str) -> list[Json]:
        """Groups of aggregates with odd ones beside them."""
        if not (self.any and results):
            return list(results)
        first = results[0]["group"]
        odd = [
            {"interval": "soon/later", "metrics": [_metric({"count": 3})]},
            {"interval": interval, "metrics": [_metric({"count": -1, "sum": 5.0})]},
            {"interval": interval, "metrics": [_metric({"count": ABSURD})]},
            {"interval": "1970-01-01T00:00:00.000Z/1970-01-01T00:05:00.000Z"},
        ]
        if self.hostile:
            odd += [
                {"interval": interval, "metrics": [_metric({"count": None})]},
                {"interval": None, "metrics": None},
                {"interval": interval, "metrics": [_metric({"count": "many"})]},
                {"interval": interval, "metrics": [_metric({"count": _NOT_A_NUMBER})]},
                {"interval": interval.replace("Z", ""), "metrics": [_metric({"count": 3})]},
                {"interval": 17},
                {"interval": interval, "metrics": "none"},
            ]
        groups: list[Json] = [{"group": first, "data": odd}, *results]
        if self.hostile:
            groups += [{"group": "none", "data": []}, {"group": first, "more": _DEEP}]
        return groups

    def among_limits(self, limits: Sequence[Json]) -> list[Json]:
        """Return an org's limits with odd ones beside them."""
        odd: list[Json] = [{"value": 7}, {"key": "odd", "value": -1}]
        if self.hostile:
            odd += [{"key": "odd", "value": ABSURD}, {"key": None, "value": "many"}]
        return [*odd, *limits] if self.any else list(limits)

    def among_entities(self, entities: Sequence[Json]) -> list[Json]:
        """Return a listing with odd entities beside those it has."""
        if not (self.any and entities):
            return list(entities)
        odd: list[Json] = [{"name": "nobody"}]
        if self.hostile:
            odd += [
                {"id": None, "name": None},
                {"id": "odd", "name": 17, "config": {"timeoutSeconds": ABSURD}, "value": ABSURD},
                {"id": "odd", "name": _BROKEN, "config": "none", "value": "many"},
                {"name": HALF_A_CHARACTER, "more": _DEEP},
            ]
        return [*odd, *entities]

    def among_conversations(self, found: Sequence[Json]) -> list[Json]:
        """Detail records with odd ones beside them; they began when the first of them did."""
        if not (self.any and found):
            return list(found)
        began = found[0]["conversationStart"]
        odd: list[Json] = [{"conversationStart": began}]
        if self.hostile:
            odd += [
                {"conversationId": "odd", "conversationStart": "yesterday"},
                {"conversationId": 17, "conversationStart": began, "participants": "none"},
                {"conversationId": _BROKEN, "conversationStart": began, "more": _DEEP},
            ]
        return [*odd, *found]


def encoded(body: object) -> bytes:
    """Return an answer as JSON, whatever it holds."""
    try:
        text = msgspec.json.encode(body)
    except UnicodeEncodeError:
        text = _escaped(body)
    if b"@" in text:
        for mark, bytes_of_it in _HOSTILE:
            text = text.replace(mark, bytes_of_it)
    return text


def _escaped(body: object) -> bytes:
    """JSON with every character beyond ASCII as an escape, halves too."""
    return json.dumps(body, separators=(",", ":")).encode()


def _metric(stats: Json) -> Json:
    return {"metric": "tTotalExecution", "stats": stats}
