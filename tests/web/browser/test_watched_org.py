"""The overview of a real daemon that reads the simulated org, held to what happened there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from monitor.config import Settings
from monitor.daemon import Daemon
from monitor.diagnosis import Verdict
from monitor.journal import Journal, Switch
from monitor.ledger import Ledger
from monitor.simulator import RunningSimulator, scenario
from monitor.snapshot import OrgSnapshot
from tests.clocks import NOON, ManualClock
from tests.end_to_end.expected_verdicts import deserved
from tests.simulated_org import ORG, happened, org_table, serve_org

PATIENCE_SECONDS = 90
WINDOW_SECONDS = 300
GOOD = {Verdict.HEALTHY, Verdict.TOO_LONG}
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


@dataclass
class WatchedOrg:
    """A daemon, the org that it reads, and the clock of both.

    Attributes:
        daemon: It serves pages.
        simulator: The org.
        clock: Stands still until a test moves it.
        journal: What commands of another process write to, such as ``pause``.
        end_simulator: Ends the org, for good.
    """

    daemon: Daemon
    simulator: RunningSimulator
    clock: ManualClock
    journal: Journal
    end_simulator: Callable[[], None]

    def wait_until(self, is_so: Callable[[OrgSnapshot], object]) -> None:
        """Wait for what the daemon shows; it polls every few seconds."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while not is_so(self.shown) and time.monotonic() < patience:
            threading.Event().wait(0.05)
        assert is_so(self.shown)

    @property
    def shown(self) -> OrgSnapshot:
        """The org as the daemon shows it."""
        return self.daemon.holder.current.orgs[0]

    def truth(self) -> dict[str, Any]:
        """What happened in the day that is shown."""
        day = self.shown.day.time_range
        return happened(self.simulator.url, day.start, day.end)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedOrg]:
    """A day of the default org at noon, read and judged."""
    folder: Path = tmp_path_factory.mktemp("watched")
    state = f"sqlite:///{folder / 'state.db'}"
    clock = ManualClock(NOON)
    with ExitStack() as stack:
        served = ExitStack()
        stack.callback(served.close)
        simulator = served.enter_context(serve_org(scenario("punctual", seed=1), clock))
        daemon = Daemon(
            Settings.model_validate(
                {
                    "collect": {"interval": "3s"},
                    "serve": {"port": 0},
                    "state": {"url": state},
                    "org": [org_table(simulator.url)],
                }
            ),
            clock=clock,
        )
        stack.callback(daemon.close)
        daemon.start()
        journal = stack.enter_context(Ledger.open(state)).journal
        watched = WatchedOrg(daemon, simulator, clock, journal, served.close)
        watched.wait_until(lambda shown: shown.diagnosis)
        yield watched


def rows(page: Page) -> dict[str, Locator]:
    """The rows that need attention, by the names of their actions."""
    found = page.locator(".actions tbody tr")
    names = found.locator("th .name").all_inner_texts()
    return {name: found.nth(at) for at, name in enumerate(names)}


def number(row: Locator, label: str) -> int:
    """What stands first in a cell."""
    text = row.locator(f"td[data-label='{label}']").inner_text()
    return int(text.split()[0].replace(",", ""))


def test_shows_the_actions_and_verdicts_of_the_truth(page: Page, org: WatchedOrg) -> None:
    """Who deserves a bad verdict stands in the table with it, who deserves a good one does not."""
    page.goto(org.daemon.address)
    shown = rows(page)
    day = org.shown.day.time_range
    wrong = {}
    for action in scenario("punctual", seed=1).actions:
        right = deserved(action, day.start, day.end)
        if right <= GOOD:
            if action.name in shown:
                wrong[action.name] = "is well, and stands among those that are not"
        elif action.name in shown:
            said = shown[action.name].locator(".mark").inner_text()
            if said not in {verdict.replace("_", " ") for verdict in right}:
                wrong[action.name] = f"{said}, and deserves {sorted(right)}"
        elif not right & GOOD and right != {Verdict.INSUFFICIENT}:
            wrong[action.name] = f"deserves {sorted(right)}, and is not shown"
    assert wrong == {}
    expect(page.locator("#attention-title")).to_have_text(
        f"{len(shown)} data actions need attention"
    )


