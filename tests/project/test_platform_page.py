"""docs/platform.md against the simulator's worlds."""

from __future__ import annotations

import re

import pytest

from monitor.simulator.world import questions
from scripts.platform_page import PAGE, renewed


def test_the_page_shows_the_worlds_as_they_are() -> None:
    """`make docs` would change nothing."""
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page


def open_points() -> list[str]:
    """What the page says is not known, one text a point."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## What is not known\n")[2].partition("\n## ")[0]
    return [" ".join(point.split()) for point in re.split(r"^\* ", section, flags=re.MULTILINE)[1:]]


def switches(point: str) -> list[str]:
    """The fields of a world that a point names as its switches."""
    return re.findall(r"`(\w+)`", point.partition(" Switch: ")[2])


def test_whatever_is_not_known_has_a_switch() -> None:
    """Every field of a world stands in the list by hand, and no other does."""
    named = [name for point in open_points() for name in switches(point)]
    assert sorted(named) == sorted(questions())


@pytest.mark.parametrize("point", open_points(), ids=lambda point: point[:40])
def test_whatever_has_no_switch_has_a_reason(point: str) -> None:
    """One or the other, and not both."""
    has_reason = bool(re.search(r" No switch: .{20,}", point))
    assert bool(switches(point)) is not has_reason
