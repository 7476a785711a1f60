"""Actions, integrations, flows that use them, limits, the org, and the table of regions."""

from __future__ import annotations

import re
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest
from structlog.testing import capture_logs

from monitor.errors import NotFoundError, PermissionDeniedError, WrongShapeError
from monitor.genesys import Client
from monitor.genesys.api.actions import (
    IntegrationAction,
    ListedIntegration,
    get_action,
    list_actions,
    list_integrations,
)
from monitor.genesys.api.dependencies import consuming_flows, tracking_is_built
from monitor.genesys.api.org_limits import data_action_limits
from monitor.genesys.api.organization import REGIONS, is_known_region, whoami
from monitor.genesys.api.pagination import MOST_BARREN_PAGES
from tests.clocks import ManualClock
from tests.genesys.far_side import Act, FarSide, Reply

ACTIONS = "GET /api/v2/integrations/actions"
INTEGRATIONS = "GET /api/v2/integrations"
CONSUMERS = "GET /api/v2/architect/dependencytracking/consumingresources"
BUILD = "GET /api/v2/architect/dependencytracking/build"
LIMITS = "GET /api/v2/organizations/limits/namespaces/dataactions"
ME = "GET /api/v2/organizations/me"


def page(*ids: str, page_count: int | None = None) -> Reply:
    """A page of named things."""
    body: dict[str, object] = {"entities": [{"id": i, "name": f"Name {i}"} for i in ids]}
    return Reply(body=body if page_count is None else body | {"pageCount": page_count})


def test_every_page_of_actions_is_read(client: Client, far_side: FarSide) -> None:
    """Page by page with configuration, up to the last one that the platform counts."""
    far_side.on(ACTIONS, page("a", "b", page_count=2), page("c", page_count=2))

    assert [action.id for action in list_actions(client)] == ["a", "b", "c"]
    assert [seen.query for seen in far_side.requests(ACTIONS)] == [
        {"includeConfig": "true", "pageSize": "100", "pageNumber": "1"},
        {"includeConfig": "true", "pageSize": "100", "pageNumber": "2"},
    ]


@pytest.mark.parametrize("last", [page(), Reply(body={}), Reply(body={"entities": None})])
def test_an_empty_page_is_the_last(client: Client, far_side: FarSide, last: Reply) -> None:
    """Where the platform counts no pages, reading ends at the first one with nothing in it."""
    far_side.on(ACTIONS, page("a"), last)

    assert [action.id for action in list_actions(client)] == ["a"]


def test_a_platform_that_repeats_a_page_is_not_asked_for_ever(
    client: Client, far_side: FarSide
) -> None:
    """A page that brings nothing new ends the reading; an action is listed once."""
    far_side.on(ACTIONS, page("a", "b"), page("b", "c"), page("b", "c"))

    assert [action.id for action in list_actions(client)] == ["a", "b", "c"]
    assert len(far_side.requests(ACTIONS)) == 3


def test_an_org_without_actions_is_an_empty_list(client: Client, far_side: FarSide) -> None:
    """It takes one request to know."""
    far_side.on(ACTIONS, page(page_count=0))

    assert list_actions(client) == []
    assert len(far_side.requests(ACTIONS)) == 1


