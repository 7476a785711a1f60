"""The overview in a real browser, of orgs by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from monitor.snapshot import RemediationSnapshot, Snapshot
from tests.exporter.snapshots import NOW, snapshot
from tests.web.browser.conftest import Misconduct
from tests.web.conftest import Site
from tests.web.overview_snapshots import HOSTILE_NAMES, burning_org, calm_org, hostile_org

Server = Callable[..., Site]

PHONE = {"width": 390, "height": 844}

LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
"""What a tab does that is brought to the front: it asks at once."""

ROWS = ".actions tbody tr"


def address(site: Site, path: str = "/") -> str:
    """Where a page is."""
    return f"http://127.0.0.1:{site.port}{path}"


def names(page: Page) -> list[str]:
    """The data actions that need attention, in the page's order."""
    return page.locator(f"{ROWS} th .name").all_inner_texts()


def link(page: Page, name: str) -> Locator:
    """The link of a row that needs attention."""
    return page.locator(ROWS).get_by_role("link", name=name)


def refresh(page: Page) -> None:
    """Have the page look for what is new, and wait until it has shown it."""
    page.evaluate(f"""new Promise((done) => {{
        document.addEventListener('page:refreshed', done, {{ once: true }});
        {LOOK_AGAIN};
    }})""")


def test_the_worst_comes_first(page: Page, serve: Server) -> None:
    """What goes on stands above what is over, a quiet action that fails above the healthy ones."""
    page.goto(address(serve(burning_org())))

    assert names(page) == [
        "Order Status",
        "Take Payment",
        "Loyalty Points",
        "Partner Token",
        "Shipment Tracking",
    ]
    expect(page.get_by_role("heading", name="5 data actions need attention")).to_be_visible()
    expect(page.locator(".well")).to_be_hidden()
    page.get_by_text("3 others are well").click()
    assert page.locator(".well tbody th .name").all_inner_texts() == [
        "Branch Finder",
        "Get Customer",
        "Send Confirmation",
    ]


def test_a_row_says_since_when_and_whether_it_goes_on(page: Page, serve: Server) -> None:
    """In words, in the viewer's zone, with UTC on hover."""
    page.goto(address(serve(burning_org())))

    going_on = page.locator(ROWS).filter(has_text="Order Status")
    expect(going_on).to_contain_text("slow tail critical")
    expect(going_on).to_contain_text("going on since 11:15")
    assert going_on.locator("time").first.get_attribute("title") == "2026-09-21 11:15 UTC"
    expect(going_on).to_contain_text("used by Order Enquiries (12 of its callers lost)")
    over = page.locator(ROWS).filter(has_text="Shipment Tracking")
    expect(over).to_contain_text("over: 05:15 to 06:15")


