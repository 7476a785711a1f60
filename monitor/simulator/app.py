"""The far side of the wire as a Flask application."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any, Final

import structlog
from flask import Flask, g, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map

from monitor.errors import ConfigurationError
from monitor.simulator.api_errors import ApiError, bad_request, not_found, unauthorized
from monitor.simulator.fault_middleware import FaultMiddleware, fault_response
from monitor.simulator.faults import FaultQueue
from monitor.simulator.responses import answer, error_response
from monitor.simulator.routes_actions import action_routes, audit_routes
from monitor.simulator.routes_analytics import (
    aggregate_routes,
    detail_job_routes,
    detail_routes,
    flow_aggregate_routes,
)
from monitor.simulator.routes_control import RequestLog, control_routes
from monitor.simulator.routes_flows import flow_routes, tracking_routes
from monitor.simulator.routes_organization import organization_routes, whoami_routes
from monitor.simulator.tokens import GrantError, oauth_routes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Response
    from flask.typing import RouteCallable

    from monitor.simulator.org import SimulatedOrg

_API: Final = "/api/v2/"
LARGEST_BODY: Final = 4_000_000


_ROUTES: Final[dict[str, Map]] = {}
"""The routes of each contract, once an org has had them."""


class _App(Flask):
    """An application whose routes are compiled once a process, however many orgs it simulates.

    Werkzeug makes code of each route, which for all of them takes longer than most tests do.
    """

    def __init__(self, known: Map | None) -> None:
        """Have the routes that are known already, or none yet."""
        super().__init__("monitor.simulator", static_folder=None)
        self.url_map.strict_slashes = False
        self._knows_routes = known is not None
        if known is not None:
            self.url_map = known

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,  # noqa: FBT001 - Flask's own signature
        **options: Any,  # noqa: ANN401 - the same
    ) -> None:
        """Add a route; where it is known, only what answers it."""
        if self._knows_routes and endpoint is not None and view_func is not None:
            self.view_functions[endpoint] = view_func
        else:
            super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)


def create_app(org: SimulatedOrg, closing: threading.Event) -> WSGIApplication:
    """Return the whole wire of one org.

    Args:
        org: What is behind it.
        closing: Set when the server stops, so that hanging requests end.
    """
    app = _App(_ROUTES.get(org.contract))
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    faults, requests = FaultQueue(), RequestLog()
    _watch(app, org, faults, requests)
    _answer_errors(app)
    app.register_blueprint(oauth_routes(org))
    app.register_blueprint(flow_routes(org))
    app.register_blueprint(detail_routes(org))
    app.register_blueprint(control_routes(org, faults, requests))
    if org.contract == "platform":
        app.register_blueprint(whoami_routes(org))
        app.register_blueprint(detail_job_routes(org))
        app.register_blueprint(action_routes(org))
        app.register_blueprint(aggregate_routes(org))
        app.register_blueprint(flow_aggregate_routes(org))
        app.register_blueprint(organization_routes(org))
        app.register_blueprint(tracking_routes(org))
        app.register_blueprint(audit_routes(org))
    _ROUTES.setdefault(org.contract, app.url_map)
    return FaultMiddleware(app.wsgi_app, closing)


def _watch(app: Flask, org: SimulatedOrg, faults: FaultQueue, requests: RequestLog) -> None:
    """What happens before and after every request."""

    @app.before_request
    def before() -> Response | None:
        g.correlation_id = str(uuid.uuid4())
        if request.path.startswith("/simulator/"):
            return None
        route = request.url_rule.rule if request.url_rule else "(unknown)"
        requests.note(request.method, route.replace("<", "{").replace(">", "}"))
        fault = faults.strike(request.method, request.path)
        if fault is not None and fault.kind == "edited":
            org.edit(request.path, fault.action_id, fault.timeout_ms)
        elif fault is not None and fault.kind == "spoilt":
            org.spoil(request.path, fault.action_id, fault.timeout_ms)
        elif fault is not None:
            struck = fault_response(fault, request.environ)
            if struck is not None:
                return struck
        if request.path.startswith(_API):
            g.usage = org.tokens.spend(_bearer())
        return None

    @app.after_request
    def after(response: Response) -> Response:
        response.headers["ININ-Correlation-Id"] = g.get("correlation_id", str(uuid.uuid4()))
        usage = g.get("usage")
        if usage is not None and org.world.rate_headers == "shown":
            response.headers["inin-ratelimit-count"] = str(usage.count)
            response.headers["inin-ratelimit-allowed"] = str(usage.allowed)
            response.headers["inin-ratelimit-reset"] = str(usage.reset_seconds)
        return response


def _answer_errors(app: Flask) -> None:
    """Every error in the platform's shape, and OAuth's in OAuth's."""
    log = structlog.stdlib.get_logger(__name__)

    @app.errorhandler(ApiError)
    def refused(refusal: ApiError) -> Response:
        return error_response(refusal)

    @app.errorhandler(ConfigurationError)
    def impossible(error: ConfigurationError) -> Response:
        return error_response(bad_request(error.message))

    @app.errorhandler(GrantError)
    def not_granted(refusal: GrantError) -> Response:
        words = {"error": refusal.error, "description": refusal.description}
        return answer({**words, "error_description": refusal.description}, refusal.status)

    @app.errorhandler(HTTPException)
    def not_served(error: HTTPException) -> Response:
        if isinstance(error, NotFound):
            return error_response(not_found(request.path))
        code = (error.name or "error").lower().replace(" ", ".")
        return error_response(ApiError(error.code or 500, code, error.description or error.name))

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        log.error("simulator_failed", path=request.path, exc_info=error)
        message = "The server encountered an unexpected condition."
        return error_response(ApiError(500, "internal.server.error", message))


def _bearer() -> str:
    """Return the token that the request carries."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        message = "No authentication bearer token specified in authorization header."
        raise unauthorized(message)
    return token.strip()
