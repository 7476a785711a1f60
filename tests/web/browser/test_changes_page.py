"""The page of changes in a real browser, from a real journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from monitor.journal import Switch
from monitor.ledger import Ledger
from tests.exporter.snapshots import NOW, ORG
from tests.web.changed_org import HOSTILE, fill
from tests.web.conftest import Site

Server = Callable[..., Site]


def address(site: Site, query: str = "") -> str:
    """Where the page is."""
    return f"http://127.0.0.1:{site.port}/changes{query}"


def unfold(page: Page) -> None:
    """Unfold everything, what is folded within something else too."""
    for _ in range(2):
        for summary in page.locator("main details:not([open]) > summary").all():
            if summary.is_visible():
                summary.click()


def is_wider_than_its_window(page: Page) -> bool:
    """Return whether the page scrolls sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return bool(wide)


def test_what_is_folded_stays_as_it_was_left(page: Page, serve: Server, ledger: Ledger) -> None:
    """A look for what is new keeps open what is open, and adds what is new on top."""
    page.goto(address(serve(shown=fill(ledger), trails=ledger.journal)))
    page.get_by_text("3 changes not made").click()
    expect(page.get_by_text("Refused by the guard cooldown")).to_be_visible()
    ledger.journal.resume(ORG, Switch(NOW, "ada@ops-2", "All done"))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator(".trail tbody tr").first).to_contain_text("Changes may go on")
    expect(page.locator(".stops")).to_contain_text("Nothing stops changes.")
    expect(page.get_by_text("Refused by the guard cooldown")).to_be_visible()
    assert page.locator(".trail details[open]").count() == 1


def test_filters_stand_in_the_address(page: Page, serve: Server, ledger: Ledger) -> None:
    """As they are chosen, without a click; and back leads back."""
    page.goto(address(serve(shown=fill(ledger), trails=ledger.journal)))
    page.get_by_label("Show").select_option("made by others")
    expect(page.locator(".trail tbody tr")).to_have_count(2)
    page.get_by_label("Data action").fill("paym")

    expect(page.locator(".trail tbody tr")).to_have_count(1)
    expect(page.locator(".trail")).to_contain_text("Ada Lovelace")
    assert page.url.endswith("/changes?show=outside&action=paym")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".trail tbody tr").first).to_contain_text("All changes paused")


def test_an_action_leads_to_its_page(page: Page, serve: Server, ledger: Ledger) -> None:
    """Under the path that the overview uses, too."""
    page.goto(address(serve(shown=fill(ledger, name="Order Status"), trails=ledger.journal)))
    link = page.get_by_role("link", name="Order Status").first

    assert link.get_attribute("href") == f"/actions/{ORG}/custom_-_crm"


def test_by_keyboard(page: Page, serve: Server, ledger: Ledger) -> None:
    """Everything is reached in the order in which it stands, and Enter unfolds it."""
    page.goto(address(serve(shown=fill(ledger), trails=ledger.journal)))
    page.get_by_label("Data action").focus()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("CRM lookup")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("To undo it: timeout-monitor rollback 5")).to_be_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_words_and_tables_without_a_script(browser: Browser, serve: Server, ledger: Ledger) -> None:
    """A button asks, times are in UTC, and nothing is missing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(serve(shown=fill(ledger), trails=ledger.journal)))
    page.get_by_label("Show").select_option("not made")
    page.get_by_role("button", name="Filter").click()

    expect(page.get_by_text("3 changes not made")).to_be_visible()
    expect(page.locator(".trail time").first).to_have_text("20 Sep 20:15 UTC")
    assert "show=not-made" in page.url
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_is_accessible_at_every_width(
    browser: Browser, serve: Server, ledger: Ledger, scheme: Literal["light", "dark"]
) -> None:
    """Axe finds nothing, folded or not, and nothing scrolls sideways, whatever a name is like."""
    site = serve(shown=fill(ledger, name=HOSTILE), trails=ledger.journal)
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(address(site))
    unfold(page)
    found = Axe().run(page).response["violations"]

    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert not is_wider_than_its_window(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert not is_wider_than_its_window(page)
    assert page.locator("main img").count() == 0
    context.close()