@pytest.mark.parametrize(
    ("config", "timeout_ms"),
    [
        ({"timeoutSeconds": 10}, 10_000),
        ({"timeoutSeconds": 0}, None),
        ({"timeoutSeconds": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_timeout_that_is_not_set_is_none(
    client: Client, far_side: FarSide, config: object, timeout_ms: int | None
) -> None:
    """Absent, null and 0 all mean that the platform's own default holds."""
    far_side.on(
        ACTIONS + "/custom_-_1",
        Reply(
            body={
                "id": "custom_-_1",
                "name": "Get Customer",
                "integrationId": "i",
                "category": "Web Services Data Actions",
                "version": 7,
                "config": config,
            }
        ),
    )

    assert get_action(client, "custom_-_1") == IntegrationAction(
        id="custom_-_1",
        name="Get Customer",
        integration_id="i",
        category="Web Services Data Actions",
        version=7,
        timeout_ms=timeout_ms,
    )


def test_fields_that_are_left_out_read_as_empty(client: Client, far_side: FarSide) -> None:
    """An action without a name goes by its id."""
    far_side.on(ACTIONS + "/a", Reply(body={"id": "a", "name": None, "category": None}))

    assert get_action(client, "a") == IntegrationAction(id="a", name="a")


def test_an_unknown_action_is_not_found(client: Client, far_side: FarSide) -> None:
    """The error names the endpoint, not the id's own path."""
    with pytest.raises(NotFoundError) as caught:
        get_action(client, "a")

    assert caught.value.endpoint == "GET /api/v2/integrations/actions/{actionId}"
    assert far_side.requests(ACTIONS + "/a")


def test_integrations_are_names_by_id(client: Client, far_side: FarSide) -> None:
    """One without a name has an empty one."""
    far_side.on(
        INTEGRATIONS,
        Reply(body={"entities": [{"id": "i", "name": "CRM"}, {"id": "j"}], "pageCount": 1}),
    )

    assert list_integrations(client) == {"i": ListedIntegration("CRM"), "j": ListedIntegration()}


def test_only_flows_that_exist_are_users_of_an_action(client: Client, far_side: FarSide) -> None:
    """Scripts use actions too, and deleted flows stay listed."""
    far_side.on(
        CONSUMERS,
        Reply(
            body={
                "entities": [
                    {"id": "1", "name": "Main", "type": "INBOUNDCALLFLOW"},
                    {"id": "2", "name": "Work", "type": "WORKFLOW", "deleted": False},
                    {"id": "3", "name": "Gone", "type": "BOTFLOW", "deleted": True},
                    {"id": "4", "name": "Script", "type": "COMPOSERSCRIPT"},
                    {"id": "5", "name": "?"},
                    {"id": "6", "type": "inboundchatflow"},
                ],
                "pageCount": 1,
            }
        ),
    )

    assert consuming_flows(client, "a", secure=False) == {"1": "Main", "2": "Work", "6": ""}
    assert far_side.requests(CONSUMERS)[0].query == {
        "id": "a",
        "objectType": "DATAACTION",
        "pageSize": "100",
        "pageNumber": "1",
    }


def versions(*ids: str, page_count: int | None = None) -> Reply:
    """A page of flows; the same one once for each of its versions."""
    entities = [{"id": i, "name": i, "type": "INBOUNDCALLFLOW"} for i in ids]
    body: dict[str, object] = {"entities": entities}
    return Reply(body=body if page_count is None else body | {"pageCount": page_count})


def test_a_page_of_versions_that_are_known_is_not_the_last(
    client: Client, far_side: FarSide
) -> None:
    """A flow comes once for each of its versions: the platform's count of pages says more."""
    full = versions(*["a"] * 100, page_count=3)
    far_side.on(CONSUMERS, full, full, versions("a", "b", page_count=3))

    assert consuming_flows(client, "x", secure=False) == {"a": "a", "b": "b"}
    assert len(far_side.requests(CONSUMERS)) == 3


def test_a_full_page_of_what_is_known_is_not_the_last_where_no_pages_are_counted(
    client: Client, far_side: FarSide
) -> None:
    """It may go on with another flow; a page that is not full ends it."""
    full = versions(*["a"] * 100)
    far_side.on(CONSUMERS, full, full, versions("a", "b"), versions("b"))

    assert consuming_flows(client, "x", secure=False) == {"a": "a", "b": "b"}
    assert len(far_side.requests(CONSUMERS)) == 4


@pytest.mark.parametrize("page_count", [None, 1_000_000])
def test_a_platform_that_ignores_the_page_number_is_not_asked_for_ever(
    client: Client, far_side: FarSide, page_count: int | None
) -> None:
    """Whatever it counts, so many pages without anything new end it."""
    far_side.on(ACTIONS, page(*map(str, range(100)), page_count=page_count))

    assert len(list_actions(client)) == 100
    assert len(far_side.requests(ACTIONS)) == 1 + MOST_BARREN_PAGES


def test_an_empty_page_is_not_the_last_where_more_are_counted(
    client: Client, far_side: FarSide
) -> None:
    """What somebody may not see leaves its place empty."""
    far_side.on(ACTIONS, page("a", page_count=3), page(page_count=3), page("b", page_count=3))

    assert [action.id for action in list_actions(client)] == ["a", "b"]


def test_a_count_of_no_pages_is_none_where_there_is_something(
    client: Client, far_side: FarSide
) -> None:
    """Zero pages that hold an action are a slip."""
    far_side.on(ACTIONS, page("a", page_count=0), page("b", page_count=0), page(page_count=0))

    assert [action.id for action in list_actions(client)] == ["a", "b"]


@pytest.mark.parametrize("secure", [True, None])
def test_a_secure_action_is_looked_for_under_both_types(
    client: Client, far_side: FarSide, *, secure: bool | None
) -> None:
    """Nobody says under which of them it stands."""
    far_side.on(CONSUMERS, versions(page_count=1), versions("a", page_count=1))

    assert consuming_flows(client, "x", secure=secure) == {"a": "a"}
    assert [seen.query["objectType"] for seen in far_side.requests(CONSUMERS)] == [
        "DATAACTION",
        "SECUREACTION",
    ]


@pytest.mark.parametrize("status", [400, 404])
def test_a_type_that_is_not_taken_has_no_users(
    client: Client, far_side: FarSide, status: int
) -> None:
    """What the usual one says stands."""
    far_side.on(CONSUMERS, versions("a", page_count=1), Reply(status, {"code": "not.found"}))

    assert consuming_flows(client, "x") == {"a": "a"}


@pytest.mark.parametrize(
    ("status", "is_built"),
    [
        ("OPERATIONAL", True),
        ("OPERATIONALNEEDSREBUILD", True),
        ("BUILDINCOMPLETE", False),
        ("BUILDINITIALIZING", False),
        ("BUILDINPROGRESS", False),
        ("BUILDQUEUED", False),
        ("NOTBUILT", False),
        ("of a later version", False),
        (None, False),
    ],
)
def test_only_a_whole_build_knows_what_is_not_used(
    client: Client, far_side: FarSide, status: str | None, *, is_built: bool
) -> None:
    """Each status of the platform's model, and what it may say one day."""
    far_side.on(BUILD, Reply(body={"id": "b", "status": status}))

    assert tracking_is_built(client) is is_built


def test_dependency_tracking_names_its_permission(client: Client, far_side: FarSide) -> None:
    """It is the one most often forgotten."""
    far_side.on(CONSUMERS, Reply(403, {"code": "missing.permissions"}))

    with pytest.raises(PermissionDeniedError) as caught:
        consuming_flows(client, "a")

    assert "architect:dependencyTracking:view" in caught.value.hint


def test_the_orgs_own_limits_are_read(client: Client, far_side: FarSide) -> None:
    """Where they are complete the defaults are not asked for."""
    far_side.on(
        LIMITS,
        Reply(
            body={
                "entities": [
                    {
                        "key": "actions.concurrent.executions.max",
                        "namespace": "dataactions",
                        "value": 50,
                    },
                    {"key": "requests.volume.max", "value": 2_500},
                    {"key": "actions.function.concurrent.executions.max", "value": 25},
                    {"key": "x", "value": None},
                ]
            }
        ),
    )

    assert data_action_limits(client) == {
        "concurrent_executions": 50,
        "executions_per_minute": 2_500,
        "function_concurrent_executions": 25,
    }
    assert far_side.requests(LIMITS + "/defaults") == []


@pytest.mark.parametrize(
    ("own", "minute"),
    [
        (Reply(404, {"code": "not.found"}), 2_500),
        (Reply(body={}), 2_500),
        (Reply(body={"entities": [{"key": "requests.volume.max", "value": 5_000}]}), 5_000),
    ],
)
def test_defaults_stand_in_for_limits_that_are_missing(
    client: Client, far_side: FarSide, own: Reply, minute: int
) -> None:
    """What the org has of its own comes first."""
    defaults = [
        {"key": "actions.concurrent.executions.max", "value": 30},
        {"key": "requests.volume.max", "value": 2_500},
        {"key": "something.else", "value": 1},
    ]
    far_side.on(LIMITS, own)
    far_side.on(LIMITS + "/defaults", Reply(body={"entities": defaults}))

    assert data_action_limits(client) == {
        "concurrent_executions": 30,
        "executions_per_minute": minute,
    }


def dated(date: str | None) -> Act:
    """An answer of the org with a date of its own."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        body = b'{"id": "o-1", "name": "Acme"}'
        handler.send_response_only(200)
        handler.send_header("Content-Length", str(len(body)))
        if date is not None:
            handler.send_header("Date", date)
        handler.end_headers()
        handler.wfile.write(body)

    return act


def test_the_org_and_its_clock_are_known(
    client: Client, far_side: FarSide, clock: ManualClock
) -> None:
    """A platform that is two minutes ahead shows as 120 seconds, to about a second."""
    far_side.on(ME, dated(formatdate(clock.now() + 120, usegmt=True)))

    identity = whoami(client, clock)

    assert (identity.org_id, identity.org_name) == ("o-1", "Acme")
    assert identity.clock_skew_seconds == pytest.approx(120, abs=1)


def test_an_answer_with_a_date_of_its_own_tells_nothing_of_the_clock(
    client: Client, far_side: FarSide, clock: ManualClock
) -> None:
    """A cache has dated it; what most of the newest answers say counts."""
    right, cached = formatdate(clock.now()), formatdate(clock.now() - 7_200)
    far_side.on(ME, *(dated(date) for date in (right, right, cached, right, cached, right)))
    shown = []
    for _ in range(6):
        whoami(client, clock)
        shown.append(client.clock_skew_seconds)

    assert shown == [pytest.approx(0, abs=1)] * 6
    clock.ahead = 600
    for _ in range(3):
        whoami(client, clock)
    assert client.clock_skew_seconds == pytest.approx(-600, abs=1)


@pytest.mark.parametrize("date", [None, "tomorrow"])
def test_a_clock_that_does_not_show_is_not_guessed(
    client: Client, far_side: FarSide, clock: ManualClock, date: str | None
) -> None:
    """Without a date nobody knows the skew."""
    far_side.on(ME, dated(date))

    assert whoami(client, clock).clock_skew_seconds is None


def test_an_answer_that_is_no_org_is_a_wrong_shape(
    client: Client, far_side: FarSide, clock: ManualClock
) -> None:
    """An org has an id."""
    far_side.on(ME, Reply(body={"name": "Acme"}))

    with pytest.raises(WrongShapeError, match="id"):
        whoami(client, clock)


def test_regions_are_published_domains() -> None:
    """Each once, with the AWS region it runs in."""
    assert len(REGIONS) == 18
    assert len(set(REGIONS.values())) == 18
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+-\d", region) for region in REGIONS.values())


def test_an_unknown_region_is_told_apart() -> None:
    """So that a typing mistake can be pointed at; it is still used as given."""
    assert is_known_region("mypurecloud.ie")
    assert not is_known_region("mypurecloud.example")


def test_a_page_of_bad_records_alone_is_not_the_last(client: Client, far_side: FarSide) -> None:
    """Good ones may follow; they end where the platform says, or at a page with nothing on it."""
    bad = Reply(body={"entities": [{"name": "nobody"}, 17]})
    far_side.on(ACTIONS, bad, page("a"), page())

    assert [action.id for action in list_actions(client)] == ["a"]
    assert client.stats().dropped_records == {("catalogue", "shape"): 2}


@pytest.mark.parametrize(
    "bad", [{"key": "x", "value": 1e30}, {"key": "x", "value": -1}, {"value": 7}, "x"]
)
def test_a_limit_that_makes_no_sense_costs_itself(
    client: Client, far_side: FarSide, bad: object
) -> None:
    """The others are known; and a number may come as a text."""
    good = {"key": "actions.concurrent.executions.max", "value": "50"}
    far_side.on(LIMITS, Reply(body={"entities": [bad, good]}))

    assert data_action_limits(client) == {"concurrent_executions": 50}


@pytest.mark.parametrize("bad", [{"name": "Nobody"}, {"id": ""}, None, []])
def test_an_integration_or_a_flow_that_makes_no_sense_costs_itself(
    client: Client, far_side: FarSide, bad: object
) -> None:
    """The others keep their names, and half a character costs none."""
    good = {"id": "i1", "name": "CRM \ud83c", "type": "INBOUNDCALLFLOW"}
    answer = Reply(body={"entities": [bad, good], "pageCount": 1})
    far_side.on(INTEGRATIONS, answer)
    far_side.on(CONSUMERS, answer)

    assert list_integrations(client) == {"i1": ListedIntegration("CRM \ufffd")}
    assert consuming_flows(client, "a") == {"i1": "CRM \ufffd"}


def test_what_is_left_out_is_said_once(client: Client, far_side: FarSide) -> None:
    """More like it are only counted."""
    far_side.on(ACTIONS, Reply(body={"entities": [{}, {}, {"id": "a"}], "pageCount": 1}))

    with capture_logs() as logs:
        list_actions(client)
        list_actions(client)

    (line,) = [line for line in logs if line["event"] == "record_dropped"]
    assert (line["source"], line["reason"]) == ("catalogue", "shape")
    assert "required field `id`" in line["why"]
    assert client.stats().dropped_records == {("catalogue", "shape"): 4}


def test_a_listing_of_which_nothing_can_be_read_is_not_empty(
    client: Client, far_side: FarSide
) -> None:
    """However few they are; one good record on any page makes it a listing."""
    bad = Reply(body={"entities": [{"name": "no id"}], "pageCount": 2})
    far_side.on(ACTIONS, bad)
    with pytest.raises(WrongShapeError, match="Not one of the 2 records"):
        list_actions(client)
    far_side.on(ACTIONS, bad, page("a", page_count=2))
    assert [action.id for action in list_actions(client)] == ["a"]
