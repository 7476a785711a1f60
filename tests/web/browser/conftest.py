"""Debian's Chromium under Playwright: one browser a worker, a context of its own for each test.

Whatever a page does that it should not fails the test: an error on the console, something that the
Content-Security-Policy stopped, a request to anything but the page's own server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.web.conftest import Site


@dataclass
class Misconduct:
    """What the pages of one test did that no page may do."""

    console: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note what this page does from now on."""
        page.on(
            "console",
            lambda message: (
                self.console.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self._note(request.url, page.url))

    def _note(self, url: str, page_url: str) -> None:
        asked, here = urlsplit(url), urlsplit(page_url)
        is_own = asked.netloc == here.netloc or here.scheme in {"about", ""}
        if asked.scheme not in {"data", "blob", "about"} and not is_own:
            self.elsewhere.append(url)


@pytest.fixture(scope="session")
def browser(require_tool: Callable[[str], str]) -> Iterator[Browser]:
    """Start Chromium once; a sandbox needs rights that a container does not have."""
    chromium = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def misconduct() -> Iterator[Misconduct]:
    """Hold what the pages do wrong, and fail the test that saw any of it.

    A test that stops the server on purpose clears what the browser says of that.
    """
    found = Misconduct()
    yield found
    assert found.console == []
    assert found.elsewhere == []


@pytest.fixture
def context(
    browser: Browser,
    misconduct: Misconduct,
    serve: Callable[..., Site],  # noqa: ARG001 - a server ends after the pages that ask it
) -> Iterator[BrowserContext]:
    """Return a fresh profile of 1280 x 800 in UTC, whose pages are watched."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="UTC", locale="en-GB"
    )
    context.on("page", misconduct.watch)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a blank page of that profile."""
    return context.new_page()
