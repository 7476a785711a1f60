"""The page of one action over real HTTP."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Never
from urllib.parse import quote

import pytest

from monitor.errors import LedgerError
from monitor.model import Action
from monitor.snapshot import OrgSnapshot, Snapshot
from monitor.time_ranges import TimeRange
from tests.web.action_world import (
    CREDIT,
    CRM,
    HOSTILE_ID,
    IDLE,
    NOW,
    ORG,
    SLOW,
    STATIC,
    WELL,
    ActionWorld,
    open_action_world,
    page_of,
)
from tests.web.conftest import Site, serve_actions
from tests.web.test_overview import read, text_of


def commands_of(html: str) -> list[str]:
    """The commands of a page, as they would be pasted."""
    return [unescape(one) for one in re.findall(r'<code tabindex="0">(.*?)</code>', html)]


def test_tells_the_verdict_its_evidence_and_what_would_help(action_site: Site) -> None:
    """The verdict in a word, since when, why, what a raise would bring and what it rests on."""
    answer = action_site.ask(page_of(SLOW.action_id))
    text = text_of(answer.text)
    assert answer.status == 200
    assert "slow tail since at least 13 Jan 00:00 UTC , goes on" in text
    assert "of the calls take longer than 5 s" in text
    assert "10 s advised" in text
    assert "timeouts a day would succeed" in text
    assert re.search(r"Calls that take longer than the timeout \d\.\d\d %", text)
    assert "Order service · acme · custom" in text


def test_tells_what_the_next_step_would_do_and_what_the_data_ask_for(action_site: Site) -> None:
    """The same numbers as in a plan: calls rescued a day with bounds, extra wait, slots."""
    text = text_of(action_site.ask(page_of(SLOW.action_id)).text)
    assert re.search(r"5 s, in force 9\d\.\d\d % \S \S 0\.\d", text)
    for name in ("7 s, next step", "10 s, what the data ask for"):
        told = rf"{name} 9\d\.\d\d % [\d,]+ \([\d,]+ to [\d,]+\) \d+ min.* longer at most 0\.\d"
        assert re.search(told, text), name
    assert "Raise it from 5 s to 7 s, a step to 10 s" in text
    quiet = text_of(action_site.ask(page_of(CREDIT.action_id)).text)
    assert "what the data ask for" not in quiet


def test_draws_what_the_state_knows(action_site: Site) -> None:
    """Three pictures: the hole, the change of the timeout, the bands and the curve are theirs."""
    html = action_site.ask(page_of(SLOW.action_id, "3d")).text
    text = text_of(html)
    assert [one for one in ("outcomes", "latency", "curve") if f'id="{one}"' in html] == [
        "outcomes",
        "latency",
        "curve",
    ]
    assert "The timeout changed at 2027-01-14 06:00: 3 s → 5 s." in text
    assert "Not read: 2027-01-15 02:00 to 04:00 UTC." in text
    assert "Timeouts: in force 5 s, advised 10 s, cap 30 s, earlier 3 s." in text
    assert "Nothing is claimed beyond 10 s." in text


def test_an_incident_is_shaded_and_told_with_its_end(action_site: Site) -> None:
    """From when to when, in the verdict and in the picture."""
    text = text_of(action_site.ask(page_of(CRM.action_id)).text)
    assert "outage from 15 Jan 09:00 UTC to 15 Jan 10:00 UTC , over" in text
    assert "Incident from 2027-01-15 09:00 to 10:00 UTC." in text
    assert "without the hours of incidents" in text


def test_names_whom_it_hit(action_site: Site) -> None:
    """Flows by conversations hit, callers lost beside them, the newest conversations by id."""
    text = text_of(action_site.ask(page_of(SLOW.action_id)).text)
    assert "Main menu flow-main 40 17 Billing flow-billing 20 0" in text
    assert "60 conversations hit by 60 timeouts in 24 hours; the newest 10:" in text
    assert "6f1d0000-2c1e-4b0a-9a57-3f0d8b7c0000" in text


def test_tells_changes_of_ours_and_of_others(action_site: Site) -> None:
    """From what to what, who, and what came of it."""
    ours = text_of(action_site.ask(page_of(SLOW.action_id)).text)
    assert "14 Jan 06:00 UTC 3 s → 5 s anna@ops-1 verified Timeouts fell from 14 % to 7 %" in ours
    theirs = text_of(action_site.ask(page_of(WELL.action_id)).text)
    assert "10 s → 12 s unknown made outside this program" in theirs


def test_gives_the_commands_to_paste(action_site: Site) -> None:
    """To apply where a raise is advised, to look closer, to plan, and to undo what is in force."""
    assert commands_of(action_site.ask(page_of(SLOW.action_id)).text) == [
        "timeout-monitor apply --org acme custom_-_order_status",
        "timeout-monitor investigate --org acme --since 1h custom_-_order_status",
        "timeout-monitor plan --org acme",
        "timeout-monitor rollback 1",
    ]
    assert commands_of(action_site.ask(page_of(CREDIT.action_id)).text) == [
        "timeout-monitor investigate --org acme --since 1h custom_-_credit_check",
        "timeout-monitor plan --org acme",
    ]


def test_a_name_is_text_and_an_id_may_hold_anything(action_site: Site) -> None:
    """Slashes, a query, quotes and markup: it has a page, and commands that a shell takes."""
    answer = action_site.ask(page_of(HOSTILE_ID))
    assert answer.status == 200
    assert "<img" not in answer.text
    assert HOSTILE_ID in text_of(answer.text)
    for command in commands_of(answer.text):
        words = shlex.split(command)
        assert words[0] == "timeout-monitor"
        assert HOSTILE_ID in words or words[1] == "plan"


@pytest.mark.parametrize("action", [IDLE, STATIC, WELL, CREDIT], ids=lambda one: one.name)
@pytest.mark.parametrize("period", ["6h", "24h", "3d", "7d", "nonsense"])
def test_every_action_has_a_page_for_every_period(
    action_site: Site, action: Action, period: str
) -> None:
    """Those that never ran too; what is no period is a day."""
    answer = action_site.ask(page_of(action.action_id, period))
    assert answer.status == 200
    read(answer.text)
    if action is IDLE:
        assert "Nothing ran from" in answer.text


def test_an_unknown_action_is_told_as_a_page(action_site: Site) -> None:
    """With what was asked for as text, and a way back."""
    answer = action_site.ask(page_of("<b>nobody</b>"))
    assert answer.status == 404
    assert answer.headers.get_content_type() == "text/html"
    text = text_of(answer.text)
    assert "has no data action with the id <b>nobody</b> : neither its catalogue" in text
    other = action_site.ask("/actions/nowhere/x")
    assert other.status == 404
    assert "No org that is watched is called nowhere" in text_of(other.text)


def test_a_state_that_cannot_be_read_is_told_in_words(action_world: ActionWorld) -> None:
    """503 and one sentence; what the snapshot knows is shown all the same."""

    def fail(org_snapshot: OrgSnapshot, action_id: str, time_range: TimeRange) -> Never:
        del org_snapshot, action_id, time_range
        reason = "The state is locked by another process"
        raise LedgerError(reason, "Wait.")

    with serve_actions(action_world, fail) as site:
        answer = site.ask(page_of(SLOW.action_id))
    text = text_of(answer.text)
    assert answer.status == 503
    assert "The state can't be read now" in text
    assert "The state is locked by another process." in text
    assert "slow tail" in text
    assert "None is known" not in text


def test_a_page_is_the_same_until_the_next_snapshot(action_world: ActionWorld) -> None:
    """Nothing in it is told by the moment of the request, so that it is sent once."""
    with serve_actions(action_world, action_world.read) as site:
        first = site.ask(page_of(SLOW.action_id))
        site.clock.at += 20
        again = site.ask(page_of(SLOW.action_id), If_None_Match=first.headers["ETag"])
    assert again.status == 304


def test_names_of_orgs_may_hold_slashes(action_world: ActionWorld) -> None:
    """The org whose name fits and that knows the action is meant."""
    with serve_actions(action_world, action_world.read) as site:
        odd = replace(action_world.snapshot, org="a/b")
        site.holder.swap(Snapshot(taken_at=NOW, orgs=(replace(odd, org="a"), odd)))
        path = f"/actions/{quote('a/b', safe='')}/{SLOW.action_id}"
        assert "· a/b ·" in text_of(site.ask(path).text)


def test_the_flow_contract_has_a_page(tmp_path: Path) -> None:
    """Where successes can't be seen nothing is claimed of them, and no curve is drawn."""
    with (
        open_action_world(tmp_path, contract="flow") as world,
        serve_actions(world, world.read) as site,
    ):
        answer = site.ask(page_of(SLOW.action_id))
    text = text_of(answer.text)
    assert answer.status == 200
    assert "successes can't be seen here" in text
    for name in ("Executions", "Failed otherwise", "Throttled"):
        assert not re.search(rf"\b{name} \d", text), name
    assert 'id="curve"' not in answer.text
    assert commands_of(answer.text)[0] == (
        f"timeout-monitor flow set-timeout --dry-run --org {ORG} flow-main {SLOW.action_id} 5000"
    )


