"""Every request that the program can send against the documented limits of the platform."""

from __future__ import annotations

import json

import pytest

from monitor.config import ClassifySettings
from monitor.genesys import Client
from monitor.genesys.client.rate_limiter import REQUESTS_PER_SECOND
from monitor.platform_limits import (
    LIMITS,
    LONGEST_AGGREGATE_DAYS,
    LONGEST_DETAIL_DAYS,
    LONGEST_UNFILTERED_DETAIL_DAYS,
    MOST_CONVERSATIONS_A_PAGE,
    MOST_ENTITIES_A_PAGE,
    MOST_IDS,
    MOST_REQUESTS_A_MINUTE,
    MOST_ROWS_A_JOB_PAGE,
    MOST_VIEWS,
    beyond,
)
from monitor.sources import ActionsSource, ConversationsSource, ExecutionBounds
from monitor.time_ranges import TimeRange
from tests.conformance.test_requests_match_the_sdk import CASES
from tests.genesys.far_side import FarSide, Reply, Seen

NOON = 1_795_435_200
AGGREGATES = "/api/v2/analytics/actions/aggregates/query"
FLOW_AGGREGATES = "/api/v2/analytics/flows/aggregates/query"
DETAILS = "/api/v2/analytics/conversations/details/query"
ACTIONS = "/api/v2/integrations/actions"


def broken(seen: Seen) -> list[str]:
    """Which limits a request goes beyond."""
    body = json.loads(seen.body) if seen.body.startswith(b"{") else {}
    return [*beyond(seen.path, seen.query, body)]


def all_of(far_side: FarSide, path: str) -> list[Seen]:
    """What arrived at a path; at least one thing did, and nothing went beyond a limit."""
    for seen in far_side.seen:
        assert broken(seen) == [], seen.path
    arrived = [seen for seen in far_side.seen if seen.path == path]
    assert arrived, f"nothing was asked of {path}"
    return arrived


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.method)
def test_no_question_goes_beyond_a_limit(case: object, client: Client, far_side: FarSide) -> None:
    """Each question that there is, with everything that it can hold."""
    case.ask(client)  # type: ignore[attr-defined]
    for seen in far_side.seen:
        assert broken(seen) == []


@pytest.mark.parametrize("window_seconds", [60, 300, 900, 1800, 3600])
@pytest.mark.parametrize("deep", [True, False])
def test_the_longest_read_of_executions(
    client: Client, far_side: FarSide, window_seconds: int, *, deep: bool
) -> None:
    """A whole slice, in windows of every length."""
    far_side.on(f"POST {AGGREGATES}", Reply(body={}))
    source = ActionsSource(client)
    source.read(TimeRange(NOON - source.slice_seconds, NOON), window_seconds, deep=deep)
    asked = all_of(far_side, AGGREGATES)
    assert max(len(seen.json.get("views", ())) for seen in asked) == MOST_VIEWS


class Nobody:
    """Attributes nothing."""

    def action_named(self, _name: str) -> str | None:
        """Nobody is called so."""
        return None

    def sole_action(self, _flow_id: str) -> str | None:
        """No flow is known."""
        return None


@pytest.mark.parametrize("deep", [True, False])
def test_the_longest_read_of_detail_records(
    client: Client, far_side: FarSide, *, deep: bool
) -> None:
    """A whole slice and how far a deep read looks back: always with a filter."""
    far_side.otherwise = Reply(body={})
    source = ConversationsSource(client, ClassifySettings().classifier(), Nobody())
    source.read(TimeRange(NOON - source.slice_seconds, NOON), 300, deep=deep)
    for seen in all_of(far_side, DETAILS):
        assert seen.json["segmentFilters"]
        assert seen.json["paging"]["pageSize"] == MOST_CONVERSATIONS_A_PAGE


def test_the_pages_of_a_job() -> None:
    """Rows a page, as the usual bounds have them."""
    assert ExecutionBounds().page_size <= MOST_ROWS_A_JOB_PAGE


def test_the_pace_stays_below_the_platforms() -> None:
    """A fifth is left to other clients of the same token."""
    assert REQUESTS_PER_SECOND * 60 < MOST_REQUESTS_A_MINUTE


def day(number: int) -> str:
    """A whole day, and so many before it."""
    return f"2026-10-{31 - number + 1:02}T00:00:00.000Z/2026-11-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("path", "query", "kept", "broken_by_one"),
    [
        (AGGREGATES, {}, {"views": [{}] * MOST_VIEWS}, {"views": [{}] * (MOST_VIEWS + 1)}),
        (
            FLOW_AGGREGATES,
            {},
            {"interval": day(LONGEST_AGGREGATE_DAYS)},
            {"interval": "2026-09-30T00:00:00.000Z/2026-11-01T00:00:00.000Z"},
        ),
        (
            DETAILS,
            {},
            {"segmentFilters": [{}], "interval": day(LONGEST_DETAIL_DAYS)},
            {
                "segmentFilters": [{}],
                "interval": "2026-09-30T23:59:00.000Z/2026-11-01T00:00:00.000Z",
            },
        ),
        (
            DETAILS,
            {},
            {"interval": day(LONGEST_UNFILTERED_DETAIL_DAYS)},
            {"interval": day(LONGEST_UNFILTERED_DETAIL_DAYS + 1), "segmentFilters": []},
        ),
        (
            DETAILS,
            {},
            {"paging": {"pageSize": MOST_CONVERSATIONS_A_PAGE}},
            {"paging": {"pageSize": MOST_CONVERSATIONS_A_PAGE + 1}},
        ),
        (
            f"{ACTIONS}/jobs",
            {},
            {"pageSize": MOST_ROWS_A_JOB_PAGE},
            {"pageSize": MOST_ROWS_A_JOB_PAGE + 1},
        ),
    ],
)
def test_one_more_than_the_most_is_found(
    path: str, query: dict[str, str], kept: dict[str, object], broken_by_one: dict[str, object]
) -> None:
    """A check that finds nothing would be none."""
    assert [*beyond(path, query, kept)] == []
    assert len([*beyond(path, query, broken_by_one)]) == 1


def test_one_more_than_the_most_is_found_in_an_address() -> None:
    """Pages and ids of listings."""
    most = {"pageSize": str(MOST_ENTITIES_A_PAGE), "ids": ",".join("x" * MOST_IDS)}
    assert [*beyond(ACTIONS, most, {})] == []
    more = {"pageSize": str(MOST_ENTITIES_A_PAGE + 1), "ids": ",".join("x" * (MOST_IDS + 1))}
    assert len([*beyond(ACTIONS, more, {})]) == 2


def test_the_table_says_what_there_is() -> None:
    """Each limit once, with its source."""
    assert len({one.subject for one in LIMITS}) == len(LIMITS)
    assert all(one.source and one.program for one in LIMITS)
