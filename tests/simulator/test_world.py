"""A world: one reading for each question that nobody could ask the real platform."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from monitor.errors import ConfigurationError
from monitor.simulator import BELIEVABLE, World
from monitor.simulator.world import questions


def test_every_question_has_readings_and_begins_with_its_default() -> None:
    """The default world takes the first reading of every question."""
    for name, question in questions().items():
        values = [reading.value for reading in question.readings]
        assert len(set(values)) == len(values) >= 2, name
        assert getattr(World(), name) == values[0], name
        assert question.text.endswith("?"), name
        for reading in question.readings:
            assert reading.meaning, name
            assert reading.source, name
            assert reading.product, name


def test_a_world_is_chosen_by_names_and_values() -> None:
    """What the command line says changes those readings alone."""
    chosen = World().with_choices(["patch=merges", "conflict=400"])
    assert chosen == replace(World(), patch="merges", conflict="400")
    assert World().with_choices([]) == World()


@pytest.mark.parametrize("choice", ["patch", "patch=", "patch=perhaps", "weather=fine", "=409"])
def test_a_choice_that_nobody_knows_is_refused(choice: str) -> None:
    """The error names what there is to choose from."""
    with pytest.raises(ConfigurationError) as caught:
        World().with_choices([choice])
    assert "choose one of" in caught.value.hint or "the names are" in caught.value.hint


def test_the_demo_plays_in_a_world_where_every_source_speaks() -> None:
    """It takes documented readings, and is not the default."""
    assert World() != BELIEVABLE
    assert {field.name for field in fields(BELIEVABLE)} == set(questions())
