"""The cover of pairs is one, and small."""

from __future__ import annotations

from monitor.simulator import World
from tests.worlds.pairwise_worlds import all_pairs, name_of, pairs_of, pairwise


def test_every_two_readings_of_two_questions_meet() -> None:
    """Counted here, not believed of the generator."""
    met = set().union(*(pairs_of(world) for world in pairwise()))

    assert met == all_pairs()


def test_the_worlds_are_few_and_have_names_of_their_own() -> None:
    """Few enough to drive each of them end to end; the default is one of them."""
    assert World() in pairwise()
    names = [name_of(world) for world in pairwise()]

    assert len(set(names)) == len(names) <= 40