def test_tells_what_was_told_of_it_over_time(action_site: Site) -> None:
    """In a picture above the outcomes, with the same as a table; and so does the API."""
    html = action_site.ask(f"{page_of(CRM.action_id)}?since=3d").text
    assert html.index('id="verdicts"') < html.index('id="outcomes"')
    text = text_of(html)
    assert "outage: from 2027-01-15 09:00 UTC, to 2027-01-15 10:00 UTC" in text
    assert re.search(r"healthy \S+ \S+ \S+ \S+ 01-13 04:00 01-15 09:20", text)
    assert "From, UTC, 2027" in text
    assert "outage 01-15 09:00 01-15 10:00 01-15 09:20 is told" in text

    asked = f"/api/v1/actions/{quote(ORG)}/{quote(CRM.action_id)}"
    timeline = action_site.ask(asked).json()["action"]["timeline"]
    assert [one["verdict"] for one in timeline["verdicts"]] == ["insufficient", "healthy", "outage"]
    assert timeline["verdicts"][-1] == {
        "verdict": "outage",
        "since": "2027-01-15T09:00:00Z",
        "until": "2027-01-15T10:00:00Z",
        "told_from": "2027-01-15T09:20:00Z",
        "told_until": None,
        "advised_timeout_seconds": None,
    }
    assert timeline["incidents"] == [
        {"from": "2027-01-15T09:00:00Z", "to": "2027-01-15T10:00:00Z", "ongoing": False}
    ]
    slow = action_site.ask(f"/api/v1/actions/{ORG}/{SLOW.action_id}").json()["action"]["timeline"]
    assert [(one["from_seconds"], one["to_seconds"]) for one in slow["timeouts"]] == [(3.0, 5.0)]
    assert slow["verdicts"][-1]["advised_timeout_seconds"] == 10.0


def test_a_timeline_that_can_t_be_read_is_null(action_world: ActionWorld) -> None:
    """All else is answered."""

    def fail(org: str, action_id: str, time_range: TimeRange) -> Never:
        del org, action_id, time_range
        raise LedgerError("the state is locked", "Wait.")

    with serve_actions(replace(action_world, told=fail), action_world.read) as site:
        answer = site.ask(f"/api/v1/actions/{ORG}/{SLOW.action_id}")
    assert answer.status == 200
    assert answer.json()["action"]["timeline"] is None
    assert answer.json()["action"]["verdict"] == "slow_tail"
