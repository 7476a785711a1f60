"""What `monitor.genesys` asks and reads, held against the official SDK's own calls and models.

The SDK is generated from the platform's published definition, so it is the judge. Requests are
made by the real client, and are looked at where they arrive.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import msgspec
import PureCloudPlatformClientV2 as sdk  # noqa: N813 - the SDK's own name shouts
import pytest
from msgspec import inspect as shapes

import monitor.genesys.api.actions
import monitor.genesys.api.analytics.jobs
import monitor.genesys.api.audits
import monitor.genesys.api.dependencies
import monitor.genesys.api.org_limits
import monitor.genesys.api.organization
from monitor.clock import SystemClock
from monitor.genesys import Client, Endpoint
from monitor.genesys.api.actions import (
    REQUEST_TEMPLATE,
    function_timeout_ms,
    get_action,
    get_template,
    is_authentication_action,
    list_actions,
    list_integrations,
)
from monitor.genesys.api.analytics import (
    ACTION_AGGREGATES,
    ActionAggregateJob,
    ActionAggregateQuery,
    ActionAggregates,
    ActionDimension,
    ActionFilter,
    ActionJobPage,
    ActionPredicate,
    ConversationDetailJob,
    ConversationDetailQuery,
    ConversationJobPage,
    ConversationPage,
    FlowAggregateQuery,
    FlowAggregates,
    FlowFilter,
    FlowPredicate,
    JobState,
    JobStatus,
    Paging,
    Range,
    SegmentClause,
    SegmentFilter,
    SegmentPredicate,
    View,
    action_job,
    action_job_page,
    conversation_details,
    detail_job,
    detail_job_page,
    flow_aggregates,
    interval,
    job_data_until,
    submit_action_job,
    submit_detail_job,
)
from monitor.genesys.api.audits import RealtimeAuditQuery, action_audits
from monitor.genesys.api.authorization import is_granted
from monitor.genesys.api.dependencies import OBJECT_TYPES, consuming_flows, tracking_is_built
from monitor.genesys.api.flows import get_flow
from monitor.genesys.api.org_limits import data_action_limits
from monitor.genesys.api.organization import whoami
from monitor.remediation.targets.writing import ActionUpdate, patch_action, put_flow
from monitor.time_ranges import TimeRange
from tests.genesys.far_side import TOKEN, FarSide, Reply
from tests.genesys.sdk_models import allowed_values, payload_problems, shape_problems

HOUR = interval(TimeRange(1_767_225_600, 1_767_229_200))


@dataclass
class SdkCall:
    """What the SDK itself would send: stands in for its HTTP client and keeps the request."""

    path: str = ""
    method: str = ""
    query: dict[str, str] = field(default_factory=dict)
    response_type: str = ""

    def call_api(self, path: str, method: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's
        """Keep the request instead of sending it."""
        path_params, query_params = args[:2]
        for name, value in path_params.items():
            path = path.replace("{" + name + "}", value)
        self.path, self.method = path, method
        self.query = {name: str(value) for name, value in query_params.items()}
        self.response_type = kwargs["response_type"]

    def select_header_accept(self, accepts: list[str]) -> str:
        """What the SDK asks its HTTP client for on the way."""
        return ", ".join(accepts)

    select_header_content_type = select_header_accept


@dataclass(frozen=True)
class Case:
    """A question of ours and the SDK's call for the same thing.

    Attributes:
        ask: Asks it.
        api: The SDK's API class.
        method: Its method.
        args: The arguments that stand in the path, or the body's place.
        body: The SDK's model of the body, if there is one.
        required: Query parameters that the SDK takes by position.
    """

    ask: Callable[[Client], object]
    api: str
    method: str
    args: tuple[str, ...] = ()
    body: str = ""
    required: tuple[str, ...] = ()


FULL_ACTION_QUERY = ActionAggregateQuery(
    interval=HOUR,
    granularity="PT5M",
    group_by=get_args(ActionDimension),
    metrics=("tTotalExecution",),
    views=(View("fast", Range(0, 1000)), View("slow", Range(gte=1000))),
    filter=ActionFilter("and", (ActionPredicate.matches("actionId", "a"),)),
    time_zone="UTC",
)
FULL_ACTION_JOB = ActionAggregateJob(
    interval=HOUR,
    granularity="PT1M",
    group_by=("correlationId", "errorType", "responseStatus"),
    metrics=("tTotalExecution",),
    filter=ActionFilter("and", (ActionPredicate.matches("actionId", "a"),)),
    time_zone="UTC",
    page_size=1000,
)
FULL_FLOW_QUERY = FlowAggregateQuery(
    interval=HOUR,
    granularity="PT5M",
    time_zone="UTC",
    group_by=("flowId", "exitReason"),
    metrics=("nFlow",),
    filter=FlowFilter("or", (FlowPredicate.matches("exitReason", "FLOW_ERROR_EXIT"),)),
)

FULL_CONVERSATION_QUERY = ConversationDetailQuery(
    interval=HOUR,
    segment_filters=(
        SegmentFilter(
            "or",
            (
                SegmentPredicate.exists("errorCode"),
                SegmentPredicate.matches("exitReason", "FLOW_ERROR_DISCONNECT"),
            ),
            (SegmentClause("and", (SegmentPredicate.exists("flowId"),)),),
        ),
    ),
    paging=Paging(100, 2),
    order="desc",
    order_by="conversationStart",
)

FULL_CONVERSATION_JOB = ConversationDetailJob(
    interval=HOUR,
    segment_filters=FULL_CONVERSATION_QUERY.segment_filters,
    order="asc",
    order_by="conversationStart",
)
FULL_ACTION_UPDATE = ActionUpdate(
    version=7,
    name="Get Customer",
    category="Web Services Data Actions",
    config=msgspec.Raw(
        b"""{"timeoutSeconds": 5,
        "request": {"requestUrlTemplate": "https://crm/${input.id}", "requestTemplate": "${x}",
            "requestTemplateUri": "/api/v2/x", "requestType": "POST", "headers": {"k": "v"}},
        "response": {"translationMap": {"a": "$.a"}, "translationMapDefaults": {"a": "1"},
            "successTemplate": "${a}", "successTemplateUri": "/api/v2/y"}}"""
    ),
)

CASES = [
    Case(
        lambda c: is_granted(c, "integrations:action:edit"),
        "AuthorizationApi",
        "get_authorization_subjects_me",
    ),
    Case(list_actions, "IntegrationsApi", "get_integrations_actions"),
    Case(
        lambda c: list_actions(c, with_authentication=True),
        "IntegrationsApi",
        "get_integrations_actions",
    ),
    Case(lambda c: get_action(c, "x"), "IntegrationsApi", "get_integrations_action", ("x",)),
    Case(lambda c: is_authentication_action(c, "a"), "IntegrationsApi", "get_integrations_actions"),
    Case(
        lambda c: get_template(c, "a", REQUEST_TEMPLATE),
        "IntegrationsApi",
        "get_integrations_action_template",
        ("a", REQUEST_TEMPLATE),
    ),
    Case(
        lambda c: patch_action(c, "a", FULL_ACTION_UPDATE),
        "IntegrationsApi",
        "patch_integrations_action",
        ("a", "body"),
        body="UpdateActionInput",
    ),
    Case(list_integrations, "IntegrationsApi", "get_integrations"),
    Case(
        lambda c: function_timeout_ms(c, "a"),
        "IntegrationsApi",
        "get_integrations_action_function",
        ("a",),
    ),
    Case(
        lambda c: consuming_flows(c, "a"),
        "ArchitectApi",
        "get_architect_dependencytracking_consumingresources",
        required=("id", "objectType"),
    ),
    Case(tracking_is_built, "ArchitectApi", "get_architect_dependencytracking_build"),
    Case(
        lambda c: c.call(ACTION_AGGREGATES, ActionAggregates, body=FULL_ACTION_QUERY),
        "AnalyticsApi",
        "post_analytics_actions_aggregates_query",
        ("body",),
        body="ActionAggregationQuery",
    ),
    Case(
        lambda c: submit_action_job(c, FULL_ACTION_JOB),
        "AnalyticsApi",
        "post_analytics_actions_aggregates_jobs",
        ("body",),
        body="ActionAsyncAggregationQuery",
    ),
    Case(
        lambda c: action_job(c, "j"),
        "AnalyticsApi",
        "get_analytics_actions_aggregates_job",
        ("j",),
    ),
    Case(
        lambda c: action_job_page(c, "j", "next"),
        "AnalyticsApi",
        "get_analytics_actions_aggregates_job_results",
        ("j",),
    ),
    Case(
        lambda c: conversation_details(c, FULL_CONVERSATION_QUERY),
        "AnalyticsApi",
        "post_analytics_conversations_details_query",
        ("body",),
        body="ConversationQuery",
    ),
    Case(
        lambda c: submit_detail_job(c, FULL_CONVERSATION_JOB),
        "AnalyticsApi",
        "post_analytics_conversations_details_jobs",
        ("body",),
        body="AsyncConversationQuery",
    ),
    Case(
        lambda c: detail_job(c, "j"),
        "AnalyticsApi",
        "get_analytics_conversations_details_job",
        ("j",),
    ),
    Case(
        lambda c: detail_job_page(c, "j", "next"),
        "AnalyticsApi",
        "get_analytics_conversations_details_job_results",
        ("j",),
    ),
    Case(job_data_until, "AnalyticsApi", "get_analytics_conversations_details_jobs_availability"),
    Case(
        lambda c: flow_aggregates(c, FULL_FLOW_QUERY),
        "AnalyticsApi",
        "post_analytics_flows_aggregates_query",
        ("body",),
        body="FlowAggregationQuery",
    ),
    Case(
        lambda c: action_audits(c, TimeRange(1_767_225_600, 1_767_229_200)),
        "AuditApi",
        "post_audits_query_realtime",
        ("body",),
        body="AuditRealtimeQueryRequest",
    ),
    Case(
        data_action_limits,
        "OrganizationApi",
        "get_organizations_limits_namespace",
        ("dataactions",),
    ),
    Case(
        data_action_limits,
        "OrganizationApi",
        "get_organizations_limits_namespace_defaults",
        ("dataactions",),
    ),
    Case(lambda c: whoami(c, SystemClock()), "OrganizationApi", "get_organizations_me"),
]

NOT_IN_THE_SDK = {TOKEN, "GET /api/v2/flows/{flowId}", "PUT /api/v2/flows/{flowId}"}
"""The token service, and the flow document, which belongs to a contract of its own."""


def sdk_call(case: Case, query: dict[str, str]) -> SdkCall:
    """The request that the SDK makes of the same question with the same query parameters."""
    recorder = SdkCall()
    method = getattr(getattr(sdk, case.api)(api_client=recorder), case.method)
    positional = [query[name] for name in case.required]
    keywords = {
        re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name): value
        for name, value in query.items()
        if name not in case.required
    }
    method(*case.args, *positional, **keywords)
    return recorder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.method)
def test_a_request_is_the_one_the_sdk_would_send(
    case: Case, client: Client, far_side: FarSide
) -> None:
    """Method, path and query parameters are the same; a parameter that the SDK lacks fails."""
    case.ask(client)

    arrived = {f"{seen.method} {seen.path}": seen for seen in far_side.seen}
    template = sdk_call(case, dict.fromkeys(case.required, "x"))
    seen = arrived[f"{template.method} {template.path}"]
    assert seen.query == sdk_call(case, seen.query).query


@pytest.mark.parametrize("case", [c for c in CASES if c.body], ids=lambda case: case.body)
def test_a_body_that_arrives_fits_the_sdks_model(
    case: Case, client: Client, far_side: FarSide
) -> None:
    """Every field that went over the wire has the name, type and enum of the published model."""
    case.ask(client)

    (seen,) = [seen for seen in far_side.seen if seen.path != "/oauth/token"]
    assert case.body in (getattr(getattr(sdk, case.api), case.method).__doc__ or "")
    assert list(payload_problems(seen.json, case.body)) == []


@pytest.mark.parametrize(
    ("ours", "model"),
    [
        (ActionAggregateQuery, "ActionAggregationQuery"),
        (ConversationDetailQuery, "ConversationQuery"),
        (ActionAggregates, "ActionAggregateQueryResponse"),
        (FlowAggregateQuery, "FlowAggregationQuery"),
        (FlowAggregates, "FlowAggregateQueryResponse"),
        (ActionAggregateJob, "ActionAsyncAggregationQuery"),
        (ActionJobPage, "ActionAsyncAggregateQueryResponse"),
        (JobStatus, "AsyncQueryStatus"),
        (monitor.genesys.api.analytics.jobs.SubmittedJob, "AsyncQueryResponse"),
        (ConversationPage, "AnalyticsConversationQueryResponse"),
        (ConversationDetailJob, "AsyncConversationQuery"),
        (ConversationJobPage, "AnalyticsConversationAsyncQueryResponse"),
        (monitor.genesys.api.actions._ActionPage, "ActionEntityListing"),  # noqa: SLF001
        (monitor.genesys.api.actions._IntegrationPage, "IntegrationEntityListing"),  # noqa: SLF001
        (monitor.genesys.api.dependencies._DependencyPage, "ConsumingResourcesEntityListing"),  # noqa: SLF001
        (monitor.genesys.api.org_limits._Limits, "LimitsEntityListing"),  # noqa: SLF001
        (monitor.genesys.api.organization._Organization, "Organization"),  # noqa: SLF001
        (ActionUpdate, "UpdateActionInput"),
        (RealtimeAuditQuery, "AuditRealtimeQueryRequest"),
        (monitor.genesys.api.audits._AuditPage, "AuditRealtimeQueryResultsResponse"),  # noqa: SLF001
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_every_field_of_ours_is_in_the_sdks_model(ours: type[msgspec.Struct], model: str) -> None:
    """Also the fields and words that no test happens to send, and those that are only read."""
    assert list(shape_problems(shapes.type_info(ours), model)) == []


def test_group_by_and_metrics_are_words_of_the_platform() -> None:
    """The SDK types these lists as plain text; the same words are enums of its predicates."""
    dimensions = allowed_values("ActionAggregateQueryPredicate", "dimension")

    assert get_args(ActionDimension) == dimensions
    assert {"flowId", "exitReason"} <= set(
        allowed_values("FlowAggregateQueryPredicate", "dimension") or ()
    )
    assert set(FULL_FLOW_QUERY.metrics) <= set(
        allowed_values("FlowAggregationView", "target") or ()
    )
    assert FULL_ACTION_QUERY.metrics == allowed_values("ActionAggregationView", "target")


def test_every_state_of_a_job_is_known() -> None:
    """A state that the platform can answer and we can't read would end an investigation."""
    assert tuple(JobState) == allowed_values("AsyncQueryStatus", "state")


