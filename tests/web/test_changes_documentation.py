"""docs/pages.md against what the page of changes says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.journal import GONE, ChangeState, TrailKind
from monitor.web.change_words import change_row
from monitor.web.changes_page import PIECES_PER_PAGE, ChangeFilters
from tests.remediation.guard_inputs import change

SECTION = (
    (Path(__file__).parents[2] / "docs" / "pages.md")
    .read_text(encoding="utf-8")
    .partition("## Changes: ")[2]
    .partition("\n## ")[0]
)


def test_every_end_of_a_change_is_explained() -> None:
    """In the words of the page, in the order in which a change comes through them."""
    told = re.findall(r"^\| ([A-Z].*?) \|", SECTION, re.MULTILINE)

    assert told == [change_row(change(state)).outcome for state in ChangeState]


def test_what_was_deleted_is_not_told_as_somebodys_timeout() -> None:
    """Nobody has set any."""
    row = change_row(change(ChangeState.SUPERSEDED, reason=GONE))

    assert row.outcome == "The action was deleted since"
    assert f"*{row.outcome}*" in SECTION


@pytest.mark.parametrize("kind", TrailKind)
def test_every_kind_can_be_asked_for_as_it_is_told(kind: TrailKind) -> None:
    """By the word in the address."""
    assert f"`{kind.value}`" in SECTION
    asked = ChangeFilters.of({"org": "acme", "action": "payment", "show": kind.value})
    assert asked.url == f"/changes?org=acme&action=payment&show={kind.value}"
    assert asked.kind is kind


def test_the_length_of_the_page_is_told() -> None:
    """In words."""
    assert PIECES_PER_PAGE == 50
    assert "Fifty are shown at a time" in SECTION
