"""The status page in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.web.conftest import Site


def test_the_page_shows_itself_and_asks_nobody_else(page: Page, serve: Callable[..., Site]) -> None:
    """The page is drawn without an error, and everything it needs comes from its own server."""
    page.goto(f"http://127.0.0.1:{serve().port}/")
    assert "Timeout Monitor" in page.title()
