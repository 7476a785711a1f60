"""The page of an action in a real browser: what if, by pointer and by keyboard, and every width."""

from __future__ import annotations

import os
import re
from pathlib import Path
from threading import Event

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from monitor.errors import LedgerError
from monitor.investigation import ActionHistory
from monitor.model import Action
from monitor.snapshot import OrgSnapshot
from monitor.time_ranges import TimeRange
from tests.web.action_world import CREDIT, CRM, HOSTILE_ID, NOW, SLOW, ActionWorld, page_of
from tests.web.browser.conftest import Misconduct
from tests.web.conftest import Site, serve_actions

KEPT_IN = os.environ.get("TIMEOUT_MONITOR_SCREENSHOTS", "")
"""A folder to keep pictures in; read here, for tests run without variables of ours."""

SIDEWAYS = "document.documentElement.scrollWidth > window.innerWidth"
UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


def address(site: Site, action_id: str = SLOW.action_id, period: str = "") -> str:
    """Where the page of an action is."""
    return f"http://127.0.0.1:{site.port}{page_of(action_id, period)}"


def curve(page: Page) -> Locator:
    """The picture of what another timeout would do."""
    return page.locator("figure#curve")


def test_what_if_by_keyboard(page: Page, action_site: Site) -> None:
    """Arrow keys move by a second; every number follows, and is told to who can't see it."""
    page.goto(address(action_site))
    slider = page.get_by_label("What if the timeout were")
    expect(slider).to_have_attribute("aria-valuetext", "5 s")
    told = curve(page).locator("output")
    expect(told).to_contain_text("At 5 s, which is in force")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    expect(curve(page).locator(".at")).to_have_text("7 s?")
    expect(slider).to_have_attribute("aria-valuetext", "7 s")
    expect(told).to_contain_text("At 7 s an estimated")
    expect(told).to_contain_text("more calls a day would succeed")
    expect(told).to_contain_text("Extrapolated: no timeout above 5 s was seen in force.")
    expect(told).to_contain_text("Nothing is claimed beyond 10 s.")
    expect(told).to_have_attribute("aria-live", "polite")
    share = curve(page).locator("[data-cell='share']").inner_text()
    assert 90 < float(share.removesuffix(" %")) < 100
    page.keyboard.press("End")
    expect(curve(page).locator(".at")).to_have_text("10 s?")


def test_what_if_under_the_pointer(page: Page, action_site: Site) -> None:
    """The picture itself answers where the pointer is; the slider follows."""
    page.goto(address(action_site))
    pane = curve(page).locator("svg.wide .pane")
    pane.scroll_into_view_if_needed()
    box = pane.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    expect(curve(page).locator(".at")).to_have_text("3 s?")
    expect(curve(page).locator("output")).to_contain_text("fewer calls a day would succeed")
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)

    expect(curve(page).locator(".at")).to_have_text("10 s?")
    assert page.get_by_label("What if the timeout were").input_value() == "7"
    moved = curve(page).locator("svg.wide .what-if circle").get_attribute("transform")
    assert moved is not None
    assert moved.startswith("translate(")


def test_a_verdict_too_short_for_its_name_is_led_to(page: Page, action_site: Site) -> None:
    """The line is seen, and so is all of the table beside it."""
    page.goto(address(action_site, CREDIT.action_id, "7d"))
    figure = page.locator("figure#verdicts")
    line = figure.locator("svg.wide .marker.verdict path").first
    expect(line).to_have_css("stroke", re.compile("rgb"))

    figure.get_by_text("The same as a table").click()
    table = figure.get_by_role("region")
    expect(table).to_contain_text("hangs")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_what_if_stays_where_it_was_over_a_refresh(page: Page, action_world: ActionWorld) -> None:
    """A look for what is new moves nothing that the reader has moved."""
    with serve_actions(action_world, action_world.read) as site:
        page.goto(address(site))
        page.get_by_text("What the verdict rests on").click()
        page.get_by_label("What if the timeout were").focus()
        page.keyboard.press("ArrowRight")
        shown = site.holder.current
        site.holder.swap(type(shown)(taken_at=NOW + 3_600, orgs=shown.orgs))
        with page.expect_event("requestfinished"):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

        expect(page.locator("#outcomes-wide-desc").first).to_contain_text("16:23 UTC")
        expect(curve(page).locator(".at")).to_have_text("6 s?")
        expect(curve(page).locator("output")).to_contain_text("At 6 s")
        expect(page.get_by_text("Executions", exact=True).first).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(curve(page).locator(".at")).to_have_text("7 s?")
        focused = page.evaluate("document.activeElement.type")
        assert focused == "range"