def test_times_are_in_the_viewers_zone(browser: Browser, serve: Server) -> None:
    """A viewer in Kolkata reads local times, told so once, with UTC behind each."""
    context = browser.new_context(timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.goto(address(serve(burning_org())))

    expect(page.locator(ROWS).filter(has_text="Order Status")).to_contain_text("since 16:45")
    expect(page.locator("#zone")).to_have_text(
        "Times are in Asia/Calcutta; UTC stands behind each. Pictures are in UTC."
    )
    behind = page.locator(ROWS).filter(has_text="Order Status").locator("time").first
    assert (behind.get_attribute("title") or "").endswith("11:15 UTC")
    context.close()


def test_a_moment_of_another_year_says_so(page: Page, serve: Server) -> None:
    """By the server's clock, whichever year it is here."""
    site = serve(burning_org())
    site.clock.at += 366 * 86_400
    page.goto(address(site))

    expect(page.locator(".as-of")).to_contain_text("as of 2026-09-21 14:15")
    assert page.locator(".as-of time").first.get_attribute("datetime") == "2026-09-21T14:15:00Z"


def test_ages_go_by_the_servers_clock(page: Page, serve: Server) -> None:
    """A viewer's clock that is months off makes nothing stale, and no age wrong."""
    page.goto(address(serve(burning_org())))

    expect(page.get_by_text("Data is fresh")).to_be_visible()
    expect(page.locator(".as-of")).to_contain_text("next poll in 5")
    page.get_by_text("About acme").click()
    expect(page.locator(".sources tbody tr").first).to_contain_text("seconds ago")
    assert page.title() == "Timeout Monitor"


def test_data_turns_stale_in_a_tab_that_has_no_server(
    page: Page, serve: Server, misconduct: Misconduct
) -> None:
    """The banner shows itself and says how old the data is; and that nobody answers, since when."""
    page.clock.install()
    page.goto(address(serve(burning_org())))
    expect(page.get_by_text("Data is fresh")).to_be_visible()
    expect(page.locator(".banner.bad")).to_have_count(2)
    expect(page.locator(".banner.bad:visible")).to_have_count(0)

    page.context.set_offline(True)
    page.clock.fast_forward(10 * 60 * 1000)
    page.clock.run_for(60_000)

    expect(page.locator("#banners .bad")).to_contain_text(
        "Data is stale; last read: actions 11 minutes ago"
    )
    expect(page.locator("#banners .bad")).to_contain_text("11 minutes ago")
    expect(page.get_by_text("Data is not up to date")).to_be_visible()
    expect(page.get_by_text("Data is fresh")).to_be_hidden()
    expect(page.get_by_text("No answer from Timeout Monitor since 14:15")).to_be_visible()
    assert page.title() == "(!) Timeout Monitor"
    misconduct.console.clear()


def test_an_answer_ends_the_alarm(page: Page, serve: Server, misconduct: Misconduct) -> None:
    """As soon as the server answers again, with new data, the page is calm."""
    site = serve(burning_org())
    page.clock.install()
    page.goto(address(site))
    page.context.set_offline(True)
    page.clock.run_for(90_000)
    expect(page.locator("#silence")).to_be_visible()

    page.context.set_offline(False)
    page.evaluate(LOOK_AGAIN)
    expect(page.locator("#silence")).to_be_hidden()
    expect(page.get_by_text("Data is fresh")).to_be_visible()
    assert page.title() == "Timeout Monitor"
    misconduct.console.clear()


def test_a_server_that_refuses_is_told(page: Page, serve: Server, misconduct: Misconduct) -> None:
    """An error is no answer: the page says which, and that it shows what it had."""
    page.goto(address(serve(burning_org())))
    page.route("**/*", lambda route: route.fulfill(status=503, body="{}"))
    for _ in range(2):
        with page.expect_response("**/*"):
            page.evaluate(LOOK_AGAIN)

    expect(page.locator("#silence")).to_contain_text("The server answers 503 since")
    assert page.title() == "(!) Timeout Monitor"
    assert page.locator(ROWS).count() == 5
    misconduct.console.clear()


def test_a_page_of_somebody_else_is_no_answer(page: Page, serve: Server) -> None:
    """A login that a proxy puts in our place leaves what is shown, says so, and is asked again."""
    page.goto(address(serve(burning_org())))
    page.route("**/*", lambda route: route.fulfill(body="<main>Log in</main>"))
    for _ in range(2):
        with page.expect_response("**/*"):
            page.evaluate(LOOK_AGAIN)

    expect(page.locator("#silence")).to_contain_text("The server answers with something else since")
    expect(page.locator(ROWS)).to_have_count(5)
    assert page.title() == "(!) Timeout Monitor"
    page.unroute("**/*")
    page.evaluate(LOOK_AGAIN)
    expect(page.locator("#silence")).to_be_hidden()
    assert page.title() == "Timeout Monitor"


def test_an_upgrade_loads_the_page_anew(page: Page, serve: Server) -> None:
    """A page that comes with another script is not shown by the old one."""
    page.clock.install()
    page.goto(address(serve(burning_org())))
    page.evaluate("window.mine = true")
    page.clock.fast_forward(6_000)

    def upgrade(route: Route) -> None:
        answer = route.fetch()
        page_of_it = answer.text().replace("app.js?v=", "app.js?v=new")
        route.fulfill(body=page_of_it, content_type="text/html", headers={"ETag": "another"})

    page.route("**/", upgrade, times=1)
    with page.expect_event("load"):
        page.evaluate(LOOK_AGAIN)
    assert page.evaluate("window.mine") is None

    assert page.evaluate("window.mine") is None
    expect(page.locator(ROWS)).to_have_count(5)


def test_a_refresh_changes_only_what_changed(page: Page, serve: Server) -> None:
    """What is unfolded, typed, focused and scrolled to stays; rows are the same elements."""
    site = serve(burning_org())
    page.goto(address(site))
    page.locator(ROWS).filter(has_text="Take Payment").get_by_text("Why").click()
    page.get_by_text("Since yesterday").click()
    page.evaluate("document.querySelector('.actions tr[data-key$=take-payment]').mine = true")
    link(page, "Loyalty Points").focus()
    page.evaluate("window.scrollTo(0, 120)")

    day = site.holder.current.orgs[0].day
    moved = tuple(replace(one, timeouts=one.timeouts + 1_000) for one in day.actions)
    worse = replace(burning_org(), day=replace(day, actions=moved))
    site.holder.swap(Snapshot(taken_at=NOW + 60, orgs=(worse,)))
    refresh(page)

    payment = page.locator(ROWS).filter(has_text="Take Payment")
    expect(payment).to_contain_text("1,172")
    assert payment.evaluate("(row) => row.mine") is True
    expect(payment.locator("details")).to_have_attribute("open", "")
    expect(page.locator("#news")).to_have_attribute("open", "")
    expect(link(page, "Loyalty Points")).to_be_focused()
    assert page.evaluate("window.scrollY") == 120


def test_rows_that_change_places_keep_the_focus(page: Page, serve: Server) -> None:
    """A row that moves up takes what is focused in it along."""
    site = serve(burning_org())
    page.goto(address(site))
    link(page, "Loyalty Points").focus()

    day = site.holder.current.orgs[0].day
    moved = tuple(
        replace(one, throttled=9_000 if one.action_name == "Loyalty Points" else one.throttled)
        for one in day.actions
    )
    site.holder.swap(snapshot(replace(burning_org(), day=replace(day, actions=moved))))
    refresh(page)

    assert names(page)[1] == "Loyalty Points"
    expect(link(page, "Loyalty Points")).to_be_focused()


def test_filters_as_it_is_typed(page: Page, serve: Server) -> None:
    """The rows follow, the URL tells it, the typed text stays, and back is everything again."""
    page.goto(address(serve(burning_org())))
    page.get_by_label("Text").press_sequentially("paym")
    expect(page.locator(ROWS)).to_have_count(2)

    assert names(page) == ["Take Payment", "Partner Token"]
    assert page.url.endswith("/?q=paym")
    expect(page.get_by_label("Text")).to_be_focused()
    expect(page.get_by_label("Text")).to_have_value("paym")

    page.get_by_label("Verdict").select_option("hangs")
    expect(page.locator(ROWS)).to_have_count(1)
    assert page.url.endswith("/?verdict=hangs&q=paym")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(ROWS)).to_have_count(5)


