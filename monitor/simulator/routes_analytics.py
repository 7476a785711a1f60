"""Analytics over HTTP: action aggregates and conversation details, at once and as jobs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from monitor.platform_limits import MOST_ROWS_A_JOB_PAGE
from monitor.simulator.aggregates import Aggregation
from monitor.simulator.api_errors import bad_request
from monitor.simulator.flow_aggregates import aggregate_flows
from monitor.simulator.jobs import JobDesk
from monitor.simulator.permissions import VIEW_ACTIONS, VIEW_DETAILS, VIEW_FLOW_AGGREGATES
from monitor.simulator.queries import (
    AggregateJob,
    AggregateQuery,
    ConversationJob,
    ConversationQuery,
    FlowQuery,
    parse_body,
)
from monitor.simulator.responses import answer, number, require
from monitor.simulator.timestamps import iso

if TYPE_CHECKING:
    from flask import Response

    from monitor.simulator.org import SimulatedOrg

_AGGREGATES: Final = "/api/v2/analytics/actions/aggregates"
_DETAILS: Final = "/api/v2/analytics/conversations/details"
_FLOWS: Final = "/api/v2/analytics/flows/aggregates"
_JOB_PAGE: Final = 100


def aggregate_routes(org: SimulatedOrg) -> Blueprint:
    """``/api/v2/analytics/actions/aggregates``."""
    routes = Blueprint("aggregates", __name__)
    jobs = JobDesk("results")

    @routes.post(f"{_AGGREGATES}/query")
    def query() -> Response:
        require(org, VIEW_ACTIONS)
        aggregation = Aggregation(
            parse_body(request.get_data(), AggregateQuery), org.scenario, org.world
        )
        aggregation.refuse_if_too_large()
        results = _results(org, aggregation)
        return answer({"results": results} if results else {})

    @routes.post(f"{_AGGREGATES}/jobs")
    def submit() -> Response:
        require(org, VIEW_ACTIONS)
        job = parse_body(request.get_data(), AggregateJob)
        if org.world.job_page_size == "refused" and job.page_size is not None:
            message = "The request body is not valid: unknown field 'pageSize'"
            raise bad_request(message)
        aggregation = Aggregation(job, org.scenario, org.world)
        results = partial(_results, org, aggregation)
        return answer(jobs.submit(results, job.page_size or _JOB_PAGE, org.now_ms()), 202)

    @routes.get(f"{_AGGREGATES}/jobs/<jobId>")
    def status(jobId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_ACTIONS)
        return answer(jobs.status(jobId))

    @routes.get(f"{_AGGREGATES}/jobs/<jobId>/results")
    def results(jobId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_ACTIONS)
        return answer(jobs.page(jobId, request.args.get("cursor"), None))

    return routes


def flow_aggregate_routes(org: SimulatedOrg) -> Blueprint:
    """``/api/v2/analytics/flows/aggregates``."""
    routes = Blueprint("flow_aggregates", __name__)

    @routes.post(f"{_FLOWS}/query")
    def query() -> Response:
        require(org, VIEW_FLOW_AGGREGATES)
        wanted = parse_body(request.get_data(), FlowQuery)
        results = aggregate_flows(wanted, org.details, org.scenario, org.world, org.now_ms())
        return answer({"results": results} if results else {})

    return routes


def detail_routes(org: SimulatedOrg) -> Blueprint:
    """``/api/v2/analytics/conversations/details/query``: both contracts have it."""
    routes = Blueprint("details", __name__)

    @routes.post(f"{_DETAILS}/query")
    def query() -> Response:
        require(org, VIEW_DETAILS)
        wanted = parse_body(request.get_data(), ConversationQuery)
        found = org.details.find(wanted, org.now_ms(), same_day=True)
        found = org.odd.among_conversations(found)
        size, page = wanted.paging.page_size, wanted.paging.page_number
        entries = found[(page - 1) * size : page * size]
        shown: dict[str, object] = {"conversations": entries} if entries else {}
        return answer({**shown, "totalHits": len(found)})

    return routes


def detail_job_routes(org: SimulatedOrg) -> Blueprint:
    """``/api/v2/analytics/conversations/details/jobs``."""
    routes = Blueprint("detail_jobs", __name__)
    jobs = JobDesk("conversations")

    @routes.post(f"{_DETAILS}/jobs")
    def submit() -> Response:
        require(org, VIEW_DETAILS)
        wanted = parse_body(request.get_data(), ConversationJob)
        same_day = bool(wanted.start_of_day_interval_matching)
        now_ms = org.now_ms()

        def found() -> list[dict[str, object]]:
            hits = org.details.find(wanted, now_ms, same_day=same_day)
            return org.odd.among_conversations(hits)[: wanted.limit]

        return answer(jobs.submit(found, _JOB_PAGE, now_ms), 202)

    @routes.get(f"{_DETAILS}/jobs/availability")
    def availability() -> Response:
        require(org, VIEW_DETAILS)
        return answer({"dataAvailabilityDate": iso(org.now_ms())})

    @routes.get(f"{_DETAILS}/jobs/<jobId>")
    def status(jobId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_DETAILS)
        return answer(jobs.status(jobId))

    @routes.get(f"{_DETAILS}/jobs/<jobId>/results")
    def results(jobId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_DETAILS)
        size = number("pageSize", _JOB_PAGE, MOST_ROWS_A_JOB_PAGE)
        page = jobs.page(jobId, request.args.get("cursor"), size)
        return answer({**page, "dataAvailabilityDate": iso(org.now_ms())})

    return routes


def _results(org: SimulatedOrg, aggregation: Aggregation) -> list[dict[str, object]]:
    """Answer a query from what is visible now."""
    rows = org.visible_executions(aggregation.from_ms, aggregation.to_ms, org.now_ms())
    return aggregation.results(rows)
