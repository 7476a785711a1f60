"""docs/pages.md against what the pages say."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

from monitor.ledger import OrgState
from monitor.snapshot import PollHealth, RemediationSnapshot, Snapshot
from monitor.web.banners import banners
from monitor.web.overview import MOST_ROWS, MOST_WELL
from monitor.web.overview_filters import OverviewFilters
from tests.exporter.snapshots import HEALTHY, NOW, ORG, diagnosed, org_snapshot

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pages.md").read_text(encoding="utf-8")


def documented() -> list[re.Pattern[str]]:
    """The sentences of the table, of which three dots stand for anything."""
    section = PAGE.partition("## On top of every page")[2].partition("\n## ")[0]
    told = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[1:]
    return [re.compile(re.escape(one).replace(r"\.\.\.", ".+")) for one in told]


def troubled() -> Snapshot:
    """Return a snapshot of orgs of which each has other troubles."""
    stopped = RemediationSnapshot(mode="auto", paused=True, tripped=True)
    health = replace(HEALTHY, problem="It failed", catalogue_problem="It failed too")
    judged = org_snapshot(diagnosis=diagnosed({}, taken_at=NOW - 3_600))
    refused = replace(HEALTHY, source_available={"actions": False}, refused={"actions": "Why."})
    return Snapshot(
        taken_at=NOW,
        orgs=(
            replace(org_snapshot(health=health), remediation=stopped),
            replace(org_snapshot(), org="standby", read_by="ops-2", is_leased=False),
            replace(org_snapshot(health=refused), org="refused"),
            org_snapshot(OrgState(ORG), health=PollHealth()),
            replace(judged, org="restarted", is_judged_here=False),
            replace(judged, org="not judged"),
        ),
        state_writable=False,
        clock_steps={"ahead": 1, "back": 2},
    )


def test_every_banner_of_the_page_is_one_of_the_program() -> None:
    """And each is shown where it should be; that nobody answers is the script's to say."""
    said = " ".join(str(one.words) for one in banners(troubled(), NOW + 900))
    script = (ROOT / "monitor" / "web" / "static" / "app.js").read_text(encoding="utf-8")

    patterns = documented()
    assert len(patterns) == 14
    missing = [one.pattern for one in patterns if not one.search(said)]
    assert missing == [r"No\ answer\ from\ Timeout\ Monitor\ since\ .+"]
    assert "No answer from Timeout Monitor" in script


def test_the_filters_are_those_of_the_url() -> None:
    """Each parameter stands on the page, and the length of long lists."""
    every = {one.name: "x" for one in fields(OverviewFilters)} | {"shows_all": True}
    url = OverviewFilters(**every).url  # type: ignore[arg-type]  # a text but for one flag

    names = re.findall(r"[?&](\w+)=", url)
    assert sorted(names) == ["integration", "org", "q", "show", "verdict"]
    assert all(f"{name}=" in PAGE for name in names)
    assert MOST_ROWS == MOST_WELL == 100
    assert "the first 100 are drawn" in PAGE


def test_readme_leads_to_the_page() -> None:
    """Whoever reads what it shows finds how it behaves."""
    assert "docs/pages.md" in (ROOT / "README.md").read_text(encoding="utf-8")
