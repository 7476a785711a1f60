"""The official SDK, pointed at the simulator: it understands every answer, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import PureCloudPlatformClientV2 as sdk  # noqa: N813 - what it is, in a word
import pytest
import requests
from PureCloudPlatformClientV2.rest import ApiException

from monitor.simulator import RunningSimulator, SimulatedOrg, World, scenario, serve
from monitor.simulator.scenarios import ORDER_ENQUIRIES, ORDER_STATUS, PRICE_QUOTE
from tests.clocks import NOON, ManualClock

LAST_HALF_HOUR = "2026-11-23T11:30:00.000Z/2026-11-23T12:00:00.000Z"
LAST_HOUR = "2026-11-23T11:00:00.000Z/2026-11-23T12:00:00.000Z"


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """An org whose every execution is visible at once."""
    with serve(SimulatedOrg(scenario("punctual"), ManualClock(NOON))) as running:
        yield running


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[Any]:
    """The SDK's client, signed in with client credentials."""
    api_client = sdk.api_client.ApiClient(host=simulator.url)
    org = simulator.org
    api_client.get_client_credentials_token(org.client_id, org.client_secret)
    yield api_client
    api_client.get_http_client().rest_client.pool_manager.clear()


Ask = Callable[[Any], Any]


def actions(page: dict[str, Any]) -> Ask:
    """List integration actions."""
    return lambda client: sdk.IntegrationsApi(client).get_integrations_actions(**page)


def action(**more: bool | str) -> Ask:
    """Get one integration action."""
    name = ORDER_STATUS.action_id
    return lambda client: sdk.IntegrationsApi(client).get_integrations_action(name, **more)


def function(client: Any) -> Any:  # noqa: ANN401
    """Get a function action's function."""
    api = sdk.IntegrationsApi(client)
    return api.get_integrations_action_function(PRICE_QUOTE.action_id)


def integrations(client: Any) -> Any:  # noqa: ANN401
    """List integrations."""
    return sdk.IntegrationsApi(client).get_integrations(page_size=100)


def raise_timeout(client: Any) -> Any:  # noqa: ANN401
    """Change an action's timeout."""
    api = sdk.IntegrationsApi(client)
    shown = api.get_integrations_action(ORDER_STATUS.action_id, include_config=True)
    body = sdk.UpdateActionInput()
    body.version, body.name, body.category = shown.version, shown.name, shown.category
    body.config = shown.config
    body.config.timeout_seconds += 1
    return api.patch_integrations_action(ORDER_STATUS.action_id, body)


def audits(client: Any) -> Any:  # noqa: ANN401
    """Ask who saved actions today."""
    body = sdk.AuditRealtimeQueryRequest()
    body.interval, body.service_name = "2026-11-23T00:00:00Z/2026-11-24T00:00:00Z", "Integrations"
    only = sdk.AuditQueryFilter()
    only.pcProperty, only.value = "EntityType", "Action"
    newest = sdk.AuditQuerySort()
    newest.name, newest.sort_order = "Timestamp", "descending"
    body.filters, body.sort, body.page_size, body.page_number = [only], [newest], 100, 1
    return sdk.AuditApi(client).post_audits_query_realtime(body, expand=["user"])


def _aggregation(body: Any) -> Any:  # noqa: ANN401
    """A query over the last hour with everything that it may ask for."""
    body.interval, body.granularity, body.time_zone = LAST_HALF_HOUR, "PT5M", "UTC"
    body.metrics = ["tTotalExecution"]
    body.group_by = ["actionId", "actionName", "actionCategory", "integrationId"]
    body.group_by += ["integrationName", "errorType", "responseStatus"]
    view = sdk.ActionAggregationView()
    view.target, view.name, view.function = "tTotalExecution", "fast", "rangeBound"
    view.range = sdk.AggregationRange()
    view.range.gte, view.range.lt = 0, 1_000
    body.views = [view]
    one = sdk.ActionAggregateQueryPredicate()
    one.type, one.dimension, one.operator = "dimension", "errorType", "exists"
    body.filter = sdk.ActionAggregateQueryFilter()
    body.filter.type, body.filter.predicates = "and", [one]
    return body


def aggregates(client: Any) -> Any:  # noqa: ANN401
    """Query action aggregates."""
    query = _aggregation(sdk.ActionAggregationQuery())
    return sdk.AnalyticsApi(client).post_analytics_actions_aggregates_query(query)