def test_a_state_that_cannot_be_read_is_told_in_an_open_tab(
    page: Page, action_world: ActionWorld, misconduct: Misconduct
) -> None:
    """The page that comes with the error is shown: it is an answer, and says what is missing."""
    fails = Event()

    def read(org_snapshot: OrgSnapshot, action_id: str, time_range: TimeRange) -> ActionHistory:
        if fails.is_set():
            reason = "The state is locked by another process"
            raise LedgerError(reason, "Wait.")
        return action_world.read(org_snapshot, action_id, time_range)

    with serve_actions(action_world, read) as site:
        page.goto(address(site))
        expect(curve(page)).to_be_visible()
        fails.set()
        for _ in range(2):
            with page.expect_response("**/actions/**"):
                page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_text("The state is locked by another process.")).to_be_visible()
        expect(page.locator("#silence")).to_be_hidden()
        assert not page.title().startswith("(!) No answer")
    misconduct.console.clear()


def test_without_a_script_tables_say_the_same(browser: Browser, action_site: Site) -> None:
    """The slider is not there, and a table of a dozen timeouts is."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(action_site))
    expect(page.get_by_label("What if the timeout were")).to_be_hidden()
    curve(page).get_by_text("The same as a table").click()
    seven = curve(page).get_by_role("row", name=re.compile("^7 s "))
    expect(seven).to_contain_text("extrapolated")
    assert 6 <= curve(page).locator("tbody tr").count() <= 14
    context.close()


def test_periods_are_links(page: Page, action_site: Site) -> None:
    """A week is one click away, and the address tells it."""
    page.goto(address(action_site))
    page.get_by_role("navigation", name="Period").get_by_text("3 days").click()
    expect(page).to_have_url(address(action_site, period="3d"))
    expect(page.locator("#outcomes text").filter(has_text="3 s → 5 s").first).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page).to_have_url(f"http://127.0.0.1:{action_site.port}/")
    page.go_back()
    expect(page.get_by_role("navigation", name="Period")).to_be_visible()
    assert page.url == address(action_site, period="3d")


@pytest.mark.parametrize("action_id", [SLOW.action_id, HOSTILE_ID])
def test_nothing_scrolls_sideways(page: Page, action_site: Site, action_id: str) -> None:
    """However narrow the window, and whatever a name is made of; unfolded too."""
    page.goto(address(action_site, action_id))
    page.evaluate(UNFOLD)
    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(SIDEWAYS) is False, width


@pytest.mark.parametrize("look", ["wide-light", "phone-dark"])
@pytest.mark.parametrize("action", [SLOW, CRM], ids=lambda one: one.name)
def test_is_accessible(page: Page, action_site: Site, action: Action, look: str) -> None:
    """Nothing serious or critical, contrast among it, with everything unfolded."""
    size, _, scheme = look.partition("-")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 1280 if size == "wide" else 390, "height": 800})
    page.goto(address(action_site, action.action_id, "6h"))
    page.evaluate(UNFOLD)
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], [node["html"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ] == []


@pytest.mark.parametrize("look", ["wide-light", "wide-dark", "phone-light", "phone-dark"])
@pytest.mark.parametrize("action", [SLOW, CRM], ids=lambda one: one.name)
def test_pictures_of_the_page(
    page: Page, action_site: Site, tmp_path: Path, action: Action, look: str
) -> None:
    """The page is drawn to its end, and its picture kept where somebody wants to look at it."""
    size, _, scheme = look.partition("-")
    page.set_viewport_size({"width": 1280 if size == "wide" else 390, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address(action_site, action.action_id, "3d"))
    folder = Path(KEPT_IN) if KEPT_IN else tmp_path
    picture = folder / f"action-{action.action_id}-{look}.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_tab_that_comes_to_the_front_asks_again(page: Page, action_world: ActionWorld) -> None:
    """Even before the first look has its answer, which may be older than what is asked for."""
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if route.request.resource_type == "fetch" and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/actions/**", hold_the_first)
    with serve_actions(action_world, action_world.read) as site:
        with page.expect_request(lambda request: request.resource_type == "fetch"):
            page.goto(address(site))
        shown = site.holder.current
        site.holder.swap(type(shown)(taken_at=NOW + 3_600, orgs=shown.orgs))
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

        expect(page.locator("#outcomes-wide-desc").first).to_contain_text("16:23 UTC")
        assert len(held) == 1
        held[0].continue_()  # a request that is held for ever leaves a task that nobody ends