def test_counts_are_those_of_the_truth(page: Page, org: WatchedOrg) -> None:
    """Of each row, and the headline is their sum with what is folded away."""
    page.goto(org.daemon.address)
    truth = org.truth()["actions"]
    ids = {one.name: one.action_id for one in scenario("punctual", seed=1).actions}
    shown = {name: number(row, "24 h") for name, row in rows(page).items()}

    assert shown == {name: truth[ids[name]]["timeout"] for name in shown}
    tile = page.locator(".tiles div").filter(has_text="Timeouts, last 24 h").locator("strong")
    total = sum(one["timeout"] for one in truth.values())
    assert int(tile.inner_text().replace(",", "")) == total


def test_an_outage_is_told_from_when_to_when(page: Page, org: WatchedOrg) -> None:
    """To the window, as the simulator has it; it is over, and stands below what goes on."""
    page.goto(org.daemon.address)
    (outage,) = org.truth()["outages"]
    row = rows(page)["Shipment Tracking"]

    expect(row).to_contain_text("outage")
    expect(row).to_contain_text("over:")
    moments = [
        datetime.fromisoformat(one.get_attribute("datetime") or "").timestamp()
        for one in row.locator(".sub time").all()
    ]
    assert moments == pytest.approx([outage["from"], outage["to"]], abs=WINDOW_SECONDS)
    names = list(rows(page))
    assert names[-1] == "Shipment Tracking"


def test_filters_by_click_and_by_url(page: Page, org: WatchedOrg) -> None:
    """A verdict that is chosen is in the URL, which shows the same when it is opened again."""
    page.goto(org.daemon.address)
    page.get_by_label("Verdict").select_option("outage")
    expect(page.locator(".actions tbody tr")).to_have_count(1)
    url = page.url

    page.goto("about:blank")
    page.goto(url)
    assert list(rows(page)) == ["Shipment Tracking"]


def test_a_pause_and_a_stop_are_told(page: Page, org: WatchedOrg) -> None:
    """Of another process, in a page that is open already; and no more when they are over."""
    page.goto(org.daemon.address)
    banners = page.locator("#banners .banner:visible")
    expect(banners).to_have_count(0)

    org.journal.pause(ORG, Switch(NOON, "ada@ops-2", "Maintenance"))
    org.wait_until(lambda shown: shown.remediation.paused)
    page.evaluate(LOOK_AGAIN)
    expect(banners).to_contain_text("Changes of timeouts are paused until timeout-monitor resume.")

    lease = org.journal.take_lease(ORG, "test", time.time(), 60)
    assert lease is not None
    org.journal.trip(lease, Switch(NOON, "auto", "Failures in a row"))
    org.journal.give_back(lease)
    org.wait_until(lambda shown: shown.remediation.tripped)
    page.evaluate(LOOK_AGAIN)
    expect(banners.first).to_contain_text("Changes of timeouts were stopped after failures")

    org.journal.resume(ORG, Switch(NOON, "ada@ops-2"))
    org.wait_until(lambda shown: not shown.remediation.paused)
    page.evaluate(LOOK_AGAIN)
    expect(banners).to_have_count(0)


def test_a_tab_that_is_left_open_while_the_org_is_gone(page: Page, org: WatchedOrg) -> None:
    """The simulator ends, time passes: the page turns red without a click."""
    page.goto(org.daemon.address)
    expect(page.get_by_text("Data is fresh")).to_be_visible()

    org.end_simulator()
    org.clock.at += 1_000
    page.evaluate(LOOK_AGAIN)

    banner = page.locator("#banners .bad:visible")
    expect(banner).to_contain_text("Data is stale; last read: actions 16 minutes ago")
    expect(page.get_by_text("Data is not up to date")).to_be_visible()
    assert page.title() == "(!) Timeout Monitor"
    assert list(rows(page))