def empty_aggregates(client: Any) -> Any:  # noqa: ANN401
    """Query action aggregates of a time without any."""
    query = _aggregation(sdk.ActionAggregationQuery())
    query.interval = "2026-11-24T11:30:00.000Z/2026-11-24T12:00:00.000Z"
    return sdk.AnalyticsApi(client).post_analytics_actions_aggregates_query(query)


def _aggregates_job(client: Any) -> Any:  # noqa: ANN401
    """Submit a job and poll it until it is fulfilled."""
    api = sdk.AnalyticsApi(client)
    query = _aggregation(sdk.ActionAsyncAggregationQuery())
    query.page_size = 5
    job = api.post_analytics_actions_aggregates_jobs(query).job_id
    while api.get_analytics_actions_aggregates_job(job).state != "FULFILLED":
        pass
    return job


def aggregates_job(client: Any) -> Any:  # noqa: ANN401
    """The state of an aggregates job."""
    name = _aggregates_job(client)
    return sdk.AnalyticsApi(client).get_analytics_actions_aggregates_job(name)


def aggregates_job_results(client: Any) -> Any:  # noqa: ANN401
    """The first page of an aggregates job."""
    name = _aggregates_job(client)
    return sdk.AnalyticsApi(client).get_analytics_actions_aggregates_job_results(name)


def _failed_segments() -> Any:  # noqa: ANN401
    """Segments with an error code."""
    predicate = sdk.SegmentDetailQueryPredicate()
    predicate.type, predicate.dimension, predicate.operator = "dimension", "errorCode", "exists"
    segments = sdk.SegmentDetailQueryFilter()
    segments.type, segments.predicates = "or", [predicate]
    return [segments]


def details(client: Any) -> Any:  # noqa: ANN401
    """Query conversation details."""
    query = sdk.ConversationQuery()
    query.interval, query.order, query.order_by = LAST_HOUR, "desc", "conversationStart"
    query.paging = sdk.PagingSpec()
    query.paging.page_size, query.paging.page_number = 100, 1
    query.segment_filters = _failed_segments()
    return sdk.AnalyticsApi(client).post_analytics_conversations_details_query(query)


def _details_job(client: Any) -> Any:  # noqa: ANN401
    """Submit a job and poll it until it is fulfilled."""
    api = sdk.AnalyticsApi(client)
    query = sdk.AsyncConversationQuery()
    query.interval, query.limit, query.segment_filters = LAST_HOUR, 50, _failed_segments()
    job = api.post_analytics_conversations_details_jobs(query).job_id
    while api.get_analytics_conversations_details_job(job).state != "FULFILLED":
        pass
    return job


def details_job(client: Any) -> Any:  # noqa: ANN401
    """The state of a details job."""
    name = _details_job(client)
    return sdk.AnalyticsApi(client).get_analytics_conversations_details_job(name)


def details_job_results(client: Any) -> Any:  # noqa: ANN401
    """The first page of a details job."""
    name, api = _details_job(client), sdk.AnalyticsApi(client)
    return api.get_analytics_conversations_details_job_results(name, page_size=20)


def details_availability(client: Any) -> Any:  # noqa: ANN401
    """How far details jobs reach."""
    return sdk.AnalyticsApi(client).get_analytics_conversations_details_jobs_availability()


def limits(client: Any) -> Any:  # noqa: ANN401
    """The org's own limits."""
    return sdk.OrganizationApi(client).get_organizations_limits_namespace("dataactions")


def default_limits(client: Any) -> Any:  # noqa: ANN401
    """The platform's default limits."""
    return sdk.OrganizationApi(client).get_organizations_limits_namespace_defaults("dataactions")


def organization(client: Any) -> Any:  # noqa: ANN401
    """The org."""
    return sdk.OrganizationApi(client).get_organizations_me()


def token(client: Any) -> Any:  # noqa: ANN401
    """The token."""
    return sdk.TokensApi(client).get_tokens_me()


def consuming_flows(client: Any) -> Any:  # noqa: ANN401
    """The flows that use an action."""
    return sdk.ArchitectApi(client).get_architect_dependencytracking_consumingresources(
        ORDER_STATUS.action_id, "DATAACTION", page_size=100
    )