def test_back_leads_to_what_was_shown_before(page: Page, serve: Server) -> None:
    """A filter that was sent with Enter is a step of the history, form and rows alike."""
    page.goto(address(serve(burning_org())))
    page.get_by_label("Text").fill("order")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    assert page.url.endswith("/?q=order")

    page.go_back()
    expect(page.locator(ROWS)).to_have_count(5)
    expect(page.get_by_label("Text")).to_have_value("")


def test_calm_orgs_among_many_are_folded_away(page: Page, serve: Server) -> None:
    """The one that burns is in sight, the others unfold."""
    calm = [calm_org(f"calm-{at}") for at in range(7)]
    page.goto(address(serve(*calm, burning_org())))

    expect(page.locator(".orgs tbody tr:visible")).to_have_count(1)
    expect(page.locator(".orgs tbody tr:visible")).to_contain_text("acme")
    page.get_by_text("7 other orgs in which nothing needs attention").click()
    expect(page.locator(".orgs tbody tr:visible")).to_have_count(8)
    named = page.locator(".orgs tbody tr:visible a").all_inner_texts()
    assert sorted(named) == ["acme", *(f"calm-{at}" for at in range(7))]


def test_the_troubles_of_many_orgs_leave_room_for_the_page(page: Page, serve: Server) -> None:
    """Four banners are shown, the others unfold; what is the same of several is said once."""
    orgs = [replace(burning_org(f"org-{at}"), polled_at=NOW - at) for at in range(30)]
    site = serve(*orgs)
    page.goto(address(site))
    expect(page.locator("#banners .banner:visible")).to_have_count(1)
    expect(page.locator("#banners .banner:visible")).to_contain_text("and 26 more: Source conv")

    site.clock.at += 900
    page.evaluate(LOOK_AGAIN)
    expect(page.locator("#banners .banner:visible")).to_have_count(4)
    page.get_by_text("More of this, of other orgs").click()
    expect(page.locator("#banners .banner:visible")).to_have_count(31)
    told = " ".join(page.locator("#banners .banner:visible").all_inner_texts())
    assert all(f"org-{at}" in told for at in range(30))


