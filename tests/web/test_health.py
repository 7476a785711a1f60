"""Health over real HTTP, and the rule behind it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from monitor.ledger import OrgState, SourceState
from monitor.snapshot import OrgSnapshot, PollHealth, Snapshot
from monitor.web.readiness import why_not_ready
from tests.clocks import DAY, ManualClock
from tests.exporter.snapshots import (
    HEALTHY,
    NOW,
    ORG,
    fresh_sources,
    org_snapshot,
)
from tests.web.conftest import Site

Server = Callable[..., Site]

BOTH = {"actions": True, "conversations": True}


def read_at(org: str, **last_success_at: float) -> OrgSnapshot:
    """An org whose sources were last read at these moments and still answer."""
    sources = {name: SourceState(name, at) for name, at in last_success_at.items() if at}
    health = PollHealth(polls={"ok": 1}, source_available=dict.fromkeys(last_success_at, True))
    return org_snapshot(OrgState(org, sources=sources), health=health)


def test_alive_whatever_the_data(serve: Server) -> None:
    """The process is alive even when nothing has been read."""
    answer = serve(shown=Snapshot(taken_at=NOW)).ask("/healthz")

    assert answer.status == 200
    assert answer.json() == {"alive": True}


def test_ready_with_fresh_data(serve: Server) -> None:
    """An org whose answering sources were read just now is ready."""
    answer = serve(org_snapshot()).ask("/readyz")

    assert answer.status == 200
    assert answer.json() == {"ready": True, "reasons": [], "standby": []}


def test_a_standby_is_ready_and_calm(serve: Server) -> None:
    """What another program reads is that one's to answer for, however old it looks from here."""
    stale = replace(
        org_snapshot(), read_by="ops-2 (process 7)", is_leased=False, polled_at=NOW - DAY
    )
    page = serve(stale)

    answer = page.ask("/readyz")
    assert answer.status == 200
    assert answer.json() == {
        "ready": True,
        "reasons": [],
        "standby": [{"org": ORG, "read_by": "ops-2 (process 7)"}],
    }
    text = page.ask("/").text
    assert "Standby: read by ops-2 (process 7)" in text
    assert re.search('class="mark unknown"[^>]*>Standby', text)
    assert "Data is fresh" not in text


def test_a_standby_says_that_what_it_shows_is_old(serve: Server) -> None:
    """Its reader reads numbers of a day ago, whoever is to answer for that."""
    page = serve(replace(org_snapshot(), read_by="ops-2", is_leased=False))
    page.clock.at += DAY

    text = page.ask("/").text
    assert "Data is not up to date</span>" in text
    assert 'class="mark unknown"' not in text
    assert "Data is stale; last read: actions <time" in text
    assert page.ask("/readyz").status == 200


def test_not_ready_before_anything_was_read(serve: Server) -> None:
    """The snapshot that a daemon begins with says that nothing has been read."""
    answer = serve(shown=Snapshot(taken_at=NOW)).ask("/readyz")

    assert answer.status == 503
    assert [reason["reason"] for reason in answer.json()["reasons"]] == [
        "nothing has been read yet"
    ]


@pytest.mark.parametrize("polls", [{}, {"failed": 4}])
def test_not_ready_until_a_poll_has_succeeded(serve: Server, polls: dict[str, int]) -> None:
    """Data of an earlier run is not enough: a poll of this one has to succeed first."""
    health = replace(HEALTHY, polls=polls, problem="The platform can't be reached")
    answer = serve(org_snapshot(health=health)).ask("/readyz")

    assert answer.status == 503
    assert answer.json()["reasons"] == [
        {
            "org": ORG,
            "source": None,
            "reason": "no poll has succeeded since the start",
            "last_success_at": None,
            "stale_since": None,
            "problem": "The platform can't be reached",
        }
    ]


def test_poll_that_read_a_part_makes_ready(serve: Server) -> None:
    """A poll of which one source failed counts: freshness of each source decides."""
    health = replace(HEALTHY, polls={"partial": 1})

    assert serve(org_snapshot(health=health)).ask("/readyz").status == 200


def test_stale_source_is_named_with_its_moment(serve: Server) -> None:
    """A source that was not read for too long makes unready, and says since when."""
    site = serve(read_at(ORG, actions=NOW - 10, conversations=NOW - 400))
    answer = site.ask("/readyz")

    assert answer.status == 503
    assert answer.json()["reasons"] == [
        {
            "org": ORG,
            "source": "conversations",
            "reason": "stale",
            "last_success_at": "2026-09-21T14:08:20Z",
            "stale_since": "2026-09-21T14:13:20Z",
            "problem": None,
        }
    ]


def test_data_grows_stale_without_a_new_snapshot(serve: Server) -> None:
    """A daemon that hangs is noticed: freshness is that of the moment of the request."""
    site = serve(org_snapshot())

    assert site.ask("/readyz").status == 200
    site.clock.at += 400
    assert site.ask("/readyz").status == 503