def tracking_build(client: Any) -> Any:  # noqa: ANN401
    """Whether dependency tracking was ever built."""
    return sdk.ArchitectApi(client).get_architect_dependencytracking_build()


QUESTIONS: dict[str, Ask] = {
    "actions": actions({"page_size": 100}),
    "actions with config": actions({"page_size": 5, "include_config": True, "page_number": 2}),
    "authentication actions": actions({"page_size": 100, "include_auth_actions": "true"}),
    "action": action(),
    "action with config": action(include_config=True),
    "action with contract": action(expand="contract"),
    "function": function,
    "integrations": integrations,
    "raise": raise_timeout,
    "aggregates": aggregates,
    "empty aggregates": empty_aggregates,
    "aggregates job": aggregates_job,
    "aggregates job results": aggregates_job_results,
    "details": details,
    "details job": details_job,
    "details job results": details_job_results,
    "details availability": details_availability,
    "limits": limits,
    "default limits": default_limits,
    "organization": organization,
    "token": token,
    "audits of a day without any": audits,
    "consuming flows": consuming_flows,
    "dependency tracking's build": tracking_build,
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_the_sdk_loses_no_field_of_an_answer(client: Any, ask: Ask) -> None:  # noqa: ANN401
    """What its models hold, written out again, is what came over the wire."""
    model = ask(client)
    raw = json.loads(client.last_response.data)
    kept = client.sanitize_for_serialization(model)
    assert list(differences(raw, kept, "$")) == []


@pytest.mark.parametrize("told", ["none", "paths", "config"])
def test_the_sdk_loses_no_field_of_an_audit(told: str) -> None:
    """Of a person's save and of a client's, whatever the platform tells of its properties."""
    clock = ManualClock(NOON)
    org = SimulatedOrg(scenario("punctual"), clock, world=World(audit_properties=told))
    with serve(org) as running:
        client = sdk.api_client.ApiClient(host=running.url)
        client.get_client_credentials_token(org.client_id, org.client_secret)
        org.edit(f"/api/v2/integrations/actions/{ORDER_STATUS.action_id}", "", 9_000)
        raise_timeout(client)
        clock.at += 300
        model = audits(client)
        raw = json.loads(client.last_response.data)
        kept = client.sanitize_for_serialization(model)
        client.get_http_client().rest_client.pool_manager.clear()
    assert [bool(one.property_changes) for one in model.entities] == [told != "none"] * 2
    assert {one.user.name for one in model.entities if one.user} == {
        org.audits.editors[0].user_name
    }
    assert list(differences(raw, kept, "$")) == []


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("told", ["names", "policies"])
def test_the_sdk_loses_no_field_of_own_roles(told: str, *, full: bool) -> None:
    """Where the world shows a client its own, with what they allow or without."""
    org = SimulatedOrg(scenario("punctual"), ManualClock(NOON), world=World(own_roles=told))
    with serve(org) as running:
        client = sdk.api_client.ApiClient(host=running.url)
        client.get_client_credentials_token(org.client_id, org.client_secret)
        api = sdk.AuthorizationApi(client)
        model = api.get_authorization_subjects_me(include_full_roles=full)
        raw = json.loads(client.last_response.data)
        kept = client.sanitize_for_serialization(model)
        client.get_http_client().rest_client.pool_manager.clear()
    [grant] = model.grants
    assert bool(grant.role.policies) == (full and told == "policies")
    assert list(differences(raw, kept, "$")) == []


def test_the_sdk_loses_no_field_of_flow_aggregates() -> None:
    """Where the world groups flows by how they were left."""
    world = World(flow_aggregates="grouped", flow_exits="ended")
    with serve(SimulatedOrg(scenario("punctual"), ManualClock(NOON), world=world)) as running:
        org = running.org
        client = sdk.api_client.ApiClient(host=running.url)
        client.get_client_credentials_token(org.client_id, org.client_secret)
        query = sdk.FlowAggregationQuery()
        query.interval, query.granularity, query.time_zone = LAST_HOUR, "PT5M", "UTC"
        query.metrics, query.group_by = ["nFlow"], ["flowId", "exitReason"]
        model = sdk.AnalyticsApi(client).post_analytics_flows_aggregates_query(query)
        raw = json.loads(client.last_response.data)
        kept = client.sanitize_for_serialization(model)
        client.get_http_client().rest_client.pool_manager.clear()
    assert model.results
    assert list(differences(raw, kept, "$")) == []


def differences(raw: object, kept: object, place: str) -> Iterator[str]:
    """Where the model and the wire differ, as paths; moments are compared as moments."""
    if isinstance(raw, dict) and isinstance(kept, dict):
        for name in raw | kept:
            inner = f"{place}.{name}"
            if name not in raw or name not in kept:
                yield f"{inner} only {'in the model' if name in kept else 'on the wire'}"
            else:
                yield from differences(raw[name], kept[name], inner)
    elif isinstance(raw, list) and isinstance(kept, list) and len(raw) == len(kept):
        for at, pair in enumerate(zip(raw, kept, strict=True)):
            yield from differences(*pair, f"{place}[{at}]")
    elif raw != kept and not _same_moment(raw, kept):
        yield f"{place}: {raw!r} became {kept!r}"


def _same_moment(raw: object, kept: object) -> bool:
    """Whether two texts are one moment in two spellings."""
    if not isinstance(raw, str) or not isinstance(kept, str):
        return False
    try:
        return datetime.fromisoformat(raw) == datetime.fromisoformat(kept)
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ({"a": 1, "lost": 2}, {"a": 1}),
        ({"a": [1]}, {"a": []}),
        ({"a": "X"}, {"a": "outdated_sdk_version"}),
        ({"a": None}, {}),
    ],
)
def test_a_lost_field_would_be_seen(raw: object, kept: object) -> None:
    """The comparison itself can fail."""
    assert list(differences(raw, kept, "$"))


