"""docs/platform.md against the simulator's worlds."""

from __future__ import annotations

from scripts.platform_page import PAGE, renewed


def test_the_page_shows_the_worlds_as_they_are() -> None:
    """`make docs` would change nothing."""
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page