@pytest.mark.parametrize("step", [-600.0, 7_200.0])
def test_a_clock_that_is_set_makes_nothing_fresh_or_stale(step: float) -> None:
    """Neither set back by ten minutes, nor ahead by two hours: polls that stop are noticed."""
    clock = ManualClock(NOW)
    shown = Snapshot(NOW, (read_at(ORG, actions=NOW),), taken_at_monotonic=clock.monotonic())
    clock.ahead += step
    clock.at += 290
    assert why_not_ready(shown, shown.moment(clock)) == ()
    clock.at += 20
    reasons = why_not_ready(shown, shown.moment(clock))
    assert [(one.reason, one.source) for one in reasons] == [
        ("no poll has ended for 315 s", ""),
        ("stale", "actions"),
    ]


def test_polls_that_end_no_more_are_not_ready(serve: Server) -> None:
    """One that never ends reads nothing new, whatever it has read so far."""
    site = serve(replace(org_snapshot(), polled_at=NOW - 400))

    [reason] = site.ask("/readyz").json()["reasons"]
    assert reason["reason"] == "no poll has ended for 400 s"
    assert "the newest poll ended <time" in site.ask("/").text


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        (7_200.0, "the clock that windows go by is 7200 s behind the platform's"),
        (-7_200.0, "the clock that windows go by is 7200 s ahead of the platform's"),
    ],
)
def test_a_clock_that_is_off_is_not_ready(serve: Server, skew: float, said: str) -> None:
    """It asks for windows that are not over, or no more for those that are."""
    health = replace(HEALTHY, clock_skew_seconds=skew)

    answer = serve(org_snapshot(health=health)).ask("/readyz")
    assert (answer.status, answer.json()["reasons"][0]["reason"]) == (503, said)


def test_a_clock_that_is_a_little_off_does(serve: Server) -> None:
    """Nothing is moved by it."""
    health = replace(HEALTHY, clock_skew_seconds=-200.0)

    assert serve(org_snapshot(health=health)).ask("/readyz").status == 200


def test_source_that_does_not_answer_does_not_make_unready(serve: Server) -> None:
    """One optional source without permission leaves the others fresh."""
    stale = replace(fresh_sources()["conversations"], last_success_at=0.0)
    state = OrgState(ORG, sources={"actions": fresh_sources()["actions"], "conversations": stale})

    assert serve(org_snapshot(state)).ask("/readyz").status == 200


def test_org_without_an_answering_source_is_unready(serve: Server) -> None:
    """Where every source is refused, the org is unready however new its data is."""
    health = replace(HEALTHY, source_available=dict.fromkeys(BOTH, False))
    answer = serve(org_snapshot(health=health)).ask("/readyz")

    assert answer.status == 503
    reasons = answer.json()["reasons"]
    assert [(one["org"], one["source"], one["reason"]) for one in reasons] == [
        (ORG, "actions", "refused"),
        (ORG, None, "no source answers"),
    ]


WHY = "The OAuth client may not use POST /query. Grant integrations:action:view to a role."


@pytest.mark.parametrize(
    ("contract", "required", "other"),
    [("platform", "actions", "conversations"), ("flow", "conversations", "flow-errors")],
)
def test_without_the_required_permission_nothing_is_ready(
    serve: Server, contract: str, required: str, other: str
) -> None:
    """However new the data is, and whatever else answers; each place names the permission."""
    health = replace(
        HEALTHY,
        source_available={required: False, other: True},
        refused={required: WHY},
        problem="The OAuth client may not use POST /query",
    )
    state = OrgState(ORG, sources={one: SourceState(one, NOW - 5) for one in (required, other)})
    site = serve(org_snapshot(state, contract=contract, health=health))
    answer = site.ask("/readyz")

    assert answer.status == 503
    (reason,) = answer.json()["reasons"]
    assert (reason["source"], reason["reason"], reason["problem"]) == (required, "refused", WHY)
    status = site.ask("/api/v1/status").json()
    assert status["ready"] is False
    assert status["orgs"][0]["refused"] == [{"source": required, "required": True, "why": WHY}]
    page = site.ask("/").text
    assert "Data is not up to date" in page
    assert f"Source {required} is refused, so nothing is counted. {WHY}" in page


def test_an_optional_source_that_is_off_is_told_beside_fresh_data(serve: Server) -> None:
    """What is off is not healthy: the first line of the page names it, and a note says why."""
    health = replace(
        HEALTHY,
        source_available={"actions": True, "conversations": False, "audits": False},
        refused={"conversations": WHY},
    )
    site = serve(org_snapshot(health=health))
    page = site.ask("/").text

    assert site.ask("/readyz").status == 200
    assert "Data is fresh, without audits and conversations" in page
    assert f"Source conversations does not answer, so what it tells is not known. {WHY}" in page
    refused = site.ask("/api/v1/status").json()["orgs"][0]["refused"]
    assert refused == [{"source": "conversations", "required": False, "why": WHY}]


def test_one_stale_org_of_several_makes_unready(serve: Server) -> None:
    """Every stale org is named, and no fresh one."""
    answer = serve(read_at("acme", actions=NOW - 5), read_at("globex", actions=NOW - 900)).ask(
        "/readyz"
    )

    assert answer.status == 503
    assert [reason["org"] for reason in answer.json()["reasons"]] == ["globex"]