def test_the_answers_hold_what_they_are_compared_for(client: Any) -> None:  # noqa: ANN401
    """None of the big answers is empty, so that the comparison means something."""
    assert len(QUESTIONS["actions"](client).entities) == 13 + 1  # an odd one among them
    assert any(one.data[0].views for one in aggregates(client).results)
    record = next(one for one in details(client).conversations if one.participants)
    sessions = [session for each in record.participants for session in each.sessions]
    assert any(segment.error_code for session in sessions for segment in session.segments)
    assert aggregates_job_results(client).cursor
    assert {one.id for one in consuming_flows(client).entities} >= {ORDER_ENQUIRIES.flow_id}


def test_a_template_comes_as_text(client: Any) -> None:  # noqa: ANN401
    """The SDK hands the template over as it is."""
    api = sdk.IntegrationsApi(client)
    text = api.get_integrations_action_template(PRICE_QUOTE.action_id, "requesttemplate.vm")
    assert "${input.id}" in text


@pytest.mark.parametrize(
    ("status", "ask"),
    [
        (404, lambda client: sdk.IntegrationsApi(client).get_integrations_action("nobody")),
        (400, actions({"page_size": 1_000})),
    ],
)
def test_a_refusal_deserialises_into_the_error_body(
    client: Any,  # noqa: ANN401
    status: int,
    ask: Ask,
) -> None:
    """No field of the error body is unknown to the SDK either."""
    with pytest.raises(ApiException) as refused:
        ask(client)
    assert refused.value.status == status
    known = set(sdk.ErrorBody().attribute_map.values())
    assert set(json.loads(refused.value.body)) <= known
    assert refused.value.headers["ININ-Correlation-Id"]


def test_a_rate_limit_deserialises_into_the_error_body() -> None:
    """The limit that was hit is in one of the SDK's own namespaces.

    Asked without the SDK, which would sleep through Retry-After and hide the answer.
    """
    with serve(SimulatedOrg(scenario("quiet"), ManualClock(NOON), requests_per_minute=0)) as strict:
        org, ask = strict.org, f"{strict.url}/api/v2/tokens/me"
        bearer = {
            "Authorization": f"Bearer {org.tokens.by_secret(org.client_id, org.client_secret)}"
        }
        refused = requests.get(ask, headers=bearer, timeout=10)
    body = refused.json()
    limit = sdk.Limit()
    limit.namespace = body["limit"]["namespace"]
    assert refused.status_code == 429
    assert set(body) <= set(sdk.ErrorBody().attribute_map.values())
    assert set(body["limit"]) == set(limit.attribute_map.values())
    assert limit.namespace == body["limit"]["namespace"]