def test_filters_of_a_url_that_was_sent_on(page: Page, serve: Server) -> None:
    """The page comes up filtered, its form says by what, and what is well is unfolded."""
    page.goto(address(serve(burning_org("acme"), burning_org("globex")), "/?org=globex&q=branch"))

    expect(page.get_by_role("combobox", name="Org")).to_have_value("globex")
    expect(page.get_by_label("Text")).to_have_value("branch")
    expect(page.get_by_role("link", name="Branch Finder")).to_be_visible()
    assert page.locator(".well .where").all_inner_texts() == ["CRM · globex"]


def test_every_org_is_told(page: Page, serve: Server) -> None:
    """Each in a row of its own, and its actions name it; a click shows it alone."""
    page.goto(address(serve(burning_org("acme"), calm_org("globex"))))

    rows = page.locator(".orgs tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("5 of 8")
    expect(rows.last).to_contain_text("0 of 4")
    rows.last.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Nothing of this needs attention")).to_be_visible()
    expect(page.locator(".well tbody tr")).to_have_count(4)
    assert page.url.endswith("/?org=globex")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RemediationSnapshot(mode="auto", paused=True), "Changes of timeouts are paused until"),
        (RemediationSnapshot(mode="auto", tripped=True), "Changes of timeouts were stopped after"),
    ],
)
def test_what_stops_changes_stands_on_top(
    page: Page, serve: Server, state: RemediationSnapshot, words: str
) -> None:
    """In a sentence, with what ends it."""
    page.goto(address(serve(replace(burning_org(), remediation=state))))

    banner = page.locator("#banners .banner:visible").filter(has_text=words)
    expect(banner).to_contain_text("timeout-monitor resume")
    first = page.locator("#banners .banner:visible").first
    assert words in first.inner_text()


def test_a_name_is_text(page: Page, serve: Server) -> None:
    """Whatever it looks like, it stands there as it is written and does nothing."""
    page.goto(address(serve(hostile_org())))

    shown = page.locator(f"{ROWS} th .name").evaluate_all("(all) => all.map((a) => a.textContent)")
    assert sorted(shown) == sorted(HOSTILE_NAMES.values())
    page.locator("#well summary").click()
    well = page.locator(".well th .name").evaluate_all("(all) => all.map((a) => a.textContent)")
    assert sorted(well) == sorted(HOSTILE_NAMES.values())
    assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
@pytest.mark.parametrize("org", [burning_org, hostile_org])
def test_nothing_scrolls_sideways(
    page: Page, serve: Server, width: int, org: Callable[[], object]
) -> None:
    """At the width of a phone and of a wall, with everything unfolded."""
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(address(serve(org())))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".actions").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width


def test_words_and_tables_without_a_script(browser: Browser, serve: Server) -> None:
    """The rows, their words and moments, the banners, and a filter by a button."""
    site = serve(replace(burning_org(), remediation=RemediationSnapshot(paused=True)))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(site))

    assert names(page)[0] == "Order Status"
    expect(page.locator(ROWS).first).to_contain_text("going on since 21 Sep 11:15 UTC")
    expect(page.get_by_text("Changes of timeouts are paused")).to_be_visible()
    expect(page.get_by_text("Data is fresh")).to_be_visible()
    expect(page.get_by_text("Data is not up to date")).to_be_hidden()
    page.get_by_label("Text").fill("order")
    page.get_by_role("button", name="Filter").click()
    assert names(page) == ["Order Status"]
    context.close()


def test_by_keyboard(page: Page, serve: Server) -> None:
    """Past the navigation with one key, into the filter, and on to the first action's page."""
    page.goto(address(serve(burning_org())))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#news summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#news")).to_have_attribute("open", "")
    for label in ("Verdict", "Integration", "Text"):
        while page.evaluate("document.activeElement.tagName") in {"SUMMARY", "A"}:
            page.keyboard.press("Tab")
        expect(page.get_by_label(label)).to_be_focused()
        assert outline(page) != "none"
        page.keyboard.press("Tab")
    expect(link(page, "Order Status")).to_be_focused()
    assert outline(page) != "none"


def outline(page: Page) -> str:
    """How the element with the focus shows it."""
    style: str = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    return style
