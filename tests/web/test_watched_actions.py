"""Which actions need attention, and which of them first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.diagnosis import Verdict, VerdictPeriod
from monitor.snapshot import OrgSnapshot
from monitor.web.overview_filters import OverviewFilters
from monitor.web.watched_actions import WatchedAction, watched_actions
from tests.exporter.snapshots import NOW, snapshot
from tests.web.overview_snapshots import GOING_ON, OVER, Watched, burning_org, watched_org


def loud(*actions: Watched) -> list[str]:
    """The names of those that need attention, in their order."""
    return [one.name for one in watched(watched_org(*actions)) if one.needs_attention]


def watched(*orgs: OrgSnapshot) -> tuple[WatchedAction, ...]:
    """Every action of some orgs."""
    return watched_actions(snapshot(*orgs))


def test_what_goes_on_comes_before_what_is_over() -> None:
    """However much worse that was."""
    over = Watched("over", Verdict.OUTAGE, 2_000, 4_000, 0, OVER)
    now = Watched("now", Verdict.HANGS, 30, 4_000, 1, GOING_ON)
    assert loud(over, now) == ["now", "over"]


def test_severity_comes_before_calls() -> None:
    """One call in twenty of a small action is worse than one in fifty of a large one."""
    many = Watched("many", Verdict.HANGS, 2_000, 100_000, 90, GOING_ON)
    often = Watched("often", Verdict.HANGS, 200, 2_400, 9, GOING_ON)
    assert loud(many, often) == ["often", "many"]


def test_more_calls_come_first_where_severity_is_the_same() -> None:
    """Those that the platform did not let run count like timeouts."""
    some = Watched("some", Verdict.HANGS, 300, 2_400, 9, GOING_ON)
    more = Watched("more", Verdict.THROTTLED, 200, 2_400, 9, GOING_ON)
    assert loud(some, more) == ["more", "some"]


@pytest.mark.parametrize("verdict", [Verdict.INSUFFICIENT, None])
def test_what_can_not_be_judged_and_timed_out_is_shown(verdict: Verdict | None) -> None:
    """24.7 % of next to no traffic stand above every healthy action; without a timeout below."""
    quiet = Watched("quiet", verdict, 18, 73)
    silent = Watched("silent", verdict, 0, 73)
    assert loud(quiet, silent, Watched("well", timeouts=40, executions=100_000)) == ["quiet"]


def test_what_bursts_now_is_shown_though_it_is_well_by_all_that_was_seen() -> None:
    """At least five, and one in twenty, of the last hour; and before a lesser trouble."""
    burst = Watched("burst", timeouts=20, executions=2_400, hour=20)
    chance = Watched("chance", timeouts=4, executions=2_400, hour=4)
    busy = Watched("busy", timeouts=40, executions=240_000, hour=40)
    hangs = Watched("hangs", Verdict.HANGS, 50, 2_400, 2, GOING_ON)
    assert loud(burst, chance, busy, hangs) == ["burst", "hangs"]


def test_without_a_period_the_last_hour_says_whether_it_goes_on() -> None:
    """A verdict of an older state has none."""
    calm = Watched("calm", Verdict.HANGS, 50, 2_400, 0)
    hit = Watched("hit", Verdict.HANGS, 50, 2_400, 1)
    found = {one.name: one.is_ongoing for one in watched(watched_org(calm, hit))}
    assert found == {"calm": False, "hit": True}


def test_a_period_says_whether_it_goes_on_whatever_the_hour() -> None:
    """An hour without a timeout ends nothing; timeouts of another kind begin it not again."""
    going = Watched("going", Verdict.HANGS, 50, 2_400, 0, GOING_ON)
    ended = Watched("ended", Verdict.OUTAGE, 50, 2_400, 3, VerdictPeriod(NOW - 9_000, NOW - 7_000))
    found = {one.name: one.is_ongoing for one in watched(watched_org(going, ended))}
    assert found == {"going": True, "ended": False}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"org": "globex", "verdict": "outage"}, ["Shipment Tracking"]),
        ({"integration": "Payments", "org": "acme"}, ["Take Payment", "Partner Token"]),
        ({"q": "ORDER ENQ", "org": "acme"}, ["Order Status"]),
        ({"q": "custom_-_take", "org": "acme"}, ["Take Payment"]),
        ({"verdict": "none"}, []),
        ({"org": "nobody"}, []),
    ],
)
def test_filters_hold_together(query: dict[str, str], names: list[str]) -> None:
    """Every one that is given; text is looked for in names, ids and flows, in any case."""
    both = watched(burning_org("acme"), burning_org("globex"))
    assert [one.name for one in OverviewFilters.of(query).apply(both)] == names


def test_an_org_that_was_not_judged_is_sorted_by_its_counts() -> None:
    """Before the first diagnosis what timed out most is first."""
    org = replace(burning_org(), diagnosis=None)
    found = [one for one in watched(org) if one.needs_attention]
    assert [one.verdict for one in found] == [None] * len(found)
    assert [one.name for one in found][:2] == ["Order Status", "Take Payment"]
