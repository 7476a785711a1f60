"""The routes, as a Flask application: everything is read from the current snapshot.

Read-only: GET and HEAD alone are answered, and no request changes anything.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from flask import Flask, Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException, TooManyRequests, Unauthorized

from monitor.errors import UnforeseenError
from monitor.render import report_document
from monitor.web.documents import changes_document, readiness_document, status_document
from monitor.web.exposition import Exposition, ExpositionFormat
from monitor.web.hosts import HostNames
from monitor.web.page import PageStyle, render_page
from monitor.web.web_config import TooManyPasswordsError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from monitor.clock import Clock
    from monitor.snapshot import Snapshot, SnapshotHolder
    from monitor.web.web_config import Passwords

log = structlog.get_logger()

_SCRIPTLESS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_ANY_HOST = frozenset({"/metrics", "/healthz", "/readyz"})
"""What machines ask, by whatever name; a browser gains nothing there that has a name in it."""

_ALIVE = "/healthz"
"""Shows nothing, and what asks it often can't give a password."""

_GZIP_LEVEL = 1
"""Metrics shrink to a few percent at the fastest level already, and the scraper is near."""


class MisdirectedRequest(HTTPException):
    """The Host header names no host that the pages answer to."""

    code = 421


def create_app(
    holder: SnapshotHolder,
    registry: CollectorRegistry,
    clock: Clock,
    hosts: HostNames | None = None,
    passwords: Passwords | None = None,
) -> Flask:
    """The application.

    Args:
        holder: Where the current snapshot is kept.
        registry: What ``/metrics`` shows.
        clock: Tells how old data is at the moment of a request.
        hosts: Names that pages and API answer to; this machine's own where None.
        passwords: Who may read; everybody where None.
    """
    app = Flask("monitor.web", static_folder=None)
    # Only GET and HEAD are answered: OPTIONS is refused like every other method.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _refuse_other_hosts(app, hosts or HostNames.of_this_machine())
    if passwords is not None:
        _ask_for_password(app, passwords)
    _add_metrics(app, registry)
    _add_health(app, holder, clock)
    _add_api(app, holder, clock)
    _add_page(app, holder, clock)
    app.register_error_handler(HTTPException, _as_json)
    app.register_error_handler(Exception, _as_fault)
    app.after_request(_secured)
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


def _add_metrics(app: Flask, registry: CollectorRegistry) -> None:
    exposition = Exposition(registry)

    @app.get("/metrics")
    def metrics() -> Response:
        form = _wanted_format()
        body = exposition.render(form)
        response = Response(content_type=form.value)
        response.vary.update(("Accept", "Accept-Encoding"))
        if request.accept_encodings["gzip"] > 0:
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
            response.content_encoding = "gzip"
        response.data = body
        return response


def _wanted_format() -> ExpositionFormat:
    """OpenMetrics where the client likes it best, else text: a scraper without a wish gets text."""
    for accepted, quality in request.accept_mimetypes:
        media_type = accepted.partition(";")[0].strip().lower()
        if quality > 0 and media_type == "application/openmetrics-text":
            return ExpositionFormat.OPENMETRICS
        if quality > 0 and media_type in {"text/plain", "text/*", "*/*"}:
            return ExpositionFormat.TEXT
    return ExpositionFormat.TEXT


def _moment_of(holder: SnapshotHolder, clock: Clock) -> tuple[Snapshot, float]:
    """What is shown, and the time by the clock that it was taken by."""
    snapshot = holder.current
    return snapshot, snapshot.moment(clock)


def _add_health(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return _json({"alive": True})

    @app.get("/readyz")
    def readyz() -> Response:
        document = readiness_document(*_moment_of(holder, clock))
        return _json(document, status=200 if document["ready"] else 503)


def _add_api(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    @app.get("/api/v1/status")
    def status() -> Response:
        return _json(status_document(*_moment_of(holder, clock)))

    @app.get("/api/v1/actions")
    def actions() -> Response:
        snapshot = holder.current
        days = [org_snapshot.day for org_snapshot in snapshot.orgs]
        return _json(report_document(days, snapshot.taken_at, snapshot.diagnoses))

    @app.get("/api/v1/changes")
    def changes() -> Response:
        return _json(changes_document(*_moment_of(holder, clock)))


def _add_page(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    style = PageStyle.load()

    @app.get("/")
    def page() -> Response:
        response = Response(
            render_page(*_moment_of(holder, clock), style), content_type="text/html; charset=utf-8"
        )
        response.headers["Content-Security-Policy"] = (
            f"{_SCRIPTLESS}; style-src '{style.digest}'; img-src data:"
        )
        return response


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status=status, content_type="application/json")


def _as_fault(error: Exception) -> Response:
    """Say that it is a fault of this program's own, and log where; no traceback at anybody."""
    failure = UnforeseenError.of(error)
    log.error("request_failed", path=request.path, why=failure.message, hint=failure.hint)
    return _json({"error": "Internal Server Error", "detail": "The log says where."}, 500)


def _as_json(error: HTTPException) -> Response:
    response = _json({"error": error.name, "detail": error.description}, error.code or 500)
    # A 405 names the methods that are allowed, a 401 how to say who asks, a 429 when to come again.
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
            response.headers[name] = value
    return response


def _secured(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _SCRIPTLESS)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