def test_a_data_action_is_called_what_dependency_tracking_calls_it(
    client: Client, far_side: FarSide
) -> None:
    """The object types that are asked for are those that the platform knows."""
    consuming_flows(client, "a")

    asked = [seen.query["objectType"] for seen in far_side.seen if "objectType" in seen.query]
    assert asked == list(OBJECT_TYPES)
    assert set(asked) <= set(allowed_values("Dependency", "type") or ())


def test_every_endpoint_is_held_against_the_sdk(client: Client, far_side: FarSide) -> None:
    """An endpoint that is added without a case here fails."""
    for case in CASES:
        case.ask(client)
    far_side.on("GET /api/v2/flows/f", Reply(body={"id": "f"}))
    get_flow(client, "f")
    put_flow(client, "f", b"{}", '"1"')

    assert {label for label, _ in client.stats().requests} == endpoints()
    in_the_sdk = {f"{c.method} {c.path}" for c in map(template_of, CASES)}
    assert in_the_sdk == endpoints() - NOT_IN_THE_SDK


def endpoints() -> set[str]:
    """The label of every endpoint that is read, and of those behind the one door for writes."""
    found: set[str] = set()
    package = monitor.genesys
    names = [one.name for one in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    for name in (*names, "monitor.remediation.targets.writing"):
        members = vars(importlib.import_module(name)).values()
        found |= {member.label for member in members if isinstance(member, Endpoint)}
    return found


def template_of(case: Case) -> SdkCall:
    """The SDK's call with its places still in braces."""
    api = getattr(sdk, case.api)
    names = list(inspect.signature(getattr(api, case.method)).parameters)[1:]
    places = tuple(
        "{" + re.sub("_([a-z])", lambda match: match[1].upper(), name) + "}"
        for name, _ in zip(names, case.args, strict=False)
    )
    return sdk_call(
        Case(case.ask, case.api, case.method, places, required=case.required),
        dict.fromkeys(case.required, "x"),
    )


class _Unheard(msgspec.Struct, rename="camel"):
    """A request that the platform would refuse, in three ways."""

    interval: int
    time_zones: str
    order: Literal["asc", "backwards"]


def test_a_wrong_field_type_or_enum_of_ours_is_found() -> None:
    """The check of types can fail: it names an unknown field, a wrong type and a wrong word."""
    problems = list(shape_problems(shapes.type_info(_Unheard), "ConversationQuery"))

    assert [problem.partition(":")[0] for problem in problems] == [
        "$.interval",
        "$.timeZones",
        "$.order",
    ]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"intervall": HOUR}, "$.intervall"),
        ({"interval": 5}, "$.interval"),
        ({"groupBy": "actionId"}, "$.groupBy"),
        ({"groupBy": [1]}, "$.groupBy[0]"),
        ({"views": [{"target": "ttotalexecution"}]}, "$.views[0].target"),
        ({"views": [{"function": "rangebound"}]}, "$.views[0].function"),
        ({"views": [{"range": {"gte": "0"}}]}, "$.views[0].range.gte"),
        ({"views": [{"range": {"lte": 5}}]}, "$.views[0].range.lte"),
        ({"filter": {"type": "not"}}, "$.filter.type"),
        ({"filter": {"predicates": [{"dimension": "x"}]}}, "$.filter.predicates[0].dimension"),
        ({"filter": []}, "$.filter"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_wrong_payload_is_found(change: dict[str, object], where: str) -> None:
    """The check of payloads can fail: a good body with one wrong spot is told where."""
    good = msgspec.json.decode(msgspec.json.encode(FULL_ACTION_QUERY))
    assert list(payload_problems(good, "ActionAggregationQuery")) == []

    problems = list(payload_problems(good | change, "ActionAggregationQuery"))

    assert [problem.partition(":")[0] for problem in problems] == [where]


def test_a_parameter_that_the_sdk_lacks_is_found() -> None:
    """The check of requests can fail: the SDK refuses a query parameter it does not know."""
    with pytest.raises(TypeError, match="include_everything"):
        sdk_call(CASES[0], {"includeEverything": "true"})
