"""Entries of the audit log, as they come over the wire."""

from __future__ import annotations

import pytest

from monitor.errors import PermissionDeniedError
from monitor.genesys import Client
from monitor.genesys.api.audits import MOST_PAGES, action_audits
from monitor.time_ranges import TimeRange
from tests.genesys.far_side import FarSide, Reply

AUDITS = "POST /api/v2/audits/query/realtime"
HOUR = TimeRange(1_767_225_600, 1_767_229_200)


def page(*entries: str, page_count: int | None = None) -> Reply:
    """A page of entries, each ``ID@MINUTE``."""
    shown = []
    for entry in entries:
        name, _, minute = entry.partition("@")
        shown.append({"id": name, "eventDate": f"2026-01-01T00:{minute:>02}:00Z"})
    body: dict[str, object] = {"entities": shown}
    return Reply(body=body if page_count is None else body | {"pageCount": page_count})


def ids(client: Client) -> list[str]:
    """The ids of all entries of the hour."""
    return [entry.id for entry in action_audits(client, HOUR).entries]


def test_every_page_is_read_oldest_first(client: Client, far_side: FarSide) -> None:
    """With the names of users, about actions alone."""
    far_side.on(AUDITS, page("b@2", "a@1", page_count=2), page("c@3", page_count=2))

    assert ids(client) == ["a", "b", "c"]
    first, second = far_side.requests(AUDITS)
    assert first.query == {"expand": "user"}
    assert first.json == {
        "interval": "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z",
        "serviceName": "Integrations",
        "filters": [{"property": "EntityType", "value": "Action"}],
        "sort": [{"name": "Timestamp", "sortOrder": "ascending"}],
        "pageNumber": 1,
        "pageSize": 100,
    }
    assert second.json["pageNumber"] == 2


@pytest.mark.parametrize(
    "last", [page(), Reply(body={}), Reply(body={"entities": None, "pageCount": None})]
)
def test_an_empty_page_is_the_last(client: Client, far_side: FarSide, last: Reply) -> None:
    """Where the platform counts no pages."""
    far_side.on(AUDITS, page("a@1"), last)
    assert ids(client) == ["a"]


def test_a_page_of_known_entries_is_not_the_last(client: Client, far_side: FarSide) -> None:
    """New entries push old ones to the next page while it is read."""
    far_side.on(
        AUDITS,
        page("a@1", page_count=3),
        page("a@1", page_count=3),
        page("b@2", page_count=3),
    )
    assert ids(client) == ["a", "b"]


def test_a_platform_that_never_ends_is_not_asked_for_ever(
    client: Client, far_side: FarSide
) -> None:
    """What was read is kept, and known not to be all."""
    far_side.on(AUDITS, page("a@1", page_count=9_999))

    found = action_audits(client, HOUR)
    assert len(far_side.requests(AUDITS)) == MOST_PAGES
    assert (len(found.entries), found.complete) == (1, False)


def test_one_bad_entry_costs_that_entry(client: Client, far_side: FarSide) -> None:
    """And is counted under the source's name."""
    good, when = "2026-01-01T00:05:00Z", "eventDate"
    bad = [
        {"id": None, when: good},
        {"id": "late", when: "yesterday"},
        {"id": "zoneless", when: "2026-01-01T00:05:00"},
        {"id": "old", when: "0001-01-01T00:00:00Z"},
        {"id": "new", when: "9999-12-31T23:59:59Z"},
        {"id": "shape", when: good, "propertyChanges": "all of them"},
        17,
    ]
    name = {"id": "u1", "name": "A\ud83c\x00da"}
    whole = {"id": "a", when: good, "user": name, "propertyChanges": [{"oldValues": [5]}]}
    far_side.on(AUDITS, Reply(body={"entities": [*bad, whole], "pageCount": 1}))

    (entry,) = action_audits(client, HOUR).entries
    assert (entry.id, entry.property_changes[0].old_values) == ("a", ("5",))  # type: ignore[index]
    dropped = client.stats().dropped_records
    assert {source for source, _ in dropped} == {"audits"}
    assert sum(dropped.values()) == len(bad)


def test_a_missing_permission_is_named(client: Client, far_side: FarSide) -> None:
    """As for every endpoint."""
    far_side.on(AUDITS, Reply(403, {"code": "missing.permission", "status": 403}))
    with pytest.raises(PermissionDeniedError) as caught:
        action_audits(client, HOUR)
    assert "audits:audit:view" in caught.value.hint
