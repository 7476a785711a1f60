"""Few worlds in which every two readings of two questions meet at least once."""

from __future__ import annotations

from itertools import combinations

from allpairspy import AllPairs

from monitor.simulator import BELIEVABLE, World
from monitor.simulator.world import questions

Choice = tuple[str, str]
"""The name of a question, and one of its readings."""


def all_pairs() -> set[frozenset[Choice]]:
    """Return every two readings of two different questions."""
    return {
        frozenset({(one, first.value), (other, second.value)})
        for (one, asked), (other, asked_too) in combinations(questions().items(), 2)
        for first in asked.readings
        for second in asked_too.readings
    }


def pairs_of(world: World) -> set[frozenset[Choice]]:
    """Return the two readings of every two questions in one world."""
    choices = [(name, str(getattr(world, name))) for name in questions()]
    return {frozenset(pair) for pair in combinations(choices, 2)}


def pairwise() -> list[World]:
    """Return worlds that cover all pairs, and the demo's; the default is among them."""
    rows = AllPairs([[one.value for one in asked.readings] for asked in questions().values()])
    covering = [World(**dict(zip(questions(), row, strict=True))) for row in rows]
    return [BELIEVABLE, *covering]


def name_of(world: World) -> str:
    """Return a short name for a test: what differs from the default, as its number of readings."""
    if world == World():
        return "default"
    if world == BELIEVABLE:
        return "believable"
    values = [
        str([one.value for one in asked.readings].index(getattr(world, name)))
        for name, asked in questions().items()
    ]
    return "".join(values)
