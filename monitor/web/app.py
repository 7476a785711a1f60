"""The routes as one Flask application, and what holds for all of them.

Read-only: GET and HEAD alone are answered, and no request changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import Flask, Response, request
from jinja2 import ChoiceLoader, PackageLoader
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException, TooManyRequests, Unauthorized

from monitor.errors import UnforeseenError
from monitor.render import ErrorDocument
from monitor.web.action_routes import add_action_pages
from monitor.web.api_routes import TimelineReader, add_api
from monitor.web.change_routes import add_changes
from monitor.web.compressed_responses import CompressedResponses
from monitor.web.hosts import HostNames
from monitor.web.machine_routes import add_health, add_metrics
from monitor.web.page_routes import add_pages
from monitor.web.pages import add_page_words
from monitor.web.responses import SCRIPTLESS, json_response
from monitor.web.state_turns import StateTurns
from monitor.web.static_files import add_static_files
from monitor.web.web_config import TooManyPasswordsError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder
    from monitor.web.action_routes import ActionReader
    from monitor.web.changes_page import TrailReader
    from monitor.web.web_config import Passwords

log = structlog.get_logger()

_ANY_HOST = frozenset({"/metrics", "/healthz", "/readyz"})
"""What machines ask, by whatever name; a browser gains nothing there that has a name in it."""

_ALIVE = "/healthz"
"""Shows nothing, and what asks it often can't give a password."""


class MisdirectedRequest(HTTPException):
    """The Host header names no host that the pages answer to."""

    code = 421


def create_app(  # noqa: PLR0913, PLR0917 - what is shown, by what time, to whom
    holder: SnapshotHolder,
    registry: CollectorRegistry,
    clock: Clock,
    hosts: HostNames | None = None,
    passwords: Passwords | None = None,
    read_action: ActionReader | None = None,
    *,
    trails: TrailReader | None = None,
    read_timeline: TimelineReader | None = None,
) -> Flask:
    """The application.

    Args:
        holder: Where the current snapshot is kept.
        registry: What ``/metrics`` shows.
        clock: Tells how old data is at the moment of a request.
        hosts: Names that pages and API answer to; this machine's own where None.
        passwords: Who may read; everybody where None.
        read_action: Reads the state for the page of an action; where None it shows what the
            snapshot knows.
        trails: Reads what happened to timeouts; the snapshot alone tells where None.
        read_timeline: Reads what was told of an action over time; untold where None.
    """
    app = Flask("monitor.web", static_folder=None)
    # Only GET and HEAD are answered: OPTIONS is refused like every other method.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # What an action's page shares with the mailed report stands with the report.
    app.jinja_env.loader = ChoiceLoader(
        [PackageLoader("monitor.web"), PackageLoader("monitor.render")]
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _refuse_other_hosts(app, hosts or HostNames.of_this_machine())
    if passwords is not None:
        _ask_for_password(app, passwords)
    add_metrics(app, registry)
    add_health(app, holder, clock)
    turns = StateTurns()
    add_api(app, holder, clock, read_timeline, turns)
    add_pages(app, holder, clock)
    add_action_pages(app, holder, clock, read_action, turns)
    add_changes(app, holder, clock, trails, turns)
    add_static_files(app)
    add_page_words(app)
    app.register_error_handler(HTTPException, _as_json)
    app.register_error_handler(Exception, _as_fault)
    app.after_request(_secured)
    _compress(app)
    return app


def _refuse_other_hosts(app: Flask, hosts: HostNames) -> None:
    @app.before_request
    def check_host() -> None:
        host = request.headers.get("Host")
        if request.path not in _ANY_HOST and not hosts.allow(host):
            raise MisdirectedRequest(
                f"Nothing is shown under the name {host}. Add it to [serve] hosts, or ask for an "
                "address of this machine."
            )


def _ask_for_password(app: Flask, passwords: Passwords) -> None:
    @app.before_request
    def check_password() -> None:
        given = request.authorization
        if request.path == _ALIVE:
            return
        if given is not None and given.type == "basic":
            try:
                if passwords.allow(given.username or "", given.password or ""):
                    return
            except TooManyPasswordsError:
                raise TooManyRequests(
                    "Too many passwords are being tried: ask again in a second.", retry_after=1
                ) from None
        raise Unauthorized(
            "A user and a password of [serve] web_config are wanted.",
            www_authenticate=WWWAuthenticate("basic", {"realm": "Timeout Monitor"}),
        )


def _compress(app: Flask) -> None:
    """Compress what is read again and again; what machines ask is new each time, or tiny."""
    compressed = CompressedResponses()

    @app.after_request
    def finish(response: Response) -> Response:
        return response if request.path in _ANY_HOST else compressed.finish(response)


def _as_fault(error: Exception) -> Response:
    """Say that it is a fault of this program's own, and log where; no traceback at anybody."""
    failure = UnforeseenError.of(error)
    log.error("request_failed", path=request.path, why=failure.message, hint=failure.hint)
    return json_response(
        ErrorDocument(error="Internal Server Error", detail="The log says where."), 500
    )


def _as_json(error: HTTPException) -> Response:
    response = json_response(
        ErrorDocument(error=error.name, detail=error.description), error.code or 500
    )
    # A 405 names the methods that are allowed, a 401 how to say who asks, a 429 when to come again.
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
            response.headers[name] = value
    return response


def _secured(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", SCRIPTLESS)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
