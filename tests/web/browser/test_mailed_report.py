"""The report that is mailed, opened from a file by a browser without a network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from monitor.render import ReportContent, report_html
from monitor.web import report_assets

KEPT_IN = os.environ.get("TIMEOUT_MONITOR_SCREENSHOTS", "")
"""A folder to keep pictures in; read here, for tests run without variables of ours."""

SIDEWAYS = "document.documentElement.scrollWidth > window.innerWidth"
UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture
def report(report_content: ReportContent, tmp_path: Path) -> str:
    """The address of the file."""
    path = tmp_path / "report.html"
    path.write_text(report_html(report_content, report_assets()), encoding="utf-8")
    return path.as_uri()


def test_opens_without_a_network(context: BrowserContext, page: Page, report: str) -> None:
    """Nothing is asked for but the file, nothing is stopped, and the slider answers."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    context.set_offline(True)
    page.goto(report)
    page.get_by_role("link", name="Order status").click()
    slider = page.locator("#a1-curve-at")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    expect(page.locator("#a1-curve output")).to_contain_text("At 7 s an estimated")
    expect(page.locator("#a2-curve output")).to_contain_text("which is in force")
    assert asked == [report]


def test_reads_well_at_every_width(page: Page, report: str) -> None:
    """No sideways scrolling, with everything unfolded."""
    page.goto(report)
    page.evaluate(UNFOLD)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(SIDEWAYS) is False, width


@pytest.mark.parametrize("look", ["wide-light", "wide-dark", "phone-light"])
def test_pictures_of_the_report(page: Page, report: str, tmp_path: Path, look: str) -> None:
    """The file is drawn to its end, and its picture kept where somebody wants to look at it."""
    size, _, scheme = look.partition("-")
    page.set_viewport_size({"width": 1280 if size == "wide" else 390, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(report)
    folder = Path(KEPT_IN) if KEPT_IN else tmp_path
    picture = folder / f"report-{look}.png"
    page.screenshot(path=picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_is_printed_on_white(page: Page, report: str, tmp_path: Path) -> None:
    """On paper a page is white whatever the screen is, and a slider is not on it."""
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(report)
    expect(page.locator(".what-if-controls").first).to_be_hidden()
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--text').trim()"
    assert page.evaluate(colour) == "#1c2229"
    folder = Path(KEPT_IN) if KEPT_IN else tmp_path
    page.screenshot(path=folder / "report-print.png", full_page=True)
